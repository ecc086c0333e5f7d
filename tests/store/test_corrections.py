"""A correction in the store: compared with what stands under the lock, kept beside the first, and never twice."""

from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from domain.department_answers import ProductFaulty
from domain.refusals import NoSuchPart, NothingToCorrect
from store.cases import CaseStore, OpenedCase
from store.commands import Handled
from store.corrections import Correction, correct
from store.events import read
from store.read_models.all_models import differences
from tests.desk import CASEWORKER, MONDAY
from tests.pages.stories import Story, automatic

ITEM = "birth_certificate"


def say(store: CaseStore, story: Story, value: str, *, id: UUID | None = None, item: str = ITEM) -> Handled:
    return correct(
        store,
        story.case_id,
        lambda _: Correction(item, {"birth_certificate_no": value}, {"text": "编号有误"}),
        id=id or uuid4(),
        at=MONDAY,
        by=CASEWORKER,
    )


def test_the_first_value_and_every_later_one_can_be_read_again(store: CaseStore) -> None:
    story = automatic(store)
    first = store.open_case_file(story.case_id).product("birth_certificate_no")

    say(store, story, "A1")
    say(store, story, "A2")

    case = store.open_case_file(story.case_id)
    assert [case.made(ITEM, "birth_certificate_no", corrections=many) for many in range(3)] == [first, "A1", "A2"]
    assert case.made(ITEM, "birth_certificate_no") == case.product("birth_certificate_no") == "A2"
    assert case.note(case.file.items[ITEM].corrections[0].note) == "编号有误"


def test_a_later_item_is_sent_again_with_what_it_was_sent_at_first(store: CaseStore) -> None:
    story = automatic(store)
    first = store.open_case_file(story.case_id).product("birth_certificate_no")
    sent = story.file.items["household_registration"].submitted_at_version

    handled = say(store, story, "A1")

    case = store.open_case_file(story.case_id)
    assert case.product("birth_certificate_no", at_version=sent) == first
    assert case.product("birth_certificate_no", at_version=handled.file.version - 1) == first
    assert case.product("birth_certificate_no", at_version=handled.file.version) == "A1"


def test_the_same_correction_again_has_the_first_answer(store: CaseStore, other_store: CaseStore) -> None:
    story, id = automatic(store), uuid4()

    first = say(store, story, "A1", id=id)
    say(store, story, "A2")
    again = say(other_store, story, "A1", id=id)

    assert again.events == first.events
    assert store.open_case_file(story.case_id).product("birth_certificate_no") == "A2"
    assert len(story.file.items[ITEM].corrections) == 2


def test_two_who_say_the_same_at_once_are_one_correction(store: CaseStore, other_store: CaseStore) -> None:
    story = automatic(store)

    def somebody_waits() -> bool:
        with store.database.reading() as connection:
            return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())

    with ThreadPoolExecutor(1) as other:

        def judged(_: OpenedCase) -> Correction:
            # While the one compares, the other comes to where it has to wait, or, if nothing holds it, to its end.
            asked = other.submit(say, other_store, story, "A1")
            second.append(asked)
            while not asked.done() and not somebody_waits():
                pass
            return Correction(ITEM, {"birth_certificate_no": "A1"}, {"text": "编号有误"})

        second: list[Future[Handled]] = []
        correct(store, story.case_id, judged, id=uuid4(), at=MONDAY, by=CASEWORKER)
        with pytest.raises(NothingToCorrect):
            second[0].result(20)
    assert len(story.file.items[ITEM].corrections) == 1


def test_what_is_refused_leaves_nothing_behind(store: CaseStore) -> None:
    story = automatic(store)
    before = store.open_case_file(story.case_id)

    with pytest.raises(ProductFaulty):
        say(store, story, "A1", item="household_registration")
    with pytest.raises(NoSuchPart):
        say(store, story, "A1", item="passport")
    with pytest.raises(NothingToCorrect):
        say(store, story, before.product("birth_certificate_no") or "")

    after = store.open_case_file(story.case_id)
    assert (after.file, after.dossier.entries) == (before.file, before.dossier.entries)


def test_a_case_is_rebuilt_with_its_corrections_and_no_value_is_in_an_event(store: CaseStore) -> None:
    story = automatic(store)
    say(store, story, "A330999999")

    with store.database.reading() as connection:
        assert [*differences(connection)] == []
        assert not [one for one in read(connection, story.case_id) if "A330999999" in one.event.model_dump_json()]

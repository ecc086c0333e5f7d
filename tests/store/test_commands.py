"""The one write path: everything of a command or nothing, once however often it comes, and never two for one child."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

import store.database as database_module
from domain.actors import Actor
from domain.case_file import CaseState, ProofState
from domain.commands import SettleProof, command_id
from domain.refusals import (
    AlreadyOpen,
    AlreadySettled,
    CaseMovedOn,
    NotInHand,
    PeopleMayNotChange,
    SameKeyOtherRequest,
)
from store import access_log, events
from store.access_log import Access
from store.cases import CaseStore, Filed
from store.commands import Handled
from store.database import ConnectionLost, Database
from store.outbox import level
from store.read_models.all_models import differences
from store.streams import lock
from store.tables import cases, outbox
from store.vault import Kept
from tests.desk import (
    CASEWORKER,
    CLERK,
    MONDAY,
    case_file,
    example,
    family,
    file,
    register_says,
    settle,
    store_on,
    withdraw,
)
from tests.faults.proxy import DatabaseProxy


def how_many_cases(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.scalar(select(func.count()).select_from(cases)) or 0)


def is_whole(database: Database) -> bool:
    """No flaw in the events or the access log, and every read model as the events have it."""
    with database.reading() as connection:
        wrong = [*events.verify(connection), *access_log.verify(connection), *differences(connection)]
    assert wrong == []
    return True


# ── the same command again ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_command_that_comes_again_has_its_first_answer_and_changes_nothing(store: CaseStore) -> None:
    case = file(store)
    command = register_says(case.case_id, "mother_identity")
    first = store.handle(case.case_id, [command], tell_workflow=False)

    again = store.handle(case.case_id, [command], tell_workflow=False)

    assert first.events
    assert again.events == first.events
    assert again.file == first.file


def test_the_first_answer_stands_also_when_much_has_happened_since(store: CaseStore, other_store: CaseStore) -> None:
    case = file(store)
    command = register_says(case.case_id, "mother_identity")
    first = store.handle(case.case_id, [command], tell_workflow=False)
    store.handle(case.case_id, [register_says(case.case_id, "birth_record")], tell_workflow=False)
    withdraw(store, case.case_id)
    now = case_file(store, case.case_id)

    for process in (store, other_store, store_on(store.database)):
        again = process.handle(case.case_id, [command], tell_workflow=True)
        assert again.events == first.events
        assert again.file.version == now.version
    assert case_file(store, case.case_id) == now
    assert is_whole(store.database)


def test_a_repetition_with_something_new_beside_it_does_only_what_is_new(store: CaseStore) -> None:
    case = file(store)
    known, new = register_says(case.case_id, "mother_identity"), register_says(case.case_id, "birth_record")
    first = store.handle(case.case_id, [known], tell_workflow=False)

    both = store.handle(case.case_id, [known, new], tell_workflow=False)

    assert both.events[: len(first.events)] == first.events
    assert [entry.event.type for entry in both.events].count("proof_met") == 2
    assert store.handle(case.case_id, [known, new], tell_workflow=False).events == both.events


def test_a_hundred_at_once_are_one(store: CaseStore, other_store: CaseStore) -> None:
    case = file(store)
    command = register_says(case.case_id, "mother_identity")
    before = case_file(store, case.case_id).version

    with ThreadPoolExecutor(8) as pool:
        answers: list[Handled] = list(
            pool.map(
                lambda n: (store, other_store)[n % 2].handle(case.case_id, [command], tell_workflow=True), range(100)
            )
        )

    assert len({answer.events for answer in answers}) == 1
    assert case_file(store, case.case_id).version == before + len(answers[0].events)
    with store.database.reading() as connection:
        # The opening, and this.
        assert level(connection).rows == 2


def test_a_refusal_writes_nothing_at_all(store: CaseStore) -> None:
    case = file(store)
    before = case_file(store, case.case_id)
    command = SettleProof(
        id=command_id("x"), at=MONDAY, by=CASEWORKER, proof="mother_identity", met=True, note="note/x"
    )

    with pytest.raises(NotInHand):
        store.act(case.case_id, command, note="note/x", reason="未经查询")

    assert case_file(store, case.case_id) == before
    assert store.open_case_file(case.case_id).note("note/x") is None
    assert is_whole(store.database)


def test_two_who_decide_the_same_proof_one_decides_and_the_other_is_told_who(
    store: CaseStore, other_store: CaseStore
) -> None:
    case = file(store)
    unclear = register_says(case.case_id, "mother_identity", outcome="contradicts", differing=("name",))
    store.handle(case.case_id, [unclear], tell_workflow=False)

    def decide(number: int) -> str:
        by = Actor(account=f"caseworker-{number}", unit="hospital")
        command = SettleProof(
            id=command_id("settle", number), at=MONDAY, by=by, proof="mother_identity", met=True, note=f"note/{number}"
        )
        try:
            (store, other_store)[number % 2].act(case.case_id, command, note=f"note/{number}", reason="已核验")
        except AlreadySettled as refusal:
            return str(refusal)
        return "decided"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(decide, range(20)))

    settled_by = case_file(store, case.case_id).proofs["mother_identity"].settled_by
    assert outcomes.count("decided") == 1
    assert settled_by == f"caseworker-{outcomes.index('decided')}"
    assert all(str(settled_by) in outcome for outcome in outcomes if outcome != "decided")


def test_what_comes_late_leaves_the_evidence_that_a_decision_rests_on(store: CaseStore) -> None:
    """A slow answer to a question of before the amendment must not replace the record of after it."""
    case = file(store)

    def answer(record: str, **more: Any) -> None:
        command = register_says(case.case_id, "mother_identity", **more)
        kept = Kept(case.case_id, "evidence/mother_identity", {"name": record}, command.id)
        store.handle(case.case_id, [command], kept=[kept], tell_workflow=False)

    answer("of now")
    answer("of before", id=command_id("slow"), round=9)

    assert case_file(store, case.case_id).late_answers == 1
    assert store.open_case_file(case.case_id).evidence("mother_identity") == {"name": "of now"}


# ── filing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_c1_the_same_application_a_hundred_times_at_once_is_one_case(store: CaseStore, other_store: CaseStore) -> None:
    def hand_in(number: int) -> Filed:
        return file((store, other_store)[number % 2], key=f"key-{number % 10}")

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(hand_in, range(100)))

    assert len({(answer.case_id, answer.case_no, answer.version) for answer in answers}) == 1
    assert sum(answer.new for answer in answers) == 1
    assert how_many_cases(store.database) == 1
    assert is_whole(store.database)


def test_many_families_at_once_each_have_their_case(store: CaseStore, other_store: CaseStore) -> None:
    with ThreadPoolExecutor(10) as pool:
        filed = list(
            pool.map(lambda n: file((store, other_store)[n % 2], family(n % 40), key=f"key-{n % 40}"), range(80))
        )

    assert len({one.case_no for one in filed}) == len({one.case_id for one in filed}) == 40
    assert is_whole(store.database)


def test_the_same_child_on_another_form_is_refused_with_the_number_of_its_case(store: CaseStore) -> None:
    first = file(store)
    corrected = example()
    corrected["mother"]["phone"] = "15499000099"

    with pytest.raises(AlreadyOpen) as refusal:
        file(store, corrected, key="key-2")
    with pytest.raises(AlreadyOpen) as elsewhere:
        file(store, corrected, key="key-3", by=Actor(account="desk-9", unit="another_hospital"))

    assert first.case_no in str(refusal.value)
    assert first.case_no not in str(elsewhere.value), "another unit's case is none of their business"
    assert how_many_cases(store.database) == 1


def test_two_forms_for_one_child_at_once_open_one_case(store: CaseStore, other_store: CaseStore) -> None:
    def hand_in(number: int) -> str:
        form = example()
        form["mother"]["phone"] = f"154990000{number:02}"
        try:
            return file((store, other_store)[number % 2], form, key=f"key-{number}").case_no
        except AlreadyOpen as refusal:
            return f"refused: {refusal}"

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(hand_in, range(20)))

    opened = [answer for answer in answers if not answer.startswith("refused")]
    assert len(opened) == 1
    assert all(opened[0] in answer for answer in answers)
    assert how_many_cases(store.database) == 1


def test_the_same_key_with_another_form_is_refused(store: CaseStore) -> None:
    file(store)

    with pytest.raises(SameKeyOtherRequest):
        file(store, family(1), key="key-1")

    assert how_many_cases(store.database) == 1
    assert file(store, family(1), key="key-1", by=Actor(account="desk-2", unit="hospital")).new


def test_a_withdrawn_case_gives_the_child_free_for_another_form(store: CaseStore) -> None:
    first = file(store)
    withdraw(store, first.case_id)
    corrected = example()
    corrected["mother"]["phone"] = "15499000099"

    second = file(store, corrected, key="key-2")

    assert second.new
    assert second.case_id != first.case_id
    assert case_file(store, first.case_id).state is CaseState.WITHDRAWN
    assert file(store, key="key-1").case_id == first.case_id, "the old key has the old answer"


# ── A7: committed, and nobody heard ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def proxy(database_url: str) -> Iterator[DatabaseProxy]:
    with DatabaseProxy(database_url) as ours:
        yield ours


@pytest.fixture
def behind_proxy(proxy: DatabaseProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[CaseStore]:
    # What is tested is the second try, not how long it waits.
    monkeypatch.setattr(database_module, "FIRST_PAUSE_SECONDS", 0.001)
    database = Database(proxy.url, pool_size=5, waits_seconds=5)
    yield store_on(database)
    database.dispose()


PATHS = 8
"""File, file again, record, exhaust, amend, settle, log, withdraw."""
TIMES = 25


def test_a7_a_commit_whose_answer_was_lost_is_neither_repeated_nor_lost(
    proxy: DatabaseProxy, behind_proxy: CaseStore, store: CaseStore
) -> None:
    """Every family lives twice: over a wire that breaks after each commit, and then over a whole one."""

    def cut(work: Callable[[], object], times: int = 1) -> Any:
        before = proxy.cuts
        proxy.cut_commits(times)
        answer = work()
        assert proxy.cuts == before + times, "the wire was not cut: nothing is tested"
        return answer

    def live(process: CaseStore, number: int, life: str, do: Callable[..., Any]) -> tuple[str, ...]:
        filed: Filed = do(lambda: file(process, family(number), key=f"{life}-{number}"))
        case_id = filed.case_id
        assert not do(lambda: file(process, family(number), key=f"{life}-{number}")).new
        met = register_says(case_id, "mother_identity")
        heard: Handled = do(lambda: process.handle(case_id, [met], tell_workflow=False))
        assert [entry.event.type for entry in heard.events] == ["proof_met"]
        unclear = register_says(case_id, "birth_record", outcome="contradicts", differing=("born_on",))
        do(lambda: process.handle(case_id, [unclear], tell_workflow=False))
        seen = case_file(process, case_id).version
        do(
            lambda: process.amend(
                case_id,
                {"mother": {"phone": "15499000099"}},
                reason="号码有误",
                by=CLERK,
                at=MONDAY + timedelta(hours=1),
                id=command_id(case_id, "amend"),
                seen=seen,
            )
        )
        do(lambda: settle(process, case_id, "birth_record"))
        do(lambda: process.log_accesses([Access(MONDAY, CLERK, "list", ("case_no",), "日常工作")]))
        do(lambda: withdraw(process, case_id))
        return tuple(entry.event.type for entry in all_events(process, case_id))

    lives = [live(behind_proxy, number, "broken", cut) for number in range(TIMES)]

    assert proxy.cuts == PATHS * TIMES == 200
    assert lives == [live(store, number, "whole", lambda work: work()) for number in range(TIMES)]
    assert how_many_cases(store.database) == 2 * TIMES
    with store.database.reading() as connection:
        rows = connection.execute(select(outbox.c.case_id, func.count()).group_by(outbox.c.case_id)).all()
        # The opening, the amendment, the decision, the withdrawal.
        assert {row[1] for row in rows} == {4}
    assert is_whole(store.database)


def all_events(process: CaseStore, case_id: Any) -> tuple[Any, ...]:
    with process.database.reading() as connection:
        return events.read(connection, case_id)


def test_a_wire_that_breaks_while_nothing_was_committed_loses_nothing_either(
    proxy: DatabaseProxy, behind_proxy: CaseStore
) -> None:
    file(behind_proxy, family(0), key="key-0")
    for number in range(1, 20):
        proxy.cut_everything()
        assert file(behind_proxy, family(number), key=f"key-{number}").new

    assert how_many_cases(behind_proxy.database) == 20
    assert is_whole(behind_proxy.database)


# ── amending ────────────────────────────────────────────────────────────────────────────────────────────────────────


def amend(process: CaseStore, filed: Filed, patch: dict[str, Any], seen: int, id: str = "amend") -> Handled:
    return process.amend(
        filed.case_id, patch, reason="填写有误", by=CLERK, at=MONDAY, id=command_id(filed.case_id, id), seen=seen
    )


def test_two_amendments_of_one_version_cannot_both_hold(store: CaseStore, other_store: CaseStore) -> None:
    case = file(store)

    def try_to(number: int) -> bool:
        try:
            amend(
                (store, other_store)[number % 2],
                case,
                {"mother": {"phone": f"154990000{number:02}"}},
                case.version,
                f"amend-{number}",
            )
        except CaseMovedOn:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(try_to, range(16)))

    phone = store.open_case_file(case.case_id).declared("mother.phone")
    assert outcomes.count(True) == 1
    assert phone == f"154990000{outcomes.index(True):02}"


def test_an_amendment_keeps_what_was_declared_before_and_asks_again_what_rests_on_it(store: CaseStore) -> None:
    form = example("name_differs")
    case = file(store, form)
    store.handle(
        case.case_id,
        [register_says(case.case_id, "father_identity", outcome="contradicts", differing=("name",))],
        tell_workflow=False,
    )
    seen = case_file(store, case.case_id).version

    amend(store, case, {"father": {"name": "吕军毅"}}, seen)

    opened = store.open_case_file(case.case_id)
    father = opened.person("father")
    assert opened.declared("father.name") == "吕军毅"
    before = opened.dossier.find(father, f"form/father@{seen}")
    assert before is not None
    assert before["name"] == form["father"]["name"]
    assert opened.file.proofs["father_identity"].state is ProofState.ASKED
    assert opened.file.proofs["father_identity"].round == 2


@pytest.mark.parametrize(
    "patch",
    [
        {"mother": {"citizen_id": "339901199207020019"}},
        {"children": [{"name": "甲", "sex": "1", "birth_order": 1}, {"name": "乙", "sex": "1", "birth_order": 2}]},
        {"birth": {"born_at": "2026-11-19T08:15:00+08:00"}},
        {"father": None, "birth": {"parents_married": False, "household_follows": "mother"}},
    ],
    ids=["another mother", "one more child", "another birth", "no father"],
)
def test_an_amendment_cannot_make_the_case_about_other_people(store: CaseStore, patch: dict[str, Any]) -> None:
    case = file(store)
    before = case_file(store, case.case_id)

    with pytest.raises(PeopleMayNotChange):
        amend(store, case, patch, before.version)

    assert case_file(store, case.case_id) == before


def test_a_frozen_process_gives_the_case_back(store: CaseStore, other_store: CaseStore) -> None:
    """Whoever holds a case's lock and stands still is cut off by the server, and the next one gets its turn."""
    case = file(store)

    with pytest.raises(ConnectionLost), store.database.begin() as frozen:  # noqa: PT012  # it is the last that fails
        frozen.execute(text("SET LOCAL idle_in_transaction_session_timeout = '300ms'"))
        lock(frozen, case.case_id)
        met = register_says(case.case_id, "mother_identity")
        handled = other_store.handle(case.case_id, [met], tell_workflow=False)
        assert handled.events
        frozen.execute(text("SELECT 1"))

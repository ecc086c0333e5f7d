"""One form at the birth desk, and eight items are handled by their departments without anybody lifting a hand."""

import pytest
from temporalio.client import WorkflowHistory

from domain.case_file import ItemState
from tests.desk import family
from tests.workflows.conftest import RUNNERS, House

pytestmark = pytest.mark.anyio

MOST_HISTORY_EVENTS = 60


@pytest.fixture(params=RUNNERS, ids=list(RUNNERS))
async def either_house(house: House, request: pytest.FixtureRequest) -> House:
    """The same house with the sandbox, and without as in production."""
    await house.close()
    house.runner = RUNNERS[request.param]
    await house.open()
    return house


async def history(house: House, filed: object) -> WorkflowHistory:
    return await house.handle(filed).fetch_history()  # type: ignore[arg-type]


async def test_an_automatic_family_is_concluded_in_one_go(either_house: House) -> None:
    house = either_house
    filed = house.file("family")

    assert await house.ended(filed) == "complete"

    case = house.case(filed)
    assert {item: live.state for item, live in case.items.items()} == dict.fromkeys(case.items, ItemState.CONCLUDED)
    assert len(case.items) == 8
    assert house.city.effects(filed.case_no) == dict.fromkeys(case.items, 1)
    past = await history(house, filed)
    assert past.events[0].workflow_execution_started_event_attributes.workflow_type.name == "NewbornBundle"
    assert len(past.events) < MOST_HISTORY_EVENTS
    assert not [event for event in past.events if event.HasField("workflow_task_failed_event_attributes")]


async def test_twins_have_two_of_everything_and_one_benefit(house: House) -> None:
    filed = house.file("twins")

    assert await house.ended(filed) == "complete"

    effects = house.city.effects(filed.case_no)
    assert effects["household_registration"] == effects["citizen_card"] == 2
    assert effects["maternity_benefit"] == effects["mother_child_handbook"] == 1


async def test_each_child_number_is_read_by_what_waits_for_it(house: House) -> None:
    filed = house.file("family")
    await house.ended(filed)

    opened = house.store.open_case_file(filed.case_id)
    number = opened.product("citizen_id")
    assert number is not None
    assert (opened.product("insurance_no") or "").startswith(f"YB{number[:6]}")
    assert opened.product("benefit_days")
    order = [calls[1].split("/")[1] for calls in house.city.calls if "/" in calls[1]]
    assert order.index("birth_certificate") < order.index("household_registration") < order.index("citizen_card")


async def test_many_families_at_once_are_all_concluded_with_each_effect_once(house: House) -> None:
    forms = [family(number) for number in range(20)]
    cases = [house.file(form, key=str(number)) for number, form in enumerate(forms)]

    outcomes = [await house.ended(case, within=60) for case in cases]

    assert outcomes == ["complete"] * 20
    for case in cases:
        assert set(house.city.effects(case.case_no).values()) == {1}


async def test_nothing_personal_is_in_the_history_of_a_case(house: House) -> None:
    form = family(7)
    filed = house.file(form)
    await house.ended(filed)

    # As the server stores it, payloads included.
    told = b"".join(event.SerializeToString() for event in (await history(house, filed)).events)

    assert filed.case_no.encode() in told, "the payloads are not readable here, so nothing is proved"
    for person in ("mother", "father"):
        for value in (form[person]["citizen_id"], form[person]["phone"], form[person]["name"]):
            assert value.encode() not in told

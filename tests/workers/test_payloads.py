"""What travels through Temporal is sealed: whoever reads its database learns which case moves, and nothing more."""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from activities.messages import News, PatientStep, Progress, Wave
from domain.actors import THE_ENGINE
from domain.events import ItemDenied, Recorded
from domain.steps import AskRegister, SayOverdue, SubmitItem
from store.keys import KeyRing
from workers.payloads import PayloadSealBroken, data_converter

pytestmark = pytest.mark.anyio

OLD, NEW = sha256(b"old").digest(), sha256(b"new").digest()
MONDAY = datetime(2026, 11, 23, 1, tzinfo=UTC)
DENIED = ItemDenied(at=MONDAY, by=THE_ENGINE, item="household_registration", reason_code="canary_of_a_reason")
MESSAGES = [
    News(case_id=uuid4(), events=(Recorded(version=7, event=DENIED),)),
    Wave(
        case_id=uuid4(),
        steps=(
            AskRegister(proof="parents_marriage", round=1, rung=0, source="marriage_register"),
            SubmitItem(item="citizen_card", attempt=2, department="citizen_card_company"),
            SayOverdue(item="citizen_card", due=MONDAY),
        ),
        version=7,
    ),
    Progress(events=(Recorded(version=8, event=DENIED),), unanswered=("submit citizen_card 2",)),
    PatientStep(case_id=uuid4(), step=SubmitItem(item="citizen_card", attempt=1, department="tax")),
]


def house(current: str = "old", *, keys: dict[str, bytes] | None = None, namespace: str = "onething") -> DataConverter:
    return data_converter(KeyRing(current, keys or {"old": OLD}), namespace)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
async def test_every_message_comes_out_as_it_went_in(message: object) -> None:
    (sealed,) = await house().encode([message])

    assert await house().decode([sealed], [type(message)]) == [message]


async def test_nothing_can_be_read_and_no_two_are_alike() -> None:
    one, two = await house().encode([MESSAGES[0], MESSAGES[0]])

    assert one.data != two.data
    for canary in (b"canary_of_a_reason", b"household_registration", b"json", b"item_denied"):
        assert canary not in one.SerializeToString()
    assert set(one.metadata) == {"encoding", "encryption-key-id"}


async def test_a_new_key_seals_and_the_old_one_still_opens_what_it_sealed() -> None:
    (before,) = await house().encode([MESSAGES[0]])
    rotated = house("new", keys={"new": NEW, "old": OLD})
    (after,) = await rotated.encode([MESSAGES[0]])

    assert after.metadata["encryption-key-id"] == b"new"
    assert await rotated.decode([before, after], [News, News]) == [MESSAGES[0], MESSAGES[0]]
    with pytest.raises(PayloadSealBroken):
        await house("new", keys={"new": NEW}).decode([before], [News])


async def test_a_payload_of_another_namespace_is_refused() -> None:
    (sealed,) = await house(namespace="rehearsal").encode([MESSAGES[0]])

    with pytest.raises(PayloadSealBroken):
        await house(namespace="onething").decode([sealed], [News])


@pytest.mark.parametrize("place", [0, 12, -1], ids=["nonce", "content", "seal"])
async def test_one_changed_bit_is_noticed(place: int) -> None:
    (sealed,) = await house().encode([MESSAGES[0]])
    changed = bytearray(sealed.data)
    changed[place] ^= 1

    with pytest.raises(PayloadSealBroken):
        await house().decode([Payload(metadata=sealed.metadata, data=bytes(changed))], [News])


async def test_what_temporal_itself_has_written_passes() -> None:
    own = Payload(metadata={"encoding": b"json/plain"}, data=b'"Temporal"')

    assert await house().decode([own], [str]) == ["Temporal"]


async def test_what_a_failure_says_is_sealed_too() -> None:
    failure = Failure()
    try:
        raise ApplicationError("canary of a message", "canary of a detail", type="http_503")
    except ApplicationError as fault:
        await house().encode_failure(fault, failure)

    assert b"canary" not in failure.SerializeToString()
    assert b"test_payloads" not in failure.SerializeToString(), "the stack trace is readable"
    read = await house().decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert (read.message, read.type, read.details) == ("canary of a message", "http_503", ("canary of a detail",))

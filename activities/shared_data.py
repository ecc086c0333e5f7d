"""数据共享: asking a register through the data-sharing platform, many questions in one call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from activities.faults import GatewayFault
from activities.gateway import Gateway
from domain.bundle import Bundle, FieldKind, SharedDataQuery

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RegisterAnswer:
    """What a register says of one question; an empty register is news, not a fault."""

    outcome: Literal["found", "not_found", "unreadable"]
    record: Mapping[str, str]


class SharedData(Protocol):
    """The port: any data-sharing platform."""

    async def ask(self, source: str, purpose: str, queries: Mapping[str, Query]) -> Mapping[str, RegisterAnswer]:
        """The answer to each question, by its key; raises GatewayFault or NotAccepted."""
        ...


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True)
    key: str
    outcome: Literal["found", "not_found", "unreadable"]
    record: dict[str, str] | None = None


class _Answers(BaseModel):
    model_config = ConfigDict(strict=True)
    answers: list[_Answer]


class HttpSharedData:
    """The platform over HTTP."""

    def __init__(self, gateway: Gateway, url: str) -> None:
        self._gateway = gateway
        self._url = url.rstrip("/")

    async def ask(self, source: str, purpose: str, queries: Mapping[str, Query]) -> Mapping[str, RegisterAnswer]:
        """One call for all questions to one register."""
        body = {
            "purpose": purpose,
            "unit": "onething",
            "queries": [{"key": key, "by": dict(query)} for key, query in queries.items()],
        }
        answered = await self._gateway.call(source, f"{self._url}/sources/{source}/query", body, _Answers)
        found = {
            one.key: RegisterAnswer(one.outcome, one.record or {})
            for one in answered.answers
            if one.outcome != "found" or one.record
        }
        if found.keys() != queries.keys() or len(answered.answers) != len(queries):
            raise GatewayFault(source, "unreadable_answer")
        return found


def compared(
    bundle: Bundle,
    route: SharedDataQuery,
    circumstances: tuple[str, ...],
    declared: Mapping[str, str | None],
    record: Mapping[str, str],
) -> tuple[str, ...]:
    """The names of the answers that contradict what was declared; empty if they agree.

    A value that the record lacks contradicts nothing: the register said no more than it knows.
    """
    differing = [
        pair.answer
        for pair in route.agrees
        if pair.applies(circumstances)
        and (value := record.get(pair.answer)) is not None
        and (said := declared.get(pair.field)) is not None
        and not _agree(bundle, pair.field, said, value)
    ]
    differing += [
        demand.answer
        for demand in route.holds
        if demand.applies(circumstances) and record.get(demand.answer) not in demand.among
    ]
    return tuple(differing)


def _agree(bundle: Bundle, path: str, said: str, value: str) -> bool:
    if path.endswith(".count"):
        return said == value
    match bundle.field(path).kind:
        case FieldKind.MOMENT:
            return said[: len("2026-11-20")] == value[: len("2026-11-20")]
        case FieldKind.MONTH:
            return said[: len("2026-11")] == value[: len("2026-11")]
        case FieldKind.CITIZEN_ID | FieldKind.PASSPORT | FieldKind.USCC:
            return said.upper() == value.upper()
        case _:
            return said == value

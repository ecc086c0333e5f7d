"""谁的时间: to whom every moment of a case belongs, per item, rung, unit and person; the sum is the elapsed time, exactly.

It is read off the events: between two of them nothing changed, so whoever had an item then had it
for the whole of that stretch. Nothing is measured twice and nothing is lost between two desks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never

from domain.case_file import ENDED, CaseFile, CaseState, ItemState, ProofState, evolve
from domain.events import Recorded

Kind = Literal["item", "register", "department", "unit", "applicant", "caseworker", "calendar", "engine"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has something: a kind and a code, and the account where it is one person."""

    kind: Kind
    who: str
    account: str | None = None
    proof: str | None = None
    route: str | None = None
    suspended: bool = False
    """The clock stood still, with a reason; the time is still somebody's."""


@dataclass(frozen=True, slots=True)
class Share:
    """How long a holder had it, all stretches together."""

    holder: Holder
    time: timedelta


@dataclass(frozen=True, slots=True)
class Attribution:
    """The whole time of a case, from its opening to its end or until now, as shares of who had it."""

    elapsed: timedelta
    shares: tuple[Share, ...]
    """Of the case: at each moment it was with whoever had the item that had been waiting longest."""
    items: Mapping[str, tuple[Share, ...]]


def attribution(events: Sequence[Recorded], now: datetime) -> Attribution:
    """Whose the time of the case was; the shares of the case, and of each item, add up without a remainder."""
    file: CaseFile | None = None
    clock = now
    case: dict[Holder, timedelta] = {}
    items: dict[str, dict[Holder, timedelta]] = {}
    opened = events[0].event.at
    for entry in events:
        if file is not None and file.state is CaseState.CONCLUDED:
            # A correction or a late answer, years after perhaps, takes no time of anybody's.
            break
        # A machine whose clock is behind cannot take time back from anybody.
        at = entry.event.at if file is None else max(entry.event.at, clock)
        if file is not None:
            _add(case, items, file, at - clock)
        file, clock = evolve(file, entry.event), at
    assert file is not None
    if not file.over and now > clock:
        _add(case, items, file, now - clock)
        clock = now
    return Attribution(clock - opened, _shares(case), {item: _shares(held) for item, held in items.items()})


def holders(file: CaseFile) -> Mapping[str, Holder]:
    """Who has each item that has not ended, now."""
    return {item: _holder(file, item) for item, live in file.items.items() if live.state not in ENDED}


def _add(
    case: dict[Holder, timedelta], items: dict[str, dict[Holder, timedelta]], file: CaseFile, time: timedelta
) -> None:
    if not time:
        return
    held = holders(file)
    for item, holder in held.items():
        of_item = items.setdefault(item, {})
        of_item[holder] = of_item.get(holder, timedelta()) + time
    leading = min(
        (item for item, holder in held.items() if holder.kind != "item"),
        key=lambda item: file.items[item].since or file.opened.at,
        default=None,
    )
    if leading is not None:
        holder = held[leading]
    elif file.in_hand:
        # Every item has ended, and yet somebody has to look at what was contradicted afterwards.
        holder = _of_proof(file, file.in_hand[0])
    else:
        holder = Holder("engine", "onething")
    case[holder] = case.get(holder, timedelta()) + time


def _holder(file: CaseFile, item: str) -> Holder:
    live = file.items[item]
    match live.state:
        case ItemState.WAITING:
            if before := file.waits_for(item):
                return Holder("item", before[0])
            return Holder("calendar", file.declared_item(item).not_before or "")
        case ItemState.ACCEPTED:
            if open_proofs := file.open_proofs(item):
                return _of_proof(file, open_proofs[0])
            # An amendment put another item before it when it was accepted already.
            if before := file.waits_for(item):
                return Holder("item", before[0])
            return Holder("engine", "onething")
        case ItemState.SUBMITTED | ItemState.ACKNOWLEDGED:
            return Holder("department", live.planned.department)
        case ItemState.REJECTED:
            return Holder("caseworker", file.opened.by.unit)
        case ItemState.CONCLUDED | ItemState.DENIED | ItemState.UNREACHABLE | ItemState.CANCELLED:
            return Holder("engine", "onething")
        case _:
            assert_never(live.state)


def _of_proof(file: CaseFile, proof: str) -> Holder:
    live = file.proofs[proof]
    match live.state:
        case ProofState.PLANNED:
            earlier = (one for one in live.planned.after if file.proofs[one].state is not ProofState.MET)
            before = next(earlier, None)
            if before is None and (milestone := file.declared_proof(proof).not_before):
                return Holder("calendar", milestone, proof=proof)
            return Holder("engine", "onething") if before is None else _of_proof(file, before)
        case ProofState.ASKED:
            route = file.route(proof).route
            kind: Kind = "register" if route == "shared_data_query" else "department"
            return Holder(kind, live.asked or "", proof=proof, route=route)
        case ProofState.VERIFYING:
            asked = file.verifications[proof, live.round, live.rung]
            return Holder("unit", asked.opened.unit, asked.owner, proof, asked.opened.route, asked.due is None)
        case ProofState.OFFERED:
            return Holder("applicant", file.opened.by.unit, proof=proof, route="commitment")
        case ProofState.ESCALATED | ProofState.CONTESTED:
            return Holder("caseworker", file.opened.by.unit, proof=proof, route="escalation")
        case ProofState.MET | ProofState.NOT_MET | ProofState.DROPPED:
            return Holder("engine", "onething")
        case _:
            assert_never(live.state)


def _shares(held: Mapping[Holder, timedelta]) -> tuple[Share, ...]:
    return tuple(Share(holder, time) for holder, time in sorted(held.items(), key=lambda one: one[1], reverse=True))

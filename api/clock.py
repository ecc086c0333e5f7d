"""谁的时间 over HTTP: whose every second of a case was, per item, unit and person; the seconds add up to the elapsed time.

And why it is waiting now, in the sentences that officer, chief and applicant are all told.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Response
from pydantic import Field

from api.case_view import Sentence
from api.cases import CaseNo
from api.house import TheHouse
from api.identity import MayReadCase
from api.limits import StrictRoute
from api.reach import Sight, get_case
from api.shapes import V1, Moment, Shown, answer
from domain.attribution import Attribution, Holder, Share, attribution
from domain.case_file import CaseFile
from domain.events import Recorded
from domain.identifiers import grouped_case_no
from domain.proof_result import as_it_stands
from domain.scopes import Action
from domain.timeline import asked_title, item_title, milestone_title, proof_title
from domain.waiting import waits
from store.database import again_if_lost
from store.events import read
from store.unit_titles import unit_titles

router = APIRouter(prefix=V1, tags=["cases"], route_class=StrictRoute)

TEN_THOUSANDTHS: Final = 10_000


class HeldFor(Shown):
    """How long one of those who had it had it, all stretches together."""

    kind: str = Field(description="item, register, department, unit, applicant, caseworker, engine")
    code: str | None = Field(description="Of the item, register, department or unit.")
    title: str
    title_en: str
    account: str | None = Field(default=None, description="The person, where one had it; for staff.")
    proof: str | None = None
    route: str | None = None
    suspended: bool = Field(description="The limit was suspended, with a reason; the time is theirs all the same.")
    seconds: float = Field(description="To the microsecond; within one list they add up without a remainder.")
    share: float = Field(description="Of the whole, from 0 to 1; within one list they add up to 1.")


class ItemClock(Shown):
    """One item: from the opening of the case until it ended, or until now."""

    item: str
    title: str
    title_en: str
    seconds: float
    shares: tuple[HeldFor, ...]


class Waiting(Shown):
    """为什么还在等: one thing that is waited for."""

    what: str
    on: str
    since: Moment | None
    due: Moment | None
    zh: str
    en: str


class CaseClock(Shown):
    """Whose the time of a case was; at each moment it is with whoever has the item that has been waiting longest."""

    case_no: str
    case_no_grouped: str
    state: str
    opened_at: Moment
    until: Moment = Field(description="When it ended; else now.")
    elapsed_seconds: float
    suspended_seconds: float
    shares: tuple[HeldFor, ...] = Field(description="Empty for a department, which sees its own items only.")
    items: tuple[ItemClock, ...]
    waits: tuple[Waiting, ...]
    waiting_label: Sentence


@router.get("/cases/{case_no}/clock", response_model=CaseClock)
def clock_of_case(house: TheHouse, viewer: MayReadCase, case_no: CaseNo) -> Response:
    """Whose time it was, of the whole case and of each item, and why it is waiting now."""
    line = get_case(house, viewer, Action.READ_CASE, case_no)
    now = house.clock()

    def look() -> tuple[tuple[Recorded, ...], Attribution, Mapping[str, str]]:
        with house.store.database.reading() as connection:
            events = read(connection, line.case_id)
            time = attribution(events, now)
            of_all = (share.holder for shares in (time.shares, *time.items.values()) for share in shares)
            return events, time, unit_titles(connection, {one.who for one in of_all if one.kind == "unit"})

    events, time, titles = again_if_lost(look)
    file = as_it_stands(events)
    sight = Sight.of(viewer, Action.READ_CASE, file)
    told = _Teller(file, titles, staff=sight.whole())
    waiting = tuple(
        Waiting(what=one.what, on=one.on, since=one.since, due=one.due, zh=one.zh, en=one.en)
        for one in waits(file)
        if sight.whole() or sight.item(one.what) or sight.proof(one.what)
    )
    return answer(
        CaseClock(
            case_no=line.case_no,
            case_no_grouped=grouped_case_no(line.case_no),
            state=file.state,
            opened_at=file.opened.at,
            until=file.opened.at + time.elapsed,
            elapsed_seconds=time.elapsed.total_seconds(),
            suspended_seconds=_total([share for share in time.shares if share.holder.suspended]).total_seconds(),
            shares=told.shares(time.shares) if sight.whole() else (),
            items=tuple(told.item(item, shares) for item, shares in time.items.items() if sight.item(item)),
            waits=waiting,
            waiting_label=_why(file, waiting),
        )
    )


def _why(file: CaseFile, waiting: Sequence[Waiting]) -> Sentence:
    if file.over:
        return Sentence(zh="已结束, 不再等待", en="it has ended; nothing is waited for")
    if not waiting:
        return Sentence(zh="正在处理", en="being worked on")
    return Sentence(zh="; ".join(one.zh for one in waiting), en="; ".join(one.en for one in waiting))


class _Teller:
    """Says who a holder is, in the words of one case."""

    def __init__(self, file: CaseFile, titles: Mapping[str, str], *, staff: bool) -> None:
        self._file = file
        self._titles = titles
        self._staff = staff

    def item(self, item: str, shares: Sequence[Share]) -> ItemClock:
        """The clock of one item."""
        title = item_title(self._file.bundle, item)
        seconds = _total(shares).total_seconds()
        return ItemClock(item=item, title=title.zh, title_en=title.en, seconds=seconds, shares=self.shares(shares))

    def shares(self, shares: Sequence[Share]) -> tuple[HeldFor, ...]:
        """The shares with their names; rounded so that nothing is lost between two of them."""
        total = _total(shares)
        found: list[HeldFor] = []
        so_far = timedelta()
        for share in shares:
            before, so_far = so_far, so_far + share.time
            part = (_rounded(so_far, total) - _rounded(before, total)) / TEN_THOUSANDTHS
            found.append(self._held(share, part))
        return tuple(found)

    def _held(self, share: Share, part: float) -> HeldFor:
        holder = share.holder
        title, title_en = self._title(holder)
        return HeldFor(
            kind=holder.kind,
            code=holder.who if holder.kind in {"item", "register", "department", "unit"} else None,
            title=title,
            title_en=title_en,
            account=holder.account if self._staff else None,
            proof=holder.proof,
            route=holder.route,
            suspended=holder.suspended,
            seconds=share.time.total_seconds(),
            share=part,
        )

    def _title(self, holder: Holder) -> tuple[str, str]:
        zh, en = self._who(holder)
        if holder.proof is not None:
            about = proof_title(self._file.bundle, holder.proof)
            zh, en = f"{zh}: {about.zh}", f"{en}: {about.en}"
        return (f"{zh} (中止计时)", f"{en} (clock stopped)") if holder.suspended else (zh, en)

    def _who(self, holder: Holder) -> tuple[str, str]:
        match holder.kind:
            case "item":
                title = item_title(self._file.bundle, holder.who)
                return f"前置事项“{title.zh}”", f"after {title.en}"
            case "register" | "department":
                return asked_title(holder.who)
            case "unit":
                title_of_unit = self._titles.get(holder.who, holder.who)
                return title_of_unit, title_of_unit
            case "applicant" | "caseworker":
                return asked_title(holder.kind)
            case "calendar":
                day = milestone_title(self._file.bundle, holder.who)
                return f"等到{day.zh}", f"until {day.en}"
            case "engine":
                return "本系统", "onething itself"


def _total(shares: Sequence[Share]) -> timedelta:
    return sum((share.time for share in shares), timedelta())


def _rounded(part: timedelta, whole: timedelta) -> int:
    return round(part / whole * TEN_THOUSANDTHS) if whole else 0

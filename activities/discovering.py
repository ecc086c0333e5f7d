"""免申即办: reading the register for those who come to an age, and opening their cases at a pace that others can bear.

Every page is kept with the place it ended at, so a reading that is killed goes on there; a case is filed
under the person's own key, so one that was opened before the crash is found and not opened again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.faults import GatewayFault, NotAccepted
from activities.insured_register import SOURCE, InsuredRegister, Page, in_order
from domain.actors import Actor
from domain.bundle import Bundle, Discovery
from domain.catalogue import Catalogue
from domain.commands import WithdrawCase, command_id
from domain.form import read_application
from domain.refusals import AlreadyOpen, CaseEnded, FormFaulty, Refusal
from domain.time_limits import in_shanghai
from domain.watch_list import (
    Finding,
    NoSuchOccasion,
    born_months,
    completed,
    judge,
    months_ahead,
    occasion_in_force,
    prefilled,
    unreadable,
)
from store.access_log import Access, note_for_unit
from store.cases import CaseStore, fingerprint
from store.database import again_if_lost
from store.duty import desk_in_department
from store.grants import permitted
from store.watch_list import (
    Listed,
    Run,
    begin_or_go_on,
    keep_page,
    open_cases_of_the_dead,
    still_to_start,
    to_start,
    tried,
)

log: Final = structlog.get_logger("onething.discovery")

THE_SCAN: Final = "discovery"
"""The account in whose name cases are opened that nobody applied for."""
HAS_DIED: Final = "参保登记显示本人已死亡, 遗属待遇另行办理 · The register says that the person has died."
PAGE: Final = 2_000
"""An answer of so many lines stays well below what a gateway reads."""
RECORDS_AT_ONCE: Final = 50


class Scan(BaseModel):
    """One reading: for which occasion, district and month (year × 12 + month − 1)."""

    model_config = ConfigDict(frozen=True)

    occasion: str
    district: str
    month: int


class Scanned(BaseModel):
    """What a reading came to."""

    model_config = ConfigDict(frozen=True)

    run: UUID
    scanned: int
    found: int


class Opening(BaseModel):
    """Open the cases of those who are due up to this month: at most so many, at most so many a second.

    Without `from_month`, of everybody who is left from earlier months too.
    """

    model_config = ConfigDict(frozen=True)

    occasion: str
    district: str
    from_month: int | None = None
    until_month: int
    at_most: int = Field(gt=0)
    per_second: float = Field(gt=0)


class Opened(BaseModel):
    """How many cases were opened, and how many people have none of the scan's own; the list says why."""

    model_config = ConfigDict(frozen=True)

    opened: int = 0
    not_opened: int = 0


class Closing(BaseModel):
    """End the cases of those who have died, as the register says by now."""

    model_config = ConfigDict(frozen=True)

    occasion: str
    district: str


@dataclass(frozen=True, slots=True)
class _ToStart:
    """Whom to open a case for, and the unit in whose name; without `by`, nobody's record is read, and `fault` says why."""

    rows: list[Listed]
    by: Actor | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Tried:
    case_id: UUID | None = None
    month: int | None = None
    fault: str | None = None


class Discovering:
    """Readings and openings, and both as the activities of a worker; one object per process."""

    def __init__(
        self,
        store: CaseStore,
        register: InsuredRegister,
        catalogue: Catalogue,
        clock: Callable[[], datetime],
        *,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        page: int = PAGE,
    ) -> None:
        """`pause` waits so many seconds between two openings; `page` is how many people are asked for at once."""
        self._store = store
        self._register = register
        self._catalogue = catalogue
        self._clock = clock
        self._pause = pause
        self._page = page

    @activity.defn
    async def scan(self, scan: Scan) -> Scanned:
        """Read the register to its end, from where the last try stopped."""
        with _as_activity_faults():
            run = await self.read(scan, lambda run: activity.heartbeat(run.cursor, run.scanned))
        log.info("scanned", occasion=scan.occasion, district=scan.district, scanned=run.scanned, found=run.found)
        return Scanned(run=run.id, scanned=run.scanned, found=run.found)

    @activity.defn
    async def open_cases(self, opening: Opening) -> Opened:
        """Open cases until nobody is left or the limit is reached."""
        with _as_activity_faults():
            opened = await self.open(opening, lambda opened: activity.heartbeat(opened.opened, opened.not_opened))
        log.info("opened", occasion=opening.occasion, district=opening.district, **opened.model_dump())
        return opened

    @activity.defn
    async def close_cases(self, closing: Closing) -> int:
        """End the cases of the dead; returns how many were ended."""
        with _as_activity_faults():
            closed = await self.close(closing, activity.heartbeat)
        log.info("closed", occasion=closing.occasion, district=closing.district, closed=closed)
        return closed

    async def read(self, scan: Scan, told: Callable[[Run], None]) -> Run:
        """Read and keep every page, from where the last try stopped; `told` after each.

        Raises NoSuchOccasion, GatewayFault, NotAccepted, StoreUnavailable.
        """
        _, discovery = self._declared(scan.occasion)
        run = await asyncio.to_thread(self._begin, scan)
        while run.finished_at is None:
            page = await self._next(scan, discovery, run.cursor)
            findings = self._findings(page, scan, discovery)
            kept = await asyncio.to_thread(self._keep, run, findings, page)
            if kept is None:
                # We were frozen for so long that another one has begun anew.
                kept = await asyncio.to_thread(self._begin, scan)
            run = kept
            told(run)
        return run

    async def look(self, scan: Scan) -> tuple[list[Finding], int]:
        """Who would be found, and how many lines were read for it; keeps nothing. Raises what `read` raises."""
        _, discovery = self._declared(scan.occasion)
        found: list[Finding] = []
        read = 0
        after: str | None = ""
        while after is not None:
            page = await self._next(scan, discovery, after)
            found += self._findings(page, scan, discovery)
            read += page.read
            after = page.last
        return found, read

    async def open(self, opening: Opening, told: Callable[[Opened], None]) -> Opened:
        """Open the cases of those who are due, one after the other; `told` after each. Raises what `read` raises.

        Each is tried once, however often it fails: whoever could not be helped tonight does not stand in the way.
        """
        bundle, discovery = self._declared(opening.occasion)
        since = self._clock()
        opened = Opened()
        while (left := opening.at_most - opened.opened - opened.not_opened) > 0:
            due = await asyncio.to_thread(self._to_start, opening, bundle, since, min(RECORDS_AT_ONCE, left))
            if not due.rows:
                break
            records: Mapping[str, Mapping[str, str]] = {}
            if due.by is not None:
                records = await self._register.records([row.person for row in due.rows])
            for row in due.rows:
                done = await asyncio.to_thread(self._try, bundle, discovery, due, row, records.get(row.person), since)
                if done is None:
                    continue
                opened = Opened(opened=opened.opened + done, not_opened=opened.not_opened + (not done))
                told(opened)
                await self._pause(1 / opening.per_second)
        return opened

    async def close(self, closing: Closing, told: Callable[[int], None]) -> int:
        """End the cases that go on although the person has died; `told` after each. Returns how many were ended.

        The survivors' entitlements are another event. Who was declared dead in error is found on the list, with the
        case that was ended, and has another opened at the counter. Raises StoreUnavailable.
        """
        seen: set[UUID] = set()
        closed = 0
        while rows := await asyncio.to_thread(self._of_the_dead, closing, seen):
            for case_id in rows:
                seen.add(case_id)
                closed += await asyncio.to_thread(self._end, case_id)
                told(closed)
        return closed

    def _of_the_dead(self, closing: Closing, but: Collection[UUID]) -> list[UUID]:
        with self._store.database.reading() as connection:
            return open_cases_of_the_dead(
                connection, closing.occasion, closing.district, but=but, limit=RECORDS_AT_ONCE
            )

    def _end(self, case_id: UUID) -> bool:
        file = self._store.open_case_file(case_id).file
        id = command_id(case_id, "person has died")
        note = f"note/{id}"
        by = Actor(account=THE_SCAN, unit=file.opened.by.unit)
        command = WithdrawCase(id=id, at=self._clock(), by=by, note=note)
        try:
            self._store.act(case_id, command, note=note, reason=HAS_DIED)
        except CaseEnded:
            return False
        return True

    def _declared(self, occasion: str) -> tuple[Bundle, Discovery]:
        return occasion_in_force(self._catalogue.all_in_force(in_shanghai(self._clock()).date()), occasion)

    async def _next(self, scan: Scan, discovery: Discovery, after: str) -> Page:
        born = born_months(discovery.when, scan.month)
        return in_order(await self._register.page(scan.district, born, after, self._page), after)

    def _findings(self, page: Page, scan: Scan, discovery: Discovery) -> list[Finding]:
        now = months_ahead(in_shanghai(self._clock()).date(), 0)
        found = [
            one for person in page.people if (one := judge(person, discovery, scan.month, read_in=now)) is not None
        ]
        return [*found, *(unreadable(person, scan.district, discovery, scan.month) for person in page.unreadable)]

    def _begin(self, scan: Scan) -> Run:
        def once() -> Run:
            with self._store.database.begin() as connection:
                return begin_or_go_on(connection, scan.occasion, scan.month, scan.district, self._clock())

        return again_if_lost(once)

    def _keep(self, run: Run, findings: list[Finding], page: Page) -> Run | None:
        def once() -> Run | None:
            with self._store.database.begin() as connection:
                return keep_page(connection, run, findings, last=page.last, read=page.read, at=self._clock())

        return again_if_lost(once)

    def _to_start(self, opening: Opening, bundle: Bundle, since: datetime, limit: int) -> _ToStart:
        """Whom to open, if the unit may read their records; that it does, or may not, is in its log."""
        at = self._clock()

        def once() -> _ToStart:
            with self._store.database.begin() as connection:
                desk = desk_in_department(connection, bundle.lead_department, opening.district)
                rows = to_start(
                    connection,
                    opening.occasion,
                    opening.district,
                    opening.until_month,
                    from_month=opening.from_month,
                    tried_before=since,
                    limit=limit,
                )
                if desk is None:
                    return _ToStart(rows, fault="no_desk")
                by = Actor(account=THE_SCAN, unit=desk)
                granted = SOURCE in permitted(connection, desk, bundle.code, at)
                if rows:
                    about = (f"register/{SOURCE}", f"district/{opening.district}", f"persons/{len(rows)}")
                    access = Access(
                        at=at, by=by, action="read_ahead", about=about, purpose=bundle.code, granted=granted
                    )
                    note_for_unit(connection, [access])
                return _ToStart(rows, by) if granted else _ToStart(rows, fault="no_grant")

        return again_if_lost(once)

    def _try(
        self,
        bundle: Bundle,
        discovery: Discovery,
        due: _ToStart,
        row: Listed,
        record: Mapping[str, str] | None,
        since: datetime,
    ) -> bool | None:
        """Whether the case is open; None where another opener has been here meanwhile."""
        with self._store.database.reading() as connection:
            if not still_to_start(connection, row):
                return None
        if due.by is None:
            done = _Tried(fault=due.fault)
        elif record is None:
            done = _Tried(fault="no_record")
        else:
            done = self._file(bundle, discovery, due.by, row, record)
        # Never before this opening began, whatever the clock says: it would be tried again for ever.
        at = max(self._clock(), since)

        def once() -> None:
            with self._store.database.begin() as connection:
                tried(connection, row, case_id=done.case_id, case_month=done.month, fault=done.fault, at=at)

        again_if_lost(once)
        return done.fault is None

    def _file(self, bundle: Bundle, discovery: Discovery, by: Actor, row: Listed, record: Mapping[str, str]) -> _Tried:
        at = self._clock()
        try:
            form = prefilled(discovery, bundle, completed(record, discovery, row.finding()))
        except ValueError:
            return _Tried(fault="record_unreadable")
        try:
            application = read_application(bundle, form, at=at)
        except FormFaulty as faulty:
            return _Tried(fault="form:" + "; ".join(f"{one.pointer}:{one.rule}" for one in faulty.faults))
        except Refusal as refused:
            return _Tried(fault=refused.code)
        try:
            filed = self._store.file(
                application,
                by=by,
                division=row.district,
                at=at,
                key=f"{row.occasion}/{row.person}",
                # The record may read differently after a crash; it is the same request all the same.
                fingerprint=fingerprint(row.occasion.encode(), row.person.encode()),
            )
        except AlreadyOpen:
            return _Tried(case_id=self._store.case_of_event(application), fault="already_open")
        except Refusal as refused:
            return _Tried(fault=refused.code)
        return _Tried(case_id=filed.case_id, month=row.month)


@contextmanager
def _as_activity_faults() -> Iterator[None]:
    """Faults by their names, for whoever reads a history; what trying again cannot mend ends the night."""
    try:
        yield
    except GatewayFault as fault:
        raise ApplicationError(f"{fault.service}: {fault.fault}", type=fault.fault) from None
    except NotAccepted as fault:
        raise ApplicationError(f"{fault.service}: {fault.fault}", type=fault.fault, non_retryable=True) from None
    except NoSuchOccasion as fault:
        raise ApplicationError(fault.en, type=fault.code, non_retryable=True) from None

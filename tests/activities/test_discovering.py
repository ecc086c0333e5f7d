"""免申即办 by hand: whoever is due has one case, wherever a scan is killed, whoever else scans, and whoever was faster."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

import activities.discovering
from activities.discovering import THE_SCAN, Closing, Discovering, Opened, Opening, Scan
from activities.faults import GatewayFault, NotAccepted
from activities.gateway import Gateway
from activities.insured_register import HttpInsuredRegister, Page, in_order
from demo.city.workers import Worker
from domain.actors import Actor
from domain.case_file import CaseState, ItemState
from domain.catalogue import catalogue
from domain.commands import WithdrawCase, command_id
from domain.form import read_application
from domain.law.months import first_day, read_month
from domain.refusals import AlreadyOpen
from domain.scopes import Role
from domain.watch_list import READ_AHEAD, InsuredPerson, NoSuchOccasion, completed, judge, prefilled
from store.accounts import add_account, add_unit
from store.cases import CaseStore, Filed, fingerprint
from store.database import Database
from store.tables import access_log, cases, request_keys
from store.watch_list import Listed, Run, listed, open_cases_of_the_dead
from tests.activities.http_service import serving, whole
from tests.desk import store_on
from tests.grants import grant_everything, take_away
from tests.insured import BUREAU, MARCH, RETIREMENT, Register, found, line, provide_bureau, some_due

pytestmark = pytest.mark.anyio

NIGHT = datetime(2026, 9, 6, 18, tzinfo=UTC)
"""Two o'clock in Shanghai, half a year before March 2027."""
DISTRICT = "339901"
OTHER_DISTRICT = "339902"
DUE = some_due(5)
CLERK = Actor(account=f"{BUREAU}-1", unit=BUREAU)


class Killed(BaseException):
    """What a SIGKILL looks like from inside: nothing in between catches it."""


class Bureau:
    """The pension bureau of one test: its store, the register, and scanners that read it."""

    def __init__(self, store: CaseStore, register: Register) -> None:
        self.store, self.register = store, register
        self.now = NIGHT
        self.pauses: list[float] = []

    def scanner(self, *, page: int = 2, store: CaseStore | None = None) -> Discovering:
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        return Discovering(store or self.store, self.register, catalogue(), lambda: self.now, pause=pause, page=page)

    async def scan(self, *, month: int = MARCH, district: str = DISTRICT, by: Discovering | None = None) -> Run:
        asked = Scan(occasion="retirement", district=district, month=month)
        return await (by or self.scanner()).read(asked, lambda run: None)

    async def open(
        self, *, until: int = MARCH, district: str = DISTRICT, at_most: int = 100, by: Discovering | None = None
    ) -> Opened:
        asked = Opening(occasion="retirement", district=district, until_month=until, at_most=at_most, per_second=4)
        return await (by or self.scanner()).open(asked, lambda opened: None)

    async def close(self, *, district: str = DISTRICT) -> int:
        return await self.scanner().close(Closing(occasion="retirement", district=district), lambda _: None)

    def lines(self, month: int = MARCH) -> dict[str, Listed]:
        with self.store.database.reading() as connection:
            return {one.person: one for one in listed(connection, "retirement", month)}

    def cases(self) -> list[Any]:
        with self.store.database.reading() as connection:
            return list(connection.execute(select(cases).order_by(cases.c.case_no)))

    async def at_the_counter(self, one: Worker, **other: Any) -> Filed:
        """The same person hands in the form by hand, at the bureau itself or elsewhere."""
        judged = judge(line(one), RETIREMENT, MARCH, read_in=MARCH)
        assert judged is not None
        record = (await Register(one).records([one.person]))[one.person]
        bundle = catalogue().in_force("retirement", self.now.date())
        form = prefilled(RETIREMENT, bundle, completed(record, RETIREMENT, judged))
        form["insurance"] |= other
        form["retiree"]["phone"] = "15499999998"
        return self.store.file(
            read_application(bundle, form, at=self.now),
            by=CLERK,
            division=one.district,
            at=self.now,
            key=f"counter-{one.person}",
            fingerprint=fingerprint(one.person.encode()),
        )


@pytest.fixture
def other_store(database_url: str) -> Iterator[CaseStore]:
    """The write path of another process on the same database."""
    database = Database(database_url, pool_size=4, waits_seconds=30)
    yield store_on(database)
    database.dispose()


@pytest.fixture
def bureau(store: CaseStore) -> Bureau:
    with store.database.begin() as connection:
        provide_bureau(connection)
    return Bureau(store, Register(*DUE))


def killed_at(monkeypatch: pytest.MonkeyPatch, where: str, when: int, *, after: bool) -> None:
    """Kill whoever calls that function of the scan for the n-th time, before it does anything or after it has."""
    real: Callable[..., Any] = getattr(activities.discovering, where)
    calls = 0

    def killed(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == when and not after:
            raise Killed
        answer = real(*given, **named)
        if calls == when:
            raise Killed
        return answer

    monkeypatch.setattr(activities.discovering, where, killed)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_everybody_of_the_month_is_on_the_list_by_their_rule(bureau: Bureau) -> None:
    run = await bureau.scan()

    assert (run.scanned, run.found) == (5, 5)
    assert {one.person for one in DUE} == set(bureau.lines())
    assert all(one.rule.endswith("-> 2027-03") and not one.reasons for one in bureau.lines().values())
    assert bureau.cases() == [], "reading opens nothing"


@pytest.mark.parametrize("step", ["begin_or_go_on", "keep_page"])
@pytest.mark.parametrize("when", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
async def test_a_reading_killed_at_any_step_goes_on_and_finds_everybody_once(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch, step: str, when: int, after: bool
) -> None:
    with monkeypatch.context() as patch:
        killed_at(patch, step, when, after=after)
        with suppress(Killed):
            await bureau.scan()

    run = await bureau.scan()

    assert (run.scanned, run.found) == (5, 5), "no page was counted twice"
    assert set(bureau.lines()) == {one.person for one in DUE}


async def test_a_reading_that_was_killed_does_not_begin_anew(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        killed_at(patch, "keep_page", 2, after=False)
        with pytest.raises(Killed):
            await bureau.scan()
    bureau.register.asked.clear()

    await bureau.scan()

    assert bureau.register.asked == [DUE[1].person, DUE[3].person]


async def test_two_scanners_at_once_find_everybody_once(bureau: Bureau, other_store: CaseStore) -> None:
    other = bureau.scanner(page=1, store=other_store)

    await asyncio.gather(*(bureau.scan(by=one) for one in (bureau.scanner(page=1), other)))

    assert set(bureau.lines()) == {one.person for one in DUE}


async def test_a_scanner_that_was_frozen_for_a_day_joins_whoever_began_anew(bureau: Bureau) -> None:
    async def thaw() -> None:
        bureau.now += timedelta(days=1)
        await bureau.scan(by=bureau.scanner(page=1))

    real, frozen = bureau.register.page, True

    async def page(district: str, born: Collection[int], after: str, limit: int) -> Page:
        nonlocal frozen
        if after == DUE[1].person and frozen:
            frozen = False
            await thaw()
        return await real(district, born, after, limit)

    bureau.register.page = page  # type: ignore[method-assign]

    run = await asyncio.wait_for(bureau.scan(), 30)

    assert (run.scanned, run.found) == (5, 5)
    assert {one.last_run for one in bureau.lines().values()} == {run.id}


async def test_an_activity_tells_where_it_is_after_every_page(bureau: Bureau) -> None:
    told: list[tuple[Any, ...]] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: told.append(details)

    await environment.run(bureau.scanner().scan, Scan(occasion="retirement", district=DISTRICT, month=MARCH))

    assert told == [(DUE[1].person, 2), (DUE[3].person, 4), (DUE[3].person, 5)]


class Strange(Register):
    """A register that answers with these pages, whatever it is asked."""

    def __init__(self, *pages: Page) -> None:
        super().__init__()
        self.pages = [*pages]

    async def page(self, district: str, born: Collection[int], after: str, limit: int) -> Page:
        return self.pages.pop(0)


def people(*numbers: str) -> list[InsuredPerson]:
    return [InsuredPerson(one, DISTRICT, "1", None, 0, None, 0) for one in numbers]


@pytest.mark.parametrize(
    "page",
    [
        Page(people("A1", "A2"), "A0", 2),
        Page(people("A1", "A2"), "A1", 2),
        Page(people("A2", "A1"), None, 2),
        Page(people("A1", "A1"), None, 2),
        Page(people("A0"), None, 2),
        Page([], "A0", 2),
        Page(people("A1"), "A3", 2, ["A1"]),
        Page(people("A1"), "A3", 2, ["A5"]),
        Page(people("A1"), "A3", 2, ["A0"]),
    ],
)
def test_a_register_that_repeats_itself_or_goes_back_is_not_believed(page: Page) -> None:
    with pytest.raises(GatewayFault, match="not_in_order"):
        in_order(page, "A0")


def test_a_page_may_be_empty_and_the_last_may_end_anywhere() -> None:
    for page in (Page([], "A9", 2), Page([], None, 0), Page(people("A1", "A3"), "A3", 2, ["A2"])):
        assert in_order(page, "A0") is page


async def test_what_a_strange_register_says_is_not_kept(store: CaseStore) -> None:
    bureau = Bureau(store, Strange(Page(people("A1", "A2"), "A2", 2), Page(people("A2"), None, 1)))

    with pytest.raises(ApplicationError, match="not_in_order"):
        await ActivityEnvironment().run(
            bureau.scanner().scan, Scan(occasion="retirement", district=DISTRICT, month=MARCH)
        )

    assert bureau.lines() == {}


@pytest.mark.parametrize(
    ("fault", "again"), [(GatewayFault("r", "http_503"), True), (NotAccepted("r", "http_422"), False)]
)
async def test_a_fault_of_the_register_is_tried_again_where_that_can_help(
    bureau: Bureau, fault: Exception, again: bool
) -> None:
    def fails(after: str) -> None:
        raise fault

    bureau.register.before_page = fails

    with pytest.raises(ApplicationError) as raised:
        await ActivityEnvironment().run(
            bureau.scanner().scan, Scan(occasion="retirement", district=DISTRICT, month=MARCH)
        )

    assert raised.value.non_retryable is not again


async def test_a_line_that_cannot_be_read_puts_the_person_before_somebodys_eyes(bureau: Bureau) -> None:
    bureau.register.unreadable = {DUE[1].person}

    await bureau.scan()
    await bureau.open()

    doubted = bureau.lines()[DUE[1].person]
    assert (doubted.outcome, doubted.reasons, doubted.born) == ("conflict", ["register_unreadable"], None)
    assert len(bureau.cases()) == 4


async def test_over_http_one_bad_line_is_one_persons_and_a_line_without_number_is_the_registers_fault() -> None:
    good = (
        b'{"person": "A1", "district": "339901", "sex": "1", "category": "M60", "born": 23600, "born_in_file": null,'
        b' "contribution_months": 300, "places": 1, "arrears": false, "state": "active"}'
    )
    bad = good.replace(b"A1", b"A2").replace(b"23600", b'"1966-09"')
    nobodys, elsewhere = good.replace(b'"A1"', b"null"), good.replace(b"339901", b"339902")

    async def read(*lines: bytes) -> Page:
        body = b'{"people": [' + b", ".join(lines) + b'], "last": null, "read": 2}'
        async with serving(whole(body)) as service:
            gateway = Gateway(token=None, within=5, bytes_at_most=10_000, calls_at_once=1)
            try:
                return await HttpInsuredRegister(gateway, service.url).page(DISTRICT, {1}, "", 10)
            finally:
                await gateway.close()

    page = await read(good, bad)
    assert ([one.person for one in page.people], page.unreadable) == (["A1"], ["A2"])
    for wrong in (nobodys, elsewhere):
        with pytest.raises(GatewayFault, match="unreadable_answer"):
            await read(wrong)


async def test_an_occasion_that_no_bundle_names_is_refused(bureau: Bureau) -> None:
    with pytest.raises(NoSuchOccasion):
        await bureau.scanner().look(Scan(occasion="retirment", district=DISTRICT, month=MARCH))


async def test_looking_finds_the_same_and_keeps_nothing(bureau: Bureau) -> None:
    seen, read = await bureau.scanner().look(Scan(occasion="retirement", district=DISTRICT, month=MARCH))

    assert ({one.person for one in seen}, read) == ({one.person for one in DUE}, 5)
    assert bureau.lines() == {}


# ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_is_due_has_a_case_that_nobody_applied_for(bureau: Bureau) -> None:
    await bureau.scan()

    assert await bureau.open() == Opened(opened=5)

    assert {one.case_no for one in bureau.lines().values()} == {one.case_no for one in bureau.cases()}
    assert len(bureau.cases()) == 5
    file = bureau.store.case_file(bureau.cases()[0].case_id)
    assert file.opened.by == Actor(account=THE_SCAN, unit=BUREAU)
    assert file.items["file_review"].state is ItemState.ACCEPTED
    assert file.items["pension_assessment"].state is ItemState.WAITING


async def test_only_whoever_has_a_case_opened_has_their_record_read_and_that_is_in_the_log(bureau: Bureau) -> None:
    bureau.register.say(DUE[4], arrears=True)
    await bureau.scan()
    assert bureau.register.recorded == []

    await bureau.open()

    assert bureau.register.recorded == [one.person for one in DUE[:4]]
    with bureau.store.database.reading() as connection:
        (entry,) = connection.execute(select(access_log).where(access_log.c.action == "read_ahead"))
    assert (entry.account, entry.unit, entry.purpose) == (THE_SCAN, BUREAU, "retirement")
    assert entry.about == ["register/insured_persons", "district/339901", "persons/4"]


async def test_without_a_grant_nobodys_record_is_read_and_the_line_says_so(bureau: Bureau) -> None:
    with bureau.store.database.begin() as connection:
        take_away(connection, BUREAU, READ_AHEAD, at=NIGHT)
    await bureau.scan()

    assert await bureau.open() == Opened(not_opened=5)

    assert bureau.register.recorded == []
    assert bureau.cases() == []
    for one in bureau.lines().values():
        assert one.fault == "no_grant"
        assert one.told()["fault"]["zh"].startswith("受理单位无权查询")
    with bureau.store.database.reading() as connection:
        (entry,) = connection.execute(select(access_log).where(access_log.c.action == "read_ahead"))
    assert (entry.unit, entry.granted, entry.about[-1]) == (BUREAU, False, "persons/5")


async def test_a_grant_for_another_purpose_is_none(bureau: Bureau) -> None:
    await bureau.scan()
    with bureau.store.database.begin() as connection:
        take_away(connection, BUREAU, at=NIGHT)
        grant_everything(connection, BUREAU, "senior_card")

    assert await bureau.open() == Opened(not_opened=5)
    assert bureau.register.recorded == []

    with bureau.store.database.begin() as connection:
        grant_everything(connection, BUREAU, "retirement")
    bureau.now += timedelta(days=1)
    assert await bureau.open() == Opened(opened=5), "the next night, once it is granted"


async def test_cases_are_opened_no_faster_than_was_said_and_no_more_than_was_said(bureau: Bureau) -> None:
    await bureau.scan()

    assert await bureau.open(at_most=3) == Opened(opened=3)
    assert bureau.pauses == [0.25, 0.25, 0.25]

    assert await bureau.open() == Opened(opened=2)
    assert bureau.pauses == [0.25] * 5


@pytest.mark.parametrize("step", ["to_start", "still_to_start", "desk_in_department", "read_application", "tried"])
@pytest.mark.parametrize("when", [1, 2])
@pytest.mark.parametrize("after", [False, True])
async def test_an_opening_killed_between_any_two_steps_opens_everybodys_case_once(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch, step: str, when: int, after: bool
) -> None:
    await bureau.scan()
    with monkeypatch.context() as patch:
        killed_at(patch, step, when, after=after)
        with suppress(Killed):
            await bureau.open()

    await bureau.open()

    assert len(bureau.cases()) == 5
    assert {one.case_id for one in bureau.lines().values()} == {one.case_id for one in bureau.cases()}
    assert [one.fault for one in bureau.lines().values()] == [None] * 5


async def test_killed_after_the_case_was_filed_and_before_it_was_noted(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bureau.scan()
    with monkeypatch.context() as patch:
        killed_at(patch, "tried", 1, after=False)
        with pytest.raises(Killed):
            await bureau.open()
    assert len(bureau.cases()) == 1
    assert [one for one in bureau.lines().values() if one.case_id] == []
    # The record is not the same any more, and the clock has gone on.
    bureau.register.answers[DUE[0].person] = {"phone": "15499999999"}
    bureau.now += timedelta(days=1)

    assert await bureau.open() == Opened(opened=5)

    assert len(bureau.cases()) == 5


async def test_a_clock_that_goes_back_lets_nobody_be_tried_for_ever(bureau: Bureau) -> None:
    bureau.register.answers[DUE[0].person] = {"contribution_months": "many"}
    await bureau.scan()
    real = bureau.register.records

    async def records(persons: Any) -> Any:
        bureau.now -= timedelta(hours=1)
        return await real(persons)

    bureau.register.records = records  # type: ignore[method-assign]

    assert await bureau.open(at_most=20) == Opened(opened=4, not_opened=1)


async def test_whoever_has_paid_long_enough_by_the_month_itself_has_a_case_of_their_own(bureau: Bureau) -> None:
    """Six months are paid between September and March: what the list takes for enough, the law takes in."""
    enough, one_too_few, owing = DUE[:3]
    for one, months in ((enough, 174), (one_too_few, 173), (owing, 174)):
        bureau.register.say(one, contribution_months=months, arrears=one is owing)
        bureau.register.answers[one.person] = {"contribution_months": str(months)}

    await bureau.scan()
    await bureau.open()

    lines = bureau.lines()
    assert (lines[enough.person].outcome, lines[enough.person].case_id is not None) == ("due", True)
    assert lines[one_too_few.person].reasons == ["contributions_short"]
    assert lines[owing.person].reasons == ["contributions_short", "arrears"]


async def test_who_has_died_has_the_case_ended_once_and_the_others_go_on(bureau: Bureau) -> None:
    await bureau.scan()
    await bureau.open()
    dead, *alive = DUE
    bureau.register.say(dead, state="dead")
    bureau.register.say(alive[0], state="retired")

    assert await bureau.close() == 0, "nobody is dead before the register was read"
    await bureau.scan()
    assert await bureau.close() == 1
    assert await bureau.close() == 0

    states = {
        line.person: bureau.store.case_file(line.case_id).state for line in bureau.lines().values() if line.case_id
    }
    assert states == {one.person: CaseState.WITHDRAWN if one is dead else CaseState.OPEN for one in DUE}


@pytest.mark.parametrize("after", [False, True])
async def test_an_ending_killed_between_two_steps_ends_every_case_of_the_dead(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    await bureau.scan()
    await bureau.open()
    for one in DUE[:3]:
        bureau.register.say(one, state="dead")
    await bureau.scan()
    monkeypatch.setattr("activities.discovering.RECORDS_AT_ONCE", 1)
    with monkeypatch.context() as patched:
        killed_at(patched, "open_cases_of_the_dead", 2, after=after)
        with pytest.raises(Killed):
            await bureau.close()

    assert await bureau.close() == 2
    assert sum(case.state == CaseState.WITHDRAWN.value for case in bureau.cases()) == 3


async def test_whose_case_ended_meanwhile_is_passed_over(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    await bureau.scan()
    await bureau.open()
    for one in DUE[:2]:
        bureau.register.say(one, state="dead")
    await bureau.scan()
    ended = next(line.case_id for line in bureau.lines().values() if line.person == DUE[0].person)
    assert ended is not None
    real = open_cases_of_the_dead

    def a_colleague_is_faster(*given: Any, **named: Any) -> Any:
        found = real(*given, **named)
        if found:
            id = uuid4()
            bureau.store.act(ended, WithdrawCase(id=id, at=bureau.now, by=CLERK, note=f"note/{id}"), reason="家属告知")
        return found

    monkeypatch.setattr(activities.discovering, "open_cases_of_the_dead", a_colleague_is_faster)

    assert await bureau.close() == 1


async def test_whoever_has_a_case_by_now_is_not_filed_again(bureau: Bureau) -> None:
    await bureau.scan()
    real = bureau.register.records

    async def records(persons: Any) -> Any:
        found = await real(persons)
        bureau.register.records = real  # type: ignore[method-assign]
        await bureau.open(by=bureau.scanner())
        return found

    bureau.register.records = records  # type: ignore[method-assign]

    assert await bureau.open() == Opened(), "the other one has opened them all"
    assert len(bureau.cases()) == 5


async def test_two_openers_at_once_open_everybodys_case_once(bureau: Bureau, other_store: CaseStore) -> None:
    await bureau.scan()

    opened = await asyncio.gather(bureau.open(), bureau.open(by=bureau.scanner(store=other_store)))

    assert len(bureau.cases()) == 5
    assert sum(one.not_opened for one in opened) == 0
    with bureau.store.database.reading() as connection:
        assert len(connection.execute(select(request_keys)).all()) == 5


async def test_the_same_person_in_two_scans_in_two_districts_and_at_the_counter_has_one_case(bureau: Bureau) -> None:
    """One who is found again after the case, one who moves, one whom two registers list, one who came by themselves."""
    again, moves, twice, by_hand, _ = DUE
    filed = await bureau.at_the_counter(by_hand)
    await bureau.scan()
    await bureau.open()
    bureau.now += timedelta(days=1)
    bureau.register.say(moves, district=OTHER_DISTRICT)
    # Another number of the same person, in another district's register: nobody sees it by the number.
    twin = Register(twice)
    twin.lines = {"CBX": InsuredPerson("CBX", OTHER_DISTRICT, "1", line(twice).category, twice.born, None, 400)}
    bureau.register.lines |= twin.lines
    record = (await bureau.register.records([twice.person]))[twice.person]
    bureau.register.answers["CBX"] = dict(record)
    real = bureau.register.records

    async def records(persons: Any) -> Any:
        return {one: record if one == "CBX" else (await real([one]))[one] for one in persons}

    bureau.register.records = records  # type: ignore[method-assign]

    for district in (DISTRICT, OTHER_DISTRICT):
        await bureau.scan(district=district)
        await bureau.open(district=district)

    assert len(bureau.cases()) == 5
    lines = bureau.lines()
    assert (lines[by_hand.person].case_id, lines[by_hand.person].fault) == (filed.case_id, "already_open")
    assert lines["CBX"].case_id == lines[twice.person].case_id
    assert lines[moves.person].district == OTHER_DISTRICT
    assert lines[again.person].case_id is not None


async def test_who_comes_to_the_counter_after_the_scan_is_told_of_the_case(bureau: Bureau) -> None:
    await bureau.scan()
    await bureau.open()

    with pytest.raises(AlreadyOpen) as refused:
        await bureau.at_the_counter(DUE[0], choice="late", retires_on=first_day(MARCH + 6).isoformat())

    assert refused.value.case_no == bureau.lines()[DUE[0].person].case_no


async def test_who_declined_is_not_asked_again_the_next_night(bureau: Bureau) -> None:
    await bureau.scan()
    await bureau.open()
    case_id = bureau.lines()[DUE[0].person].case_id
    assert case_id is not None
    id = command_id(case_id, "withdraw")
    bureau.store.act(
        case_id, WithdrawCase(id=id, at=bureau.now, by=CLERK, note=f"note/{id}"), note=f"note/{id}", reason="暂不办理"
    )
    bureau.now += timedelta(days=1)

    await bureau.scan()

    assert await bureau.open() == Opened()
    assert len(bureau.cases()) == 5


async def test_a_doubt_that_is_settled_later_opens_the_case_then(bureau: Bureau) -> None:
    bureau.register.say(DUE[0], arrears=True)
    await bureau.scan()
    assert await bureau.open() == Opened(opened=4)

    bureau.register.say(DUE[0], arrears=False)
    bureau.now += timedelta(days=1)
    await bureau.scan()

    assert await bureau.open() == Opened(opened=1)


async def test_a_birth_date_corrected_after_the_case_was_opened_is_shown_and_opens_none(bureau: Bureau) -> None:
    await bureau.scan()
    await bureau.open()
    may = read_month("2027-05")
    later = next(found(month=may))
    bureau.register.say(DUE[0], category=line(later).category, sex=later.sex, born=later.born, born_in_file=later.born)
    bureau.now += timedelta(days=1)

    await bureau.scan()
    await bureau.scan(month=may)

    assert await bureau.open(until=may) == Opened()
    assert set(bureau.lines(may)) == {DUE[0].person}
    assert bureau.lines(may)[DUE[0].person].all_reasons() == ("case_for_other_month",)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"contribution_months": "many"}, "record_unreadable"),
        ({"citizen_id": "123"}, "form:/application/retiree/citizen_id:length"),
        ({"contribution_months": "12"}, "form:/application/insurance/contribution_months:too_few"),
    ],
)
async def test_whoever_cannot_be_helped_holds_up_nobody_and_is_tried_again_the_next_night(
    bureau: Bureau, wrong: dict[str, str], fault: str
) -> None:
    bureau.register.answers[DUE[0].person] = wrong
    await bureau.scan()

    assert await bureau.open() == Opened(opened=4, not_opened=1)
    assert bureau.lines()[DUE[0].person].fault == fault

    bureau.register.answers.clear()
    bureau.now += timedelta(days=1)
    assert await bureau.open() == Opened(opened=1)
    assert bureau.lines()[DUE[0].person].fault is None


async def test_whom_the_register_does_not_know_any_more_has_no_case_and_is_named(bureau: Bureau) -> None:
    await bureau.scan()
    del bureau.register.lines[DUE[0].person]

    assert await bureau.open() == Opened(opened=4, not_opened=1)
    assert bureau.lines()[DUE[0].person].fault == "no_record"


async def test_without_a_desk_nobodys_record_is_read(store: CaseStore) -> None:
    bureau = Bureau(store, Register(*DUE))
    await bureau.scan()

    assert await bureau.open() == Opened(not_opened=5)

    assert bureau.register.recorded == []
    assert {one.fault for one in bureau.lines().values()} == {"no_desk"}


async def test_the_districts_own_bureau_comes_before_the_citys(bureau: Bureau) -> None:
    with bureau.store.database.begin() as connection:
        provide_bureau(connection, "district-bureau", DISTRICT)
        # A program of the department could open cases, but nobody there would see them.
        add_unit(connection, "a-system", title="系统", division=DISTRICT, department="human_resources")
        add_account(connection, "a-program", unit="a-system", role=Role.INTEGRATOR, password=None)
    await bureau.scan()

    await bureau.open()

    assert {one.unit for one in bureau.cases()} == {"district-bureau"}

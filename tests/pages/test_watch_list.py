"""到龄名单页: every month at a glance, each line with its reasons and its case, and an empty list that says what to do."""

import asyncio
import re

import pytest

from activities.discovering import Discovering, Opening, Scan
from domain.catalogue import catalogue
from domain.scopes import Role
from domain.watch_list import CONFLICTS, EXCLUSIONS, FAULTS, Outcome
from store.accounts import add_account
from tests.api.conftest import PASSWORD
from tests.insured import BUREAU, MARCH, Register, provide_bureau, some_due
from tests.pages.conftest import ACCOUNTS, Browser, Page, Pages
from tests.store.test_watch_list import NEXT_NIGHT, NIGHT, Clerk, finding, in_conflict

MONTH = "2027-03"
HERE, ELSEWHERE = "339901", "339902"


@pytest.fixture
def clerk(pages: Pages) -> Clerk:
    """Whoever reads the register."""
    return Clerk(pages.store.database)


def signed_in(pages: Pages, account: str) -> Browser:
    """In the browser of an account that the test made itself."""
    browser = pages.stranger()
    led = browser.send(browser.get("/login"), "/login", account=account, password=PASSWORD)
    assert led.status == 303, led.text
    return browser


def counts(page: Page) -> dict[str, int]:
    """The numbers on the tabs."""
    return {word: int(many) for word, many in re.findall(r">(\w+) <span class=\"many\">(\d+)<", page.html)}


def test_before_the_first_reading_the_page_says_how_one_is_made(pages: Pages) -> None:
    browser = pages.by("pension-1")

    assert "请管理员运行: onething retire scan" in browser.get("/watch-list").text
    assert "onething retire scan --month 2027-03" in browser.get(f"/watch-list?month={MONTH}").text
    assert "onething retire scan --occasion senior_60" in browser.get("/watch-list?occasion=senior_60").text
    assert "an operator runs: onething retire scan" in browser.get("/watch-list?lang=en").text


def test_the_months_to_come_lead_to_their_lists(pages: Pages, clerk: Clerk) -> None:
    clerk.read(finding("A1"), in_conflict("A2"))
    browser = pages.by("supervisor-1")

    overview = browser.get("/watch-list")
    assert f'href="/watch-list?occasion=retirement&amp;month={MONTH}&amp;district="' in overview.html
    month = browser.get(f"/watch-list?month={MONTH}")

    assert counts(month) == {"全部": 2, "到龄": 1, "待核": 1, "排除": 0, "新增": 0, "移出": 0, "变化": 0}
    assert "A1" in month.text
    assert "男职工, 1966-09 出生, 2027-03 达到法定退休年龄" in month.text
    assert "有欠费" in month.text
    assert "9月7日 周一 02:00" in month.text


def test_a_tab_shows_one_outcome_or_what_the_last_reading_changed(pages: Pages, clerk: Clerk) -> None:
    clerk.read(finding("A1"), finding("A5"))
    clerk.read(in_conflict("A1"), finding("A3"), at=NEXT_NIGHT)
    browser = pages.by("pension-1")

    def shown(show: str) -> list[str]:
        return re.findall(r'<b class="no">(\w+)</b>', browser.get(f"/watch-list?month={MONTH}&show={show}").html)

    assert shown("") == ["A1", "A3", "A5"]
    assert (shown("due"), shown("conflict"), shown("excluded")) == (["A3", "A5"], ["A1"], [])
    assert (shown("new"), shown("gone"), shown("changed")) == (["A3"], ["A5"], ["A1"])
    assert "名单中没有这样的人。" in browser.get(f"/watch-list?month={MONTH}&show=excluded").text


def test_a_long_list_goes_on_page_by_page_and_keeps_what_was_asked(pages: Pages, clerk: Clerk) -> None:
    clerk.read(*(finding(f"A{number:03}") for number in range(60)), in_conflict("B1"))
    browser = pages.by("pension-1")

    first = browser.get(f"/watch-list?month={MONTH}&show=due")
    address = re.search(r'class="next" href="([^"]+)"', first.html)
    assert address is not None
    second = browser.get(address[1].replace("&amp;", "&"))

    assert "A049" in first.text
    assert "A050" not in first.text
    assert "A050" in second.text
    assert "B1" not in second.text
    assert 'class="next"' not in second.html


@pytest.mark.parametrize("code", [*CONFLICTS, *EXCLUSIONS])
def test_every_reason_on_the_page_is_in_words(pages: Pages, clerk: Clerk, code: str) -> None:
    outcome = Outcome.CONFLICT if code in CONFLICTS else Outcome.EXCLUDED
    clerk.read(finding("A1", outcome=outcome, reasons=(code,)))
    browser = pages.by("pension-1")

    for language, words in zip(("zh", "en"), (CONFLICTS | EXCLUSIONS)[code], strict=True):
        page = browser.get(f"/watch-list?month={MONTH}&lang={language}")
        assert words in page.text
        assert code not in page.text


@pytest.mark.parametrize("code", FAULTS)
def test_whatever_stood_in_the_way_of_a_case_is_in_words(pages: Pages, clerk: Clerk, code: str) -> None:
    clerk.read(finding("A1"))
    clerk.tried(clerk.lines()[0], case_id=None, fault=code)

    page = pages.by("pension-1").get(f"/watch-list?month={MONTH}")

    assert FAULTS[code][0] in page.text
    assert code not in page.text


# ── who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_page_opens_for_the_bureau_its_supervisors_and_auditors(pages: Pages, account: str) -> None:
    _, role = ACCOUNTS[account]
    may = role in {Role.PENSION_OFFICER, Role.SUPERVISOR, Role.AUDITOR}
    browser = pages.by(account)

    assert browser.get("/watch-list").status == (200 if may else 403)
    assert ('href="/watch-list"' in browser.get("/explain").html) is may


def test_a_district_sees_nothing_of_another(pages: Pages, clerk: Clerk) -> None:
    clerk.read(finding("A1"))
    clerk.read(finding("B1", district=ELSEWHERE), district=ELSEWHERE)

    here, everywhere = pages.by("pension-1"), pages.by("auditor-1")

    assert "B1" not in here.get(f"/watch-list?month={MONTH}").text
    assert ELSEWHERE not in here.get("/watch-list").text
    assert "B1" not in here.get(f"/watch-list?month={MONTH}&district={ELSEWHERE}").text
    assert "B1" in everywhere.get(f"/watch-list?month={MONTH}").text


def test_the_case_is_a_link_for_whoever_may_read_it(pages: Pages) -> None:
    """The bureau that opened it reads the case, the auditor its timeline, and the district's officer only its number."""
    one = some_due(1)
    with pages.store.database.begin() as connection:
        provide_bureau(connection)
        add_account(connection, "bureau-officer", unit=BUREAU, role=Role.PENSION_OFFICER, password=PASSWORD)
    discovering = Discovering(pages.store, Register(*one), catalogue(), lambda: NIGHT)
    opening = Opening(occasion="retirement", district=HERE, until_month=MARCH, at_most=9, per_second=100)

    async def night() -> None:
        await discovering.read(Scan(occasion="retirement", district=HERE, month=MARCH), lambda _: None)
        await discovering.open(opening, lambda _: None)

    asyncio.run(night())
    (line,) = Clerk(pages.store.database).lines()

    def seen(browser: Browser) -> list[str]:
        html = browser.get(f"/watch-list?month={MONTH}").html
        assert line.case_no is not None
        assert line.case_no[-6:-1] in html
        return re.findall(r'href="(/cases/[^"]+)"', html)

    bureau = signed_in(pages, "bureau-officer")
    assert seen(bureau) == [f"/cases/{line.case_no}"]
    assert bureau.get(f"/cases/{line.case_no}").status == 200
    auditor = pages.by("auditor-1")
    assert seen(auditor) == [f"/cases/{line.case_no}/timeline"]
    assert auditor.get(f"/cases/{line.case_no}/timeline").status == 200
    assert seen(pages.by("pension-1")) == []
    assert one[0].name not in bureau.get(f"/watch-list?month={MONTH}").text


@pytest.mark.parametrize("query", ["month=2027-13", "month=x", "district=12", "show=all", "occasion=A%20B"])
def test_an_address_that_was_tampered_with_is_refused(pages: Pages, query: str) -> None:
    assert pages.by("pension-1").get(f"/watch-list?{query}").status == 422

"""A department corrects a result on the case's page, without any script; everybody there reads what it was and why."""

from datetime import datetime

from domain.scopes import Role
from domain.time_limits import SHANGHAI
from store.accounts import add_account
from store.reassessments import reassess
from tests.api.conftest import PASSWORD
from tests.insured import BUREAU, provide_bureau
from tests.pages.conftest import Browser, Page, Pages
from tests.pages.stories import Story, automatic, fresh
from tests.pensions import Retiree

ITEM = "household_registration"
REASON = "户号录入有误, 已核对户籍底册"


def page_of(browser: Browser, story: Story) -> Page:
    return browser.get(f"/cases/{story.case_no}")


def address(story: Story) -> str:
    return f"/cases/{story.case_no}/items/{ITEM}/correction"


def test_a_result_is_corrected_and_both_values_and_the_reason_stand_there(pages: Pages) -> None:
    story = automatic(pages.store)
    officer = pages.by("officer-1")

    led = officer.send(
        page_of(officer, story), address(story), product="household_no", value=" A330123499 ", reason=REASON
    )

    page = officer.follow(led)
    assert "“出生户口登记”的办理结果已更正" in page.text
    assert "第 1 次更正" in page.text
    assert REASON in page.text
    assert "现为 A3****99" in page.text
    assert "A330123499" not in page.html
    desk = pages.by("desk-1").get(f"/cases/{story.case_no}")
    assert REASON in desk.text
    assert "“出生户口登记”办理结果更正: 户号" in desk.text


def test_only_the_department_of_a_concluded_item_finds_the_form(pages: Pages) -> None:
    done, open_case = automatic(pages.store), fresh(pages.store, key="key-2")

    assert f'action="{address(done)}"' in page_of(pages.by("officer-1"), done).html
    assert "更正办理结果" not in page_of(pages.by("officer-1"), open_case).text
    for account in ("desk-1", "caseworker-1"):
        assert "更正办理结果" not in page_of(pages.by(account), done).text
    # The police have an item of this case, and not the certificate.
    assert "/items/birth_certificate/correction" not in page_of(pages.by("officer-1"), done).html


def test_what_is_missing_is_said_at_its_field_and_what_was_typed_stays(pages: Pages) -> None:
    story = automatic(pages.store)
    officer = pages.by("officer-1")
    page = page_of(officer, story)

    without = officer.send(page, address(story), product="", value="A330123499", reason=REASON)
    empty = officer.send(page, address(story), product="household_no", value=" ", reason="")

    assert (without.status, empty.status) == (422, 422)
    assert "请选择要更正的内容" in without.text
    assert 'value="A330123499"' in without.html
    assert REASON in without.html
    assert "请填写正确的内容" in empty.text
    assert "请写明理由" in empty.text
    assert '<option value="household_no" selected>' in empty.html
    assert story.file.items[ITEM].corrections == ()


def test_a_form_sent_twice_corrects_once_and_what_stands_already_is_said(pages: Pages) -> None:
    story = automatic(pages.store)
    officer = pages.by("officer-1")
    page = page_of(officer, story)
    typed = {"product": "household_no", "value": "A330123499", "reason": REASON}

    assert [officer.send(page, address(story), **typed).status for _ in range(2)] == [303, 303]
    same = officer.send(page_of(officer, story), address(story), **typed)

    assert same.status == 409
    assert "与所填相同, 无需更正" in same.text
    assert len(story.file.items[ITEM].corrections) == 1


def test_whoever_opened_the_page_before_another_correction_looks_again(pages: Pages) -> None:
    story = automatic(pages.store)
    officer = pages.by("officer-1")
    old = page_of(officer, story)
    officer.send(old, address(story), product="household_no", value="A330123499", reason=REASON)

    late = officer.send(old, address(story), product="household_no", value="A330123400", reason=REASON)

    assert late.status == 412
    assert 'value="A330123400"' in late.html
    assert len(story.file.items[ITEM].corrections) == 1


def test_a_settled_pension_shows_the_difference_and_how_it_was_computed(pages: Pages) -> None:
    with pages.store.database.begin() as connection:
        provide_bureau(connection)
        add_account(connection, "bureau-2", unit=BUREAU, role=Role.PENSION_OFFICER, password=PASSWORD)
    retiree = Retiree(pages.store).assessed().paid()
    list(reassess(pages.store, 2025, datetime(2025, 10, 20, tzinfo=SHANGHAI)))
    browser = pages.stranger()
    browser.send(browser.get("/login"), "/login", account="bureau-2", password=PASSWORD)

    page = browser.get(f"/cases/{retiree.filed.case_no}")

    assert "月养老金: 原为 6001.80 , 现为 6063.30 , 相差 61.50 元" in page.text
    assert "应补发 184.50 元" in page.text
    assert "乘以已按原标准发放的 3 个月（2025-08 至 2025-10）" in page.text
    wrong = browser.send(
        page,
        f"/cases/{retiree.filed.case_no}/items/pension_assessment/correction",
        product="pension",
        value="六千",
        reason=REASON,
    )
    assert wrong.status == 422
    assert "请填写金额(元)" in wrong.text

"""Every role has its own first page, sees its own cases, and is offered what it may do."""

import pytest

from domain.identifiers import grouped_case_no
from domain.scopes import Role
from tests.pages.conftest import ACCOUNTS, Pages
from tests.pages.stories import SETTLE, automatic, contested, denied


@pytest.mark.parametrize("account", [one for one in ACCOUNTS if one != "caseworker-2"])
def test_every_role_has_a_first_page_and_never_a_dead_end(pages: Pages, account: str) -> None:
    browser = pages.by(account)
    role = ACCOUNTS[account][1]
    starts = {
        Role.VERIFIER: "/inbox",
        Role.COMMUNITY_WORKER: "/inbox",
        Role.UNIT_CHIEF: "/inbox",
        Role.PENSION_OFFICER: "/inbox",
        Role.REQUESTER: "/verifications",
        Role.DATA_CENTRE: "/listing",
        Role.AUDITOR: None,
    }

    first = browser.get("/")

    start = starts.get(role, "/cases")
    assert first.answer.headers.get("location") == start
    assert (first if start is None else browser.follow(first)).status == 200
    if role in {Role.AUDITOR, Role.COMMUNITY_WORKER, Role.DATA_CENTRE}:
        assert browser.get("/cases").status == 403
        assert "您无权办理此事" in browser.get("/cases").text


def test_each_sees_only_its_own_cases(pages: Pages) -> None:
    story = contested(pages.store)
    path = f"/cases/{story.case_no}"

    for account, status in {
        "desk-1": 200,
        "caseworker-1": 200,
        "neighbour-1": 404,
        "far-caseworker": 404,
        "auditor-1": 403,
        "community-1": 403,
    }.items():
        browser = pages.by(account)
        assert browser.get(path).status == status, account
        if account in {"neighbour-1", "far-caseworker"}:
            assert story.case_no not in browser.get("/cases?tab=all").html
            assert (
                "没有这个编号的办件" in browser.send(browser.get("/cases"), "/cases/find", case_no=story.case_no).text
            )


def test_a_department_sees_its_own_item_and_what_that_rests_on(pages: Pages) -> None:
    story = automatic(pages.store)
    officer = pages.by("officer-1")

    listed, page = officer.get("/cases?tab=all"), officer.get(f"/cases/{story.case_no}")

    assert "1/1" in listed.text.replace(" ", "")
    assert "出生户口登记" in page.text
    for kept_back in ("生育保险待遇", "待遇支付账户", "银行账号", "母亲参加职工医保", "办件经过", "撤回申请"):
        assert kept_back not in page.text
    assert "待我处理" not in listed.text
    assert "超期" not in listed.text


def test_who_takes_applications_in_does_not_settle_their_proofs(pages: Pages) -> None:
    story = contested(pages.store)
    desk = pages.by("desk-1")
    page = desk.get(f"/cases/{story.case_no}")

    assert "提交认定" not in page.text
    token = page.hidden("/logout", "csrf_token")
    assert desk.post(SETTLE.format(story.case_no), met="true", reason="不该我认定", csrf_token=token).status == 403
    assert story.file.proof("parents_marriage").state == "contested"


def test_an_auditor_reads_what_happened_and_nobodys_data(pages: Pages) -> None:
    story = denied(pages.store)
    auditor = pages.by("auditor-1")

    page = auditor.follow(
        auditor.send(auditor.get("/"), "/timelines/find", case_no=f" {grouped_case_no(story.case_no)} ")
    )

    assert "部门对“生育保险待遇”不予许可" in page.text
    assert "*" not in page.text
    assert auditor.send(auditor.get("/"), "/timelines/find", case_no="12").status == 422
    assert auditor.get("/cases/339901012611230000011/timeline").status == 404

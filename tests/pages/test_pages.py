"""The pages over HTTP, without any script: signing in, the list, the case, what is done there, and every way it can fail."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select

from api.pages import case_page
from domain.identifiers import grouped_case_no
from domain.scopes import Role
from store.access_log import verify
from store.accounts import disable_account
from store.read_models.accesses import AccessesWanted, AccessLine, list_accesses
from store.tables import access_log
from tests.api.conftest import PASSWORD
from tests.desk import MONDAY, family
from tests.pages.conftest import ACCOUNTS, Page, Pages
from tests.pages.stories import OTHER_CASEWORKER, STORIES, Story, automatic, contested, denied, escalated, rejected

SETTLE = "/cases/{}/proofs/parents_marriage/settlement"


def accesses(pages: Pages, account: str) -> list[tuple[str, tuple[str, ...], str, bool]]:
    """What the account has looked at: action, about what, why, and whether it was let."""
    with pages.store.database.reading() as connection:
        rows = connection.execute(
            select(access_log).where(access_log.c.account == account).order_by(access_log.c.position)
        )
        return [(row.action, tuple(row.about), row.purpose, row.granted) for row in rows]


# ── signing in and out ──────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_is_not_signed_in_is_led_to_the_door_and_back(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.stranger()

    led = browser.get(f"/cases/{story.case_no}?lang=zh")
    door = browser.follow(led)
    through = browser.send(door, "/login", account=pages.account("caseworker-1"), password=PASSWORD)

    assert led.answer.headers["location"].startswith("/login?next=")
    assert door.hidden("/login", "next") == f"/cases/{story.case_no}?lang=zh"
    assert browser.follow(through).status == 200
    assert "吕" in browser.follow(through).text


@pytest.mark.parametrize(
    "next", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere", "javascript:1", "/api/v1/cases"]
)
def test_nobody_is_led_elsewhere_after_signing_in(pages: Pages, next: str) -> None:
    browser = pages.stranger()
    door = Page(browser.client.get("/login", params={"next": next}))

    assert (
        browser.send(door, "/login", account=pages.account("desk-1"), password=PASSWORD).answer.headers["location"]
        == "/"
    )


def test_a_wrong_password_keeps_the_account_that_was_typed_and_not_the_password(pages: Pages) -> None:
    browser = pages.stranger()

    refused = browser.send(browser.get("/login"), "/login", account="desk-1", password="not this one")
    unknown = browser.send(browser.get("/login"), "/login", account="<b>x</b>", password="not this one")

    assert (refused.status, unknown.status) == (401, 401)
    assert refused.title.startswith("错误: ")
    assert 'value="desk-1"' in refused.html
    assert "not this one" not in refused.html
    assert "<b>x</b>" not in unknown.html
    assert "账号或密码不正确" in refused.text


def test_a_sign_in_that_does_not_come_from_our_form_is_refused(pages: Pages) -> None:
    browser = pages.stranger()

    forged = browser.post("/login", account="desk-1", password=PASSWORD, csrf_token="x")
    elsewhere = Page(
        browser.client.post("/login", data={"account": "desk-1"}, headers={"sec-fetch-site": "cross-site"})
    )

    assert (forged.status, elsewhere.status) == (403, 403)
    assert "onething=" not in forged.answer.headers.get("set-cookie", "").replace("onething-form=", "")
    assert browser.get("/cases").status == 303


def test_signing_out_ends_the_session_everywhere(pages: Pages) -> None:
    browser = pages.by("desk-1")
    cookie = browser.client.cookies["onething"]
    page = browser.get("/cases")

    assert browser.post("/logout", csrf_token="forged").status == 403
    assert browser.get("/cases").status == 200
    out = browser.send(page, "/logout")

    assert out.answer.headers["location"] == "/login"
    with httpx.Client(base_url=pages.url, trust_env=False) as thief:
        thief.cookies.set("onething", cookie)
        assert thief.get("/cases").status_code == 303
    assert browser.post("/logout", csrf_token="again").status == 303


def test_a_disabled_account_is_out_with_its_next_click(pages: Pages) -> None:
    browser = pages.by("desk-1")
    with pages.store.database.begin() as connection:
        disable_account(connection, "desk-1", MONDAY)

    assert browser.get("/cases").status == 303


# ── every role ──────────────────────────────────────────────────────────────────────────────────────────────────────


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
    if role in {Role.AUDITOR, Role.COMMUNITY_WORKER, Role.UNIT_CHIEF, Role.DATA_CENTRE}:
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


# ── the list ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_tells_by_tab_what_has_to_be_done(pages: Pages) -> None:
    stories = {name: story(pages.store, key=name) for name, story in STORIES.items()}
    pages.clock.at = MONDAY + timedelta(hours=27)
    browser = pages.by("caseworker-1")

    def shown(tab: str) -> set[str]:
        html = browser.get(f"/cases?tab={tab}").html
        return {name for name, story in stories.items() if f'id="case-{story.case_no}"' in html}

    assert shown("in_hand") == {"escalated", "contested", "rejected"}
    assert shown("overdue") == {"overdue"}
    assert shown("concluded") == {"automatic", "denied", "doubted"}
    assert shown("open") == {
        "fresh",
        "escalated",
        "contested",
        "overdue",
        "rejected",
        "twins",
        "verifying",
        "climbing",
    }
    assert shown("all") == set(stories)
    page = browser.get("/cases")
    assert re.findall(r'class="many">([^<]+)<', page.html) == ["8", "3", "1", "3", "12"]
    assert "“父母婚姻状况”核对不一致, 待经办人认定" in page.text
    assert "11月24日 周二 24:00 剩余 12 小时 0 分" in page.text
    assert "11月23日 周一 24:00 已超 12 小时 0 分" in page.text
    assert "11/14" in page.text.replace(" ", "")


def test_an_empty_list_says_what_would_be_there(pages: Pages) -> None:
    browser = pages.by("caseworker-1")

    for tab in ("open", "in_hand", "overdue", "concluded", "all"):
        page = browser.get(f"/cases?tab={tab}")
        assert 'class="empty"' in page.html
        assert "<table" not in page.html


def test_a_long_list_goes_on_page_by_page(pages: Pages) -> None:
    numbers = {Story(pages.store, family(number), key=str(number)).case_no for number in range(1, 56)}
    browser = pages.by("desk-1")
    seen: list[str] = []
    path: str | None = "/cases?tab=all"

    while path:
        html = browser.get(path).html
        seen += re.findall(r'id="case-(\d{21})"', html)
        more = re.search(r'class="next" href="([^"]+)"', html)
        path = more[1].replace("&amp;", "&") if more else None

    assert len(seen) == 55
    assert set(seen) == numbers
    assert browser.get("/cases?cursor=nonsense").status == 422


def test_a_number_leads_to_its_case_however_it_is_typed(pages: Pages) -> None:
    story = automatic(pages.store)
    browser = pages.by("desk-1")
    listed = browser.get("/cases")

    for typed in (story.case_no, grouped_case_no(story.case_no), f"  {story.case_no[:6]}-{story.case_no[6:]}  "):
        assert (
            browser.send(listed, "/cases/find", case_no=typed).answer.headers["location"] == f"/cases/{story.case_no}"
        )
    for typed in ("", "339901199403170006", "<i>1</i>", "339901012611230000011"):
        page = browser.send(listed, "/cases/find", case_no=typed)
        assert page.status == 422
        assert page.title.startswith("错误: ")
        assert "<i>" not in page.html


def test_names_in_lists_are_masked_and_their_reading_is_logged(pages: Pages) -> None:
    story = automatic(pages.store)
    browser = pages.by("caseworker-1")
    before = len(accesses(pages, "caseworker-1"))

    listed = browser.get("/cases?tab=all")
    rows = browser.get("/cases?tab=all&fragment=rows")

    assert "尉迟*" in listed.text
    assert "尉迟" not in rows.text
    assert "<html" not in rows.html
    assert accesses(pages, "caseworker-1")[before:] == [
        ("list_masked", (f"{story.case_no}/mother.name",), "查看办件列表", True)
    ]


# ── the case ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(STORIES))
def test_every_story_can_be_read_in_both_languages(pages: Pages, name: str) -> None:
    story = STORIES[name](pages.store)
    pages.clock.at = MONDAY + timedelta(hours=27)

    for account in ("caseworker-1", "officer-1"):
        browser = pages.by(account)
        chinese, english = browser.get(f"/cases/{story.case_no}"), browser.get(f"/cases/{story.case_no}?lang=en")

        assert (chinese.status, english.status) == (200, 200)
        assert grouped_case_no(story.case_no) in chinese.text
        assert story.case_no not in re.sub(r"<[^>]*>", "", chinese.html)
        # What families are called, and what people wrote, is not translated.
        left = re.sub(r"[\u3400-\u9fff]+\*", "", english.text)
        assert set(re.findall(r"[\u3400-\u9fff]+", left)) - NOTES - {"中文", "一"} == set()


NOTES = {"改在户籍地办理", "提供不了结婚证原件", "连续参保不足", "六个月", "已查阅档案", "档案中已离婚"}


def test_the_page_tells_all_there_is_about_a_denial(pages: Pages) -> None:
    story = denied(pages.store)

    page = pages.by("caseworker-1").get(f"/cases/{story.case_no}")

    assert "部分事项未办成" in page.text
    assert "“父母婚姻状况”不能证明" in page.text
    assert "前置事项“出生户口登记”未办成" in page.text
    assert "部门不予许可, 原因代码 not_insured_long_enough" in page.text
    assert "连续参保不足 <六个月>" in page.text
    assert "<六个月>" not in page.html
    assert "由 caseworker-1 认定" in page.text
    assert "登记中查无记录" in page.text
    assert "提交认定" not in page.text
    assert "撤回申请" not in page.text


def test_the_page_tells_why_it_waits_and_who_is_asked(pages: Pages) -> None:
    story = STORIES["overdue"](pages.store)
    pages.clock.at = MONDAY + timedelta(hours=27)

    page = pages.by("desk-1").get(f"/cases/{story.case_no}")

    assert "为什么还在等 等待公安办理“出生户口登记”: 自该时起联系不上" in page.text
    assert "自 11月24日 周二 00:00 起超过承诺时限, 部门须公开说明。" in page.text
    assert "系统持续重试(故障代码 http_503)" in page.text
    assert "部门编号 WJ20260021" in page.text
    assert "预计最迟 11月27日 周五 24:00" in page.text
    assert "数据共享 “分娩信息” (卫生健康) · 已答复" in page.text


def test_what_does_not_apply_says_why(pages: Pages) -> None:
    story = STORIES["withdrawn"](pages.store)

    page = pages.by("desk-1").get(f"/cases/{story.case_no}")

    assert "不适用" in page.text
    assert "母亲未参保" in page.text
    assert "申请已撤回" in page.text
    assert "等待卫生健康办理“母子健康手册”" in page.text


def test_reading_a_case_is_logged_and_everything_is_masked(pages: Pages) -> None:
    story = automatic(pages.store)
    browser = pages.by("caseworker-1")

    page = browser.get(f"/cases/{story.case_no}")

    action, about, purpose, granted = accesses(pages, "caseworker-1")[-1]
    assert (action, purpose, granted) == ("read_masked", "查看办件", True)
    assert "mother.citizen_id" in about
    assert "339901********0006" in page.text
    assert not re.search(r"(?<!\d)\d{17}[\dX](?!\d)", page.text)
    assert not re.search(r"(?<!\d)1\d{10}(?!\d)", page.text)
    with pages.store.database.reading() as connection:
        assert list(verify(connection)) == []


def test_the_whole_of_it_is_shown_for_a_minute_with_a_reason_that_is_logged(pages: Pages) -> None:
    story = automatic(pages.store)
    browser = pages.by("caseworker-1")
    path = f"/cases/{story.case_no}/reveal"
    page = browser.get(f"/cases/{story.case_no}")

    unexplained = browser.send(page, path, reason=" 嗯 ")
    shown = browser.send(page, path, reason="申请人来电\n核对号码")

    assert unexplained.status == 422
    assert "请写明理由" in unexplained.text
    assert ("reveal", "申请人来电 核对号码") in [(action, why) for action, _, why, _ in accesses(pages, "caseworker-1")]
    assert re.search(r"(?<!\d)\d{17}[\dX](?!\d)", shown.text)
    assert f'http-equiv="refresh" content="60;url=/cases/{story.case_no}"' in shown.html
    assert shown.answer.headers["cache-control"] == "no-store"
    assert browser.get(path).answer.headers["location"] == f"/cases/{story.case_no}"


# ── acts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_caseworker_settles_a_proof_and_is_told_what_follows(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.by("caseworker-1")
    page = browser.get(f"/cases/{story.case_no}")
    assert "与登记信息不一致的内容: 父亲 姓名、登记状态" in page.text

    led = browser.send(page, SETTLE.format(story.case_no), met="true", reason="已核对\r\n结婚证原件")
    after = browser.follow(led)

    proof = story.file.proof("parents_marriage")
    assert (proof.state, proof.settled_by) == ("met", "caseworker-1")
    assert "已认定“父母婚姻状况”成立" in after.text
    assert "理由: 已核对 结婚证原件" in after.text
    assert "提交认定" not in after.text
    assert browser.send(page, SETTLE.format(story.case_no), met="true", reason="已核对结婚证原件").status == 303


def test_an_incomplete_decision_comes_back_as_it_was_typed(pages: Pages) -> None:
    story = escalated(pages.store)
    browser = pages.by("caseworker-1")
    page = browser.get(f"/cases/{story.case_no}")

    unsure = browser.send(page, SETTLE.format(story.case_no), reason="看过 <原件>\n第二行")
    silent = browser.send(page, SETTLE.format(story.case_no), met="false", reason="  ")
    odd = browser.send(page, SETTLE.format(story.case_no), met="perhaps", reason="长" * 501)

    assert [one.status for one in (unsure, silent, odd)] == [422, 422, 422]
    assert all(one.title.startswith("错误: ") for one in (unsure, silent, odd))
    assert "请选择认定结果。" in unsure.text
    assert "看过 &lt;原件&gt;\n第二行</textarea>" in unsure.html
    assert re.search(r'id="settle-parents_marriage-no"[^>]* checked', silent.html)
    assert 'aria-invalid="true"' in silent.html
    assert story.file.proof("parents_marriage").state == "escalated"


def test_a_stale_decision_shows_the_case_as_it_is_and_keeps_what_was_typed(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.by("caseworker-1")
    page = browser.get(f"/cases/{story.case_no}")
    story.answer_birth_certificate_later()

    moved = browser.send(page, SETTLE.format(story.case_no), met="true", reason="已核对结婚证原件")
    again = browser.send(moved, SETTLE.format(story.case_no), met="true", reason="已核对结婚证原件")

    assert moved.status == 412
    assert "办件已有更新" in moved.text
    assert "已核对结婚证原件</textarea>" in moved.html
    assert re.search(r'id="settle-parents_marriage-yes"[^>]* checked', moved.html)
    assert again.status == 303


def test_a_decision_that_a_colleague_was_faster_with_says_whose_it_is(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.by("caseworker-1")
    page = browser.get(f"/cases/{story.case_no}")
    story.settled("parents_marriage", met=True, by=OTHER_CASEWORKER)

    late = browser.send(page, SETTLE.format(story.case_no), met="false", reason="没看到 <b>原件</b>")

    assert late.status == 412
    assert "“父母婚姻状况”已由 caseworker-2 认定, 您的提交没有生效。" in late.text
    assert "没看到 &lt;b&gt;原件&lt;/b&gt;" in late.html
    assert story.file.proof("parents_marriage").settled_by == "caseworker-2"


def test_two_browsers_deciding_at_once_decide_once(pages: Pages) -> None:
    story = contested(pages.store)
    browsers = [pages.by("caseworker-1"), pages.by("caseworker-2")]
    opened = [browser.get(f"/cases/{story.case_no}") for browser in browsers]
    answers: list[Page] = []

    def decide(number: int) -> None:
        answers.append(
            browsers[number].send(
                opened[number], SETTLE.format(story.case_no), met=("true", "false")[number], reason="同时认定"
            )
        )

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status for answer in answers) == [303, 412]


def test_a_form_without_the_sessions_token_changes_nothing(pages: Pages) -> None:
    story = contested(pages.store)
    browser, other = pages.by("caseworker-1"), pages.by("caseworker-2")
    version = str(story.file.version)
    foreign = other.get("/cases").hidden("/logout", "csrf_token")

    for token in ("", "x", foreign):
        refused = browser.post(
            SETTLE.format(story.case_no), met="true", reason="已核对", version=version, csrf_token=token
        )
        assert refused.status == 403
        assert "请求不是从本系统的页面发出的" in refused.text
    assert story.file.proof("parents_marriage").state == "contested"


def test_a_rejected_item_is_sent_again_with_a_reason(pages: Pages) -> None:
    story = rejected(pages.store)
    browser = pages.by("caseworker-1")
    path = f"/cases/{story.case_no}/items/mother_child_handbook/resubmission"
    page = browser.get(f"/cases/{story.case_no}")
    assert "卫生健康无法接收材料(故障代码 http_422)" in page.text

    assert browser.send(page, path, reason="").status == 422
    led = browser.send(page, path, reason="已与部门确认字段")

    assert "“母子健康手册”已重新送交部门" in browser.follow(led).text
    assert story.file.item("mother_child_handbook").attempt == 2


def test_a_withdrawal_is_confirmed_with_a_reason(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.by("desk-1")
    path = f"/cases/{story.case_no}/withdrawal"
    page = browser.get(f"/cases/{story.case_no}")

    unconfirmed = browser.send(page, path, reason="申请人改在户籍地办理")
    assert unconfirmed.status == 422
    assert "请确认是申请人要求撤回。" in unconfirmed.text
    assert '<details class="act" id="withdraw-details" open>' in unconfirmed.html
    assert story.file.state == "open"

    led = browser.send(page, path, reason="申请人改在户籍地办理", confirmed="yes")

    assert "申请已撤回: 未送部门的事项已取消" in browser.follow(led).text
    assert story.file.state == "withdrawn"
    assert browser.send(page, path, reason="申请人改在户籍地办理", confirmed="yes").status == 303


def test_the_answer_to_an_act_tells_only_of_what_the_case_has(pages: Pages) -> None:
    story = automatic(pages.store)
    browser = pages.by("desk-1")

    assert browser.get(f"/cases/{story.case_no}?done=met&part=<b>someone</b>").status == 200
    assert "已认定" not in browser.get(f"/cases/{story.case_no}?done=met&part=someone").text
    assert browser.get(f"/cases/{story.case_no}?done=anything").status == 422


# ── language ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_language_is_remembered_and_the_switch_leads_back(pages: Pages) -> None:
    browser = pages.stranger()

    assert "Sign in" in browser.get("/login?lang=en").text
    assert "Sign in" in browser.get("/login").text
    assert 'href="/login?lang=zh"' in browser.get("/login").html
    assert "登录" in browser.get("/login?lang=zh").text
    assert "登录" in browser.get("/login?lang=fr").text
    signed_in = pages.by("desk-1")
    assert 'href="/cases?tab=all&amp;lang=en"' in signed_in.get("/cases?tab=all").html


# ── what can go wrong ───────────────────────────────────────────────────────────────────────────────────────────────


def test_every_error_is_a_page_with_a_way_on(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    story = automatic(pages.store)
    browser = pages.by("desk-1")

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("339901199403170006 stands in this message")

    found = {
        404: browser.get("/cases/339901012611230000011"),
        405: browser.get("/cases/find".replace("find", story.case_no) + "/proofs/birth_record/settlement/x"),
        422: browser.get("/cases?tab=nothing"),
        403: pages.by("community-1").get("/cases"),
        401: pages.stranger().post(f"/cases/{story.case_no}/reveal", reason="为什么"),
    }
    monkeypatch.setattr(case_page, "shown", broken)
    found[500] = browser.get(f"/cases/{story.case_no}")

    for status, page in found.items():
        assert page.status == (404 if status == 405 else status)
        assert page.answer.headers["content-type"] == "text/html; charset=utf-8"
        assert page.title.startswith("错误: ")
        assert "回到首页" in page.text
    assert "3399011994" not in found[500].html
    assert "追踪号" in found[500].text
    assert f'href="/login?next=%2Fcases%2F{story.case_no}"' in found[401].html
    assert browser.get("/nowhere").status == 404
    assert browser.get("/logout").status == 405
    assert browser.get("/api/v1/nowhere").answer.headers["content-type"] == "application/problem+json"


def test_a_house_without_its_database_says_so_on_a_page(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    from store.database import CannotConnect

    browser = pages.by("desk-1")

    def down(*_: Any, **__: Any) -> None:
        raise CannotConnect

    monkeypatch.setattr("store.database.Database.reading", down)
    page = browser.get("/cases")

    assert page.status == 503
    assert page.answer.headers["retry-after"]
    assert "系统暂时无法访问数据" in page.text


def test_what_a_colleagues_act_forbids_is_said_on_the_page(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.by("caseworker-1")
    page = browser.get(f"/cases/{story.case_no}")
    story.withdrawn()
    token, version = page.hidden("/logout", "csrf_token"), str(story.file.version)

    late = browser.post(SETTLE.format(story.case_no), met="true", reason="已核对", version=version, csrf_token=token)

    assert late.status == 409
    assert late.title.startswith("错误: ")
    assert "您填写的内容保留如下" in late.text


@pytest.mark.parametrize("path", ["/login", "/cases", "/nowhere", "/static/onething.css"])
def test_every_answer_keeps_other_peoples_scripts_out(pages: Pages, path: str) -> None:
    headers = pages.by("desk-1").get(path).answer.headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert "x-server-time" in headers


def test_files_may_be_kept_as_long_as_their_address_stays(pages: Pages) -> None:
    browser = pages.stranger()
    addresses = re.findall(r'"(/static/[^"]+)"', browser.get("/login").html)

    assert len(addresses) == 3
    for address in addresses:
        answered = browser.get(address)
        assert answered.status == 200
        assert "immutable" in answered.answer.headers["cache-control"]
    assert browser.get("/static/../api/app.py").status == 404
    assert browser.get("/static/%2e%2e/app.py").status == 404


# ── live ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def heard(pages: Pages, account: str, path: str, change: Callable[[], Any]) -> list[str]:
    """What a stream tells the account after something happened; nothing, if it is silent for a while."""
    with pages.by(account).client.stream("GET", path) as answered:
        lines = answered.iter_lines()
        assert any(line == ": listening" for line in lines)
        change()
        silences = 0
        for line in lines:
            silences += line == ": still here"
            if line.startswith("data:"):
                return [line]
            if silences == 3:
                break
    return []


@pytest.mark.parametrize("path", ["/cases/changes", "/cases/{}/changes"])
def test_a_change_elsewhere_is_told_to_those_whose_case_it_is(pages: Pages, path: str) -> None:
    story = contested(pages.store)

    told = heard(pages, "desk-1", path.format(story.case_no), lambda: story.settled("parents_marriage", met=True))

    assert told == [f"data: {story.case_no}"]


def test_a_change_elsewhere_is_not_told_to_others(pages: Pages) -> None:
    story, another = contested(pages.store), STORIES["fresh"](pages.store, key="2")

    assert heard(pages, "neighbour-1", "/cases/changes", lambda: story.settled("parents_marriage", met=True)) == []
    assert heard(pages, "desk-1", f"/cases/{another.case_no}/changes", story.withdrawn) == []
    assert pages.by("neighbour-1").get(f"/cases/{story.case_no}/changes").status == 404


def access_lines(pages: Pages, case_no: str) -> list[AccessLine]:
    """What an auditor finds about the case."""
    from domain.actors import Actor
    from domain.scopes import Viewer

    auditor = Viewer(Actor(account="auditor-1", unit="office"), Role.AUDITOR, "339901")
    with pages.store.database.reading() as connection:
        return list_accesses(connection, auditor, AccessesWanted(case_no=case_no), None, 50)


def test_a_refused_look_is_in_the_log_of_the_case(pages: Pages) -> None:
    story = automatic(pages.store)

    pages.by("neighbour-1").get(f"/cases/{story.case_no}")

    assert [line.granted for line in access_lines(pages, story.case_no) if line.account == "neighbour-1"] == [False]

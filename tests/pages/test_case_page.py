"""The page of a case tells all there is about it, masked, and says why it waits."""

import re
from datetime import timedelta

import pytest

from domain.identifiers import grouped_case_no
from store.access_log import verify
from tests.desk import MONDAY
from tests.pages.conftest import Pages, access_lines, accesses
from tests.pages.stories import (
    STORIES,
    automatic,
    denied,
)


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


def test_a_refused_look_is_in_the_log_of_the_case(pages: Pages) -> None:
    story = automatic(pages.store)

    pages.by("neighbour-1").get(f"/cases/{story.case_no}")

    assert [line.granted for line in access_lines(pages, story.case_no) if line.account == "neighbour-1"] == [False]

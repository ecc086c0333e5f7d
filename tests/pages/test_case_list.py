"""The list of cases: its tabs, its pages, the search by number, and the names that are masked in it."""

import re
from datetime import timedelta

from domain.identifiers import grouped_case_no
from tests.desk import MONDAY, family
from tests.pages.conftest import Pages, accesses
from tests.pages.stories import (
    STORIES,
    Story,
    automatic,
)


def test_the_list_tells_by_tab_what_has_to_be_done(pages: Pages) -> None:
    stories = {name: story(pages.store, key=name) for name, story in STORIES.items()}
    pages.clock.at = MONDAY + timedelta(hours=27)
    browser = pages.by("caseworker-1")

    def shown(tab: str) -> set[str]:
        html = browser.get(f"/cases?tab={tab}").html
        return {name for name, story in stories.items() if f'id="case-{story.case_no}"' in html}

    assert shown("in_hand") == {"escalated", "contested", "rejected", "doubted"}
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
    assert re.findall(r'class="many">([^<]+)<', page.html) == ["8", "4", "1", "3", "12"]
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

"""The pages in a real browser, under the strict policy: live changes, countdown, keys, a phone, paper, and no script at all.

Needs a Chromium on this machine and the package `playwright`, which is no dependency of ours; without them
these tests are skipped and say so.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from store.links import sign_link
from tests.api.conftest import PASSWORD
from tests.desk import MONDAY
from tests.pages.conftest import Pages
from tests.pages.stories import OFFICER, STORIES, automatic, climbing, contested, doubted, verifying

playwright = pytest.importorskip(
    "playwright.sync_api", reason="NO BROWSER TESTS: install playwright into this environment, and Debian's chromium"
)
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("NO BROWSER TESTS: no chromium is installed (Debian: apt install chromium)", allow_module_level=True)

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"
SOON = 2_000
"""Milliseconds for what happens elsewhere to be seen here; usually a quarter."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser."""
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


Window = Callable[..., Any]


@pytest.fixture
def window(chromium: Any, pages: Pages) -> Iterator[Window]:
    """Opens a window for an account that has signed in; at the end, no console may have said anything."""
    said: list[str] = []
    contexts = []

    def opened(account: str, width: int = 1280, **more: Any) -> Any:
        context = chromium.new_context(base_url=pages.url, viewport={"width": width, "height": 900}, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda line: said.append(f"{line.type}: {line.text}"))
        page.on("pageerror", lambda fault: said.append(f"fault: {fault}"))
        page.goto("/login")
        page.fill("#account", pages.account(account))
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        page.wait_for_url(lambda address: not address.endswith("/login"))
        return page

    yield opened
    for context in contexts:
        context.close()
    # The browser itself notes an answer of 412 or 422; that is meant.
    assert [line for line in said if "status of 412" not in line and "status of 422" not in line] == []


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def test_a_change_elsewhere_is_seen_at_once_and_nothing_typed_is_lost(pages: Pages, window: Window) -> None:
    story = contested(pages.store)
    page = window("caseworker-1")
    page.goto(f"/cases/{story.case_no}")
    page.fill("#settle-parents_marriage-reason", "写到一半")
    page.wait_for_timeout(500)

    story.answer_birth_certificate_later()
    page.wait_for_selector("text=CS20260002", timeout=SOON)
    assert page.input_value("#settle-parents_marriage-reason") == "写到一半"
    assert page.evaluate("document.activeElement.id") == "settle-parents_marriage-reason"

    story.settled("parents_marriage", met=True)
    page.wait_for_selector(".alert .kept", timeout=SOON)
    assert page.inner_text(".alert .kept") == "写到一半"
    assert page.query_selector("#settle-parents_marriage") is None


def test_the_list_follows_what_happens_and_keeps_the_names(pages: Pages, window: Window) -> None:
    story = contested(pages.store)
    page = window("caseworker-1")
    page.goto("/cases?tab=all")
    page.wait_for_timeout(500)

    story.settled("parents_marriage", met=True)
    page.wait_for_selector(f"#case-{story.case_no}.changed", timeout=SOON)
    assert "彭*" in page.inner_text(f"#case-{story.case_no}")

    another = automatic(pages.store, key="2")
    page.wait_for_selector(f"#case-{another.case_no} >> text=8/8", timeout=2 * SOON)
    assert "尉迟*" in page.inner_text(f"#case-{another.case_no}")


def test_the_time_that_remains_counts_down_by_the_servers_clock(pages: Pages, window: Window) -> None:
    story = contested(pages.store)
    pages.clock.at = MONDAY + timedelta(hours=38, minutes=59, seconds=50)
    page = window("caseworker-1")
    page.goto(f"/cases/{story.case_no}")
    first = page.inner_text("#item-birth_certificate .left")

    assert first.startswith("剩余 00:")
    page.wait_for_selector("#item-birth_certificate .left.late")
    assert page.inner_text("#item-birth_certificate .left").startswith("已超 00:")


def test_the_list_is_worked_with_the_keyboard(pages: Pages, window: Window) -> None:
    stories = [story(pages.store, key=name) for name, story in STORIES.items()]
    page = window("caseworker-1")
    page.goto("/cases?tab=all")

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    wanted = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{wanted}")
    assert wanted.removeprefix("/cases/") in {story.case_no for story in stories}

    page.goto("/cases")
    page.keyboard.press("/")
    page.keyboard.type("jk")
    assert page.input_value("#case-no") == "jk"
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    page.check("#keys-off")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.tagName") == "BODY"


@pytest.mark.parametrize("name", ["contested", "denied", "overdue", "twins"])
def test_a_phone_shows_cards_and_nothing_sticks_out(pages: Pages, window: Window, name: str) -> None:
    story = STORIES[name](pages.store)
    page = window("caseworker-1", 390)

    for path in ("/cases?tab=all", f"/cases/{story.case_no}", f"/cases/{story.case_no}?lang=en"):
        page.goto(path)
        assert overflow(page) <= 0, path
    page.goto("/cases?tab=all")
    assert page.evaluate("getComputedStyle(document.querySelector('.cases tr td')).display") != "table-cell"


def test_paper_has_the_case_and_no_buttons(pages: Pages, window: Window) -> None:
    story = contested(pages.store)
    page = window("caseworker-1")
    page.goto(f"/cases/{story.case_no}")

    page.emulate_media(media="print")

    assert not page.is_visible("text=提交认定")
    assert not page.is_visible("text=退出")
    assert page.is_visible("text=办件经过")
    assert page.is_visible("#item-birth_certificate")


def test_everything_works_without_a_script(pages: Pages, window: Window) -> None:
    story = contested(pages.store)
    page = window("caseworker-1", java_script_enabled=False)

    page.click("text=待我处理")
    page.click(f"#case-{story.case_no} a")
    page.check("#settle-parents_marriage-yes")
    page.fill("#settle-parents_marriage-reason", "已核对结婚证原件")
    page.click("text=提交认定")

    assert "已认定“父母婚姻状况”成立" in page.inner_text(".alert.good")
    assert story.file.proof("parents_marriage").state == "met"
    page.click("text=退出")
    assert page.url.endswith("/login")


def test_an_officer_answers_with_the_keyboard(pages: Pages, window: Window) -> None:
    story = verifying(pages.store)
    page = window("civil-1")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/inbox/{story.question('parents_marriage')}")

    page.keyboard.press("2")
    page.keyboard.type("12 档案不同")
    assert page.input_value("#answer-reason") == "12 档案不同"
    assert page.is_checked("#answer-2")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".alert.good")

    assert story.file.proof("parents_marriage").state == "met"


def test_a_colleagues_answer_takes_the_row_away(pages: Pages, window: Window) -> None:
    story, other = verifying(pages.store), verifying(pages.store, key="2", number=16)
    page = window("civil-1")
    page.wait_for_timeout(500)

    story.verifier_says("parents_marriage", "matches", by=OFFICER)
    page.wait_for_selector(f"#v-{story.question('parents_marriage')}", state="detached", timeout=SOON)
    assert page.is_visible(f"#v-{other.question('parents_marriage')}")


def test_whoever_is_asked_can_answer_on_a_phone(pages: Pages, window: Window) -> None:
    asked, late = climbing(pages.store), doubted(pages.store, key="2")
    live = asked.file.verification("parents_marriage", 1, 2)
    assert live.due is not None
    address = f"/v/{sign_link(pages.store.vault, asked.question('parents_marriage'), live.due)}"
    page = window("mingyue-1", 390)

    for path in (
        "/inbox",
        f"/inbox/{asked.question('parents_marriage')}?lang=en",
        f"/inbox/{late.question('parents_marriage')}",
        address,
    ):
        page.goto(path)
        assert overflow(page) <= 0, path
    page.goto(f"{address}?lang=zh")
    for choice in page.query_selector_all(".big-choice"):
        assert choice.bounding_box()["height"] >= 48
    page.check("#answer-1")
    page.click("text=提交答复")
    page.wait_for_selector("text=谢谢, 已收到答复")
    assert asked.file.proof("parents_marriage").state == "met"


def test_an_error_is_read_first(pages: Pages, window: Window) -> None:
    story = contested(pages.store)
    page = window("caseworker-1")
    page.goto(f"/cases/{story.case_no}")
    page.evaluate("document.querySelector('#settle-parents_marriage').noValidate = true")

    page.click("text=提交认定")

    assert page.title().startswith("错误: ")
    assert "没有提交" in page.evaluate("document.activeElement.innerText")

"""Signing in and out: who is led where, and what a page never keeps."""

import httpx2 as httpx
import pytest

from store.accounts import disable_account
from tests.api.conftest import PASSWORD
from tests.desk import MONDAY
from tests.pages.conftest import Page, Pages
from tests.pages.stories import contested


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


def test_the_language_asked_for_is_kept_from_door_to_door(pages: Pages) -> None:
    browser, known = pages.stranger(), pages.by("caseworker-1")

    led = browser.get("/?lang=en")
    # As the browser of somebody who takes no cookies but the session's would ask.
    door = Page(httpx.get(pages.url + led.answer.headers["location"]))
    through = browser.send(browser.follow(led), "/login", account=pages.account("desk-1"), password=PASSWORD)
    home = browser.follow(browser.follow(through))

    assert '<html lang="en"' in door.html
    assert "Sign in" in door.text
    assert '<html lang="en"' in home.html
    assert known.get("/?lang=en").answer.headers["location"] == "/cases?lang=en"
    assert pages.by("civil-1").get("/?lang=en").answer.headers["location"] == "/inbox?lang=en"
    assert known.get("/?lang=tlh").answer.headers["location"] == known.get("/").answer.headers["location"] == "/cases"


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

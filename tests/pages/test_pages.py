"""Every page, without any script: its language, every way it can fail, and what it keeps out."""

import re
from typing import Any

import pytest

from api.pages import case_page
from tests.pages.conftest import Pages
from tests.pages.stories import (
    SETTLE,
    automatic,
    contested,
)

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

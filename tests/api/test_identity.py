"""Only who has shown who it is gets in, and whose right was revoked is out with the next request."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx2 as httpx
import pytest

from store.accounts import disable_account, issue_token, revoke_token
from store.database import Database
from tests.api.conftest import PASSWORD, Api, Clock, served
from tests.desk import MONDAY, store_on

HERE = "/api/v1/session"

NO_TOKENS: dict[str, Callable[[str], str | None]] = {
    "none": lambda _: None,
    "no token": lambda _: "Bearer",
    "cut": lambda token: f"Bearer {token[:-1]}",
    "longer": lambda token: f"Bearer {token}x",
    "other case": lambda token: f"Bearer {token.swapcase()}",
    "basic": lambda token: f"Basic {token}",
    "alg none": lambda _: "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJkZXNrLTEifQ.",
    "two": lambda token: f"Bearer {token}, Bearer {token}",
    "not ascii": lambda token: f"Bearer {token}é",
}


def session(api: Api, authorization: str | None) -> httpx.Response:
    headers = {} if authorization is None else {"authorization": authorization.encode("latin-1")}
    return httpx.get(f"{api.url}{HERE}", headers=headers, trust_env=False)  # type: ignore[arg-type]  # bytes are headers too


@pytest.mark.parametrize("kind", NO_TOKENS)
def test_a_token_that_is_none_opens_nothing(api: Api, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    answered = session(api, NO_TOKENS[kind](api.tokens["desk-1"]))

    assert answered.status_code == 401
    assert answered.json()["code"] == "identity.unknown"
    assert answered.headers["www-authenticate"].startswith("Bearer")
    assert set(answered.json()) == {"type", "title", "status", "code", "detail", "detail_zh", "trace_id", "errors"}
    assert api.tokens["desk-1"] not in "".join(capfd.readouterr())


def test_a_token_says_who_one_is(api: Api) -> None:
    told = session(api, f"bearer {api.tokens['officer-1']}").json()

    assert (told["account"], told["unit"], told["role"]) == ("officer-1", "police", "verifier")
    assert told["department"] == "public_security"
    assert told["csrf_token"] is None


def test_a_revoked_right_is_gone_with_the_next_request(api: Api) -> None:
    with api.store.database.begin() as connection:
        expiring = issue_token(connection, "desk-1", label="soon", at=MONDAY, expires_at=MONDAY + timedelta(minutes=1))
    assert session(api, f"Bearer {expiring}").status_code == 200
    api.clock.at += timedelta(minutes=2)
    assert session(api, f"Bearer {expiring}").status_code == 401

    assert session(api, f"Bearer {api.tokens['desk-1']}").status_code == 200
    with api.store.database.begin() as connection:
        revoke_token(connection, api.tokens["desk-1"], api.clock.at)
        disable_account(connection, "desk-2", api.clock.at)
    assert session(api, f"Bearer {api.tokens['desk-1']}").status_code == 401
    assert session(api, f"Bearer {api.tokens['desk-2']}").status_code == 401


# ── browsers ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def browser(api: Api) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.url, trust_env=False) as ours:
        yield ours


def sign_in(browser: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    return browser.post(HERE, json={"account": "desk-1", "password": password})


def test_a_browser_signs_in_and_out(browser: httpx.Client) -> None:
    signed_in = sign_in(browser)

    assert signed_in.status_code == 201
    cookie = signed_in.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert browser.get(HERE).json()["account"] == "desk-1"
    out = browser.delete(HERE, headers={"x-csrf-token": signed_in.json()["csrf_token"]})
    assert out.status_code == 204
    assert browser.get(HERE).status_code == 401


@pytest.mark.parametrize(
    ("account", "password"), [("desk-1", "wrong wrong"), ("nobody", PASSWORD), ("desk-2", PASSWORD)]
)
def test_one_sentence_for_every_sign_in_that_fails(browser: httpx.Client, account: str, password: str) -> None:
    answered = browser.post(HERE, json={"account": account, "password": password})

    assert answered.status_code == 401
    assert answered.json()["code"] == "sign_in.refused"
    assert password not in answered.text
    assert "set-cookie" not in answered.headers


def test_a_change_by_cookie_needs_the_sessions_own_token(browser: httpx.Client) -> None:
    csrf = sign_in(browser).json()["csrf_token"]
    path = "/api/v1/people/search"
    body = {"by": "phone", "value": "15499000000", "reason": "窗口查询"}

    def post(**headers: str) -> int:
        return browser.post(
            path, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        ).status_code

    assert post() == 403
    assert post(x_csrf_token="x") == 403
    assert post(x_csrf_token=csrf, sec_fetch_site="cross-site") == 403
    assert post(x_csrf_token=csrf, sec_fetch_site="same-site") == 403
    assert post(x_csrf_token=csrf, sec_fetch_site="same-origin") == 200
    assert post(x_csrf_token=csrf) == 200


def test_another_site_cannot_sign_a_browser_in(browser: httpx.Client) -> None:
    answered = browser.post(
        HERE, json={"account": "desk-1", "password": PASSWORD}, headers={"sec-fetch-site": "cross-site"}
    )

    assert answered.status_code == 403


def test_over_https_the_cookie_is_for_this_host_alone(database: Database, tokens: dict[str, str]) -> None:
    with served(store_on(database), Clock(), session_secure_cookie=True) as url:
        cookie = httpx.post(f"{url}{HERE}", json={"account": "desk-1", "password": PASSWORD}).headers["set-cookie"]

    assert cookie.startswith("__Host-onething=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie

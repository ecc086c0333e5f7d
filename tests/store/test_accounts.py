"""Only who is allowed gets in, and who is no longer allowed is out at once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection, event, select, text

from domain.actors import Actor
from domain.refusals import Refusal
from domain.scopes import Role, Viewer
from store import accounts
from store.accounts import (
    SESSION_LASTS,
    AccountFaulty,
    NameTaken,
    NoSuchAccount,
    NoSuchUnit,
    SignInRefused,
    add_account,
    add_unit,
    disable_account,
    issue_token,
    revoke_token,
    revoke_tokens,
    set_password,
    sign_in,
    sign_out,
    viewer_of_session,
    viewer_of_token,
)
from store.database import Database
from store.tables import sessions, tokens

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
A_MOMENT = timedelta(seconds=1)
PASSWORD = "松鼠爱吃 2026 颗松子"

DESK = Viewer(Actor(account="desk-1", unit="hospital"), Role.BIRTH_DESK, "999901")
OFFICER = Viewer(Actor(account="officer-1", unit="police"), Role.VERIFIER, "999901", "public_security")


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        add_unit(connection, "hospital", title="妇幼保健院", division="999901")
        add_unit(connection, "police", title="公安局", division="999901", department="public_security")
        add_account(connection, "desk-1", unit="hospital", role=Role.BIRTH_DESK, password=PASSWORD)
        add_account(connection, "officer-1", unit="police", role=Role.VERIFIER)
        yield connection


def test_a_program_is_known_by_its_token(connection: Connection) -> None:
    token = issue_token(connection, "officer-1", label="callbacks", at=MONDAY)

    assert token.startswith("ot_")
    assert viewer_of_token(connection, token, MONDAY) == OFFICER
    assert viewer_of_token(connection, token + "x", MONDAY) is None
    assert viewer_of_token(connection, "", MONDAY) is None
    assert viewer_of_token(connection, "ot_\ud800\x00", MONDAY) is None


def test_neither_token_nor_cookie_is_kept(connection: Connection) -> None:
    token = issue_token(connection, "officer-1", label="callbacks", at=MONDAY)
    signed_in = sign_in(connection, "desk-1", PASSWORD, MONDAY)
    kept = repr([*connection.execute(select(tokens)), *connection.execute(select(sessions))])

    assert token not in kept
    assert token.removeprefix("ot_") not in kept
    assert signed_in.cookie not in kept


def test_a_revoked_token_is_out_at_once(connection: Connection) -> None:
    token = issue_token(connection, "officer-1", label="callbacks", at=MONDAY)
    other = issue_token(connection, "officer-1", label="callbacks", at=MONDAY)

    assert revoke_token(connection, token, MONDAY)
    assert not revoke_token(connection, token, MONDAY)

    assert viewer_of_token(connection, token, MONDAY) is None
    assert viewer_of_token(connection, other, MONDAY) == OFFICER
    assert revoke_tokens(connection, "officer-1", "callbacks", MONDAY) == 1
    assert viewer_of_token(connection, other, MONDAY) is None


def test_a_token_ends_when_it_was_said_to_end(connection: Connection) -> None:
    token = issue_token(connection, "officer-1", label="trial", at=MONDAY, expires_at=MONDAY + A_MOMENT)

    assert viewer_of_token(connection, token, MONDAY) == OFFICER
    assert viewer_of_token(connection, token, MONDAY + A_MOMENT) is None


def test_a_password_opens_a_session_of_one_working_day(connection: Connection) -> None:
    signed_in = sign_in(connection, "desk-1", PASSWORD, MONDAY)

    assert signed_in.viewer == DESK
    assert signed_in.expires_at == MONDAY + SESSION_LASTS
    assert viewer_of_session(connection, signed_in.cookie, MONDAY) == (DESK, signed_in.csrf)
    assert viewer_of_session(connection, signed_in.cookie, MONDAY + SESSION_LASTS - A_MOMENT) is not None
    assert viewer_of_session(connection, signed_in.cookie, MONDAY + SESSION_LASTS) is None
    assert viewer_of_session(connection, signed_in.csrf, MONDAY) is None


def test_two_sign_ins_are_two_sessions_and_signing_out_ends_one(connection: Connection) -> None:
    first = sign_in(connection, "desk-1", PASSWORD, MONDAY)
    second = sign_in(connection, "desk-1", PASSWORD, MONDAY)

    sign_out(connection, first.cookie)
    sign_out(connection, first.cookie)

    assert viewer_of_session(connection, first.cookie, MONDAY) is None
    assert viewer_of_session(connection, second.cookie, MONDAY) is not None
    assert first.csrf != second.csrf


def test_yesterdays_sessions_are_swept_at_the_next_sign_in(connection: Connection) -> None:
    sign_in(connection, "desk-1", PASSWORD, MONDAY)
    sign_in(connection, "desk-1", PASSWORD, MONDAY + timedelta(days=1))

    assert connection.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 1


@pytest.mark.parametrize(
    ("account", "password"),
    [
        ("desk-1", "wrong"),
        ("desk-1", ""),
        ("desk-1", "x" * 5000),
        ("desk-1", "\ud800\x00"),
        ("nobody", PASSWORD),
        ("officer-1", PASSWORD),
        ("officer-1", ""),
    ],
)
def test_every_failed_sign_in_is_told_the_same(connection: Connection, account: str, password: str) -> None:
    with pytest.raises(SignInRefused) as refusal:
        sign_in(connection, account, password, MONDAY)

    assert refusal.value.zh == "账号或密码不正确"


def test_a_refusal_takes_as_long_for_an_unknown_account(connection: Connection) -> None:
    def seconds(account: str) -> float:
        took = []
        for _ in range(5):
            began = perf_counter()
            with pytest.raises(SignInRefused):
                sign_in(connection, account, "a wrong password", MONDAY)
            took.append(perf_counter() - began)
        return min(took)  # the least disturbed by whatever else the machine does

    seconds("nobody")

    assert 0.4 < seconds("nobody") / seconds("desk-1") < 2.5


def test_half_width_and_full_width_are_the_same_password(connection: Connection) -> None:
    assert sign_in(connection, "desk-1", PASSWORD.replace("2026", "2026"), MONDAY).viewer == DESK


def test_a_disabled_account_is_out_everywhere_at_once(connection: Connection) -> None:
    token = issue_token(connection, "desk-1", label="script", at=MONDAY)
    cookie = sign_in(connection, "desk-1", PASSWORD, MONDAY).cookie

    disable_account(connection, "desk-1", MONDAY)
    disable_account(connection, "desk-1", MONDAY + A_MOMENT)

    assert viewer_of_token(connection, token, MONDAY) is None
    assert viewer_of_session(connection, cookie, MONDAY) is None
    with pytest.raises(SignInRefused):
        sign_in(connection, "desk-1", PASSWORD, MONDAY)


def test_another_password_ends_the_sessions_of_the_old_one(connection: Connection) -> None:
    cookie = sign_in(connection, "desk-1", PASSWORD, MONDAY).cookie

    set_password(connection, "desk-1", "quite another one")

    assert viewer_of_session(connection, cookie, MONDAY) is None
    with pytest.raises(SignInRefused):
        sign_in(connection, "desk-1", PASSWORD, MONDAY)
    assert sign_in(connection, "desk-1", "quite another one", MONDAY).viewer == DESK


def test_a_password_kept_with_weaker_parameters_is_kept_anew_at_sign_in(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    weaker = connection.execute(text("SELECT password_hash FROM accounts WHERE account = 'desk-1'")).scalar_one()
    stronger = PasswordHasher(time_cost=3, memory_cost=19 * 1024, parallelism=1)
    monkeypatch.setattr(accounts, "_HASHER", stronger)

    sign_in(connection, "desk-1", PASSWORD, MONDAY)

    anew = connection.execute(text("SELECT password_hash FROM accounts WHERE account = 'desk-1'")).scalar_one()
    assert anew != weaker
    assert not stronger.check_needs_rehash(anew)


def test_each_request_costs_one_statement(connection: Connection) -> None:
    token = issue_token(connection, "officer-1", label="callbacks", at=MONDAY)
    cookie = sign_in(connection, "desk-1", PASSWORD, MONDAY).cookie
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *told: statements.append(told[2]))

    viewer_of_token(connection, token, MONDAY)
    viewer_of_session(connection, cookie, MONDAY)

    assert len(statements) == 2


def test_revoking_is_seen_by_other_connections(database: Database) -> None:
    with database.begin() as connection:
        add_unit(connection, "hospital", title="T", division="999901")
        add_account(connection, "desk-1", unit="hospital", role=Role.BIRTH_DESK)
        token = issue_token(connection, "desk-1", label="script", at=MONDAY)
    with database.begin() as connection:
        revoke_token(connection, token, MONDAY)

    with database.reading() as connection:
        assert viewer_of_token(connection, token, MONDAY) is None


@pytest.mark.parametrize("name", ["", "Desk", "desk 1", "经办人", "-x", "x" * 65, "a\nb", "onething"])
def test_names_are_plain_and_never_the_engines_own(connection: Connection, name: str) -> None:
    with pytest.raises(AccountFaulty):
        add_account(connection, name, unit="hospital", role=Role.BIRTH_DESK)
    with pytest.raises(AccountFaulty):
        add_unit(connection, name, title="T", division="999901")


def test_what_cannot_be_is_refused_with_its_reason(connection: Connection) -> None:
    refusals: list[type[Refusal]] = []
    for wrong in (
        lambda: add_unit(connection, "hospital", title="T", division="999901"),
        lambda: add_unit(connection, "x", title="T", division="999901", department="no_such"),
        lambda: add_account(connection, "desk-1", unit="hospital", role=Role.AUDITOR),
        lambda: add_account(connection, "a", unit="no_such", role=Role.AUDITOR),
        lambda: add_account(connection, "a", unit="hospital", role=Role.VERIFIER),
        lambda: add_account(connection, "a", unit="hospital", role=Role.AUDITOR, password="short"),
        lambda: set_password(connection, "no_such", PASSWORD),
        lambda: disable_account(connection, "no_such", MONDAY),
        lambda: issue_token(connection, "no_such", label="x", at=MONDAY),
    ):
        with pytest.raises(Refusal) as refusal:
            wrong()
        refusals.append(refusal.type)

    assert refusals == [
        NameTaken,
        AccountFaulty,
        NameTaken,
        NoSuchUnit,
        AccountFaulty,
        AccountFaulty,
        NoSuchAccount,
        NoSuchAccount,
        NoSuchAccount,
    ]

"""Who may sign in: units, their accounts, the tokens of programs and the sessions of browsers.

Only hashes are kept: whoever reads these tables can sign in as nobody. Every request asks the
tables again, in one statement, so that a revoked token or a disabled account is out with its next
request and not when some cache forgets it.

    Refusal
    ├── SignInRefused         one sentence for every reason
    ├── NameTaken
    ├── NoSuchUnit, NoSuchAccount
    └── AccountFaulty         a name, password, department or role that cannot be
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from secrets import token_hex, token_urlsafe
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Connection, Row, Select, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or

from domain.actors import THE_ENGINE, Actor
from domain.departments import DEPARTMENTS
from domain.refusals import Conflict, NotAcceptable, NotFound, Refusal
from domain.scopes import NEEDS_DEPARTMENT, Role, Viewer
from store.tables import accounts, sessions, tokens, units

SESSION_LASTS: Final = timedelta(hours=12)
"""One working day at a counter; the next morning starts with a password."""
PASSWORD_MIN_CHARACTERS: Final = 8
PASSWORD_MAX_CHARACTERS: Final = 1024
"""More is no password but an attempt to keep the processor busy."""
TOKEN_PREFIX: Final = "ot_"
"""So that a token left in a file is recognised by whoever, or whatever, finds it."""

# OWASP's second choice: 19 MiB and about 20 ms. Each hashing holds a connection of the pool, so that no more than
# the pool's size run at a time and their memory stays within a few hundred MiB.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class SignInRefused(Refusal):
    """The account and password do not fit; it is not said which, or whether there is such an account."""

    code = "sign_in.refused"

    def __init__(self) -> None:
        super().__init__("账号或密码不正确", "the account or the password is not right")


class NameTaken(Conflict):
    """A unit or an account of that name exists already."""

    code = "account.name_taken"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"“{name}”已存在", f"{name!r} exists already")


class NoSuchUnit(NotFound):
    """There is no unit of that code."""

    code = "unit.unknown"

    def __init__(self, unit: str) -> None:
        self.unit = unit
        super().__init__(f"没有“{unit}”这个单位", f"there is no unit {unit!r}")


class NoSuchAccount(NotFound):
    """There is no account of that name."""

    code = "account.unknown"

    def __init__(self, account: str) -> None:
        self.account = account
        super().__init__(f"没有“{account}”这个账号", f"there is no account {account!r}")


class AccountFaulty(NotAcceptable):
    """The unit or account cannot be as it was asked for."""

    code = "account.faulty"


@dataclass(frozen=True)
class SignedIn:
    """What the browser is given, once: the cookie for itself, the other token for its forms."""

    viewer: Viewer
    cookie: str
    csrf: str
    expires_at: datetime


# ── every request ───────────────────────────────────────────────────────────────────────────────────────────────────


def viewer_of_token(connection: Connection, token: str, at: datetime) -> Viewer | None:
    """Whose program it is; None when the token is unknown, expired or revoked, or its account disabled."""
    question = _viewers().join(tokens, tokens.c.account == accounts.c.account)
    found = connection.execute(
        question.where(
            tokens.c.digest == _digest(token),
            tokens.c.revoked_at.is_(None),
            or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > at),
        )
    ).first()
    return _viewer(found) if found else None


def viewer_of_session(connection: Connection, cookie: str, at: datetime) -> tuple[Viewer, str] | None:
    """Whose browser it is and the csrf token its forms must carry; None when signed out, expired or disabled."""
    question = _viewers().add_columns(sessions.c.csrf).join(sessions, sessions.c.account == accounts.c.account)
    found = connection.execute(question.where(sessions.c.digest == _digest(cookie), sessions.c.expires_at > at)).first()
    return (_viewer(found), found.csrf) if found else None


# ── signing in and out ──────────────────────────────────────────────────────────────────────────────────────────────


def sign_in(connection: Connection, account: str, password: str, at: datetime) -> SignedIn:
    """A new session; raises SignInRefused, after the same time whether or not there is such an account."""
    found = connection.execute(
        _viewers().add_columns(accounts.c.password_hash).where(accounts.c.account == account)
    ).first()
    if not _password_fits(found.password_hash if found else None, password) or found is None:
        raise SignInRefused
    if _HASHER.check_needs_rehash(found.password_hash):
        _keep_password(connection, account, password)
    signed_in = SignedIn(_viewer(found), token_urlsafe(32), token_urlsafe(32), at + SESSION_LASTS)
    connection.execute(delete(sessions).where(sessions.c.account == account, sessions.c.expires_at <= at))
    connection.execute(
        insert(sessions).values(
            digest=_digest(signed_in.cookie),
            account=account,
            csrf=signed_in.csrf,
            made_at=at,
            expires_at=signed_in.expires_at,
        )
    )
    return signed_in


def sign_out(connection: Connection, cookie: str) -> None:
    """The session is over; an unknown cookie is signed out already."""
    connection.execute(delete(sessions).where(sessions.c.digest == _digest(cookie)))


# ── keeping accounts ────────────────────────────────────────────────────────────────────────────────────────────────


def add_unit(connection: Connection, code: str, *, title: str, division: str, department: str | None = None) -> None:
    """A body that has accounts; raises NameTaken, AccountFaulty."""
    _check_name(code)
    if department is not None and department not in DEPARTMENTS:
        raise AccountFaulty(f"没有“{department}”这个部门", f"there is no department {department!r}")
    new = insert_or(units).values(code=code, title=title, division=division, department=department)
    if connection.execute(new.on_conflict_do_nothing().returning(units.c.code)).first() is None:
        raise NameTaken(code)


def add_account(connection: Connection, account: str, *, unit: str, role: Role, password: str | None = None) -> None:
    """An account of a unit; without a password only its tokens open the door.

    Raises NameTaken, NoSuchUnit, AccountFaulty.
    """
    _check_name(account)
    belongs_to = connection.execute(select(units.c.department).where(units.c.code == unit)).first()
    if belongs_to is None:
        raise NoSuchUnit(unit)
    if role in NEEDS_DEPARTMENT and belongs_to.department is None:
        raise AccountFaulty(
            f"“{unit}”不属于任何部门", f"the unit {unit!r} belongs to no department, the role needs one"
        )
    new = insert_or(accounts).values(
        account=account, unit=unit, role=role.value, password_hash=None if password is None else _hash(password)
    )
    if connection.execute(new.on_conflict_do_nothing().returning(accounts.c.account)).first() is None:
        raise NameTaken(account)


def set_password(connection: Connection, account: str, password: str) -> None:
    """Another password; whoever is signed in with the old one is signed out. Raises NoSuchAccount, AccountFaulty."""
    _keep_password(connection, account, password)
    connection.execute(delete(sessions).where(sessions.c.account == account))


def disable_account(connection: Connection, account: str, at: datetime) -> None:
    """Nothing opens the door any more: sessions end, tokens are revoked. Raises NoSuchAccount."""
    disabled = update(accounts).where(accounts.c.account == account, accounts.c.disabled_at.is_(None))
    if connection.execute(disabled.values(disabled_at=at)).rowcount == 0:
        _get_account(connection, account)
    connection.execute(delete(sessions).where(sessions.c.account == account))
    connection.execute(
        update(tokens).where(tokens.c.account == account, tokens.c.revoked_at.is_(None)).values(revoked_at=at)
    )


def issue_token(
    connection: Connection, account: str, *, label: str, at: datetime, expires_at: datetime | None = None
) -> str:
    """A new token, shown this once; raises NoSuchAccount."""
    _get_account(connection, account)
    token = TOKEN_PREFIX + token_urlsafe(32)
    connection.execute(
        insert(tokens).values(digest=_digest(token), account=account, label=label, made_at=at, expires_at=expires_at)
    )
    return token


def revoke_token(connection: Connection, token: str, at: datetime) -> bool:
    """The token opens nothing from now on; False when it opened nothing before."""
    revoked = update(tokens).where(tokens.c.digest == _digest(token), tokens.c.revoked_at.is_(None))
    return connection.execute(revoked.values(revoked_at=at)).rowcount == 1


def revoke_tokens(connection: Connection, account: str, label: str, at: datetime) -> int:
    """Revoke by label, for when the token itself is lost; returns how many."""
    revoked = update(tokens).where(tokens.c.account == account, tokens.c.label == label, tokens.c.revoked_at.is_(None))
    return connection.execute(revoked.values(revoked_at=at)).rowcount


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _viewers() -> Select[str, str, str, str, str | None]:
    return (
        select(accounts.c.account, accounts.c.unit, accounts.c.role, units.c.division, units.c.department)
        .join_from(accounts, units, units.c.code == accounts.c.unit)
        .where(accounts.c.disabled_at.is_(None))
    )


def _viewer(row: Row[*tuple[Any, ...]]) -> Viewer:
    return Viewer(Actor(account=row.account, unit=row.unit), Role(row.role), row.division, row.department)


def _digest(secret: str) -> bytes:
    # No salt and no slow hash: 256 random bits cannot be guessed, and the digest is what is looked up.
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AccountFaulty(
            "名称只能用小写字母、数字和 . _ @ -, 最多 64 位",
            "a name is made of small letters, digits and . _ @ -, at most 64 of them",
        )
    if name in (THE_ENGINE.account, THE_ENGINE.unit):
        raise AccountFaulty(f"“{name}”留给系统自身", f"{name!r} is the engine's own name")


def _get_account(connection: Connection, account: str) -> None:
    if connection.execute(select(accounts.c.account).where(accounts.c.account == account)).first() is None:
        raise NoSuchAccount(account)


def _keep_password(connection: Connection, account: str, password: str) -> None:
    kept = update(accounts).where(accounts.c.account == account).values(password_hash=_hash(password))
    if connection.execute(kept).rowcount == 0:
        raise NoSuchAccount(account)


def _hash(password: str) -> str:
    if not PASSWORD_MIN_CHARACTERS <= len(password) <= PASSWORD_MAX_CHARACTERS:
        raise AccountFaulty(
            f"密码至少 {PASSWORD_MIN_CHARACTERS} 位", f"a password has at least {PASSWORD_MIN_CHARACTERS} characters"
        )
    return _HASHER.hash(_typed(password))


def _password_fits(kept: str | None, password: str) -> bool:
    if len(password) > PASSWORD_MAX_CHARACTERS:
        return False
    try:
        _HASHER.verify(kept or _nobodys_password(), _typed(password))
    except (VerifyMismatchError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobodys_password() -> str:
    """What an unknown account's password is compared with, so that the time of the answer does not tell."""
    return _HASHER.hash(token_hex(32))


def _typed(password: str) -> bytes:
    # An input method may produce the same character in two ways, half or full width.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")

"""`onething grant`: which unit may query which register; an operator writes down what unit and data centre decided."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, Plain, moment, say, show, show_json, show_table
from cli.surroundings import State, adopt, open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from domain.bundle import Bundle
    from domain.grants import Grant
    from domain.scopes import Viewer

app = typer.Typer(no_args_is_help=True, help="数据权限 · Which unit may query which register.")

By = Annotated[
    str,
    typer.Option("--by", metavar="ACCOUNT", help="以谁的名义 · The account that decided; the rules hold for it too."),
]
Why = Annotated[str, typer.Option("--reason", help="理由 · Why.")]
GrantIds = Annotated[list[UUID], typer.Argument(metavar="ID", help="权限编号 · As `onething grant list` shows them.")]


class StateName(StrEnum):
    """The states, spelt out here so that help needs no rules of the field; a test compares them with the rules."""

    APPLIED = "applied"
    APPROVED = "approved"
    REFUSED = "refused"
    REVOKED = "revoked"
    EXPIRED = "expired"


@app.command("list", short_help="数据权限一览 · The grants.")
def list_(
    unit: Annotated[str | None, typer.Option(help="单位 · Of this unit.")] = None,
    stands: Annotated[StateName | None, typer.Option("--stands", help="状态 · In this state.")] = None,
    as_json: AsJson = False,
    plain: Plain = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething grant list --unit hospital
      onething grant list --stands applied           等待审批 · waiting for the data centre

    谁可查询哪个数据源, 至何日 · Who may query which register, for which life event, until when; the latest first.
    """
    adopt(state)
    from domain.grants import GrantState
    from store.grants import GrantsWanted, list_grants

    at = datetime.now(UTC)
    wanted = GrantsWanted(unit=unit, state=None if stands is None else GrantState(stands.value))
    with open_database() as database, database.reading() as connection:
        found = list_grants(connection, wanted, at)
    if as_json:
        show_json([_told(grant, at) for grant in found])
        return
    show_table(
        ("编号 id", "单位 unit", "数据源 register", "用途 purpose", "状态 state", "至 until", "申请 applied"),
        (_line(grant, at) for grant in found),
        plain=plain,
        empty="没有数据权限 No grants: onething grant missing",
    )


@app.command(short_help="申请 · Apply for a unit.")
def apply(
    sources: Annotated[
        list[str], typer.Argument(metavar="REGISTER", help="数据源 · As `onething grant missing` shows them.")
    ],
    bundle: Annotated[str, typer.Option(help="一件事代码, * 为全部 · The bundle's code; * for every bundle.")],
    by: By,
    reason: Annotated[str, typer.Option(help="理由 · What it is needed for.")],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="有效期至 · The last day, at most two years ahead; else one year."),
    ] = None,
    signed: Annotated[
        bool, typer.Option("--signed", help="保密协议已签 · This account has signed the confidentiality agreement.")
    ] = False,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething grant apply marriage_register --bundle newborn --by desk --reason 核验父母婚姻状况 --signed
      onething grant apply insured_persons employers --bundle newborn --by desk --reason 生育津贴 --until 2027-06-30

    以本单位账号申请查询数据源 · Apply, for the unit of that account; all registers or none.
    """
    adopt(state)
    from domain import grants as rules
    from domain.catalogue import catalogue
    from store import grants as kept

    at = datetime.now(UTC)
    valid_until = rules.years_after(rules.day_of(at), 1) if until is None else until.date()
    with open_database() as database, database.begin() as connection:
        viewer = _acting(connection, by)
        made: list[Grant] = []
        for source in dict.fromkeys(sources):
            wanted = rules.Wanted(source=source, purpose=bundle, reason=reason, valid_until=valid_until)
            grant = kept.apply(connection, wanted, key=uuid4().hex, by=viewer, at=at, bundles=catalogue()).grant
            made.append(kept.sign(connection, grant.id, by=viewer, at=at) if signed else grant)
        _note_operator(connection, at, "apply", viewer, made)
    _show_changed(made, at, as_json=as_json)
    say("已申请, 待数据中心审批 Applied; next: onething grant approve ID --by ACCOUNT")


@app.command(short_help="审批 · The data centre approves.")
def approve(ids: GrantIds, by: By, as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething grant approve 0b0c6a2e-6f43-5c6e-9d5c-0b8f0a6a5f10 --by data-centre
      onething grant list --stands applied --plain | cut -f1 | xargs onething grant approve --by data-centre

    数据中心批准 · The data centre approves; not by the account that applied, and only what is signed. All or none.
    """
    adopt(state)
    from store import grants as kept

    at = datetime.now(UTC)
    with open_database() as database, database.begin() as connection:
        viewer = _acting(connection, by)
        changed = [kept.approve(connection, id, by=viewer, at=at) for id in ids]
        _note_operator(connection, at, "approve", viewer, changed)
    _show_changed(changed, at, as_json=as_json)
    say(f"已批准 Approved: {len(changed)}")


@app.command(short_help="不予批准 · The data centre does not approve.")
def refuse(ids: GrantIds, by: By, reason: Why, as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething grant refuse 0b0c6a2e-6f43-5c6e-9d5c-0b8f0a6a5f10 --by data-centre --reason 非本单位职责

    数据中心不予批准 · The data centre does not approve what was applied for, and says why. All or none.
    """
    adopt(state)
    from store import grants as kept

    _end(kept.refuse, "refuse", ids, by, reason, as_json=as_json)


@app.command(short_help="撤销 · The data centre takes a right back.")
def revoke(ids: GrantIds, by: By, reason: Why, as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething grant revoke 0b0c6a2e-6f43-5c6e-9d5c-0b8f0a6a5f10 --by data-centre --reason 职责调整

    数据中心撤销已批准的权限 · The data centre takes an approved right back, and says why; the next query is refused
    already. All or none.
    """
    adopt(state)
    from store import grants as kept

    _end(kept.revoke, "revoke", ids, by, reason, as_json=as_json)


@app.command(short_help="缺少的权限 · What is missing.")
def missing(
    unit: Annotated[str | None, typer.Option(help="单位 · Of this unit; else all that take applications in.")] = None,
    bundle: Annotated[
        str | None,
        typer.Option(help="一件事代码, 或 single_proof · For this bundle; else all in force, and single proofs."),
    ] = None,
    as_json: AsJson = False,
    plain: Plain = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething grant missing
      onething grant missing --unit hospital --bundle newborn --json
      onething grant missing --bundle single_proof   单项核验 · for single proofs

    一件事或单项核验需要而单位无权查询的数据源 · Registers that a bundle or a single proof needs and a unit may not query:
    they are not asked, and a person has to settle the proof.
    """
    adopt(state)
    from domain import single_proof
    from domain.catalogue import catalogue
    from domain.grants import day_of
    from store.grants import lacking, lacking_for_single_proofs, units_that_ask

    at = datetime.now(UTC)
    today = day_of(at)
    if bundle is None:
        bundles: Sequence[Bundle] = catalogue().all_in_force(today)
    else:
        bundles = () if bundle == single_proof.BUNDLE else (catalogue().in_force(bundle, today),)
    with open_database() as database, database.reading() as connection:
        found = lacking(connection, bundles, at, of_units=None if unit is None else (unit,))
        if bundle in {None, single_proof.BUNDLE}:
            # A birth desk asks for none: that it may query nothing for them is nothing missing.
            asking = [one for one in units_that_ask(connection) if unit in {None, one}]
            found += lacking_for_single_proofs(connection, at, of_units=asking)
    if as_json:
        show_json([{"unit": one.unit, "bundle": one.bundle, "sources": list(one.sources)} for one in found])
        return
    show_table(
        ("单位 unit", "一件事 bundle", "数据源 register"),
        ((one.unit, one.bundle, source) for one in found for source in one.sources),
        plain=plain,
        empty="没有缺少的权限 Nothing is missing.",
    )


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _end(ended: "Callable[..., Grant]", word: str, ids: list[UUID], by: str, reason: str, *, as_json: bool) -> None:
    if not reason.strip():
        raise Leave(Exit.USAGE, "请写明理由 Say why: --reason TEXT")
    at = datetime.now(UTC)
    with open_database() as database, database.begin() as connection:
        viewer = _acting(connection, by)
        changed = [ended(connection, id, by=viewer, at=at, because=reason) for id in ids]
        _note_operator(connection, at, word, viewer, changed)
    _show_changed(changed, at, as_json=as_json)
    say(f"已{'撤销 Revoked' if word == 'revoke' else '不予批准 Refused'}: {len(changed)}")


def _acting(connection: "Connection", account: str) -> "Viewer":
    """Whose decision it is; the same rules hold for it as over HTTP. Raises NoSuchAccount."""
    from sqlalchemy import select

    from domain.actors import Actor
    from domain.scopes import Role, Viewer
    from store.accounts import NoSuchAccount
    from store.tables import accounts, units

    found = connection.execute(
        select(accounts.c.unit, accounts.c.role, units.c.division, units.c.department)
        .join_from(accounts, units, units.c.code == accounts.c.unit)
        .where(accounts.c.account == account, accounts.c.disabled_at.is_(None))
    ).first()
    if found is None:
        raise NoSuchAccount(account)
    return Viewer(Actor(account=account, unit=found.unit), Role(found.role), found.division, found.department)


def _note_operator(connection: "Connection", at: datetime, word: str, viewer: "Viewer", changed: "list[Grant]") -> None:
    """The log says, beside whose decision it was, that it came through this command."""
    from domain.actors import Actor
    from store.access_log import Access, note_for_unit

    access = Access(
        at=at,
        by=Actor(account="operator", unit="operator"),
        action="act_for_account",
        about=(f"account/{viewer.actor.account}", *(f"grant/{grant.id}" for grant in changed)),
        purpose=f"onething grant {word}",
        recipient=viewer.actor.unit,
    )
    note_for_unit(connection, [access])


def _show_changed(changed: "list[Grant]", at: datetime, *, as_json: bool) -> None:
    if as_json:
        show_json([_told(grant, at) for grant in changed])
    else:
        show(*("\t".join(_line(grant, at)) for grant in changed))


def _line(grant: "Grant", at: datetime) -> tuple[str, ...]:
    from domain.grants import GrantState, day_of

    stands = grant.state_on(day_of(at))
    unsigned = stands is GrantState.APPLIED and grant.confidentiality_signed_at is None
    return (
        str(grant.id),
        grant.unit,
        grant.source,
        grant.purpose,
        f"{stands} 未签保密协议 unsigned" if unsigned else str(stands),
        str(grant.valid_until),
        moment(grant.applied_at),
    )


def _told(grant: "Grant", at: datetime) -> dict[str, Any]:
    from dataclasses import asdict

    from domain.grants import day_of

    return {**asdict(grant), "state": str(grant.state_on(day_of(at)))}

"""`onething account`: who may sign in, and the tokens of programs."""

import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, NoInput, Plain, moment, say, show, show_json, show_table
from cli.surroundings import State, adopt, open_database

app = typer.Typer(no_args_is_help=True, help="账号与令牌 · Accounts and tokens.")


class RoleName(StrEnum):
    """The roles, spelt out here so that help needs no rules of the field; a test compares them with `domain.scopes`."""

    BIRTH_DESK = "birth_desk"
    CASEWORKER = "caseworker"
    SUPERVISOR = "supervisor"
    VERIFIER = "verifier"
    COMMUNITY_WORKER = "community_worker"
    UNIT_CHIEF = "unit_chief"
    REQUESTER = "requester"
    DATA_CENTRE = "data_centre"
    PENSION_OFFICER = "pension_officer"
    AUDITOR = "auditor"
    INTEGRATOR = "integrator"


@app.command("list", short_help="账号 · The accounts.")
def list_(as_json: AsJson = False, plain: Plain = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething account list

    账号与所属单位 · The accounts and their units.
    """
    adopt(state)
    from sqlalchemy import select

    from store.tables import accounts, units

    question = (
        select(accounts, units.c.title, units.c.division, units.c.department)
        .join_from(accounts, units, units.c.code == accounts.c.unit)
        .order_by(accounts.c.unit, accounts.c.account)
    )
    with open_database() as database, database.reading() as connection:
        rows = connection.execute(question).all()
    if as_json:
        show_json(
            [
                {
                    "account": row.account,
                    "role": row.role,
                    "unit": row.unit,
                    "unit_title": row.title,
                    "division": row.division,
                    "department": row.department,
                    "has_password": row.password_hash is not None,
                    "disabled_at": row.disabled_at,
                }
                for row in rows
            ]
        )
        return
    show_table(
        ("账号 account", "角色 role", "单位 unit", "部门 department", "停用 disabled"),
        (
            (row.account, row.role, f"{row.unit} {row.title}", row.department or "", moment(row.disabled_at))
            for row in rows
        ),
        plain=plain,
        empty="还没有账号 No accounts yet: onething account add",
    )


@app.command(short_help="新增账号 · Add an account.")
def add(
    account: Annotated[str, typer.Argument(help="账号 · Its name: small letters, digits and . _ @ -")],
    role: Annotated[RoleName, typer.Option(help="角色 · What it is for.")],
    unit: Annotated[str, typer.Option(help="单位代码 · The unit it belongs to.")],
    unit_title: Annotated[str | None, typer.Option(help="新单位的名称 · Makes the unit, under this title.")] = None,
    division: Annotated[str | None, typer.Option(help="新单位的区划 · The division of a new unit, six digits.")] = None,
    department: Annotated[str | None, typer.Option(help="新单位的部门 · The department of a new unit.")] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="密码文件 · A file whose first line is the password."),
    ] = None,
    no_password: Annotated[bool, typer.Option("--no-password", help="仅令牌 · Only tokens open the door.")] = False,
    no_input: NoInput = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查 · Check everything and change nothing.")] = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething account add zhang --role caseworker --unit service-centre
      onething account add his --role integrator --unit hospital --unit-title 妇幼保健院 --division 330782 --no-password

    新增账号 · Add an account; asks for its password. A password is never an option: those are logged.
    """
    adopt(state)
    from domain.scopes import Role
    from store.accounts import add_account, add_unit

    password: str | None = None
    if password_file is not None:
        password = password_file.read_text("utf-8").splitlines()[0]
    elif not no_password:
        if no_input or not sys.stdin.isatty():
            raise Leave(Exit.USAGE, "请给出 Give --password-file FILE, 或 or --no-password.")
        password = typer.prompt("密码 · Password", hide_input=True, confirmation_prompt=True, err=True)
    if (unit_title is None) != (division is None):
        raise Leave(Exit.USAGE, "新单位需要 A new unit needs: --unit-title, --division")
    try:
        with open_database() as database, database.begin() as connection:
            if unit_title is not None and division is not None:
                add_unit(connection, unit, title=unit_title, division=division, department=department)
            add_account(connection, account, unit=unit, role=Role(role.value), password=password)
            if dry_run:
                raise _OnlyTried
    except _OnlyTried:
        say("可以新增, 未作改动 It could be added; nothing was changed.")
        return
    say(f"已新增 Added: {account} ({role.value}, {unit})")


@app.command(short_help="发放或作废令牌 · Issue or revoke a token.")
def token(
    account: Annotated[str, typer.Argument(help="账号 · The account.")],
    label: Annotated[str, typer.Option(help="用途 · What it is for; it is revoked by this label.")],
    days: Annotated[
        int | None, typer.Option(min=1, help="有效天数 · Days it is valid; without: until revoked.")
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="作废 · Revoke all tokens of this label instead.")] = False,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething account token his --label "ward 3" > token      只显示这一次 · shown this once
      onething account token his --label "ward 3" --revoke

    发放或作废程序令牌 · Issue or revoke a program's token; only its hash is kept.
    """
    adopt(state)
    from store.accounts import issue_token, revoke_tokens

    at = datetime.now(UTC)
    expires_at = None if days is None else at + timedelta(days=days)
    with open_database() as database, database.begin() as connection:
        if revoke:
            if not (count := revoke_tokens(connection, account, label, at)):
                raise Leave(Exit.NOT_FOUND, f"{account} 没有此用途的有效令牌 has no valid token labelled {label!r}.")
            say(f"已作废 Revoked: {count}")
            return
        issued = issue_token(connection, account, label=label, at=at, expires_at=expires_at)
    if as_json:
        show_json({"account": account, "label": label, "token": issued, "expires_at": expires_at})
    else:
        show(issued)


class _OnlyTried(Exception):
    """Rolls back what was only to be tried."""

"""`onething people`: forget a person for good, as the law gives everybody a right to."""

import sys
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, NoInput, say, show, show_json
from cli.surroundings import State, adopt, open_database, open_vault

app = typer.Typer(no_args_is_help=True, help="个人信息权利 · People's rights over their data.")

BASIS = "个人信息保护法 47"


@app.command(short_help="遗忘一个人 · Forget one person for good.")
def forget(
    kind: Annotated[
        str, typer.Option(help="证件类型 · Kind of document: citizen_id, passport.", metavar="KIND")
    ] = "citizen_id",
    confirm: Annotated[
        UUID | None,
        typer.Option(help="按此内部编号确认 · Confirm with the person's reference shown before.", metavar="REF"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只查看 · Only say whom it would concern.")] = False,
    no_input: NoInput = False,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething people forget                     询问号码并请求确认 · asks for the number and for a confirmation
      onething people forget --dry-run < number  从标准输入读号码 · the number on standard input
      onething people forget --confirm REF < number

    销毁一个人的数据密钥 · Destroy one person's data key: what it sealed is unreadable from then on, backups included;
    the events of their cases stay whole. It cannot be undone. The number is never an argument: those are logged.
    """
    adopt(state)
    from domain.actors import Actor
    from store.access_log import Access, note_for_unit

    number = _number(no_input)
    vault = open_vault()
    with open_database() as database, database.reading() as connection:
        person = vault.person_of(connection, kind, number)
    if person is None:
        raise Leave(
            Exit.NOT_FOUND, "查无此人, 或已被遗忘 Nobody is known under this number, or they are forgotten already."
        )
    if dry_run:
        if as_json:
            show_json({"person": str(person), "forgotten": False})
        else:
            show(str(person))
        return
    if confirm is None and not no_input and sys.stdin.isatty():
        say(f"将永久遗忘 {person}, 不可恢复 This person will be forgotten for good.")
        if typer.prompt("输入 forget 以确认 · Type forget to confirm", err=True) != "forget":
            raise Leave(Exit.FAILED, "未确认, 未作改动 Not confirmed; nothing was changed.")
    elif confirm != person:
        raise Leave(Exit.USAGE, f"需要确认 Confirm with: --confirm {person}")
    at = datetime.now(UTC)
    with open_database() as database, database.begin() as connection:
        vault.forget(connection, person, at)
        # No account of ours does this: it is the operator, by law, at the person's own request.
        operator = Actor(account="operator", unit="operator")
        access = Access(at=at, by=operator, action="forget", about=(f"person/{person}",), purpose=BASIS)
        note_for_unit(connection, [access])
    if as_json:
        show_json({"person": str(person), "forgotten": True})
    say("已遗忘 Forgotten.")


def _number(no_input: bool) -> str:
    if sys.stdin.isatty():
        if no_input:
            raise Leave(Exit.USAGE, "号码请由标准输入给出 Give the number on standard input.")
        typed: str = typer.prompt("证件号码 · Number", hide_input=True, err=True)
        return typed.strip()
    return sys.stdin.readline().strip()

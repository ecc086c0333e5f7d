"""`onething notice`: what people have not been told, and how a refused notice is put back."""

from typing import TYPE_CHECKING, Annotated, assert_never
from uuid import UUID

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, Plain, moment, say, show, show_json, show_table
from cli.surroundings import State, adopt, open_database

if TYPE_CHECKING:
    from store.undelivered import Retry

app = typer.Typer(no_args_is_help=True, help="提醒 · What people have not been told.")


@app.command("list", short_help="未送达的提醒 · The notices that were not sent.")
def list_(as_json: AsJson = False, plain: Plain = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething notice list
      onething notice list --json | jq '.[] | select(.standing == "refused")'

    未送达的提醒, 先写的在前; 不含个人信息 · Every notice that was not sent, the oldest first; nobody is named.
    unsent: 继续重试 tried until the receiver answers · refused: 接收方拒收 given up, and may be put back ·
    overtaken: 已被后续提醒取代 given up, and too late for its card.
    """
    adopt(state)
    from dataclasses import asdict

    from store.undelivered import list_not_sent

    with open_database() as database, database.reading() as connection:
        found = list_not_sent(connection)
    if as_json:
        show_json([asdict(one) for one in found])
        return
    show_table(
        (
            "编号 id",
            "状态 state",
            "办件 case",
            "证明 proof",
            "动作 action",
            "单位 unit",
            "次数 tried",
            "原因 fault",
            "自 made",
        ),
        (
            (
                str(one.id),
                str(one.standing),
                one.case_no,
                one.title,
                one.action,
                one.unit,
                str(one.attempts),
                one.fault or "",
                moment(one.made_at),
            )
            for one in found
        ),
        plain=plain,
        empty="提醒均已送达 Every notice was sent.",
    )


@app.command(short_help="重发拒收的提醒 · Put refused notices back.")
def retry(
    ids: Annotated[
        list[UUID] | None, typer.Argument(metavar="ID", help="提醒编号 · As `onething notice list` shows them.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="全部拒收的 · All that were refused.")] = False,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething notice retry --all                    接收方已修复 · the receiver was mended
      onething notice retry 0b0c6a2e-6f43-5c6e-9d5c-0b8f0a6a5f10

    将拒收的提醒放回待送 · Refused notices are sent again, as if for the first time. One that was overtaken by what
    followed about its card stays as it is, so that nothing comes back to a desk from which it was taken away.
    """
    if every == bool(ids):
        raise Leave(Exit.USAGE, "请给出编号或 --all, 二选一 Name the notices, or say --all.")
    adopt(state)
    from store.undelivered import Standing, list_not_sent
    from store.undelivered import retry as put_back

    with open_database() as database, database.begin() as connection:
        wanted = ids or [one.id for one in list_not_sent(connection) if one.standing is Standing.REFUSED]
        came_of = put_back(connection, wanted)
    if as_json:
        show_json([{"id": id, "result": result} for id, result in came_of.items()])
    elif came_of:
        show(*(f"{id}\t{_told(result)}" for id, result in came_of.items()))
    _leave(list(came_of.values()))


def _told(result: "Retry") -> str:
    from store.undelivered import Retry

    match result:
        case Retry.PUT_BACK:
            return "已放回待送 put back"
        case Retry.OVERTAKEN:
            return "已被后续提醒取代, 不重发 overtaken by what followed about its card"
        case Retry.NOT_REFUSED:
            return "未被拒收 not refused: sent, or still tried"
        case Retry.UNKNOWN:
            return "没有这条提醒 no such notice"
        case never:
            assert_never(never)


def _leave(results: "list[Retry]") -> None:
    """The worst of them is how the command ends; what could be put back is put back all the same."""
    from store.undelivered import Retry

    done = sum(result is Retry.PUT_BACK for result in results)
    said = f"已放回 Put back: {done}; 其余 others: {len(results) - done}"
    if Retry.UNKNOWN in results:
        raise Leave(Exit.NOT_FOUND, said)
    if done < len(results):
        raise Leave(Exit.CONFLICT, said)
    say(f"已放回 Put back: {done}")

"""`onething events`: read what happened, prove that nobody changed it, and make every list anew from it."""

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, moment, say, show, show_json
from cli.surroundings import State, adopt, open_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from store.events import FeedEntry

app = typer.Typer(no_args_is_help=True, help="事件库 · The event store.")

LOOKS_AGAIN_SECONDS = 0.5
READ_AT_ONCE = 500
DIFFERENCES_SHOWN = 20


@app.command(short_help="最近的事件 · What happened last.")
def tail(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="持续显示 · Go on as events happen.")] = False,
    after: Annotated[
        str | None, typer.Option(help="从该游标之后 · After this cursor; empty text: from the beginning.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="最多显示多少条 · At most so many.")] = 20,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething events tail                最近的 20 条 · the last twenty
      onething events tail -f             持续显示 · as they happen
      onething events tail --after "" --json | jq -r .type | sort | uniq -c

    按提交顺序列出所有办件的事件 · The events of all cases in the order of their commits; references only, no person.
    """
    adopt(state)
    from store.events import feed

    with open_database() as database:
        left: int | None = limit
        try:
            if after is None:
                with database.reading() as connection:
                    cursor = _cursor_before_the_last(connection, limit)
            else:
                cursor = after
            while follow or left:
                with database.reading() as connection:
                    found = feed(connection, cursor, READ_AT_ONCE if left is None else min(left, READ_AT_ONCE))
                for entry in found:
                    _show_entry(entry, as_json=as_json)
                    cursor = entry.cursor
                # Somebody who follows wants no end; the limit is only how far back to begin.
                left = None if follow else (left or 0) - len(found)
                if not found and not follow:
                    return
                if not found:
                    time.sleep(LOOKS_AGAIN_SECONDS)
        except ValueError:
            raise Leave(
                Exit.USAGE, f"--after {after}: 不是游标 · this is no cursor of `onething events tail --json`"
            ) from None
        except KeyboardInterrupt:
            say("")


def _cursor_before_the_last(connection: "Connection", count: int) -> str:
    """The cursor after which so many events follow, without reading all that came before."""
    from sqlalchemy import Text, cast, select

    from store.tables import events

    row = connection.execute(
        select(cast(events.c.transaction_id, Text).label("transaction"), events.c.position)
        .order_by(events.c.transaction_id.desc(), events.c.position.desc())
        .offset(count)
        .limit(1)
    ).first()
    return "" if row is None else f"{row.transaction}-{row.position}"


def _show_entry(entry: "FeedEntry", *, as_json: bool) -> None:
    if not as_json:
        show(f"{entry.at.isoformat(timespec='milliseconds')}\t{entry.case_id}\t{entry.version}\t{entry.type}")
        return
    import json

    told = {
        "cursor": entry.cursor,
        "case_id": str(entry.case_id),
        "version": entry.version,
        "type": entry.type,
        "at": entry.at.isoformat(),
        "event": json.loads(entry.body),
    }
    # One line each, also on a terminal: a stream is read line by line.
    show(json.dumps(told, ensure_ascii=False))


@app.command(short_help="核对哈希链 · Prove that nobody changed anything.")
def verify(as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething events verify

    核对事件与查阅日志的哈希链 · Walk the hash chains of events and of the access log; changes nothing.

    任何改动、删除、插入都会在第一处显示 · Any change, removal or insertion shows at the first wrong entry; exit code 1.
    """
    adopt(state)
    from sqlalchemy import func, select

    from store import access_log
    from store import events as event_store
    from store.tables import access_log as access_entries
    from store.tables import events as event_entries

    began = time.monotonic()
    with open_database() as database, database.reading() as connection:
        flaws = [
            {"log": "events", "stream": str(flaw.case_id), "entry": flaw.version, "fault": flaw.fault}
            for flaw in event_store.verify(connection)
        ]
        flaws += [
            {"log": "access_log", "stream": str(found.stream), "entry": found.number, "fault": found.fault}
            for found in access_log.verify(connection)
        ]
        counted = {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in (("events", event_entries), ("access_log", access_entries))
        }
    if as_json:
        show_json({"checked": counted, "flaws": flaws})
    else:
        for flaw in flaws:
            show(f"{flaw['log']}\t{flaw['stream']}\t{flaw['entry']}\t{flaw['fault']}")
    took = time.monotonic() - began
    checked = f"{counted['events']} 条事件 events, {counted['access_log']} 条查阅 accesses, {took:.1f} s"
    if flaws:
        raise Leave(
            Exit.FAILED,
            f"发现 {len(flaws)} 处被改动 Tampered with in {len(flaws)} place(s): {checked}"
            "\n请封存数据库并与备份核对 Secure the database and compare it with a backup.",
        )
    say(f"完整无改动 Whole and unchanged: {checked}")


@app.command(short_help="重建或比对列表 · Make every list anew, or compare.")
def rebuild(
    check: Annotated[bool, typer.Option("--check", help="只比对, 不改动 · Compare aside and change nothing.")] = False,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething events rebuild --check     比对, 有差异则退出码 1 · compare; exit code 1 where they differ
      onething events rebuild             重建 · make them anew

    由事件重建所有列表 · Make every read model anew from the events, in one transaction: readers see the old rows
    until the new ones are complete.
    """
    adopt(state)
    from store.read_models import all_models

    began = time.monotonic()
    if not check:
        with open_database() as database, database.begin() as connection:
            cases = all_models.rebuild(connection)
        took = time.monotonic() - began
        if as_json:
            show_json({"rebuilt_cases": cases, "seconds": round(took, 3)})
        say(f"已重建 Rebuilt: {cases} 个办件 cases, {took:.1f} s")
        return
    # One REPEATABLE READ snapshot that may not write: both sides are of the same instant, whatever happens meanwhile.
    with open_database() as database, database.reading() as connection:
        found = [
            {
                "table": difference.table,
                "case_id": str(difference.case_id),
                "key": [str(part) for part in difference.key],
                "columns": list(difference.columns),
            }
            for difference in all_models.differences(connection)
        ]
    if as_json:
        show_json({"differences": found})
    else:
        for one in found[:DIFFERENCES_SHOWN]:
            show(f"{one['table']}\t{one['case_id']}\t{','.join(one['columns'])}\t{' '.join(one['key'])}")
        if len(found) > DIFFERENCES_SHOWN:
            say(f"… 另有 {len(found) - DIFFERENCES_SHOWN} 处, --json 列出全部 · and more; --json lists all")
    if found:
        counts = ", ".join(f"{table} {count}" for table, count in Counter(str(one["table"]) for one in found).items())
        raise Leave(
            Exit.FAILED,
            f"列表与事件不一致 The lists differ from the events: {counts}\n修复 Mend them with: onething events rebuild",
        )
    say(f"列表与事件一致 The lists are what the events say, {time.monotonic() - began:.1f} s ({moment_now()})")


def moment_now() -> str:
    """The moment of the comparison, for a line in an operator's log."""
    from datetime import UTC, datetime

    return moment(datetime.now(UTC))

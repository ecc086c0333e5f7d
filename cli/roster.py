"""`onething roster`: who serves in the communities (花名册) and who is on duty in a unit."""

from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, Plain, say, show_json, show_table
from cli.sheets import Apply, Encoding, EncodingName, File, Format, Out, read_file, tell, write_file
from cli.surroundings import State, adopt, open_database, open_vault

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from domain.actors import Actor

app = typer.Typer(no_args_is_help=True, help="花名册与值守 · Rosters and duties.")
duties = typer.Typer(no_args_is_help=True, help="值守 · Who is on duty in a unit.")
app.add_typer(duties, name="duties")

A_DAY = ["%Y-%m-%d"]
WEEK = 7


class PostName(StrEnum):
    """What somebody is on duty as, spelt out here so that help needs no rules; a test compares them."""

    OFFICER = "officer"
    SUPERIOR = "superior"


class RuleName(StrEnum):
    """What is done where nobody answers, spelt out here for the same reason."""

    AS_DECLARED = "as-declared"
    COMMUNITY_CHECK = "community-check"
    CASEWORKER = "caseworker"


@app.command("list", short_help="各社区在岗人数 · The communities.")
def list_(as_json: AsJson = False, plain: Plain = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething roster list

    各社区、所属镇街与在岗人数 · The communities, where they lie and how many serve there; nobody's name.
    """
    adopt(state)
    from store.rosters import list_communities

    with open_database() as database, database.reading() as connection:
        found = list_communities(connection, _today())
    if as_json:
        show_json([{**one.community.model_dump(), "unit": one.unit, "serving": one.serving} for one in found])
        return
    show_table(
        ("代码 code", "社区 community", "镇街 subdistrict", "单位 unit", "在岗 serving"),
        (
            (one.community.code, one.community.title, one.community.subdistrict_title, one.unit or "", str(one.serving))
            for one in found
        ),
        plain=plain,
        empty="还没有花名册 No rosters yet: onething roster import FILE",
    )


@app.command("import", short_help="导入花名册 · Take a file over.")
def import_(file: File, apply: Apply = False, as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething roster import rosters.xlsx            只检查 · only look
      onething roster import rosters.csv --apply     写入 · take it over

    导入花名册 · All of the file or nothing; the same file again changes nothing. The file is complete for each
    community that it names: who is missing there has left. ID numbers and phones must be text, not numbers.
    """
    adopt(state)
    from domain.roster import read_roster
    from store import rosters

    read = read_roster(read_file(file), _today())
    vault = open_vault()
    at = datetime.now(UTC)
    with open_database() as database, database.begin() as connection:
        by = _noted(connection, at, "import_rosters" if apply else "compare_rosters", "导入花名册 import")
        told = rosters.compare(connection, vault, read, _today())
        if apply and not told.faults:
            told = rosters.apply(connection, vault, read, by, at)
    tell(told, as_json=as_json, applied=apply, entries=False)


@app.command(short_help="比对差异 · What a file would change.")
def diff(file: File, as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething roster diff rosters.xlsx
      onething roster diff rosters.csv --json

    逐人列出新增、离开、变更 · Who joins, leaves and changes, masked; nothing is written.
    """
    adopt(state)
    from domain.roster import read_roster
    from store import rosters

    read = read_roster(read_file(file), _today())
    vault = open_vault()
    with open_database() as database, database.begin() as connection:
        _noted(connection, datetime.now(UTC), "compare_rosters", "比对花名册 compare")
        told = rosters.compare(connection, vault, read, _today())
    tell(told, as_json=as_json, applied=False, entries=True)


@app.command(short_help="导出花名册 · Write the rosters out.")
def export(
    out: Out = None,
    format: Format = None,
    encoding: Encoding = EncodingName.UTF_8_SIG,
    history: Annotated[bool, typer.Option("--history", help="含已离任 · With lines that have ended.")] = False,
    reason: Annotated[
        str, typer.Option(help="理由, 记入查询日志 · Why; it is kept in the access log.")
    ] = "导出花名册 export",
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething roster export --out rosters.xlsx --reason 年度核对
      onething roster export --format csv --encoding gb18030 > rosters.csv

    导出花名册 · With names, ID numbers and phones in full, so keep the file well; it can be imported again.
    """
    adopt(state)
    from api.workbooks import write_sheet
    from domain.roster import COLUMNS
    from store import rosters

    vault = open_vault()

    def made(kind: Any, code: Any) -> bytes:
        with open_database() as database, database.begin() as connection:
            _noted(connection, datetime.now(UTC), "export_rosters", reason)
            lines = rosters.roster(connection, vault, None, _today(), history=history)
        return write_sheet(COLUMNS, rosters.export_rows(lines), "花名册", kind, code)

    write_file(out, format, encoding, made)


@app.command(short_help="办公时间 · A unit's office hours.")
def hours(
    unit: Annotated[str, typer.Argument(help="单位代码 · The unit.")],
    opens: Annotated[str | None, typer.Option(help="上班 · 08:30")] = None,
    closes: Annotated[str | None, typer.Option(help="下班 · 17:00")] = None,
    lunch: Annotated[str | None, typer.Option(help="午休 · 12:00-13:30")] = None,
    natural: Annotated[bool, typer.Option("--natural", help="自然小时 · Day and night.")] = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething roster hours police --opens 08:30 --closes 17:00 --lunch 12:00-13:30
      onething roster hours police --natural

    单位按办公时间或自然小时计时 · In which hours the unit's clocks run.
    """
    adopt(state)
    from domain.time_limits import OfficeHours
    from store.duty_record import change_hours

    named = [hour is not None for hour in (opens, closes, lunch)]
    if any(named) if natural else not all(named[:2]):
        raise Leave(Exit.USAGE, "请给出 Give --opens and --closes, 或仅给 or --natural alone")
    wanted = None
    if opens is not None and closes is not None:
        try:
            begins, dash, ends = (lunch or "").partition("-")
            if lunch is not None and not dash:
                raise ValueError
            wanted = OfficeHours(
                opens=time.fromisoformat(opens),
                closes=time.fromisoformat(closes),
                lunch=(time.fromisoformat(begins), time.fromisoformat(ends)) if lunch else None,
            )
        except ValueError:
            raise Leave(
                Exit.USAGE, "办公时间应依次为上班、午休、下班 Hours follow one another: 08:30, 12:00-13:30, 17:00"
            ) from None
    with open_database() as database, database.begin() as connection:
        change_hours(connection, unit, wanted, _today(), by=_operator(), at=datetime.now(UTC))
    say("已设置 Set.")


@app.command(short_help="未答复的处理 · What is done where nobody answers a unit's form.")
def silence(
    unit: Annotated[str, typer.Argument(help="单位代码 · The unit.")],
    rule: Annotated[RuleName, typer.Argument(help="处理方式 · Who asks the person then.")],
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething roster silence pension-office caseworker
      onething roster silence pension-office as-declared

    时限内没有人答复确认单时由谁联系本人 · Who asks a person that does not answer a form, for those that go out from now on;
    silence is never taken for consent.
    """
    adopt(state)
    from domain.silence import SilenceRule
    from store.duty_record import change_rule

    wanted = None if rule is RuleName.AS_DECLARED else SilenceRule(rule.value.replace("-", "_"))
    with open_database() as database, database.begin() as connection:
        change_rule(connection, unit, wanted, by=_operator(), at=datetime.now(UTC))
    say("已设置 Set.")


# ── duties ──────────────────────────────────────────────────────────────────────────────────────────────────────────

Unit = Annotated[str, typer.Option("--unit", help="单位代码 · The unit.")]
Account = Annotated[str, typer.Option("--account", help="账号 · The account.")]
Post = Annotated[PostName, typer.Option("--post", help="承办人或负责人 · Who is asked, or who is told.")]
Since = Annotated[datetime, typer.Option("--from", formats=A_DAY, help="首日 · The first day.")]


@duties.command("list", short_help="值守 · The duties.")
def list_of_duties(
    unit: Annotated[str | None, typer.Option(help="单位代码 · Of this unit.")] = None,
    today: Annotated[bool, typer.Option("--today", help="今日 · Only those of today.")] = False,
    as_json: AsJson = False,
    plain: Plain = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething roster duties list --unit police --today

    谁在值守 · Who is on duty, by unit.
    """
    adopt(state)
    from store.duty import list_duties

    with open_database() as database, database.reading() as connection:
        found = list_duties(connection, unit, _today() if today else None)
    if as_json:
        show_json(
            [
                {
                    "unit": duty.unit,
                    "account": duty.account,
                    "post": duty.post,
                    "valid_from": duty.valid_from.isoformat(),
                    "valid_to": None if duty.valid_to is None else duty.valid_to.isoformat(),
                    "weekdays": duty.weekdays,
                    "rank": duty.rank,
                }
                for duty in found
            ]
        )
        return
    show_table(
        ("单位 unit", "账号 account", "岗位 post", "顺序 rank", "自 from", "至 to", "星期 weekdays"),
        (
            (
                duty.unit,
                duty.account,
                duty.post,
                str(duty.rank),
                duty.valid_from.isoformat(),
                "" if duty.valid_to is None else duty.valid_to.isoformat(),
                "" if duty.weekdays is None else " ".join(map(str, duty.weekdays)),
            )
            for duty in found
        ),
        plain=plain,
        empty="没有值守 No duties: onething roster duties add",
    )


@duties.command("add", short_help="安排值守 · Put an account on duty.")
def add(
    unit: Unit,
    account: Account,
    since: Since,
    post: Post = PostName.OFFICER,
    until: Annotated[datetime | None, typer.Option("--to", formats=A_DAY, help="末日 · The last day.")] = None,
    weekdays: Annotated[str | None, typer.Option(help="星期, 1 为周一 · Days of the week, 1 is Monday: 1,3,5")] = None,
    rank: Annotated[int, typer.Option(min=1, max=999, help="先后 · Who comes first.")] = 1,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething roster duties add --unit police --account verifier --from 2026-12-01
      onething roster duties add --unit police --account verifier --from 2026-12-01 --weekdays 1,3,5

    安排账号在本单位值守 · An account is on duty in its own unit; the same duty again changes nothing.
    """
    adopt(state)
    from store.duty import Duty, DutyPost
    from store.duty_record import put_on_duty

    days: tuple[int, ...] | None = None
    if weekdays is not None:
        typed = weekdays.split(",")
        if not all(day.isascii() and day.isdigit() and 1 <= int(day) <= WEEK for day in typed):
            raise Leave(Exit.USAGE, f"--weekdays {weekdays}: 应为 1 至 7 · days are 1 to 7, such as 1,3,5")
        days = tuple(sorted({int(day) for day in typed}))
    duty = Duty(unit, account, DutyPost(post.value), since.date(), None if until is None else until.date(), days, rank)
    with open_database() as database, database.begin() as connection:
        put_on_duty(connection, duty, by=_operator(), at=datetime.now(UTC))
    say(f"已安排 On duty: {account} ({unit})")


@duties.command("end", short_help="结束值守 · End a duty.")
def end(
    unit: Unit,
    account: Account,
    since: Since,
    last_day: Annotated[datetime, typer.Option("--last-day", formats=A_DAY, help="末日 · The last day.")],
    post: Post = PostName.OFFICER,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething roster duties end --unit police --account verifier --from 2026-12-01 --last-day 2026-12-31

    值守至该日为止; 早于首日则撤回 · The duty ends with that day; before its first day it is taken back.
    """
    adopt(state)
    from store.duty import DutyPost
    from store.duty_record import take_off_duty

    with open_database() as database, database.begin() as connection:
        take_off_duty(
            connection,
            unit,
            account,
            DutyPost(post.value),
            since.date(),
            last_day.date(),
            by=_operator(),
            at=datetime.now(UTC),
        )
    say(f"已结束 Ended: {account} ({unit})")


def _today() -> date:
    from domain.time_limits import in_shanghai

    return in_shanghai(datetime.now(UTC)).date()


def _noted(connection: "Connection", at: datetime, action: str, purpose: str) -> "Actor":
    """Note in the access log that the operator opens rosters, before they are opened."""
    from store.access_log import Access, note_for_unit

    operator = _operator()
    note_for_unit(connection, [Access(at=at, by=operator, action=action, about=("roster",), purpose=purpose)])
    return operator


def _operator() -> "Actor":
    from domain.actors import Actor

    return Actor(account="operator", unit="operator")

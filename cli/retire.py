"""`onething retire`: who comes to the retirement age, read from the register now, the list as it stands, and its answers.

What the nightly scan does by itself, done by hand: the same reading, kept in the same list, so that neither finds
anybody twice. Persons are named by the register's own numbers and in no other way.
"""

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, Plain, say, show_json, show_table
from cli.surroundings import As, State, adopt, open_database

if TYPE_CHECKING:
    from activities.discovering import Discovering, Scan
    from domain.columns import FaultyRow
    from domain.watch_list import Changes, Standing
    from store.cases import CaseStore
    from store.reassessments import Found
    from store.watch_list import Listed

app = typer.Typer(no_args_is_help=True, help="到龄退休 · Who comes to the retirement age.")

OPENS_AT_MOST = 100_000
PAGE = 1_000
CONFIRMS_AS = "pension"
_DISTRICT = re.compile(r"[0-9]{6}")

Month = Annotated[str, typer.Option(metavar="YYYY-MM", help="到龄年月, 如 2026-12 · The month, such as 2026-12.")]
OneMonth = Annotated[
    str | None,
    typer.Option(
        metavar="YYYY-MM",
        help="到龄年月; 不填为今夜将读取的各月 · The month; else every month that tonight's scan would read.",
    ),
]
Occasion = Annotated[
    str, typer.Option(help="事由 · What is reached: retirement, senior_60, senior_70.", metavar="OCCASION")
]


class OutcomeName(StrEnum):
    """The outcomes, spelt out here so that help needs no rules of the field; a test compares them with the rules."""

    DUE = "due"
    CONFLICT = "conflict"
    EXCLUDED = "excluded"


OUTCOMES = {OutcomeName.DUE: "到龄 due", OutcomeName.CONFLICT: "待核 conflict", OutcomeName.EXCLUDED: "排除 excluded"}


@app.command(short_help="扫描 · Read the register.")
def scan(
    month: OneMonth = None,
    district: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="区划代码, 可多次 · A district's six digits, repeatable; else all."),
    ] = None,
    occasion: Occasion = "retirement",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只查看 · Only look; keep nothing, open nothing.")] = False,
    open_cases: Annotated[
        bool,
        typer.Option(
            "--open",
            help="为无疑问者开办, 终止已死亡者的办件 · Open the cases of those who are due, end those of the dead.",
        ),
    ] = False,
    per_second: Annotated[
        float, typer.Option(min=0.1, max=1000, help="每秒最多开办数 · Cases opened a second, at most.")
    ] = 5.0,
    as_json: AsJson = False,
    plain: Plain = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething retire scan
      onething retire scan --month 2026-12
      onething retire scan --month 2026-12 --district 339901 --dry-run --json
      onething retire scan --month 2026-12 --open --per-second 2

    读取参保登记, 形成到龄名单 · Read the register of insured persons: who comes to the age in that month, and what differs
    from the last reading. Killed or repeated, it goes on; nobody is found twice.

    指定 --month 时只开办该月, 且不得早于事由规定的提前月数; 不填则与每夜相同, 以前各月遗留的一并开办 · With --month, --open opens
    that month's cases alone, and none earlier than the occasion allows; without it everything that the night would.
    """
    if dry_run and open_cases:
        raise Leave(Exit.USAGE, "--dry-run 与 --open 不能同时使用 · --dry-run and --open exclude each other")
    named = None if month is None else _month(month)
    adopt(state)
    districts = _districts(district)
    tonight = _months_of_tonight(occasion)
    if open_cases and named is not None and named > tonight[-1]:
        raise Leave(Exit.USAGE, _too_early(occasion, named, tonight))
    wanted = tonight if named is None else [named]
    told = asyncio.run(
        _scan(
            occasion,
            wanted,
            districts,
            dry_run=dry_run,
            per_second=per_second if open_cases else None,
            left_too=named is None,
        )
    )
    if as_json:
        show_json({"occasion": occasion, "month": month, "kept": not dry_run, "districts": told})
        return
    show_table(
        (
            "年月 month",
            "区划 district",
            "读取 read",
            *OUTCOMES.values(),
            "新增 new",
            "移出 gone",
            "变化 changed",
            "终止 ended",
            "开办 opened",
            "未开办 not opened",
        ),
        (_line(one) for one in told),
        plain=plain,
        empty="没有区划 No districts.",
    )
    if dry_run:
        say("只查看, 未保存 Only looked; nothing was kept.")
    else:
        say(f"名单 The list: onething retire list --month {told[-1]['month']}")


@app.command(short_help="重新核定 · Settle what was paid provisionally.")
def reassess(
    year: Annotated[int, typer.Option(metavar="YYYY", min=1900, max=9000, help="退休年度 · The year of retirement.")],
    district: Annotated[
        str | None, typer.Option(metavar="CODE", help="区划代码 · A district's six digits; else all.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只计算 · Only compute; correct nothing.")] = False,
    as_json: AsJson = False,
    plain: Plain = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething retire reassess --year 2026 --dry-run
      onething retire reassess --year 2026 --district 339901 --json

    该年计发基数公布后, 重新核定预发的养老金, 更正办件并说明补发金额 · Once the base of the year is published, assess again
    what was paid provisionally: each case is corrected once, with the difference and what is owed explained. Killed or
    repeated, it goes on.
    """
    if district is not None:
        _checked(district)
    adopt(state)
    found = _reassessed(year, district, dry_run=dry_run)
    if as_json:
        show_json({"year": year, "corrected": not dry_run, "cases": [_told_of(one) for one in found]})
        return
    show_table(
        (
            "办件 case",
            "区划 district",
            "结论 outcome",
            "原 old",
            "现 new",
            "每月差额 a month",
            "月数 months",
            "补发 owed",
        ),
        (_row_of(one) for one in found),
        plain=plain,
        empty=f"{year} 年没有已核定的养老金 No pension of {year} was assessed.",
    )
    if dry_run:
        say("只计算, 未更正 Only computed; nothing was corrected.")


@app.command("list", short_help="到龄名单 · The list.")
def list_(
    month: Month,
    district: Annotated[
        str | None, typer.Option(metavar="CODE", help="区划代码 · A district's six digits; else all.")
    ] = None,
    outcome: Annotated[OutcomeName | None, typer.Option(help="结论 · Only those.")] = None,
    occasion: Occasion = "retirement",
    as_json: AsJson = False,
    plain: Plain = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething retire list --month 2026-12
      onething retire list --month 2026-12 --outcome conflict --json

    到龄名单: 依据, 待核事项, 排除原因, 办件编号 · Why each person is on the list, what is in the way, and their case.
    """
    wanted = _month(month)
    if district is not None:
        _checked(district)
    adopt(state)
    found = _listed(occasion, wanted, district, outcome)
    if found is None:
        raise Leave(
            Exit.NOT_FOUND,
            f"{month} 尚未扫描 The register has not been read for {month}: onething retire scan --month {month}",
        )
    if as_json:
        show_json([one.told() for one in found])
        return
    show_table(
        ("参保编号 person", "区划 district", "依据 rule", "结论 outcome", "说明 why", "办件 case"),
        (_row(one) for one in found),
        plain=plain,
        empty="名单为空 Nobody is on this list.",
    )


@app.command(short_help="批量确认 · Confirm from a returned list.")
def confirm(
    file: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="单位返回的名单 · The returned list, .xlsx or CSV: case_no, answer, note.",
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只查看 · Only look; nothing is sent.")] = False,
    as_json: AsJson = False,
    plain: Plain = False,
    account: As = CONFIRMS_AS,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething retire confirm --from list.csv --dry-run
      onething retire confirm --from list.xlsx
      onething retire confirm --from list.csv --json | jq '.rows[] | select(.result == "refused")'

    按名单确认, 逐行给出结果 · Answer for everybody on the list, with a result for each row. The same file again confirms
    nobody twice and tries what failed; it ends with 1 if a row was refused.
    """
    from api.confirmations import NOTHING_SENT, ListResult, in_file, row_unread
    from cli.service import Service

    numbers, rows, unread = _returned(file)
    sent = NOTHING_SENT
    if rows:
        content = json.dumps({"rows": rows}, ensure_ascii=False, sort_keys=True).encode()
        key = hashlib.sha256(content).hexdigest()
        with Service.found(state, account=account) as service:
            answered = service.post("/confirmations/preview" if dry_run else "/confirmations", content, key=key)
        sent = ListResult.model_validate_json(answered.content)
    told = in_file(sent, numbers, tuple(map(row_unread, unread))).model_dump(mode="json")
    if as_json:
        show_json({**told, "dry_run": dry_run})
    else:
        show_table(
            ("行 row", "办件 case", "结果 result", "说明 why"),
            (
                (str(row["row"]), row["case_no"] or "", row["result"], f"{row['detail_zh']} · {row['detail']}")
                for row in told["rows"]
            ),
            plain=plain,
            empty="名单为空 The list is empty.",
        )
    if dry_run:
        say("只查看, 未提交 Only looked; nothing was sent.")
    if told["refused"]:
        raise Leave(Exit.FAILED, f"{told['refused']} 行未能办理 rows were refused; mend them and run it again.")


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _scan(
    occasion: str,
    months: Sequence[int],
    districts: Sequence[str],
    *,
    dry_run: bool,
    per_second: float | None,
    left_too: bool,
) -> list[dict[str, Any]]:
    """`left_too`: with the first month, whoever is left from those before it has a case opened as well."""
    from activities.discovering import Closing, Discovering, Opening, Scan
    from activities.faults import GatewayFault, NotAccepted
    from activities.settings import GatewaySettings
    from domain.catalogue import catalogue
    from store.cases import CaseStore
    from store.settings import StoreSettings
    from workers.running import insured_register

    store = CaseStore.from_settings(StoreSettings())
    register = insured_register(GatewaySettings())
    discovering = Discovering(store, register, catalogue(), lambda: datetime.now(UTC))
    told: list[dict[str, Any]] = []
    try:
        for month, district in product(months, districts):
            asked = Scan(occasion=occasion, district=district, month=month)
            if dry_run:
                one = await _look(discovering, store, asked)
            else:
                one = await _read(discovering, store, asked)
            if per_second is not None:
                closing = Closing(occasion=occasion, district=district)
                one["closed"] = await discovering.close(closing, lambda _: None)
                opening = Opening(
                    occasion=occasion,
                    district=district,
                    from_month=None if left_too and month == months[0] else month,
                    until_month=month,
                    at_most=OPENS_AT_MOST,
                    per_second=per_second,
                )
                one |= (await discovering.open(opening, lambda _: None)).model_dump()
            told.append(one)
    except (GatewayFault, NotAccepted) as fault:
        raise Leave(
            Exit.UNAVAILABLE,
            f"参保登记未能读取 The register could not be read: {fault}\n"
            "已读部分已保存, 请重新运行本命令 What was read is kept; run the same command again.",
        ) from None
    finally:
        await register.close()
        store.database.dispose()
    return told


async def _look(discovering: "Discovering", store: "CaseStore", asked: "Scan") -> dict[str, Any]:
    from domain.watch_list import Standing, changes
    from store.watch_list import finished_runs, found_by

    seen, read = await discovering.look(asked)
    now = {one.person: Standing(one.outcome, one.reasons) for one in seen}
    with store.database.reading() as connection:
        runs = finished_runs(connection, asked.occasion, asked.month, asked.district)
        before = found_by(connection, next(iter(runs), None))
    return _told(asked, None, read, now, changes(before, now))


async def _read(discovering: "Discovering", store: "CaseStore", asked: "Scan") -> dict[str, Any]:
    from domain.watch_list import changes
    from store.watch_list import finished_runs, found_by

    run = await discovering.read(asked, lambda _: None)
    with store.database.reading() as connection:
        now = found_by(connection, run)
        runs = finished_runs(connection, asked.occasion, asked.month, asked.district)
        before = next((one for one in runs if one.id != run.id), None)
        differs = changes(found_by(connection, before), now)
    return _told(asked, str(run.id), run.scanned, now, differs)


def _told(
    asked: "Scan", run: str | None, read: int, now: "dict[str, Standing] | Any", differs: "Changes"
) -> dict[str, Any]:
    from domain.law.months import month_text

    outcomes = Counter(one.outcome.value for one in now.values())
    return {
        "month": month_text(asked.month),
        "district": asked.district,
        "run": run,
        "read": read,
        "outcomes": {name.value: outcomes[name.value] for name in OutcomeName},
        "new": list(differs.new),
        "gone": list(differs.gone),
        "changed": list(differs.changed),
    }


def _listed(occasion: str, month: int, district: str | None, outcome: OutcomeName | None) -> "list[Listed] | None":
    from domain.watch_list import Outcome
    from store.watch_list import listed, was_read

    found: list[Listed] = []
    wanted = None if outcome is None else Outcome(outcome.value)
    with open_database() as database, database.reading() as connection:
        if not was_read(connection, occasion, month):
            return None
        after = ""
        while page := listed(connection, occasion, month, district, wanted, after=after, limit=PAGE):
            found += page
            after = page[-1].person
    return found


def _reassessed(year: int, district: str | None, *, dry_run: bool) -> "list[Found]":
    from store.cases import CaseStore
    from store.reassessments import BaseNotPublished, reassess
    from store.settings import StoreSettings

    store = CaseStore.from_settings(StoreSettings())
    try:
        return list(reassess(store, year, datetime.now(UTC), district=district, dry_run=dry_run))
    except BaseNotPublished:
        raise Leave(Exit.NOT_FOUND, f"{year} 年计发基数尚未公布 The pension base of {year} is not published.") from None
    finally:
        store.database.dispose()


def _told_of(one: "Found") -> dict[str, Any]:
    from store.reassessments import WHY_NOT

    told: dict[str, Any] = {"case_no": one.case_no, "district": one.district, "outcome": one.outcome.value}
    if one.reason is not None:
        zh, en = WHY_NOT[one.reason]
        told["reason"] = {"code": one.reason, "zh": zh, "en": en}
    if one.payment is not None:
        found = one.payment.reassessment
        told |= {
            "old": f"{found.old.total:f}",
            "new": f"{found.new.total:f}",
            "difference": f"{found.difference:f}",
            "months": one.payment.months,
            "owed": f"{one.payment.owed.value:f}",
            "steps": [step.as_json() for step in one.payment.steps],
        }
    return told


BECAME: Final = {
    "corrected": "已更正 corrected",
    "unchanged": "金额不变 unchanged",
    "not_provisional": "非预发 not provisional",
    "already_corrected": "此前已更正 already corrected",
    "cannot_compute": "不能计算 cannot compute",
}


def _row_of(one: "Found") -> tuple[str, ...]:
    told = _told_of(one)
    why = f": {told['reason']['zh']} {told['reason']['en']}" if "reason" in told else ""
    amounts = (str(told.get(name, "-")) for name in ("old", "new", "difference", "months", "owed"))
    return (one.case_no, one.district, BECAME[one.outcome] + why, *amounts)


def _returned(file: Path) -> "tuple[list[int], list[dict[str, str]], list[FaultyRow]]":
    """The numbers of the rows that can be sent, those rows, and the rows that cannot."""
    from cli.sheets import read_file
    from domain.columns import Row, SheetFaulty
    from domain.confirmations import ROWS_AT_MOST, read_list

    try:
        read = read_list(read_file(file))
    except SheetFaulty as refusal:
        raise Leave(Exit.FAILED, "\n".join([refusal.zh, *map(str, refusal.faults)])) from None
    if not 0 < len(read) <= ROWS_AT_MOST:
        raise Leave(Exit.FAILED, f"一次 1 至 {ROWS_AT_MOST} 行 One to {ROWS_AT_MOST} rows at once: {len(read)}")
    good = [row for row in read if isinstance(row, Row)]
    rows = [{code: value for code, value in row.values.items() if value is not None} for row in good]
    return [row.number for row in good], rows, [row for row in read if not isinstance(row, Row)]


def _month(text: str) -> int:
    from domain.law.months import read_month

    try:
        return read_month(text)
    except ValueError:
        raise Leave(Exit.USAGE, f"--month {text}: 应为年月, 如 2026-12 · expected a month such as 2026-12") from None


def _months_of_tonight(occasion: str) -> list[int]:
    """This month and those ahead, as the nightly scan of this occasion reads them."""
    from domain.catalogue import catalogue
    from domain.time_limits import in_shanghai
    from domain.watch_list import months_ahead, occasion_in_force

    today = in_shanghai(datetime.now(UTC)).date()
    _, discovery = occasion_in_force(catalogue().all_in_force(today), occasion)
    return [months_ahead(today, ahead) for ahead in range(discovery.months_ahead + 1)]


def _too_early(occasion: str, month: int, tonight: Sequence[int]) -> str:
    from domain.law.months import month_text

    ahead, furthest = len(tonight) - 1, month_text(tonight[-1])
    return (
        f"--month {month_text(month)}: {occasion} 最多提前 {ahead} 个月开办, 目前至 {furthest} 为止; 不加 --open 只读取\n"
        f"Cases of {occasion} are opened {ahead} months ahead at most (months_ahead), which is {furthest} today;"
        " without --open the month is only read."
    )


def _checked(district: str) -> str:
    if not _DISTRICT.fullmatch(district):
        raise Leave(Exit.USAGE, f"--district {district}: 应为六位区划代码 · expected a district's six digits")
    return district


def _districts(given: list[str] | None) -> list[str]:
    from workers.settings import WorkerSettings

    all_of_them = WorkerSettings().scan_districts
    if given:
        wanted = [_checked(one) for one in dict.fromkeys(given)]
        # A register says of a district it does not have that nobody lives there; a mistyped one would pass for empty.
        if all_of_them and (unknown := [one for one in wanted if one not in all_of_them]):
            raise Leave(
                Exit.USAGE,
                f"--district {' '.join(unknown)}: 不在扫描的区划之内 is none of those scanned: {' '.join(all_of_them)}",
            )
        return wanted
    if all_of_them:
        return all_of_them
    raise Leave(
        Exit.USAGE,
        "没有设定区划 No districts are set: --district CODE, or ONETHING_SCAN_DISTRICTS='[\"339901\"]'",
    )


def _line(one: dict[str, Any]) -> tuple[str, ...]:
    outcomes = (str(many) for many in one["outcomes"].values())
    changed = (str(len(one[name])) for name in ("new", "gone", "changed"))
    # Without --open nothing is ended or opened, which is not the same as nobody.
    came_of = (str(one.get(name, "-")) for name in ("closed", "opened", "not_opened"))
    return (one["month"], one["district"], str(one["read"]), *outcomes, *changed, *came_of)


def _row(one: "Listed") -> tuple[str, ...]:
    told = one.told()
    why = [*told["reasons"], *([told["fault"]] if told["fault"] else [])]
    return (
        one.person,
        one.district,
        one.rule,
        OUTCOMES[OutcomeName(one.outcome)],
        "; ".join(f"{reason['zh']} {reason['en']}" for reason in why),
        one.case_no or "",
    )

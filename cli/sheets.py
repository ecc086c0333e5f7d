"""Files of rows at a terminal: read one, say what is wrong with it and what it would change, write one."""

import os
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.leaving import Exit, Leave
from cli.screen import say, show, show_json

if TYPE_CHECKING:
    from domain.columns import Change, Comparison, Remark, Sheet


class FormatName(StrEnum):
    """What a file is written as."""

    XLSX = "xlsx"
    CSV = "csv"


class EncodingName(StrEnum):
    """How a CSV file is encoded; the first opens in Excel as it is."""

    UTF_8_SIG = "utf-8-sig"
    UTF_8 = "utf-8"
    GB18030 = "gb18030"


File = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, help="文件 · An .xlsx workbook, or CSV in UTF-8 or GB18030."),
]
Apply = Annotated[
    bool, typer.Option("--apply/--preview", help="写入, 或只检查(默认) · Take it over, or only look (the default).")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", dir_okay=False, help="写到此文件 · Write to this file; without: to standard output."),
]
Format = Annotated[
    FormatName | None, typer.Option("--format", help="格式 · Without: as the file's name ends, or xlsx.")
]
Encoding = Annotated[EncodingName, typer.Option("--encoding", help="CSV 编码 · Of a CSV file.")]


def read_file(file: Path) -> "Sheet":
    """The rows of a file; raises SheetUnreadable."""
    from api.workbooks import BYTES_AT_MOST, read_sheet

    with file.open("rb") as content:
        # One byte more than is read, so that a file without end is refused and not waited for.
        return read_sheet(content.read(BYTES_AT_MOST + 1))


def tell(told: "Comparison", *, as_json: bool, applied: bool, entries: bool, unmeant: bool = False) -> None:
    """What a file would change or has changed; ends the command with 1 where it has faults, or was not taken over.

    `unmeant`: it would stop something, and nobody has said that this is meant.
    """
    if as_json:
        show_json(_as_json(told, applied=applied and not unmeant, entries=entries))
    else:
        show(*_lines(told, entries=entries))
    if told.faults:
        raise Leave(Exit.FAILED, f"{len(told.faults)} 处错误, 未作改动 The file has faults; nothing was changed.")
    if applied and unmeant:
        raise Leave(
            Exit.FAILED,
            f"未作改动 Nothing was changed: {'; '.join(f'{one.zh} · {one.en}' for one in told.stops)}\n"
            "确要如此, 请加 If that is meant: --although-bundles-stop",
        )
    if applied:
        say("已写入 Taken over." if told.changes else "没有变化 Nothing to change.")
    elif not entries and unmeant:
        say("可以导入, 未作改动 It can be taken over; nothing was changed: --apply --although-bundles-stop")
    elif not entries:
        say("可以导入, 未作改动 It can be taken over; nothing was changed: --apply")


def write_file(
    out: Path | None, format: FormatName | None, encoding: EncodingName, made: Callable[[Any, Any], bytes]
) -> None:
    """Write an export; a file that exists is not overwritten, and what is made is its owner's alone."""
    kind = format or (FormatName.CSV if out is not None and out.suffix.lower() == ".csv" else FormatName.XLSX)
    if out is None:
        if kind is FormatName.XLSX and sys.stdout.isatty():
            raise Leave(Exit.USAGE, "工作簿请写到文件 Give a workbook a file: --out FILE, 或 or --format csv")
        content = made(kind.value, encoding.value)
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    if out.exists():
        raise Leave(Exit.CONFLICT, f"{out} 已存在 exists already.")
    content = made(kind.value, encoding.value)
    with open(out, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(content)
    say(f"已导出 Written: {out}")


def _lines(told: "Comparison", *, entries: bool) -> Iterator[str]:
    counts = told.counts()
    yield (
        f"新增 joined {counts['joined']} · 离开 left {counts['left']}"
        f" · 变更 changed {counts['changed']} · 不变 unchanged {counts['unchanged']}"
    )
    for fault in told.faults:
        yield f"错误 fault   {fault}"
    for warning in told.warnings:
        yield f"提示 warning {warning}"
    for stop in told.stops:
        yield f"停办 stops   {stop.zh} · {stop.en}"
    if entries:
        for change in told.changes:
            yield from _change(change)


_KINDS = {"joined": "新增 joined ", "left": "离开 left   ", "changed": "变更 changed"}


def _change(change: "Change") -> Iterator[str]:
    yield f"{_KINDS[change.kind]} {change.entry}" + (f"  (第 {change.row} 行 row)" if change.row else "")
    if change.kind == "changed":
        for field in change.fields:
            yield f"    {field.title}: {field.before or '—'} → {field.after or '—'}"


def _as_json(told: "Comparison", *, applied: bool, entries: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "applied": applied and not told.faults,
        **told.counts(),
        "faults": [_remark(one) for one in told.faults],
        "warnings": [_remark(one) for one in told.warnings],
        "stops": [
            {"bundle": one.code, "since": one.since.isoformat(), "detail": one.en, "detail_zh": one.zh}
            for one in told.stops
        ],
    }
    if entries:
        shown["changes"] = [
            {
                "kind": change.kind,
                "what": change.what,
                "entry": change.entry,
                "row": change.row,
                "fields": [
                    {"column": one.column, "column_title": one.title, "before": one.before, "after": one.after}
                    for one in change.fields
                ],
            }
            for change in told.changes
        ]
    return shown


def _remark(one: "Remark") -> dict[str, Any]:
    return {
        "row": one.row,
        "column": one.column,
        "column_title": one.title,
        "rule": one.rule,
        "detail": one.en,
        "detail_zh": one.zh,
    }

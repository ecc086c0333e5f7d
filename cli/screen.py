"""What a command shows: data on standard output, everything said about it on standard error.

A person at a terminal gets tables and colour; a pipe gets lines with tabs; a program asks for `--json`.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="机器可读 · For programs: JSON.")]
Plain = Annotated[
    bool, typer.Option("--plain", help="每行一条, 制表符分隔 · One line each, tabs between, for grep and cut.")
]
NoInput = Annotated[bool, typer.Option("--no-input", help="不询问 · Never ask; fail instead.")]


def say(*lines: str) -> None:
    """Tell the person who watches; never part of the data."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)


def show(*lines: str) -> None:
    """The data asked for, as lines."""
    print(*lines, sep="\n", flush=True)


def show_json(value: Any) -> None:
    """The data asked for, as one JSON document."""
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(value, ensure_ascii=False, indent=indent, default=_as_json), flush=True)


def show_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, plain: bool, empty: str) -> None:
    """Rows under heads for a person, bare lines with tabs for a pipe; `empty` is what an empty list means."""
    found = [tuple(row) for row in rows]
    if not found:
        say(empty)
        return
    if plain or not sys.stdout.isatty():
        show(*("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row) for row in found))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in found:
        table.add_row(*row)
    Console().print(table)


def is_colourful(stream: Any) -> bool:
    """Whether colour helps on this stream; NO_COLOR says no for everybody."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width(text: str) -> int:
    """Columns on a screen: a Chinese character takes two, a combining mark none."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def padded(text: str, columns: int) -> str:
    """The text with spaces up to so many columns."""
    return text + " " * max(0, columns - width(text))


def moment(at: datetime | str | None) -> str:
    """A moment as this house says it: in Shanghai, to the minute."""
    return "" if at is None else f"{_in_shanghai(at):%Y-%m-%d %H:%M}"


def deadline(at: datetime | str | None) -> str:
    """By when: a limit in days ends at midnight, and then people name the day that ends, not the one that begins."""
    if at is None:
        return ""
    here = _in_shanghai(at)
    return f"{here - timedelta(days=1):%Y-%m-%d}" if (here.hour, here.minute) == (0, 0) else moment(here)


def _in_shanghai(at: datetime | str) -> datetime:
    from zoneinfo import ZoneInfo

    read = datetime.fromisoformat(at) if isinstance(at, str) else at
    return read.astimezone(ZoneInfo("Asia/Shanghai"))


def duration(length: timedelta | float) -> str:
    """A length of time in the largest units that say something: "0.8 s", "3 min", "2 d 4 h"."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def to_the_second(seconds: int) -> str:
    """A length of time that a reader can add to another: hours, minutes and seconds, as the page has them."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)

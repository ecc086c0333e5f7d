"""`onething run`: file one application and watch it through, in one line and with one answer."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, deadline, duration, say, show, show_json
from cli.surroundings import State

if TYPE_CHECKING:
    from cli.service import Service
    from demo.running import Running

LOOKS_AGAIN_SECONDS: Final = 0.1
LOOKS_SELDOM_AFTER: Final = 5.0
LOOKS_SELDOM_SECONDS: Final = 0.5


def run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="申请文件, - 为标准输入 · The application; - reads standard input.")
    ],
    timeout: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="最多等待 · How long to watch; the case goes on afterwards.")
    ] = 120.0,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething run examples/newborn/family.json
      onething run examples/newborn/twins.json --json | jq .outcome
      onething run - --timeout 10 < application.json

    办一件事, 看它办完 · File an application, watch every item until all are concluded, print timeline and receipt.

    使用已运行的演示, 没有则临时启动一个 · Uses the API that ONETHING_API_URL names, else the demonstration that runs
    here, else starts one and stops it at the end (its data is kept). The same file again is the same case.

    全部办结退出码为 0 · Exit code 0 when every item is concluded; otherwise the reason is told: 1 when it was refused,
    denied in part, withdrawn, or still waits when the time is over; 2 when the file cannot be read; 5 when no API answers.
    """
    from cli.filing import file_application, read_application_file
    from cli.service import Problem

    application = read_application_file(file)
    with _a_service(state) as service:
        try:
            filed = file_application(service, application)
        except Problem as problem:
            if as_json:
                show_json({"result": "refused", "problem": problem.told})
            raise
        watch = Watch(service, filed.case_no, new=filed.new)
        watch.follow(timeout, live=not as_json)
        _tell(watch, as_json=as_json)


@dataclass
class Watch:
    """One case as it is being watched."""

    service: "Service"
    case_no: str
    new: bool
    began: float = field(default_factory=time.monotonic)
    case: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    _etag: str | None = None

    def look(self) -> list[dict[str, Any]]:
        """Ask for what is new; returns the events that were not known."""
        answered = self.service.get(f"/cases/{self.case_no}", seen=self._etag)
        if answered.status_code == 304:
            return []
        self.case, self._etag = answered.json(), answered.headers.get("etag")
        after = self.events[-1]["version"] if self.events else 0
        fresh: list[dict[str, Any]] = self.service.get(f"/cases/{self.case_no}/events", after=after).json()["events"]
        self.events += fresh
        return fresh

    @property
    def over(self) -> bool:
        """Nothing can happen any more."""
        return self.case["state"] != "open" and not self.case["waits"]

    @property
    def complete(self) -> bool:
        """Every item was concluded."""
        return bool(self.case["state"] == "concluded" and self.case["outcome"] == "complete")

    @property
    def took(self) -> timedelta:
        """From filing to the end, or to the last thing that happened."""
        end = self.case["ended_at"] or self.case["changed_at"]
        return datetime.fromisoformat(end) - datetime.fromisoformat(self.case["opened_at"])

    def follow(self, seconds: float, *, live: bool) -> None:
        """Watch until it is over or the time is up."""
        with _screen(live=live) as tell:
            while True:
                tell(self, self.look())
                elapsed = time.monotonic() - self.began
                if self.over or elapsed >= seconds:
                    return
                seldom = elapsed > LOOKS_SELDOM_AFTER
                time.sleep(LOOKS_SELDOM_SECONDS if seldom else LOOKS_AGAIN_SECONDS)


def _tell(watch: Watch, *, as_json: bool) -> None:
    """The outcome on standard output; leaves with the reason where the case is not complete."""
    from cli import telling

    case = watch.case
    receipt = watch.service.get(f"/cases/{watch.case_no}/receipt").json()
    result = case["outcome"] or ("waiting" if case["state"] == "open" else case["state"])
    if as_json:
        show_json(
            {
                "result": result,
                "case_no": watch.case_no,
                "new": watch.new,
                "took_seconds": round(watch.took.total_seconds(), 3),
                "case": case,
                "events": watch.events,
                "receipt": receipt,
            }
        )
    else:
        if not watch.new:
            say("此前已收件, 以下是首次的办件 Filed before; this is its case.")
        show("", "经过 Timeline", *telling.timeline(case, watch.events), "", *telling.receipt(receipt), "")
    if watch.complete:
        if not as_json:
            concluded = sum(item["state"] == "concluded" for item in case["items"])
            show(f"✓ 全部办结 Every item concluded: {concluded} 项 items, {duration(watch.took)}")
        return
    raise Leave(Exit.FAILED, "\n".join(_reason(watch)))


def _reason(watch: Watch) -> Iterator[str]:
    from cli import telling

    case = watch.case
    match case["state"]:
        case "concluded":
            yield "部分事项未办成 Some items were not granted:"
            yield from telling.reasons(case)
        case "withdrawn":
            yield "申请已撤回 The application was withdrawn."
            yield from telling.reasons(case)
        case _:
            yield f"到时未办结, 办件继续 Not concluded within {time.monotonic() - watch.began:.0f} s; the case goes on. 在等 Waiting for:"
            yield from telling.waiting(case)
            yield f"查看 Look again with: onething case show {watch.case_no}"


@contextmanager
def _a_service(state: Path | None) -> "Iterator[Service]":
    """The API that is there, else one of a demonstration that is started for this command only."""
    from cli.service import Service
    from cli.settings import CommandSettings
    from cli.surroundings import running_stack

    stack: Running | None = None
    if CommandSettings().api_url is None:
        stack = running_stack(state)
        if stack is None:
            yield from _of_our_own(state)
            return
        say(f"使用已运行的演示 Using the demonstration that runs (process {stack.pid}).")
    with Service.found(state, stack) as service:
        yield service


def _of_our_own(state: Path | None) -> "Iterator[Service]":
    from cli.embedded import AskedToStop, may_be_stopped, new_stack, start, stop
    from cli.service import Service
    from cli.settings import CommandSettings

    own = new_stack(state or CommandSettings().state)
    say(f"没有正在运行的演示, 临时启动 No demonstration runs; starting one in {own.state}")
    try:
        with may_be_stopped():
            try:
                start(own)
                with Service.found(state, own.running) as service:
                    yield service
            finally:
                stop(own)
    except AskedToStop as asked:
        raise Leave(Exit.FAILED, f"已中止, 办件保留 Stopped ({asked}); the case is kept.") from None


@contextmanager
def _screen(*, live: bool) -> "Iterator[Any]":
    """How the watching is shown: a table that moves on a terminal, a line per event elsewhere, nothing for programs."""
    from cli.screen import is_colourful

    if not live:
        yield lambda watch, fresh: None
    elif is_colourful(sys.stderr):
        yield from _moving_table()
    else:
        yield _line_per_event


TOLD_IN_THE_TIMELINE_ONLY: Final = frozenset(
    {"item_accepted", "item_submitted", "route_opened", "route_exhausted", "proof_met", "proof_dropped"}
)
"""Steps on the way: too many to be read while they happen."""


def _line_per_event(watch: Watch, fresh: list[dict[str, Any]]) -> None:
    from cli import telling

    told = [event for event in fresh if event["type"] not in TOLD_IN_THE_TIMELINE_ONLY]
    if told:
        say(*telling.timeline(watch.case, told))


def _moving_table() -> Iterator[Any]:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    from cli import telling

    colours = {"concluded": "green", "denied": "red", "unreachable": "red", "rejected": "yellow", "waiting": "dim"}

    def drawn(watch: Watch) -> Group:
        case = watch.case
        table = Table(box=None, pad_edge=False, show_header=False)
        for item in case["items"]:
            style = colours.get(item["state"], "dim" if item.get("not_applicable_because") else "")
            table.add_row(
                telling.titled(item["title"], item["id"]),
                Text(item["title_en"], "dim"),
                item["department"]["title"],
                Text(item["state_label"], style),
                Text(telling.by_when(item), "dim"),
            )
        promised = telling.promised_for(case)
        elapsed = duration(watch.took) if watch.over else duration(time.monotonic() - watch.began)
        head = f"{case['case_no_grouped']}  已用 elapsed {elapsed}"
        if promised and not watch.over:
            head += f" · 承诺 promised {deadline(promised)}"
        return Group(Text(head, "bold"), table, *(Text(line, "yellow") for line in telling.waiting(case)))

    with Live(console=Console(stderr=True), refresh_per_second=10) as screen:
        yield lambda watch, fresh: screen.update(drawn(watch), refresh=True)

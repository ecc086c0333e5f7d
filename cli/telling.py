"""How a case is told at a terminal: its timeline, its items, its receipt; both languages, no person's name."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from cli.screen import deadline, duration, moment, padded, to_the_second, width

if TYPE_CHECKING:
    from domain.bundle import Bundle

View = Mapping[str, Any]
"""An answer of the API."""


def declared_bundle(case: View) -> "Bundle | None":
    """The declaration under which the case was opened, for titles; None where this version has none of that name."""
    from domain.catalogue import catalogue
    from domain.refusals import NoSuchBundle

    try:
        return catalogue().in_force(case["bundle"]["code"], datetime.fromisoformat(case["opened_at"]).date())
    except NoSuchBundle:
        return None


def sentence(event: View, bundle: "Bundle | None") -> str:
    """What happened in one line; a kind of event that this version does not know is shown by its name."""
    from domain.events import EVENT_CLASSES
    from domain.timeline import sentence as told

    facts = event["facts"]
    kind = EVENT_CLASSES.get(event["type"])
    if kind is None or bundle is None:
        return f"{event['type']} {facts.get('item') or facts.get('proof') or ''}".strip()
    # Not validated: the API keeps back what no reader needs, such as the keys of the vault.
    items = SimpleNamespace(items=facts.get("items", ()))
    happened: Any = kind.model_construct(**{**facts, "bundle": bundle, "plan": items})
    try:
        zh, en = told(happened, bundle)
    except (KeyError, AttributeError):
        return f"{event['type']} {facts.get('item') or facts.get('proof') or ''}".strip()
    return f"{zh} · {en}"


def timeline(case: View, events: Sequence[View]) -> Iterator[str]:
    """Every event with the time since the case was opened."""
    bundle = declared_bundle(case)
    opened = datetime.fromisoformat(case["opened_at"])
    for event in events:
        since = datetime.fromisoformat(event["at"]) - opened
        yield f"  {padded('+' + duration(since), 12)}{sentence(event, bundle)}"


def items(case: View) -> Iterator[str]:
    """One line per item: what, who, its state, by when."""
    rows = [
        (
            titled(item["title"], item["id"]),
            item["department"]["title"],
            item["state_label"],
            by_when(item),
        )
        for item in case["items"]
    ]
    if not rows:
        return
    widths = [max(width(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        yield "  " + "  ".join(padded(cell, room) for cell, room in zip(row, widths, strict=False)) + f"  {row[3]}"


def titled(title: str, item: str) -> str:
    """The title, and which child's it is where there are several."""
    _, _, number = item.partition(":")
    return f"{title}({number})" if number else title


def by_when(item: View) -> str:
    """Its end if it has ended, else the day it is promised for."""
    if item["state"] == "concluded":
        return item.get("reference") or ""
    if item.get("not_applicable_because"):
        return str(item["not_applicable_because"]["zh"])
    if item.get("reason_code"):
        return str(item["reason_code"])
    if item["state"] in {"cancelled", "unreachable"}:
        return ""
    if promised := item.get("promised_by"):
        return f"承诺 promised {deadline(promised)}"
    return f"预计 expected {deadline(expected)}" if (expected := item.get("expected_by")) else ""


def waiting(case: View) -> Iterator[str]:
    """为什么还在等: who is waited for, since when."""
    for wait in case["waits"]:
        since = f" ({moment(wait['since'])})" if wait.get("since") else ""
        yield f"  {wait['zh']} · {wait['en']}{since}"


def clock(told: View) -> Iterator[str]:
    """谁的时间: the shares of the case, then of each item, and why it is waiting; what is listed adds up to its whole."""
    yield f"{told['case_no_grouped']}  共 in all {to_the_second(round(told['elapsed_seconds']))}"
    if told["suspended_seconds"]:
        yield f"  其中中止计时 of which suspended: {to_the_second(round(told['suspended_seconds']))}"
    yield from _shares(told["shares"])
    for item in told["items"]:
        yield f"{titled(item['title'], item['item'])} · {item['title_en']}: {to_the_second(round(item['seconds']))}"
        yield from _shares(item["shares"])
    yield f"{told['waiting_label']['zh']} · {told['waiting_label']['en']}"


def clock_rows(told: View) -> Iterator[tuple[str, ...]]:
    """The same for a pipe: item (none: the case), kind, code, account, seconds, share."""
    for item, shares in (("", told["shares"]), *((one["item"], one["shares"]) for one in told["items"])):
        for one in shares:
            cells = (one["kind"], one["code"] or "", one["account"] or "", str(one["seconds"]), str(one["share"]))
            yield (item, *cells)


def _shares(shares: Sequence[View]) -> Iterator[str]:
    so_far = 0.0
    for one in shares:
        who = f"{one['title']} · {one['title_en']}" + (f" ({one['account']})" if one["account"] else "")
        # Rounded so that nothing is lost between two of them.
        before, so_far = so_far, so_far + one["seconds"]
        length = to_the_second(round(so_far) - round(before))
        yield f"  {one['share']:>6.1%}  {padded(length, 12)}{who}"


def receipt(told: View) -> Iterator[str]:
    """回执: the case number, and for every item its number and what came of it, masked."""
    yield f"回执 Receipt  {told['case_no_grouped']}  {told['bundle']['title']} {told['bundle']['title_en']}"
    yield f"  {told['state_label']} · 收件 filed {moment(told['opened_at'])} · {told['unit']}"
    rows = []
    for item in told["items"]:
        products = " ".join(item["products"].values())
        rows.append((titled(item["title"], item["item"]), item["state_label"], item.get("reference") or "", products))
    widths = [max((width(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        line = "  ".join(padded(cell, room) for cell, room in zip(row, widths, strict=False))
        yield f"  {line}  {row[3]}".rstrip()


def promised_for(case: View) -> str | None:
    """The latest day on which any item is promised; None where none is known, or all have ended."""
    days = [day for item in case["items"] if (day := item.get("promised_by") or item.get("expected_by"))]
    return max(days, default=None)


def reasons(case: View) -> Iterator[str]:
    """Why a case did not end well: the items that were not granted, and why."""
    for item in case["items"]:
        if item["state"] in {"denied", "unreachable", "cancelled"}:
            why = item.get("reason_code") or item.get("because") or ""
            yield f"  {titled(item['title'], item['id'])} · {item['title_en']}: {item['state_label']} {item['state']} {why}".rstrip()

"""A life event as a picture: who handles what, in which order, and what is handed on from one to the next.

Lanes are departments and columns are turns, so that two boxes above one another run at the same time. Lines keep to
the gaps between columns and between lanes, never through a box: the picture is read by people who argue about it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from cli.screen import width
from domain.bundle import Bundle, Item
from domain.departments import DEPARTMENTS
from domain.time_limits import describe


@dataclass(frozen=True)
class Arrow:
    """One item comes after another, because of what the earlier one produces or because the law says so."""

    before: str
    after: str
    hands_on: tuple[str, ...]
    """Codes of the products that the later item reads; empty: by law alone."""


def turns(bundle: Bundle) -> Mapping[str, int]:
    """Item -> how many others must have ended one after the other before it can begin."""
    found: dict[str, int] = {}

    def turn(item: Item) -> int:
        if item.code not in found:
            found[item.code] = 1 + max((turn(bundle.item(code)) for code in bundle.predecessors(item)), default=-1)
        return found[item.code]

    return {item.code: turn(item) for item in bundle.items}


def arrows(bundle: Bundle) -> tuple[Arrow, ...]:
    """Every dependency, in declared order."""
    return tuple(
        Arrow(before, item.code, tuple(p for p in item.reads if bundle.producer_of(p).code == before))
        for item in bundle.items
        for before in bundle.predecessors(item)
    )


def lanes(bundle: Bundle) -> Mapping[str, tuple[Item, ...]]:
    """Department -> its items; the department that begins comes first."""
    order = turns(bundle)
    by_department: dict[str, list[Item]] = {}
    for item in sorted(bundle.items, key=lambda item: order[item.code]):
        by_department.setdefault(item.department, []).append(item)
    return {department: tuple(items) for department, items in by_department.items()}


def depends_on(bundle: Bundle, item: Item) -> str:
    """Under which circumstances the item applies, in words; empty: always."""
    named = {circumstance.code: circumstance.title for circumstance in bundle.circumstances}
    return ", ".join([*(named[code] for code in item.when), *(f"非{named[code]}" for code in item.unless)])


# ── Mermaid ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def mermaid(bundle: Bundle) -> str:
    """The graph as Mermaid text, for a page that draws it."""
    lines = ["flowchart LR"]
    for department, items in lanes(bundle).items():
        lines.append(f'  subgraph {department}["{_quoted(DEPARTMENTS[department].title)}"]')
        lines += [f'    {item.code}["{_quoted(item.title)}<br/>{describe(item.promised_limit)}"]' for item in items]
        lines.append("  end")
    for arrow in arrows(bundle):
        titles = "、".join(bundle.product(code).title for code in arrow.hands_on)
        label = f'|"{_quoted(titles)}"|' if titles else ""
        lines.append(f"  {arrow.before} -->{label} {arrow.after}")
    if conditional := [item.code for item in bundle.items if depends_on(bundle, item)]:
        lines.append("  classDef conditional stroke-dasharray: 5 4")
        lines.append(f"  class {','.join(conditional)} conditional")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace('"', "#quot;")


# ── SVG ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

BOX_WIDTH, BOX_HEIGHT = 232, 78
BOX_GAP = 22
"""Between two boxes of one lane in one column."""
LANE_PADDING = 20
LANE_NAME_WIDTH = 132
TRACK = 12
"""Between two lines that run side by side."""
GUTTER_MARGIN = 26
TOP = 76
MARGIN = 24
LABEL_SIZE = 11
CHARACTER = 6.6
"""Half the width of a Chinese character at the size of small text."""

STYLE = """
text { font-family: "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif; }
.title { font-size: 20px; font-weight: 600; fill: #1a1a1a; }
.subtitle { font-size: 12px; fill: #555; }
.lane { fill: #f6f7f9; }
.lane.other { fill: #eceff3; }
.department { font-size: 14px; font-weight: 600; fill: #1a1a1a; }
.english { font-size: 11px; fill: #555; }
.box { fill: #fff; stroke: #24527a; stroke-width: 1.5; }
.conditional .box { stroke-dasharray: 6 4; }
.name { font-size: 14px; font-weight: 600; fill: #1a1a1a; }
.small { font-size: 11px; fill: #444; }
.line { fill: none; stroke: #24527a; stroke-width: 1.5; }
.head { fill: #24527a; }
.label { font-size: 11px; fill: #24527a; paint-order: stroke; stroke: #f3f5f8; stroke-width: 3px; }
""".strip()


@dataclass(frozen=True)
class Box:
    """Where an item is drawn."""

    left: int
    top: int

    @property
    def right(self) -> int:
        return self.left + BOX_WIDTH

    @property
    def bottom(self) -> int:
        return self.top + BOX_HEIGHT

    @property
    def middle(self) -> int:
        return self.top + BOX_HEIGHT // 2


@dataclass(frozen=True)
class Layout:
    """Where everything is: boxes, lanes (top and height) and the corners of every line."""

    boxes: Mapping[str, Box]
    lanes: Mapping[str, tuple[int, int]]
    lines: Mapping[Arrow, tuple[tuple[int, int], ...]]
    width: int
    height: int


def layout(bundle: Bundle) -> Layout:
    """Place boxes by lane and turn, then lead each line through the gaps."""
    order, drawn = turns(bundle), arrows(bundle)
    columns = max(order.values(), default=0) + 1
    # Each producer has one track in the gap to its right, and each later item one in the gap to its left, so that
    # lines of different origin never lie upon one another.
    leaving = [_those(order, (arrow.before for arrow in drawn), column) for column in range(columns)]
    entering = [
        _those(order, (a.after for a in drawn if order[a.after] - order[a.before] > 1), column)
        for column in range(columns)
    ]
    lefts = [MARGIN + LANE_NAME_WIDTH]
    for column in range(1, columns):
        tracks = len(leaving[column - 1]) + len(entering[column])
        gap = max(2 * GUTTER_MARGIN + TRACK * tracks, _label_room(bundle, drawn, order, column))
        lefts.append(lefts[-1] + BOX_WIDTH + gap)

    boxes: dict[str, Box] = {}
    places: dict[str, tuple[int, int]] = {}
    streets: dict[str, int] = {}
    top = TOP
    for department, items in lanes(bundle).items():
        # Long lines run along the foot of the lane they lead to.
        long_ones = len({a for a in drawn if order[a.after] - order[a.before] > 1 and bundle.item(a.after) in items})
        stacked: dict[int, int] = {}
        for item in items:
            column = order[item.code]
            row = stacked.get(column, 0)
            stacked[column] = row + 1
            boxes[item.code] = Box(lefts[column], top + LANE_PADDING + row * (BOX_HEIGHT + BOX_GAP))
        rows = max(stacked.values())
        foot = top + LANE_PADDING + rows * BOX_HEIGHT + (rows - 1) * BOX_GAP
        streets[department] = foot + TRACK
        height = foot + LANE_PADDING + TRACK * long_ones - top
        places[department] = (top, height)
        top += height + 4

    lines: dict[Arrow, tuple[tuple[int, int], ...]] = {}
    used: dict[str, int] = {}
    for arrow in drawn:
        start, end = boxes[arrow.before], boxes[arrow.after]
        out = start.right + GUTTER_MARGIN + TRACK * leaving[order[arrow.before]].index(arrow.before)
        if order[arrow.after] - order[arrow.before] == 1:
            corners = [(start.right, start.middle), (out, start.middle), (out, end.middle), (end.left, end.middle)]
        else:
            department = bundle.item(arrow.after).department
            street = streets[department] + TRACK * used.get(department, 0)
            used[department] = used.get(department, 0) + 1
            back = end.left - GUTTER_MARGIN - TRACK * entering[order[arrow.after]].index(arrow.after)
            corners = [
                (start.right, start.middle), (out, start.middle), (out, street),
                (back, street), (back, end.middle), (end.left, end.middle),
            ]  # fmt: skip
        lines[arrow] = tuple(dict.fromkeys(corners))
    return Layout(boxes, places, lines, lefts[-1] + BOX_WIDTH + 2 * MARGIN, top + MARGIN)


def svg(bundle: Bundle) -> str:
    """The graph as a picture of its own: no fonts, scripts or addresses from elsewhere."""
    placed = layout(bundle)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {placed.width} {placed.height}"'
        f' width="{placed.width}" height="{placed.height}" role="img" lang="zh-CN">',
        f"<title>{escape(bundle.title)} {escape(bundle.title_en)}</title>",
        f"<desc>{escape(_in_words(bundle))}</desc>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="head" d="M0 0 10 5 0 10z"/></marker></defs>',
        f'<rect width="{placed.width}" height="{placed.height}" fill="#fff"/>',
        f'<text class="title" x="{MARGIN}" y="34">{escape(bundle.title)}</text>',
        f'<text class="subtitle" x="{MARGIN}" y="54">{escape(bundle.title_en)} · {len(bundle.items)} 个事项 items'
        f" · 自 {bundle.effective_from} 起 · 虚线: 视情形而定 dashed: depends on circumstances</text>",
    ]
    for number, (department, (top, height)) in enumerate(placed.lanes.items()):
        named = DEPARTMENTS[department]
        parts.append(
            f'<rect class="lane{" other" if number % 2 else ""}" x="{MARGIN // 2}" y="{top}"'
            f' width="{placed.width - MARGIN}" height="{height}" rx="6"/>'
        )
        for place, line in enumerate(_wrapped(named.title, LANE_NAME_WIDTH - 16, 7.2)):
            parts.append(f'<text class="department" x="{MARGIN}" y="{top + 30 + 18 * place}">{escape(line)}</text>')
        below = top + 30 + 18 * len(_wrapped(named.title, LANE_NAME_WIDTH - 16, 7.2))
        for place, line in enumerate(_wrapped(named.title_en, LANE_NAME_WIDTH - 16, 6.0)):
            parts.append(f'<text class="english" x="{MARGIN}" y="{below + 14 * place}">{escape(line)}</text>')
    for arrow, corners in placed.lines.items():
        parts.append(f'<path class="line" marker-end="url(#head)" d="{_rounded(corners)}"/>')
        parts += _label(bundle, arrow, corners)
    for item in bundle.items:
        parts += _box(bundle, item, placed.boxes[item.code])
    return "\n".join([*parts, "</svg>", ""])


def _box(bundle: Bundle, item: Item, box: Box) -> Iterable[str]:
    condition = depends_on(bundle, item)
    words = [f"承诺 {describe(item.promised_limit)}"]
    if item.proofs:
        words.append(f"证明 {len(item.proofs)}")
    if item.for_each is not None:
        words.append(f"每个{bundle.section(item.for_each).title}")
    yield f'<g class="item{" conditional" if condition else ""}" id="{escape(item.code)}">'
    basis = f"{item.title} {item.title_en}: {item.basis}" + (f" ({condition})" if condition else "")
    yield f"<title>{escape(basis)}</title>"
    yield f'<rect class="box" x="{box.left}" y="{box.top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
    yield f'<text class="name" x="{box.left + 12}" y="{box.top + 24}">{escape(item.title)}</text>'
    yield f'<text class="english" x="{box.left + 12}" y="{box.top + 42}">{escape(item.title_en)}</text>'
    yield f'<text class="small" x="{box.left + 12}" y="{box.top + 64}">{escape(" · ".join(words))}</text>'
    yield "</g>"


def _label(bundle: Bundle, arrow: Arrow, corners: Sequence[tuple[int, int]]) -> Iterable[str]:
    """What is handed on, above the last stretch of the line, where it belongs to one item only."""
    if not arrow.hands_on:
        return
    text = "、".join(bundle.product(code).title for code in arrow.hands_on)
    (_, _), (right, y) = corners[-2:]
    room = width(text) * CHARACTER * LABEL_SIZE / 12
    left = right - 12 - room
    yield f'<text class="label" x="{left:.0f}" y="{y - 6}">{escape(text)}</text>'


def _label_room(bundle: Bundle, drawn: Sequence[Arrow], order: Mapping[str, int], column: int) -> int:
    longest = max(
        (
            width("、".join(bundle.product(code).title for code in arrow.hands_on))
            for arrow in drawn
            if order[arrow.after] == column
        ),
        default=0,
    )
    producers = len({arrow.before for arrow in drawn if order[arrow.before] == column - 1})
    return int(longest * CHARACTER * LABEL_SIZE / 12) + GUTTER_MARGIN + TRACK * producers + 24


def _those(order: Mapping[str, int], codes: Iterable[str], column: int) -> list[str]:
    return [code for code in dict.fromkeys(codes) if order[code] == column]


def _rounded(corners: Sequence[tuple[int, int]]) -> str:
    """A line with softened corners, so that the eye can follow it past another one."""
    straight = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        if not (before[0] == corner[0] == after[0] or before[1] == corner[1] == after[1]):
            straight.append(corner)
    straight.append(corners[-1])
    words = [f"M{straight[0][0]} {straight[0][1]}"]
    for before, corner, after in zip(straight, straight[1:], straight[2:], strict=False):
        into, out = _towards(corner, before), _towards(corner, after)
        words.append(f"L{into[0]} {into[1]}Q{corner[0]} {corner[1]} {out[0]} {out[1]}")
    words.append(f"L{straight[-1][0]} {straight[-1][1]}")
    return "".join(words)


def _towards(corner: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    radius = min(7, (abs(dx) + abs(dy)) // 2)
    return (corner[0] + radius * ((dx > 0) - (dx < 0)), corner[1] + radius * ((dy > 0) - (dy < 0)))


def _wrapped(text: str, room: int, half_width: float) -> list[str]:
    lines = [""]
    for word in text.split(" ") if text.isascii() else text:
        joined = f"{lines[-1]} {word}".strip() if text.isascii() else lines[-1] + word
        if lines[-1] and width(joined) * half_width > room:
            lines.append(word)
        else:
            lines[-1] = joined
    return lines


def _in_words(bundle: Bundle) -> str:
    """The picture for somebody who cannot see it."""
    order = turns(bundle)
    by_turn: dict[int, list[str]] = {}
    for item in bundle.items:
        by_turn.setdefault(order[item.code], []).append(item.title)
    return " → ".join("、".join(by_turn[turn]) for turn in sorted(by_turn))

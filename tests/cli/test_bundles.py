"""A declared life event can be listed, read, checked and drawn, and the drawing can be trusted."""

import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from cli import graph
from domain.bundle import Bundle
from domain.catalogue import catalogue
from tests.cli.conftest import ROOT, Terminal

NEWBORN = next(bundle for bundle in catalogue() if bundle.code == "newborn")
SVG = "{http://www.w3.org/2000/svg}"


def tangled() -> Bundle:
    """The newborn bundle with dependencies that skip a turn, several into one item, and one lane full at once."""
    changed: dict[str, dict[str, tuple[str, ...]]] = {
        "citizen_card": {"after": ("birth_certificate", "maternity_benefit")},
        "medical_insurance": {"after": ("mother_child_handbook", "birth_certificate")},
        "child_care_booklet": {"after": ("mother_child_handbook",)},
        "vaccination_certificate": {"after": ("citizen_card",)},
    }
    return NEWBORN.model_copy(
        update={"items": tuple(item.model_copy(update=changed.get(item.code, {})) for item in NEWBORN.items)}
    )


BUNDLES = [*catalogue(), tangled()]


def test_bundles_are_listed_and_shown(terminal: Terminal) -> None:
    listed = terminal.onething("bundle", "list", "--plain")
    assert listed.code == 0
    assert ["newborn", "新生儿出生一件事"] in [line.split("\t")[:2] for line in listed.out.splitlines()]
    shown = terminal.onething("bundle", "show", "newborn")
    assert "出生医学证明 · Birth certificate" in shown.out
    assert "医疗保障" in shown.out
    assert Bundle.model_validate(terminal.onething("bundle", "show", "newborn", "--json").json()) == NEWBORN
    unknown = terminal.onething("bundle", "show", "nothing")
    assert unknown.code == 3
    assert "nothing" in unknown.err


def test_what_is_shipped_holds_together(terminal: Terminal) -> None:
    said = terminal.onething("bundle", "lint")
    assert said.code == 0
    assert "newborn" in said.err


def test_all_contradictions_of_a_draft_are_named_at_once(terminal: Terminal) -> None:
    source = (ROOT / "domain" / "bundles" / "newborn.py").read_text(encoding="utf-8")
    draft = terminal.directory / "draft.py"
    draft.write_text(
        source.replace('department="tax"', 'department="tax"')
        .replace('department="vaccination_unit"', 'department="vaccinators"')
        .replace('source="prenatal_records"', 'source="prenatal_book"')
        .replace('reads=("citizen_id",)', 'reads=("citizen_number",)'),
        encoding="utf-8",
    )
    said = terminal.onething("bundle", "lint", draft)
    assert said.code == 1
    assert "vaccinators" in said.out
    assert "prenatal_book" in said.out
    assert said.out.count("citizen_number") == 2
    draft.write_text(source.replace("promised_limit=", "promised_limt=", 1), encoding="utf-8")
    misspelt = terminal.onething("bundle", "lint", draft)
    assert misspelt.code == 1
    assert "promised_limt" in misspelt.out
    assert "Traceback" not in misspelt.err


def test_the_graph_is_written_as_mermaid_and_as_a_picture(terminal: Terminal) -> None:
    text = terminal.onething("bundle", "graph", "newborn")
    assert text.code == 0
    assert text.out.startswith("flowchart LR\n")
    assert 'birth_certificate -->|"出生医学证明编号"| household_registration' in text.out
    picture = terminal.directory / "newborn.svg"
    assert terminal.onething("bundle", "graph", "newborn", "--format", "svg", "-o", picture).code == 0
    assert terminal.onething("bundle", "graph", "newborn", "--format", "svg").out == picture.read_text(encoding="utf-8")


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.code)
def test_mermaid_names_every_item_and_every_dependency(bundle: Bundle) -> None:
    text = graph.mermaid(bundle)
    for item in bundle.items:
        assert f'{item.code}["{item.title}' in text
        for before in bundle.predecessors(item):
            assert any(
                line.strip().startswith(f"{before} -->") and line.endswith(f" {item.code}")
                for line in text.splitlines()
            )


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.code)
def test_the_picture_is_well_formed_and_needs_nothing_from_elsewhere(bundle: Bundle) -> None:
    drawn = graph.svg(bundle)
    root = ET.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text is not None
    assert bundle.title in title.text
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in drawn
    shown = {group.get("id") for group in root.iter(f"{SVG}g")}
    assert shown == {item.code for item in bundle.items}
    assert len(list(root.iter(f"{SVG}path"))) - 1 == len(graph.arrows(bundle))


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.code)
def test_no_box_covers_another_and_no_line_runs_through_a_box(bundle: Bundle) -> None:
    placed = graph.layout(bundle)
    for (_, one), (_, other) in combinations(placed.boxes.items(), 2):
        assert one.right < other.left or other.right < one.left or one.bottom < other.top or other.bottom < one.top
    for arrow, corners in placed.lines.items():
        assert corners[0] == (placed.boxes[arrow.before].right, placed.boxes[arrow.before].middle)
        assert corners[-1] == (placed.boxes[arrow.after].left, placed.boxes[arrow.after].middle)
        for (x1, y1), (x2, y2) in pairwise(corners):
            assert x1 == x2 or y1 == y2
            for code, box in placed.boxes.items():
                through = (
                    max(x1, x2) > box.left
                    and min(x1, x2) < box.right
                    and max(y1, y2) > box.top
                    and min(y1, y2) < box.bottom
                )
                assert not through, f"{arrow.before} → {arrow.after} runs through {code}"


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.code)
def test_everything_is_inside_the_picture_and_in_its_lane(bundle: Bundle) -> None:
    placed = graph.layout(bundle)
    for item in bundle.items:
        top, height = placed.lanes[item.department]
        box = placed.boxes[item.code]
        assert top <= box.top < box.bottom <= top + height
        assert 0 <= box.left < box.right <= placed.width
    for corners in placed.lines.values():
        assert all(0 < x < placed.width and 0 < y < placed.height for x, y in corners)
    order = graph.turns(bundle)
    assert all(order[arrow.before] < order[arrow.after] for arrow in graph.arrows(bundle))


def test_a_picture_can_be_written_anywhere(tmp_path: Path) -> None:
    file = tmp_path / "图.svg"
    file.write_text(graph.svg(tangled()), encoding="utf-8")
    assert ET.parse(file).getroot().get("viewBox")

"""Nothing outside the published listing may be asked, and what was cancelled does not come back."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from domain.bundle import Proof
from domain.catalogue import catalogue
from domain.columns import Cell, Sheet
from domain.listing import COLUMNS, ListedProof, ListedRoute, as_row, demands_outside, listed_on, read_listing, shown
from tests.desk import newborn

ON = date(2026, 11, 23)
LINE: dict[str, Any] = {
    "code": "father_child_relation",
    "title": "父子(女)关系证明",
    "route": "部门核验",
    "basis": "优化营商环境条例 44",
    "issued_by": "公安",
    "effective_from": "2018-06-22",
}


def sheet(*rows: dict[str, Any]) -> Sheet:
    lines: list[list[Cell]] = [[column.title for column in COLUMNS]]
    lines += [[row.get(column.code) for column in COLUMNS] for row in rows]
    return Sheet(list(enumerate(lines, start=1)))


def proof(code: str = "a", **more: Any) -> ListedProof:
    return ListedProof.model_validate(
        {
            "code": code,
            "title": "证明",
            "route": "shared_data",
            "basis": "某法 1",
            "issued_by": "health",
            "effective_from": date(2018, 7, 17),
            **more,
        }
    )


def faults(*rows: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.column, fault.rule) for fault in read_listing(sheet(*rows)).faults]


def test_a_row_is_read_with_what_usually_holds() -> None:
    ((row, line),) = read_listing(sheet(LINE)).lines

    assert row == 2
    assert line.route is ListedRoute.DEPARTMENT_VERIFICATION
    assert (line.issued_by, line.source, line.immediate, line.valid_days) == ("public_security", None, False, 30)
    assert (line.collected_by, line.yearly_volume, line.batch, line.effective_to) == ((), 0, 1, None)


def test_a_row_that_does_not_say_whether_it_is_about_two_leaves_it_as_it_was() -> None:
    said = read_listing(
        sheet(LINE | {"about_two": "是"}, LINE | {"code": "b", "about_two": "否"}, LINE | {"code": "c"})
    )

    assert [line.about_two for _, line in said.lines] == [True, False, False]
    assert said.about_two_as_kept == {4}
    assert faults(LINE | {"about_two": "也许"}) == [(2, "about_two", "yes_no")]


def test_a_full_row_is_read() -> None:
    full = {
        **LINE,
        "route": "数据共享",
        "collected_by": "银行、学校；公证机构",
        "source": "户籍信息",
        "immediate": "是",
        "valid_days": 60.0,
        "yearly_volume": 2_000.0,
        "batch": 3,
        "effective_to": date(2027, 1, 1),
        "reason_kept": "早年户籍未全部归集",
    }
    ((_, line),) = read_listing(sheet(full)).lines

    assert line.collected_by == ("银行", "学校", "公证机构")
    assert (line.source, line.immediate, line.valid_days, line.yearly_volume) == ("household_register", True, 60, 2_000)
    again = {column: "、".join(v) if isinstance(v, tuple) else v for column, v in as_row(line).items()}
    assert read_listing(sheet(again)).lines == ((2, line),)


@pytest.mark.parametrize(
    ("change", "column", "rule"),
    [
        ({"code": "Father"}, "code", "pattern"),
        ({"code": None}, "code", "missing"),
        ({"route": "口头"}, "route", "choice"),
        ({"issued_by": "居委会"}, "issued_by", "choice"),
        ({"source": "某库"}, "source", "choice"),
        ({"immediate": "也许"}, "immediate", "yes_no"),
        ({"valid_days": "0"}, "valid_days", "number"),
        ({"yearly_volume": "-1"}, "yearly_volume", "number"),
        ({"effective_from": "去年"}, "effective_from", "day"),
        ({"effective_to": "2018-06-21"}, "effective_to", "order"),
        ({"basis": ""}, "basis", "missing"),
        ({"title": "证" * 101}, "title", "too_long"),
    ],
)
def test_what_cannot_be_is_named_with_its_rule(change: dict[str, Any], column: str, rule: str) -> None:
    assert faults({**LINE, **change}) == [(2, column, rule)]


def test_one_code_begins_once_on_a_day() -> None:
    assert faults(LINE, LINE) == [(3, "code", "twice")]
    assert faults(LINE, {**LINE, "effective_from": "2019-01-01"}) == []


def test_a_line_ends_after_it_begins() -> None:
    with pytest.raises(ValidationError):
        proof(effective_to=date(2018, 7, 16))


def test_the_latest_line_that_has_begun_and_not_ended_is_in_force() -> None:
    first = proof(effective_from=date(2018, 1, 1))
    second = proof(effective_from=date(2020, 1, 1), route="cancelled")
    ended = proof("b", effective_to=date(2019, 6, 30))
    lines = (second, first, ended)

    assert listed_on(lines, date(2017, 12, 31)) == {}
    assert listed_on(lines, date(2019, 6, 30)) == {"a": first, "b": ended}
    assert listed_on(lines, date(2019, 7, 1)) == {"a": first}
    assert listed_on(lines, date(2020, 1, 1)) == {"a": second}
    closed = proof(effective_from=date(2021, 1, 1), effective_to=date(2021, 12, 31))
    assert listed_on((*lines, closed), ON) == {}, "the line before an ended one does not come back"


def test_a_bundle_that_demands_only_what_is_listed_is_accepted() -> None:
    listed = {code: proof(code) for code in newborn().proofs()}

    assert demands_outside(newborn(), listed, ON) == ()


def test_a_demand_outside_the_listing_or_cancelled_is_told_in_both_languages() -> None:
    bundle = newborn()
    listed = {code: proof(code) for code in bundle.proofs()}
    del listed["parents_marriage"]
    listed["mother_account"] = proof("mother_account", route="cancelled", effective_from=date(2018, 4, 22))

    outside, cancelled = demands_outside(bundle, listed, ON)

    assert outside.startswith("“父母婚姻状况”(parents_marriage)自 2026-11-23 起不在证明事项清单内, 不得索要 · ")
    assert "outside the listing" in outside
    assert "2018-04-22" in cancelled
    assert "was cancelled" in cancelled


def test_every_bundle_can_be_held_against_a_listing() -> None:
    for bundle in catalogue():
        told = demands_outside(bundle, {}, ON)
        assert len(told) == len(bundle.proofs())
        assert all(isinstance(one, Proof) for one in bundle.proofs().values())


def test_codes_are_shown_by_their_names() -> None:
    assert shown("route", "cancelled") == "直接取消"
    assert shown("issued_by", "public_security") == "公安"
    assert shown("source", "household_register") == "户籍信息"
    assert (shown("source", ""), shown("title", "某证明")) == ("", "某证明")

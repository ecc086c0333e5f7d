"""Where the law refuses a question of 算法说明 (询问有误): which field of the form it is, in the words of the form.

The law is asked one line for what the form asks in several fields, and its sentences teach how that line is written.
Whoever filled in a form never saw it: they are told at their field what belongs there.
"""

from collections.abc import Mapping
from typing import Final

from domain.law.months import MONTHS_IN_YEAR
from domain.law.pension_divisor import OLDEST, YOUNGEST
from domain.law.retirement_age import FLEXIBLE_MONTHS
from domain.refusals import FieldFault
from domain.timeline import Text

PICK: Final = Text("请从列表中选择", "choose one from the list")
MONTHS_OF_CHOICE: Final = Text(
    f"请填写几个月, 1 到 {FLEXIBLE_MONTHS} 的整数", f"say how many months, a whole number from 1 to {FLEXIBLE_MONTHS}"
)
APPROVED_MONTH: Final = Text("请填写批准的年月, 如 2026-03", "give the approved month, such as 2026-03")
EARLY_LATE_OR_APPROVED: Final = Text(
    "填了几个月或年月的, 请选择提前、延迟或特殊工种; 按法定退休年龄的, 不填",
    "with months or a month given, choose earlier, later or special work; for the statutory age give none",
)
WHOLE_YEARS: Final = Text("请填写整岁数, 如 60", "must be a whole number of years, such as 60")
MONTHS_OF_AGE: Final = Text("应为 0 到 11 的整数", "must be a whole number from 0 to 11")
AGES: Final = Text(f"应在 {YOUNGEST} 岁到 {OLDEST} 岁之间", f"must be from {YOUNGEST} to {OLDEST} years")
DIVISOR_OR_AGE: Final = Text(
    "计发月数与退休时年龄, 请填其中一项", "give either the divisor or the age at retirement, and not both"
)
WITHIN_ALL_YEARS: Final = Text("不能超过全部缴费年限", "must not exceed the whole time of contributions")


def at_its_field(fault: FieldFault, typed: Mapping[str, str]) -> Mapping[str, Text]:
    """Each field of the form that is at fault, and what belongs there; `typed` holds every field of the form."""
    match fault.pointer, fault.rule:
        case (("/category" | "/region" as pointer), "choice"):
            return {pointer[1:]: PICK}
        case "/choose", "pattern":
            return _choice(typed)
        case "/age", "pattern":
            return _age(typed)
        case "/age", "range":
            return {"age_years": AGES}
        case "/divisor", "either_or":
            return {"divisor": DIVISOR_OR_AGE}
        case "/years_before_1998", "exceeds":
            return {"years_before_1998_years": WITHIN_ALL_YEARS}
        case _:
            return {_field_of(fault.pointer, typed): Text(fault.zh, fault.en)}


def _choice(typed: Mapping[str, str]) -> Mapping[str, Text]:
    match typed["choice"]:
        case "early" | "late":
            return {"choose": MONTHS_OF_CHOICE}
        case "approved":
            return {"choose": APPROVED_MONTH}
        case _:
            return {"choice": EARLY_LATE_OR_APPROVED}


def _age(typed: Mapping[str, str]) -> Mapping[str, Text]:
    years, months = typed["age_years"].strip(), typed["age_months"].strip()
    wrong: dict[str, Text] = {}
    if not (years.isascii() and years.isdecimal()):
        wrong["age_years"] = WHOLE_YEARS
    elif not YOUNGEST <= int(years) <= OLDEST:
        wrong["age_years"] = AGES
    if months and not (months.isascii() and months.isdecimal() and int(months) < MONTHS_IN_YEAR):
        wrong["age_months"] = MONTHS_OF_AGE
    return wrong


def _field_of(pointer: str, typed: Mapping[str, str]) -> str:
    """The field that has the name of the pointer: "/contribution/years", or "/contribution" as a whole."""
    name = pointer.strip("/").replace("/", "_")
    return next((one for one in (name, f"{name}_years") if one in typed), "")

"""Reading an application (申请表): every fault named with its place and rule, nothing guessed, nothing lost.

The form of a bundle is declared with it. What is read splits at once: personal content per person
and for the case (to the vault), and what decides the graph (counts and circumstances). A fault
never repeats the value that is wrong, because faults are shown, logged and mailed.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, assert_never
from zoneinfo import ZoneInfo

from domain.bundle import (
    BornBefore,
    Bundle,
    FieldKind,
    FormField,
    FromForm,
    Is,
    Lawful,
    Milestone,
    NotInFuture,
    NumbersInOrder,
    Section,
)
from domain.identifiers import (
    NotAnIdentifier,
    read_bank_account,
    read_citizen_id,
    read_passport_number,
    read_person_name,
    read_phone,
    read_uscc,
    sentence,
)
from domain.law.months import first_day, month_of
from domain.law.requirement import LeftOpen, Requirement, requirements
from domain.refusals import FieldFault, FormFaulty, NotEligibleHere

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
LONGEST_TEXT: Final = 500
MOST_UNKNOWN: Final = 20
"""Unknown fields named one by one; a body with a million of them gets no million sentences back."""
EARLIEST: Final = date(1900, 1, 1)
INVISIBLE: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Control and format characters (NUL, line ends, direction overrides, zero width) and line separators."""
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,2})?")
CLOCK_LEEWAY: Final = timedelta(minutes=5)
"""Two machines may differ by this much before a moment counts as future."""


@dataclass(frozen=True)
class Application:
    """A form that was read without fault; all values are text, as they are stored."""

    bundle: Bundle
    sections: Mapping[str, tuple[Mapping[str, str], ...]]
    """Section -> one mapping of field to value for each person (or one for the facts)."""
    circumstances: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many persons each section that can list several holds."""
        return {
            section.code: len(self.sections.get(section.code, ()))
            for section in self.bundle.sections
            if section.at_most > 1
        }

    @property
    def milestones(self) -> dict[str, datetime]:
        """期日: when each milestone of the bundle is reached, as far as the form says; 00:00 of the day in Shanghai."""
        return {
            milestone.code: datetime.combine(_reached_on(milestone, day), time(), SHANGHAI)
            for milestone in self.bundle.milestones
            if (given := self.value(milestone.after)) is not None
            for day in (date.fromisoformat(given[: len("2026-11-20")]),)
        }

    def value(self, path: str, number: int | None = None) -> str | None:
        """The value at "section.field", of the n-th person (from 1) in a list; None if it was not given."""
        return value_at(self.sections, path, number)

    def event_values(self) -> tuple[tuple[str, ...], ...]:
        """For every group of `one_case_per`, the values that no second open case may share."""
        found: list[tuple[str, ...]] = []
        for group in self.bundle.one_case_per:
            listed = next(
                (name for path in group if self.bundle.section(name := path.partition(".")[0]).at_most > 1), None
            )
            numbers = range(1, len(self.sections.get(listed, ())) + 1) if listed else (None,)
            for number in numbers:
                values = [
                    _comparable(self.bundle, path, self.value(path, number if path.startswith(f"{listed}.") else None))
                    for path in group
                ]
                if all(value is not None for value in values):
                    found.append((*group, *(value for value in values if value is not None)))
        return tuple(found)


def _reached_on(milestone: Milestone, day: date) -> date:
    return day if milestone.on_the_day else first_day(month_of(day.year, day.month) + milestone.months)


def value_at(sections: Mapping[str, Sequence[Mapping[str, str]]], path: str, number: int | None = None) -> str | None:
    """The value at "section.field"; "section.count" is how many there are."""
    section, _, code = path.partition(".")
    rows = sections.get(section, ())
    if code == "count":
        return str(len(rows))
    index = (number or 1) - 1
    return rows[index].get(code) if index < len(rows) else None


@dataclass(frozen=True, slots=True)
class SoFar:
    """A form before it is corrected, and when what it says was told: with the application, or by an earlier correction."""

    sections: Mapping[str, Sequence[Mapping[str, str]]]
    filed_at: datetime
    corrected: Mapping[str, datetime]
    """"section.field" -> when it was last corrected."""

    def told_at(self, path: str) -> datetime:
        """When what stands there was told."""
        return self.corrected.get(path, self.filed_at)


def read_application(bundle: Bundle, given: object, *, at: datetime, so_far: SoFar | None = None) -> Application:
    """The application as filed at that moment, or as corrected then.

    Raises FormFaulty with every fault, or NotEligibleHere with the place to go to instead.
    """
    reading = _Reading(bundle, at, so_far)
    sections = reading.read(given)
    if reading.faults:
        raise FormFaulty(reading.faults)
    circumstances = circumstances_of(bundle, sections)
    for refusal in bundle.not_eligible:
        if refusal.applies(circumstances):
            raise NotEligibleHere(
                refusal.code, f"{refusal.reason}, {refusal.go_to}", f"{refusal.reason_en}: {refusal.go_to_en}"
            )
    return Application(bundle, sections, circumstances, tuple(reading.warnings))


def left_open(
    bundle: Bundle, sections: Mapping[str, Sequence[Mapping[str, str]]], *, at: datetime
) -> Mapping[str, LeftOpen]:
    """What the law leaves open to whoever corrects this form at that moment: "section.field" -> in words."""
    found: dict[str, LeftOpen] = {}
    for check in bundle.checks:
        if isinstance(check, Lawful):
            fields, known, requirement = _known_to(check, sections)
            if known.keys() >= set(requirement.needs):
                for one in requirement.leaves_open(at.astimezone(SHANGHAI).date(), known):
                    found[fields[one.fact]] = one
    return found


def _known_to(
    check: Lawful, sections: Mapping[str, Sequence[Mapping[str, str]]]
) -> tuple[Mapping[str, str], Mapping[str, str], Requirement]:
    """The field of each fact, the facts that the form has, and what the law demands of them."""
    fields = {fact.name: fact.origin.field for fact in check.facts if isinstance(fact.origin, FromForm)}
    facts = {name: value_at(sections, field) for name, field in fields.items()}
    known = {name: value for name, value in facts.items() if value is not None}
    return fields, known, requirements()[check.requirement]


def as_filed(bundle: Bundle, sections: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, Any]:
    """The form as JSON again, the way it was filed: what `read_application` reads."""
    filed: dict[str, Any] = {}
    for section in bundle.sections:
        rows = [
            {field.code: _as_json(field, row[field.code]) for field in section.fields if field.code in row}
            for row in sections.get(section.code, ())
        ]
        if rows:
            filed[section.code] = rows if section.at_most > 1 else rows[0]
    return filed


def _as_json(field: FormField, value: str) -> str | int | bool:
    match field.kind:
        case FieldKind.YES_NO:
            return value == "true"
        case FieldKind.COUNT:
            return int(value)
        case _:
            return value


def circumstances_of(bundle: Bundle, sections: Mapping[str, Sequence[Mapping[str, str]]]) -> tuple[str, ...]:
    """情形: the circumstances that this filled form has, in declared order."""
    return tuple(
        circumstance.code
        for circumstance in bundle.circumstances
        if value_at(sections, circumstance.field) in circumstance.among
    )


class _Reading:
    """One pass over one form; collects faults instead of stopping at the first."""

    def __init__(self, bundle: Bundle, at: datetime, so_far: SoFar | None) -> None:
        self.bundle = bundle
        self.at = at
        self.so_far = so_far
        self.faults: list[FieldFault] = []
        self.warnings: list[str] = []
        self._faulty: set[str] = set()

    def read(self, given: object) -> dict[str, tuple[Mapping[str, str], ...]]:
        if not isinstance(given, Mapping):
            self._fault("", "type", "申请表应为对象", "the application must be an object")
            return {}
        self._unknown("", given, (section.code for section in self.bundle.sections))
        raw: dict[str, list[Mapping[str, Any] | None]] = {
            section.code: self._rows(section, given.get(section.code)) for section in self.bundle.sections
        }
        sections: dict[str, tuple[Mapping[str, str], ...]] = {}
        # Conditions look at fields of other sections, so every value is read before any is missed.
        values = {
            section.code: [
                {
                    field.code: value
                    for field in section.fields
                    if row is not None
                    and row.get(field.code) is not None
                    and (value := self._value(self._pointer(section, number, field), field, row[field.code]))
                    is not None
                }
                for number, row in enumerate(raw[section.code])
            ]
            for section in self.bundle.sections
        }
        for section in self.bundle.sections:
            applies = self._holds(section.only_if, values)
            if not raw[section.code]:
                required = section.required_if is None or any(
                    self._holds((one,), values) for one in section.required_if
                )
                if applies and required and section.code not in self._faulty:
                    self._fault(
                        f"/{section.code}", "missing", f"缺少“{section.title}”", f"{section.title_en} is missing"
                    )
            elif not applies:
                self._fault(
                    f"/{section.code}",
                    "not_asked",
                    f"此情形下不需要填写“{section.title}”",
                    f"{section.title_en} is not asked under these circumstances",
                )
            for number, row in enumerate(raw[section.code]):
                if row is not None:
                    self._complete(section, number, row, values)
            sections[section.code] = tuple(values[section.code])
        self._check(sections)
        return {code: rows for code, rows in sections.items() if rows}

    def _rows(self, section: Section, given: object) -> list[Mapping[str, Any] | None]:
        """What was given for each person; None keeps the place of what is no object, so that pointers stay true."""
        if given is None:
            return []
        rows = given if section.at_most > 1 else [given]
        if not isinstance(rows, list):
            self._fault(f"/{section.code}", "type", f"“{section.title}”应为列表", f"{section.title_en} must be a list")
            return []
        if len(rows) > section.at_most:
            self._fault(
                f"/{section.code}",
                "too_many",
                f"“{section.title}”最多 {section.at_most} 个",
                f"at most {section.at_most} of {section.title_en}",
            )
            return []
        read: list[Mapping[str, Any] | None] = []
        for number, row in enumerate(rows):
            pointer = f"/{section.code}/{number}" if section.at_most > 1 else f"/{section.code}"
            if not isinstance(row, Mapping):
                self._fault(pointer, "type", f"“{section.title}”应为对象", f"{section.title_en} must be an object")
                read.append(None)
                continue
            self._unknown(pointer, row, (field.code for field in section.fields))
            read.append(row)
        return read

    def _unknown(self, pointer: str, given: Mapping[Any, Any], known: Iterable[str]) -> None:
        shown: dict[str, None] = {}
        for name in given.keys() - set(known):
            # The name itself is the sender's text and may hold anything, so it is cut and cleaned.
            clean = "".join(c for c in str(name)[:40] if c.isalnum() or c in "_-")
            shown["?" if not clean or sum(c.isdigit() for c in clean) > 4 else clean] = None
        for name in sorted(shown)[:MOST_UNKNOWN]:
            self._fault(f"{pointer}/{name}", "unknown", "表单没有此栏", "the form has no such field")
        if len(shown) > MOST_UNKNOWN:
            self._fault(pointer, "unknown", "还有更多表单没有的栏", "there are more fields that the form does not have")

    def _complete(
        self,
        section: Section,
        number: int,
        row: Mapping[str, Any],
        values: Mapping[str, Sequence[Mapping[str, str]]],
    ) -> None:
        for field in section.fields:
            pointer = self._pointer(section, number, field)
            asked = self._holds(field.only_if, values, section.code, number)
            given = row.get(field.code) is not None
            if given and not asked:
                self._fault(
                    pointer,
                    "not_asked",
                    f"此情形下不需要填写“{field.title}”",
                    f"{field.title_en} is not asked under these circumstances",
                )
            elif asked and field.required and not given:
                self._fault(pointer, "missing", f"缺少“{field.title}”", f"{field.title_en} is missing")

    def _holds(
        self,
        conditions: tuple[Is, ...],
        values: Mapping[str, Sequence[Mapping[str, str]]],
        section: str | None = None,
        number: int = 0,
    ) -> bool:
        return all(
            value_at(values, one.field, number + 1 if one.field.partition(".")[0] == section else None) in one.among
            for one in conditions
        )

    def _value(self, pointer: str, field: FormField, given: object) -> str | None:
        try:
            value, warnings = read_value(field, given, today=self.at.astimezone(SHANGHAI).date())
        except _Wrong as wrong:
            self._fault(pointer, wrong.rule, f"“{field.title}”{wrong.zh}", f"{field.title_en} {wrong.en}")
            return None
        self.warnings += [f"{pointer}:{warning}" for warning in warnings]
        return value

    def _check(self, sections: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
        for check in self.bundle.checks:
            match check:
                case NotInFuture():
                    value = value_at(sections, check.field)
                    if value is not None and _moment(value) > self.at + CLOCK_LEEWAY:
                        self._at(check.field, "in_future", "不能晚于申请时间", "must not be in the future")
                case BornBefore():
                    number, before = value_at(sections, check.citizen_id), value_at(sections, check.before)
                    if number is None or before is None or not self._holds(check.only_if, sections):
                        continue
                    born = read_citizen_id(number, today=None).born_on
                    if _years_later(born, check.years) > _moment(before).astimezone(SHANGHAI).date():
                        self._at(
                            check.citizen_id,
                            "born_too_late",
                            f"与“{self.bundle.field(check.before).title}”矛盾: 出生日期过晚",
                            f"contradicts {self.bundle.field(check.before).title_en}: born too late",
                        )
                case NumbersInOrder():
                    section, _, code = check.field.partition(".")
                    rows = sections.get(section, ())
                    # Where a number itself is missing or wrong, that has been said already.
                    if all(code in row for row in rows) and sorted(row.get(code, "") for row in rows) != sorted(
                        str(n) for n in range(1, len(rows) + 1)
                    ):
                        self._at(
                            check.field,
                            "not_in_order",
                            "应为 1、2、3 依次不重复",
                            "must count 1, 2, 3 without repetition",
                        )
                case Lawful():
                    self._judge(check, sections)
                case _:
                    assert_never(check)

    def _judge(self, check: Lawful, sections: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
        fields, known, requirement = _known_to(check, sections)
        # What is missing or wrong has been said already.
        if known.keys() >= set(requirement.needs):
            told_on = {name: self._told_on(fields[name], value) for name, value in known.items()}
            for wrong in requirement.judge(told_on, known):
                self._at(fields[wrong.fact], wrong.rule, wrong.zh, wrong.en, stands_alone=True)

    def _told_on(self, path: str, value: str) -> date:
        stands = self.so_far is not None and value_at(self.so_far.sections, path) == value
        told_at = self.so_far.told_at(path) if self.so_far is not None and stands else self.at
        return told_at.astimezone(SHANGHAI).date()

    def _at(self, path: str, rule: str, zh: str, en: str, *, stands_alone: bool = False) -> None:
        section, _, code = path.partition(".")
        field = self.bundle.field(path)
        number = "/0" if self.bundle.section(section).at_most > 1 else ""
        # A check's words go on from the field's title; a sentence of the law is one by itself.
        after, after_en = (": ", ": ") if stands_alone else ("", " ")
        self._fault(
            f"/{section}{number}/{code}", rule, f"“{field.title}”{after}{zh}", f"{field.title_en}{after_en}{en}"
        )

    def _pointer(self, section: Section, number: int, field: FormField) -> str:
        return f"/{section.code}{f'/{number}' if section.at_most > 1 else ''}/{field.code}"

    def _fault(self, pointer: str, rule: str, zh: str, en: str) -> None:
        self._faulty.add(pointer.strip("/").partition("/")[0])
        self.faults.append(FieldFault(f"/application{pointer}", rule, zh, en))


class _Wrong(ValueError):
    def __init__(self, rule: str, zh: str, en: str) -> None:
        self.rule, self.zh, self.en = rule, zh, en
        super().__init__(en)


def read_value(field: FormField, given: object, *, today: date) -> tuple[str, tuple[str, ...]]:
    """The value as stored, and the codes of what is doubtful about it."""
    if field.kind is FieldKind.YES_NO:
        if not isinstance(given, bool):
            raise _Wrong("type", "应为 true 或 false", "must be true or false")
        return str(given).lower(), ()
    if field.kind is FieldKind.COUNT:
        # bool is an int in Python, and "3" or 3.0 is not a count anybody typed on purpose.
        if not isinstance(given, int) or isinstance(given, bool):
            raise _Wrong("type", "应为整数", "must be a whole number")
        if not 0 < given <= (field.at_most or 99):
            raise _Wrong("range", f"应在 1 到 {field.at_most or 99} 之间", f"must be from 1 to {field.at_most or 99}")
        return str(given), ()
    if not isinstance(given, str):
        raise _Wrong("type", "应为文本", "must be text")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise _Wrong("encoding", "编码有误", "is not valid Unicode") from None
    return _text(field, given, today)


def _text(field: FormField, given: str, today: date) -> tuple[str, tuple[str, ...]]:
    try:
        match field.kind:
            case FieldKind.NAME:
                return read_person_name(given), ()
            case FieldKind.CITIZEN_ID:
                return read_citizen_id(given, today=today).number, ()
            case FieldKind.PASSPORT:
                return read_passport_number(given), ()
            case FieldKind.PHONE:
                return read_phone(given), ()
            case FieldKind.ACCOUNT:
                account = read_bank_account(given)
                return account.number, account.warnings
            case FieldKind.USCC:
                code = read_uscc(given)
                return code.number, code.warnings
            case FieldKind.DATE:
                return _date(given).isoformat(), ()
            case FieldKind.MONTH:
                return _month(given).isoformat(), ()
            case FieldKind.MOMENT:
                return _read_moment(given).isoformat(), ()
            case FieldKind.CHOICE:
                if given not in {choice.code for choice in field.choices}:
                    codes = ", ".join(choice.code for choice in field.choices)
                    raise _Wrong("choice", f"应为其中之一: {codes}", f"must be one of: {codes}")
                return given, ()
            case FieldKind.TEXT:
                return _plain(field, given), ()
            case FieldKind.AMOUNT:
                if not is_amount(given):
                    raise _Wrong("amount", "应为金额(元), 如 5012.70", "must be an amount in yuan such as 5012.70")
                return given, ()
            case FieldKind.YES_NO | FieldKind.COUNT:
                raise AssertionError("read before")
            case _:
                assert_never(field.kind)
    except NotAnIdentifier as fault:
        raise _Wrong(
            fault.rule, f": {sentence(fault.kind, fault.rule)}", f": {sentence(fault.kind, fault.rule, 'en')}"
        ) from None


def _plain(field: FormField, given: str) -> str:
    longest = field.at_most or LONGEST_TEXT
    # A blank at the end would make a second birth of one birth record.
    given = given.strip(" \u3000")
    if not given:
        raise _Wrong("empty", "不能为空", "must not be empty")
    if len(given) > longest:
        raise _Wrong("too_long", f"最多 {longest} 个字符", f"must have at most {longest} characters")
    if any(unicodedata.category(character) in INVISIBLE for character in given):
        raise _Wrong("control_character", "含有不可见的控制字符", "contains control characters")
    return given


def is_amount(text: str) -> bool:
    """Whether the text is an amount in yuan, as one writes it: plain digits, two decimals at most."""
    return _AMOUNT.fullmatch(text) is not None


def _date(given: str) -> date:
    try:
        read = date.fromisoformat(given)
    except ValueError:
        raise _Wrong("date", "应为日期, 如 2026-11-20", "must be a date such as 2026-11-20") from None
    if given != read.isoformat() or read < EARLIEST:
        raise _Wrong("date", "应为日期, 如 2026-11-20", "must be a date such as 2026-11-20")
    return read


def _month(given: str) -> date:
    """A month, or its first day, as registers and older forms have it."""
    try:
        read = _date(given if len(given) > len("2026-11") else f"{given}-01")
    except _Wrong:
        read = None
    if read is None or read.day != 1:
        raise _Wrong("month", "应为年月, 如 2026-11", "must be a month such as 2026-11")
    return read


def _read_moment(given: str) -> datetime:
    zh, en = "应为带时区的时刻, 如 2026-11-20T08:15:00+08:00", "must be a moment such as 2026-11-20T08:15:00+08:00"
    try:
        read = datetime.fromisoformat(given)
        if read.tzinfo is None or len(given) < len("2026-11-20T08:15Z"):
            raise _Wrong("moment", zh, en)
        here = read.astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        raise _Wrong("moment", zh, en) from None
    if here.date() < EARLIEST:
        raise _Wrong("moment", zh, en)
    return here


def _moment(value: str) -> datetime:
    read = datetime.fromisoformat(value)
    return read if read.tzinfo else read.replace(tzinfo=SHANGHAI)


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def _comparable(bundle: Bundle, path: str, value: str | None) -> str | None:
    """Two filings that differ only in the minute of birth are about the same child."""
    if value is not None and bundle.field(path).kind is FieldKind.MOMENT:
        return value[: len("2026-11-20")]
    return value

"""The desks behind the counter: for each item of a birth, what the department must be given, when it says no, and what
number it issues.

A submission that lacks something is sent back (422, nothing booked); one that may not be granted is denied with a
reason, which is a lawful answer and is booked without an effect.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from demo.city.ledger import Ledger
from demo.city.numbers import citizen_id, is_citizen_id
from demo.city.people import Birth, Family
from demo.city.places import DIVISIONS
from demo.city.population import Population
from demo.city.registers import answer_query

Pointer = tuple[str, str]
REQUIRED = "is required"
FIRST_DAY_OF_THE_BOOKS = date(2010, 1, 1)
SEQUENCES_PER_SEX_AND_DAY = 500
CERTIFICATE_BATCHES = "ZYXWVUTSRQPNMLKJHGFEDCBA"
MATERNITY_LEAVE_DAYS, MORE_FOR_DIFFICULT, MORE_PER_FURTHER_BABY = 98, 15, 15
EXTENSION_FOR_FIRST_CHILD, EXTENSION_FOR_LATER_CHILD = 60, 90
DAYS_IN_A_MONTH_OF_WAGES = 30
MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Submission:
    case_no: str
    item: str
    subject: str | None
    people: dict[str, dict[str, Any]]
    products: dict[str, Any]
    facts: dict[str, Any]

    def of(self, person: str, name: str) -> str:
        return _text(self.people.get(person, {}).get(name))

    def product(self, name: str) -> str:
        return _text(self.products.get(name))

    def fact(self, name: str) -> str:
        return _text(self.facts.get(name))


@dataclass(frozen=True, slots=True)
class Concluded:
    products: dict[str, str]


@dataclass(frozen=True, slots=True)
class Denied:
    reason_code: str
    reason: str


Decision = Concluded | Denied


@dataclass(frozen=True, slots=True)
class Desk:
    """`decide` may book: it runs inside one booking of the ledger, with the number its effect will have."""

    departments: frozenset[str]
    needs: Callable[[Submission], Iterator[Pointer]]
    decide: Callable[[Submission, Ledger, Population, int], Decision]


# --- birth certificate -----------------------------------------------------------------------------------------------


def _needs_for_certificate(s: Submission) -> Iterator[Pointer]:
    yield from _needs_named_child(s)
    yield from _needs_birth(s)
    if not s.of("mother", "name"):
        yield "/people/mother/name", REQUIRED
    if not s.of("mother", "citizen_id") and not s.of("mother", "passport_no"):
        yield "/people/mother/citizen_id", "is required, or passport_no"
    if s.of("children", "birth_order") and not _is_whole_number(s.of("children", "birth_order")):
        yield "/people/children/birth_order", "is a whole number"


def _issue_certificate(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    record_no, order = s.fact("birth_record_no"), int(s.of("children", "birth_order") or 0)
    sex, birth = s.of("children", "sex"), _birth_key(s)
    issued = books.certificates_of(birth)
    if record_no:
        family = city.find_birth(record_no)
        if family is None:
            return Denied("birth_record_unknown", "出生记录不存在")
        if _differs(s, family):
            return Denied("birth_record_differs", "母亲身份与出生记录不一致")
        born_on, sexes = family.birth.born_at.date(), family.birth.sexes
        order = order or _free_place(issued, sexes, sex)
        if order in issued or len(issued) >= len(sexes):
            return Denied("already_issued", "该新生儿已签发出生医学证明")
        if not 1 <= order <= len(sexes) or sexes[order - 1] != sex:
            return Denied("birth_record_differs", "新生儿性别或胎次与出生记录不一致")
    else:
        born_on = datetime.fromisoformat(s.fact("born_at")).date()
        order = order or len(issued) + 1
        if order in issued:
            return Denied("already_issued", "该新生儿已签发出生医学证明")
    batch, number = divmod(effect, 10_000_000)
    certificate = f"{CERTIFICATE_BATCHES[batch]}33{number:07d}"
    books.book_certificate(certificate, birth, order, born_on.isoformat(), sex)
    return Concluded({"birth_certificate_no": certificate})


def _free_place(issued: list[int], sexes: tuple[str, ...], sex: str) -> int:
    """Twins of one form need no order on it: the next of that sex who has no certificate yet."""
    return next((n for n, on_record in enumerate(sexes, start=1) if on_record == sex and n not in issued), 0)


def _differs(s: Submission, family: Family) -> bool:
    given = s.of("mother", "citizen_id")
    return bool(given) and given != family.mother.citizen_id


# --- household registration and ID number ----------------------------------------------------------------------------


def _needs_for_registration(s: Submission) -> Iterator[Pointer]:
    yield from _needs_named_child(s)
    yield from _needs_certificate_no(s)
    follows = s.fact("household_follows")
    if follows not in ("mother", "father"):
        yield "/facts/household_follows", "is mother or father"
    elif not s.of(follows, "citizen_id"):
        yield f"/people/{follows}/citizen_id", "is required: the child joins this household"


def _register_child(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    certificate = s.product("birth_certificate_no")
    on_file = books.find_certificate(certificate)
    if on_file is None:
        return Denied("certificate_unknown", "出生医学证明编号不存在")
    born_on, sex, registered_as = on_file
    if registered_as is not None:
        return Denied("already_registered", "该新生儿已办理出生登记")
    if sex != s.of("children", "sex"):
        return Denied("certificate_differs", "性别与出生医学证明不一致")
    parent = s.of(s.fact("household_follows"), "citizen_id")
    outcome, home = answer_query("household_register", {"citizen_id": parent}, city)
    if outcome != "found" or home is None:
        return Denied("household_unknown", "随落户人无本市户籍")
    number = _next_citizen_id(books, home["division"], date.fromisoformat(born_on), sex)
    if number is None:
        return Denied("numbers_exhausted", "当日公民身份号码顺序码已用尽")
    books.book_registration(certificate, number)
    return Concluded({"citizen_id": number, "household_no": home["household_no"]})


def _next_citizen_id(books: Ledger, division: str, born_on: date, sex: str) -> str | None:
    """When a county has given all 500 sequences of a day, its neighbours lend theirs: only a load test gets there."""
    first = next((n for n, d in enumerate(DIVISIONS) if d.code == division), 0)
    for place in range(len(DIVISIONS)):
        code = DIVISIONS[(first + place) % len(DIVISIONS)].code
        given = books.count_up(f"{code}/{born_on}/{sex}")
        if given < SEQUENCES_PER_SEX_AND_DAY:
            return citizen_id(code, born_on, given * 2 + (sex == "1"))
    return None


# --- what waits for the ID number ------------------------------------------------------------------------------------


def _needs_citizen_id(s: Submission) -> Iterator[Pointer]:
    if not is_citizen_id(s.product("citizen_id")):
        yield "/products/citizen_id", "is required, with a right check digit"


def _insure(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    number = s.product("citizen_id")
    child = books.find_child(number)
    if child is None:
        return Denied("citizen_unknown", "公民身份号码未登记")
    if child[0] is not None:
        return Denied("already_insured", "已参加城乡居民基本医疗保险")
    insurance_no = f"YB{number[:6]}{effect:09d}"
    books.book_insurance(number, insurance_no)
    return Concluded({"insurance_no": insurance_no})


def _issue_card(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    number = s.product("citizen_id")
    child = books.find_child(number)
    if child is None:
        return Denied("citizen_unknown", "公民身份号码未登记")
    if child[1] is not None:
        return Denied("card_already_issued", "已制发市民卡")
    card_no = f"SMK{effect:09d}"
    books.book_card(number, card_no)
    return Concluded({"card_no": card_no})


# --- what waits for the certificate, and what does not ---------------------------------------------------------------


def _needs_certificate_no(s: Submission) -> Iterator[Pointer]:
    if not s.product("birth_certificate_no"):
        yield "/products/birth_certificate_no", REQUIRED


def _vaccinate(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    """The unit may not refuse (疫苗管理法 47), so nothing is looked up that could be a reason to."""
    return Concluded({"vaccination_no": f"YM{effect:09d}"})


def _open_booklet(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    if books.find_certificate(s.product("birth_certificate_no")) is None:
        return Denied("certificate_unknown", "出生医学证明编号不存在")
    return Concluded({"booklet_no": f"BJ{effect:09d}"})


def _needs_mother(s: Submission) -> Iterator[Pointer]:
    if not s.of("mother", "citizen_id") and not s.of("mother", "passport_no"):
        yield "/people/mother/citizen_id", "is required, or passport_no"


def _complete_handbook(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    """The handbook of the pregnancy is completed; only a mother who never had one is given a new number."""
    _, on_file = answer_query("prenatal_records", {"citizen_id": s.of("mother", "citizen_id")}, city)
    handbook_no = on_file["handbook_no"] if on_file else s.fact("handbook_no") or f"SC{effect:09d}"
    return Concluded({"handbook_no": handbook_no})


def _needs_for_benefit(s: Submission) -> Iterator[Pointer]:
    yield from _needs_birth(s)
    if not s.of("mother", "citizen_id"):
        yield "/people/mother/citizen_id", REQUIRED
    if not s.of("mother", "account") and not s.fact("account"):
        yield "/people/mother/account", "is required: the benefit is paid there"
    for name in ("allowance_fen", "benefit_days", "leave_days", "child_order"):
        if s.fact(name) and not _is_whole_number(s.fact(name)):
            yield f"/facts/{name}", "is a whole number"


RESIDENTS_MEDICAL_COSTS_FEN = 120_000
"""What the city's residents' scheme pays of a delivery; an invented amount."""


def _pay_benefit(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    mother = s.of("mother", "citizen_id")
    _, insured = answer_query("insured_persons", {"citizen_id": mother}, city)
    if insured is None or insured["scheme"] == "none":
        return Denied("not_insured", "母亲未参加生育保险")
    if not books.book_benefit(_birth_key(s)):
        return Denied("already_paid", "该次生育已享受生育保险待遇")
    if insured["scheme"] == "resident":
        # No leave, no allowance: the residents' scheme pays medical costs only.
        return Concluded({"benefit_amount_fen": str(RESIDENTS_MEDICAL_COSTS_FEN), "benefit_days": "0"})
    family = city.find_birth(s.fact("birth_record_no"))
    order = int(s.fact("child_order") or 1)
    days = int(s.fact("benefit_days") or s.fact("leave_days") or _leave_days(family.birth if family else None, order))
    _, employer = answer_query("employers", {"uscc": insured["employer_uscc"]}, city)
    wage = int(employer["average_monthly_wage_fen"]) if employer else 0
    amount = s.fact("allowance_fen") or str(wage * days // DAYS_IN_A_MONTH_OF_WAGES)
    return Concluded({"benefit_amount_fen": amount, "benefit_days": str(days)})


def _leave_days(birth: Birth | None, child_order: int) -> int:
    days = MATERNITY_LEAVE_DAYS + (EXTENSION_FOR_FIRST_CHILD if child_order == 1 else EXTENSION_FOR_LATER_CHILD)
    if birth is None:
        return days
    difficult = MORE_FOR_DIFFICULT if birth.delivery == "difficult" else 0
    return days + difficult + MORE_PER_FURTHER_BABY * (len(birth.sexes) - 1)


# --- retirement, and the senior card -----------------------------------------------------------------------------------


def _needs_person(section: str) -> Callable[[Submission], Iterator[Pointer]]:
    def needs(s: Submission) -> Iterator[Pointer]:
        if not is_citizen_id(s.of(section, "citizen_id")):
            yield f"/people/{section}/citizen_id", REQUIRED

    return needs


def _needs_amount(s: Submission) -> Iterator[Pointer]:
    yield from _needs_person("retiree")(s)
    if not s.fact("pension"):
        yield "/facts/pension", REQUIRED


def _done(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    return Concluded({})


def _review(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    _, record = answer_query("pension_records", {"citizen_id": s.of("retiree", "citizen_id")}, city)
    if record is not None and record["state"] != "active":
        return Denied("not_insured", "该人员不在参保缴费状态")
    return Concluded({})


def _grant_pension(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    return Concluded({"pension_no": f"YL{effect:010d}", "pension": s.fact("pension")})


def _issue_senior_card(s: Submission, books: Ledger, city: Population, effect: int) -> Decision:
    return Concluded({"senior_card_no": f"LN{effect:010d}"})


# --- shared ----------------------------------------------------------------------------------------------------------


def _needs_named_child(s: Submission) -> Iterator[Pointer]:
    if not s.of("children", "name").strip():
        yield "/people/children/name", REQUIRED
    if s.of("children", "sex") not in ("1", "2"):
        yield "/people/children/sex", "is 1 or 2"


def _needs_birth(s: Submission) -> Iterator[Pointer]:
    """A birth on record is known by its number, one at home by the mother and the hour."""
    if s.fact("birth_record_no"):
        return
    try:
        born_at = datetime.fromisoformat(s.fact("born_at"))
    except ValueError:
        yield "/facts/birth_record_no", "is required, or born_at for a birth without a record"
        return
    if born_at.tzinfo is None or born_at.date() < FIRST_DAY_OF_THE_BOOKS:
        yield "/facts/born_at", "is a date and time with its offset, not before the books begin"


def _birth_key(s: Submission) -> str:
    mother = s.of("mother", "citizen_id") or s.of("mother", "passport_no")
    return s.fact("birth_record_no") or f"{mother}@{s.fact('born_at')}"


def _text(value: object) -> str:
    """Whole numbers are taken as written; anything else that is not text counts as not given."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _is_whole_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS


def _desk(
    departments: str,
    needs: Callable[[Submission], Iterator[Pointer]],
    decide: Callable[[Submission, Ledger, Population, int], Decision],
) -> Desk:
    return Desk(frozenset(departments.split()), needs, decide)


DESKS: dict[str, Desk] = {
    # A birth outside an institution is certified by the county's health office.
    "birth_certificate": _desk("delivery_institution health", _needs_for_certificate, _issue_certificate),
    "household_registration": _desk("public_security", _needs_for_registration, _register_child),
    "medical_insurance": _desk("healthcare_security tax", _needs_citizen_id, _insure),
    "citizen_card": _desk("citizen_card_company human_resources", _needs_citizen_id, _issue_card),
    "vaccination_certificate": _desk("vaccination_unit delivery_institution", _needs_certificate_no, _vaccinate),
    "mother_child_handbook": _desk("health", _needs_mother, _complete_handbook),
    "child_care_booklet": _desk("health", _needs_certificate_no, _open_booklet),
    "file_review": _desk("human_resources", _needs_person("retiree"), _review),
    "final_contribution": _desk("tax", _needs_person("retiree"), _done),
    "account_check": _desk("bank", _needs_person("retiree"), _done),
    "pension_assessment": _desk("human_resources", _needs_amount, _grant_pension),
    "medical_retiree_status": _desk("healthcare_security", _needs_person("retiree"), _done),
    "housing_fund_withdrawal": _desk("housing_fund", _needs_person("retiree"), _done),
    "township_handover": _desk("township", _needs_person("retiree"), _done),
    "first_payment": _desk("human_resources", _needs_person("retiree"), _done),
    "senior_card": _desk("civil_affairs", _needs_person("senior"), _issue_senior_card),
    "maternity_benefit": _desk("healthcare_security human_resources", _needs_for_benefit, _pay_benefit),
}

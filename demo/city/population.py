"""The people of 婺川市, worked out from their numbers rather than stored.

A load test needs more families than anyone would write to disk, and the registers must recognise every one of them: so
the n-th family is computed from n, and n is computed back from any citizen ID, birth record, passport or household.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal

from demo.city import names
from demo.city.numbers import citizen_id, from_fifteen_digits, is_citizen_id, uscc, with_luhn
from demo.city.people import (
    Birth,
    Circumstance,
    Delivery,
    Employer,
    Family,
    Household,
    Marriage,
    Person,
    Scheme,
    Sex,
)
from demo.city.personas import PERSONAS
from demo.city.places import DIVISION_BY_CODE, DIVISIONS, STREETS, Division

BEIJING = timezone(timedelta(hours=8))
DEFAULT_SEED = 20261120
DEFAULT_SIZE = 5_000
Parent = Literal["mother", "father"]

FIRST_BIRTHDAY_OF_A_MOTHER = date(1986, 1, 1)
BIRTHDAYS_OF_MOTHERS = 6_574  # eighteen years of days, to the end of 2003
FIRST_GENERATED_SEQUENCE = 100  # below it the personas live
SEQUENCES_PER_DIVISION_AND_DAY = 450
OLDEST_FATHER_IN_DAYS = 2_000
AGE_GAP_IN_DAYS = 2_500
FAMILIES = len(DIVISIONS) * BIRTHDAYS_OF_MOTHERS * SEQUENCES_PER_DIVISION_AND_DAY
LESS_USUAL_FAMILIES = 1_000_000  # counted from the far end, so that family(n) is always the plain married one
SPREAD = 10_000_019  # coprime to FAMILIES: neighbours in n are strangers in age and place
GATHER = pow(SPREAD, -1, FAMILIES)
ONE_LESS_USUAL_FAMILY_IN = 10
LESS_USUAL: tuple[Circumstance, ...] = (
    "twins",
    "unmarried_following_mother",
    "foreign_father",
    "divorced",
    "fifteen_digits",
    "unmarried_following_father",
    "marriage_not_on_file",
    "name_differs",
    "home_birth",
)

LAST_BIRTH_DAY = date(2026, 11, 20)
DAYS_OF_BIRTHS = 60
EMPLOYERS = 3_000
LOWEST_WAGE_FEN, WAGE_STEP_FEN, WAGE_STEPS = 450_000, 2_350, 800

_WHOLE = 0xFFFFFFFFFFFFFFFF


def draw(seed: int, index: int, question: int) -> int:
    """64 bits that look drawn by lot but are the same in every run and every process (SplitMix64)."""
    z = (seed * 0x9E3779B97F4A7C15 + index * 0xD1342543DE82EF95 + question * 0xA0761D6478BD642F) & _WHOLE
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WHOLE
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WHOLE
    return z ^ (z >> 31)


class Population:
    """`size` bounds what `people()` and `families()` list; the registers answer for every family that n can name."""

    def __init__(self, seed: int = DEFAULT_SEED, size: int = DEFAULT_SIZE) -> None:
        self.seed = seed
        self.size = size
        self._shift = draw(seed, 0, 0) % FAMILIES
        self._at = lru_cache(maxsize=8_000)(self._compose)
        self._persona_by_citizen_id: dict[str, tuple[Family, Parent]] = {}
        for persona in PERSONAS.values():
            for parent in _parents(persona):
                person = persona.mother if parent == "mother" else persona.father
                if person is not None and person.citizen_id is not None:
                    self._persona_by_citizen_id[person.citizen_id] = (persona, parent)
        self._persona_by_birth = {p.birth.birth_record_no: p for p in PERSONAS.values() if p.birth.birth_record_no}
        self._persona_by_passport = {
            p.father.passport_no: p for p in PERSONAS.values() if p.father is not None and p.father.passport_no
        }
        self._persona_employers = {p.employer.uscc: p.employer for p in PERSONAS.values() if p.employer is not None}

    def family(self, n: int) -> Family:
        """The n-th married family, each with a birth of its own: the ordinary case, as often as a load test asks."""
        if not 0 <= n < FAMILIES - LESS_USUAL_FAMILIES:
            raise IndexError(f"families are numbered 0 to {FAMILIES - LESS_USUAL_FAMILIES - 1}, not {n}")
        return self._at(n)

    def less_usual_family(self, n: int) -> Family:
        """The n-th family whose circumstances are anything but plain, each kind in turn."""
        if not 0 <= n < LESS_USUAL_FAMILIES:
            raise IndexError(f"less usual families are numbered 0 to {LESS_USUAL_FAMILIES - 1}, not {n}")
        return self._at(FAMILIES - 1 - n)

    def families(self) -> Iterator[Family]:
        """Families until `size` people are reached: the personas first, then one less usual among ten."""
        counted = plain = unusual = 0
        for persona in PERSONAS.values():
            if counted >= self.size:
                return
            counted += len(_parents(persona))
            yield persona
        while counted < self.size:
            if (plain + unusual) % ONE_LESS_USUAL_FAMILY_IN == ONE_LESS_USUAL_FAMILY_IN - 1:
                family, unusual = self.less_usual_family(unusual), unusual + 1
            else:
                family, plain = self.family(plain), plain + 1
            counted += len(_parents(family))
            yield family

    def people(self) -> Iterator[Person]:
        left = self.size
        for family in self.families():
            for person in (family.mother, family.father):
                if person is not None and left > 0:
                    left -= 1
                    yield person

    def find_citizen(self, number: str) -> tuple[Family, Parent] | None:
        """Also by the fifteen digits of old: the number changed its length, not its owner."""
        number = from_fifteen_digits(number) or number
        persona = self._persona_by_citizen_id.get(number)
        if persona is not None:
            return persona
        if not is_citizen_id(number) or number[:6] not in DIVISION_BY_CODE:
            return None
        place, sequence = int(number[4:6]) - 1, int(number[14:17])
        try:
            born_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        except ValueError:
            return None
        parent: Parent = "father" if sequence % 2 else "mother"
        slot = (sequence - FIRST_GENERATED_SEQUENCE) // 2
        days = (born_on - FIRST_BIRTHDAY_OF_A_MOTHER).days
        if parent == "father":
            days += _days_father_is_older(place, slot)
        if slot < 0 or not 0 <= days < BIRTHDAYS_OF_MOTHERS:
            return None
        position = (slot * BIRTHDAYS_OF_MOTHERS + days) * len(DIVISIONS) + place
        family = self._at((position - self._shift) * GATHER % FAMILIES)
        person = family.mother if parent == "mother" else family.father
        return (family, parent) if person is not None and person.citizen_id == number else None

    def find_birth(self, birth_record_no: str) -> Family | None:
        return self._find_numbered(self._persona_by_birth, birth_record_no, "BR2026", 15, "birth")

    def find_passport(self, passport_no: str) -> Family | None:
        return self._find_numbered(self._persona_by_passport, passport_no, "W", 10, "passport")

    def find_employer(self, code: str) -> Employer | None:
        persona = self._persona_employers.get(code)
        if persona is not None:
            return persona
        digits = code[11:16]
        if len(code) != 18 or not (digits.isascii() and digits.isdecimal()) or int(digits) >= EMPLOYERS:
            return None
        employer = employer_of(self.seed, int(digits))
        return employer if employer.uscc == code else None

    def _find_numbered(
        self, personas: dict[str, Family], number: str, prefix: str, length: int, kind: Literal["birth", "passport"]
    ) -> Family | None:
        if number in personas:
            return personas[number]
        digits = number.removeprefix(prefix)
        if len(number) != length or digits == number or not (digits.isascii() and digits.isdecimal()):
            return None
        if int(digits) >= FAMILIES:
            return None
        family = self._at(int(digits))
        on_record = family.birth.birth_record_no if kind == "birth" else family.father and family.father.passport_no
        return family if on_record == number else None

    def _compose(self, n: int) -> Family:
        seed = self.seed
        from_the_end = FAMILIES - 1 - n
        circumstance: Circumstance = (
            LESS_USUAL[from_the_end % len(LESS_USUAL)] if from_the_end < LESS_USUAL_FAMILIES else "married"
        )
        position, place = divmod((n * SPREAD + self._shift) % FAMILIES, len(DIVISIONS))
        slot, days = divmod(position, BIRTHDAYS_OF_MOTHERS)
        division = DIVISIONS[place]
        mother = _mother(seed, n, division, days, slot)
        father = _father(seed, n, circumstance, place, days, slot)
        mother_home, father_home = _homes(seed, n, circumstance, division, mother, father)
        lot = draw(seed, n, 5)
        scheme = _scheme(lot % 20)
        birth = _birth(seed, n, circumstance, division)
        follows: Literal["mother", "father"] = "father" if lot >> 8 & 1 else "mother"
        if circumstance in ("unmarried_following_mother", "foreign_father", "home_birth"):
            follows = "mother"
        elif circumstance == "unmarried_following_father":
            follows = "father"
        child_order = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3)[lot % 10]
        family_name = names.surname_of(father.name if father and father.citizen_id else mother.name)
        other_name = names.surname_of(mother.name) + names.given_name(draw(seed, n, 9), names.MENS_CHARACTERS)
        return Family(
            key=f"family_{n}",
            circumstance=circumstance,
            mother=mother,
            father=father,
            mother_household=mother_home,
            father_household=father_home,
            father_name_in_household_register=other_name if circumstance == "name_differs" else None,
            marriage=_marriage(n, circumstance, mother, lot),
            mother_scheme=scheme,
            insured_since=None if scheme == "none" else date(2012 + lot % 13, 1 + lot % 12, 1),
            employer=employer_of(seed, lot // 20 % EMPLOYERS) if scheme == "employee" else None,
            birth=birth,
            handbook_no=f"SC{division.code}{n:09d}",
            handbook_registered_on=birth.born_at.date() - timedelta(days=birth.weeks * 7 - 70),
            household_follows=follows,
            child_order=child_order,
            child_names=tuple(
                family_name + names.given_name(draw(seed, n, 20 + which), names.CHILDRENS_CHARACTERS)
                for which in range(len(birth.sexes))
            ),
        )


def _parents(family: Family) -> tuple[Parent, ...]:
    return ("mother",) if family.father is None else ("mother", "father")


def _days_father_is_older(place: int, slot: int) -> int:
    """Settled by what mother's and father's numbers have in common, so that either leads to the other."""
    return OLDEST_FATHER_IN_DAYS - (slot * 7_919 + place * 104_729) % AGE_GAP_IN_DAYS


def _mother(seed: int, n: int, division: Division, days: int, slot: int) -> Person:
    lot = draw(seed, n, 1)
    born_on = FIRST_BIRTHDAY_OF_A_MOTHER + timedelta(days=days)
    return Person(
        name=names.surname(lot) + names.given_name(lot >> 24, names.WOMENS_CHARACTERS),
        sex="2",
        born_on=born_on,
        citizen_id=citizen_id(division.code, born_on, FIRST_GENERATED_SEQUENCE + 2 * slot),
        phone=f"154{n * 2:08d}",
        account=account_of(n * 2),
    )


def _father(seed: int, n: int, circumstance: Circumstance, place: int, days: int, slot: int) -> Person | None:
    lot = draw(seed, n, 2)
    if circumstance == "unmarried_following_mother":
        return None
    born_on = FIRST_BIRTHDAY_OF_A_MOTHER + timedelta(days=days - _days_father_is_older(place, slot))
    if circumstance == "foreign_father":
        return Person(
            name=names.FOREIGN_NAMES[lot % len(names.FOREIGN_NAMES)],
            sex="1",
            born_on=born_on,
            citizen_id=None,
            phone=f"154{n * 2 + 1:08d}",
            account=account_of(n * 2 + 1),
            nationality=names.FOREIGN_NATIONALITIES[lot % len(names.FOREIGN_NATIONALITIES)],
            passport_no=f"W{n:09d}",
        )
    return Person(
        name=names.surname(lot) + names.given_name(lot >> 24, names.MENS_CHARACTERS),
        sex="1",
        born_on=born_on,
        citizen_id=citizen_id(DIVISIONS[place].code, born_on, FIRST_GENERATED_SEQUENCE + 1 + 2 * slot),
        phone=f"154{n * 2 + 1:08d}",
        account=account_of(n * 2 + 1),
    )


def account_of(number: int) -> str:
    """No bank was ever given the prefix 629999."""
    return with_luhn(f"629999{number:012d}")


def _homes(
    seed: int, n: int, circumstance: Circumstance, division: Division, mother: Person, father: Person | None
) -> tuple[Household, Household | None]:
    lot = draw(seed, n, 3)
    # One in seven has moved; the division inside an ID number stays for life, the household's does not.
    lived_in = DIVISIONS[lot % 9] if lot >> 8 & 0xFF < 36 else division
    lot >>= 16
    apart = circumstance in ("unmarried_following_father", "divorced") or lot % 10 < 3
    has_own = father is not None and father.citizen_id is not None
    head = father.name if has_own and father is not None and not apart else mother.name
    mother_home = _home(lived_in, n * 2, head, lot >> 4)
    if not has_own or father is None:
        return mother_home, None
    return mother_home, _home(division, n * 2 + 1, father.name, lot >> 12) if apart else mother_home


def _home(division: Division, number: int, head: str, lot: int) -> Household:
    community = division.communities[lot % len(division.communities)]
    street = STREETS[lot // 13 % len(STREETS)]
    return Household(
        household_no=f"{number:09d}",
        household_head=head,
        address=f"婺川市{division.name}{street}{1 + lot // 130 % 300}号{1 + lot // 39_000 % 20}幢{101 + lot % 900}室",
        division=division.code,
        community=community.name,
    )


def _marriage(n: int, circumstance: Circumstance, mother: Person, lot: int) -> Marriage | None:
    if circumstance in ("unmarried_following_mother", "unmarried_following_father", "marriage_not_on_file"):
        return None
    registered_on = min(mother.born_on + timedelta(days=7_500 + lot % 2_000), date(2025, 12, 1))
    return Marriage(
        certificate_no=f"J3399{registered_on:%Y}{n:08d}",
        registered_on=registered_on,
        state="divorced" if circumstance == "divorced" else "married",
        under_fifteen_digits=circumstance == "fifteen_digits",
    )


def _scheme(lot: int) -> Scheme:
    if lot < 16:
        return "employee"
    return "resident" if lot < 19 else "none"


def _birth(seed: int, n: int, circumstance: Circumstance, division: Division) -> Birth:
    lot = draw(seed, n, 4)
    day = LAST_BIRTH_DAY - timedelta(days=lot % DAYS_OF_BIRTHS)
    at_home = circumstance == "home_birth"
    first: Sex = "1" if lot >> 8 & 0xFF < 131 else "2"
    second: Sex = "1" if lot >> 16 & 1 else "2"
    delivery: Delivery = "difficult" if lot >> 20 & 0xFF < 26 and not at_home else "normal"
    return Birth(
        birth_record_no=None if at_home else f"BR2026{n:09d}",
        born_at=datetime(day.year, day.month, day.day, lot >> 28 & 0xF, (lot >> 32) % 60, tzinfo=BEIJING),
        sexes=(first, second) if circumstance == "twins" else (first,),
        weeks=37 + (lot >> 40) % 5,
        delivery=delivery,
        institution="家中" if at_home else division.hospital,
        institution_code=None if at_home else division.hospital_code,
    )


@lru_cache(maxsize=EMPLOYERS)
def employer_of(seed: int, number: int) -> Employer:
    """The employer of that number."""
    lot = draw(seed, number, 6)
    division = DIVISIONS[lot % 9]
    trade = ("针织", "五金", "电子", "木雕", "工艺品", "汽配", "食品", "物流", "软件", "文旅")[(lot >> 8) % 10]
    word = names.CHILDRENS_CHARACTERS[(lot >> 16) % 20] + names.MENS_CHARACTERS[(lot >> 24) % 30]
    return Employer(
        uscc=uscc(division.code, f"MA2{number:05d}"),
        name=f"{division.name}{word}{trade}有限公司",
        average_monthly_wage_fen=LOWEST_WAGE_FEN + WAGE_STEP_FEN * ((lot >> 32) % WAGE_STEPS),
    )


CITY = Population()


def family(n: int) -> Family:
    return CITY.family(n)


def persona(key: str) -> Family:
    return PERSONAS[key]

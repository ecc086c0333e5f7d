"""A family as the city's registers know it, before anybody has declared anything.

Frozen values only: the registers answer from them, the example forms are written from them.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Sex = Literal["1", "2"]
Scheme = Literal["employee", "resident", "none"]
Delivery = Literal["normal", "difficult"]
Circumstance = Literal[
    "married",
    "divorced",
    "unmarried_following_mother",
    "unmarried_following_father",
    "foreign_father",
    "twins",
    "fifteen_digits",
    "marriage_not_on_file",
    "name_differs",
    "home_birth",
]


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    sex: Sex
    born_on: date
    citizen_id: str | None
    phone: str
    account: str
    nationality: str = "CHN"
    passport_no: str | None = None


@dataclass(frozen=True, slots=True)
class Household:
    household_no: str
    household_head: str
    address: str
    division: str
    community: str
    kind: str = "家庭户"


@dataclass(frozen=True, slots=True)
class Marriage:
    certificate_no: str
    registered_on: date
    state: Literal["married", "divorced"] = "married"
    under_fifteen_digits: bool = False


@dataclass(frozen=True, slots=True)
class Employer:
    uscc: str
    name: str
    average_monthly_wage_fen: int


@dataclass(frozen=True, slots=True)
class Birth:
    """`birth_record_no` is None when no institution attended: nothing is on record, the family alone knows."""

    birth_record_no: str | None
    born_at: datetime
    sexes: tuple[Sex, ...]
    weeks: int
    delivery: Delivery
    institution: str
    institution_code: str | None


@dataclass(frozen=True, slots=True)
class Family:
    key: str
    circumstance: Circumstance
    mother: Person
    father: Person | None
    mother_household: Household
    father_household: Household | None
    father_name_in_household_register: str | None
    marriage: Marriage | None
    mother_scheme: Scheme
    insured_since: date | None
    employer: Employer | None
    birth: Birth
    handbook_no: str
    handbook_registered_on: date
    household_follows: Literal["mother", "father"]
    child_order: int
    child_names: tuple[str, ...] = field(default=())

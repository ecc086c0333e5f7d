"""The families by name that documentation, examples and tests tell stories about.

Their numbers are written out by place and never drawn, so that a story stays true when the population is drawn anew.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Literal

from demo.city.numbers import citizen_id, uscc, with_luhn
from demo.city.people import Birth, Circumstance, Employer, Family, Household, Marriage, Person, Scheme, Sex
from demo.city.places import DIVISIONS

BEIJING = timezone(timedelta(hours=8))


def _family(
    place: int,
    circumstance: Circumstance,
    *,
    mother: tuple[str, str],
    father: tuple[str, str],
    children: tuple[str, ...],
    sexes: tuple[Sex, ...],
    born_at: str,
    scheme: Scheme = "employee",
    child_order: int = 1,
    follows: Literal["mother", "father"] = "father",
    married_on: str = "2023-05-20",
) -> Family:
    """One numbered family at home in one division; `replace` then tells what is unusual about it."""
    division = DIVISIONS[place % len(DIVISIONS)]
    number = 900_000_000 + place
    home = Household(
        household_no=f"{number}",
        household_head=father[0],
        address=f"婺川市{division.name}桂花路{8 + place}号3幢{501 + place}室",
        division=division.code,
        community=division.communities[place % 12].name,
    )
    born = datetime.fromisoformat(born_at)
    return Family(
        key="",
        circumstance=circumstance,
        mother=_person(division.code, place, "2", *mother),
        father=_person(division.code, place, "1", *father),
        mother_household=home,
        father_household=home,
        father_name_in_household_register=None,
        marriage=Marriage(
            certificate_no=f"J3399{married_on[:4]}{99_000_000 + place}",
            registered_on=date.fromisoformat(married_on),
        ),
        mother_scheme=scheme,
        insured_since=None if scheme == "none" else date(2019, 7, 1),
        employer=Employer(uscc(division.code, f"MB9{place:05d}"), f"{division.name}朗月针织有限公司", 900_000)
        if scheme == "employee"
        else None,
        birth=Birth(
            birth_record_no=f"BR2026{number}",
            born_at=born,
            sexes=sexes,
            weeks=39,
            delivery="normal",
            institution=division.hospital,
            institution_code=division.hospital_code,
        ),
        handbook_no=f"SC{division.code}{number}",
        handbook_registered_on=born.date() - timedelta(days=200),
        household_follows=follows,
        child_order=child_order,
        child_names=children,
    )


def _person(division: str, place: int, sex: Sex, name: str, born_on: str) -> Person:
    born, number = date.fromisoformat(born_on), place * 2 + (sex == "1")
    return Person(
        name=name,
        sex=sex,
        born_on=born,
        citizen_id=citizen_id(division, born, number),
        phone=f"154{99_000_000 + number:08d}",
        account=with_luhn(f"629999{900_000_000_000 + number}"),
    )


def _apart(family: Family) -> Family:
    """Two households where most families have one: the parents never joined theirs, or have left it."""
    assert family.father is not None
    mother_home = replace(
        family.mother_household,
        household_no=f"{int(family.mother_household.household_no) + 1_000}",
        household_head=family.mother.name,
        address=family.mother_household.address.replace("桂花路", "书院巷"),
    )
    return replace(family, mother_household=mother_home)


def _alone(family: Family) -> Family:
    apart = _apart(family)
    return replace(apart, father=None, father_household=None, marriage=None)


def _with_foreign_father(family: Family) -> Family:
    assert family.father is not None
    father = replace(family.father, name="MARTIN LUCAS", citizen_id=None, nationality="FRA", passport_no="W900000005")
    return replace(_apart(family), father=father, father_household=None)


def _under_fifteen_digits(family: Family) -> Family:
    assert family.marriage is not None
    return replace(family, marriage=replace(family.marriage, under_fifteen_digits=True))


def _at_home(family: Family) -> Family:
    birth = replace(family.birth, birth_record_no=None, institution="家中", institution_code=None)
    return replace(family, birth=birth)


def _divorced(family: Family) -> Family:
    assert family.marriage is not None
    return replace(_apart(family), marriage=replace(family.marriage, state="divorced"))


_TOLD = {
    "family_married_employee": _family(
        0, "married", mother=("尉迟㛃", "1994-03-17"), father=("欧阳𬭎", "1992-07-02"),
        children=("欧阳知予",), sexes=("2",), born_at="2026-11-20T08:15:00+08:00",
    ),
    "family_resident": _family(
        1, "married", mother=("单秀英", "1996-09-08"), father=("仇志远", "1995-01-23"),
        children=("仇禾",), sexes=("1",), born_at="2026-11-19T14:40:00+08:00", scheme="resident",
    ),
    "family_uninsured": _family(
        2, "married", mother=("解雪梅", "1998-12-31"), father=("朴成俊", "1997-06-15"),
        children=("朴安",), sexes=("2",), born_at="2026-11-18T03:05:00+08:00", scheme="none",
    ),
    "family_unmarried_following_mother": _alone(_family(
        3, "unmarried_following_mother", mother=("上官𠅤", "1999-02-14"), father=("—", "1999-01-01"),
        children=("上官初",), sexes=("1",), born_at="2026-11-17T22:30:00+08:00", follows="mother",
    )),
    "family_unmarried_following_father": replace(_apart(_family(
        4, "unmarried_following_father", mother=("曾诗涵", "1997-04-30"), father=("翟𫖯", "1994-10-10"),
        children=("翟若棠",), sexes=("2",), born_at="2026-11-16T10:10:00+08:00",
    )), marriage=None),
    "family_foreign_father": _with_foreign_father(_family(
        5, "foreign_father", mother=("区嘉欣", "1993-08-26"), father=("—", "1990-05-05"),
        children=("区景言",), sexes=("1",), born_at="2026-11-18T17:55:00+08:00", follows="mother",
    )),
    "family_twins": _family(
        6, "twins", mother=("万俟岚", "1995-05-01"), father=("查龘", "1993-11-11"),
        children=("查一舟", "查一禾"), sexes=("1", "2"), born_at="2026-11-20T05:00:00+08:00",
    ),
    "family_15_digit_mother": _under_fifteen_digits(_family(
        7, "fifteen_digits", mother=("吕桂琴", "1983-05-06"), father=("司马建国", "1981-02-03"),
        children=("司马乐",), sexes=("2",), born_at="2026-11-15T12:00:00+08:00",
        child_order=3, married_on="2003-09-28",
    )),
    "family_marriage_not_on_file": replace(_family(
        8, "marriage_not_on_file", mother=("谢燕䶮", "1996-02-29"), father=("袁泽阳", "1996-03-01"),
        children=("袁清宁",), sexes=("2",), born_at="2026-11-19T09:20:00+08:00",
    ), marriage=None),
    "family_name_differs": replace(_family(
        9, "name_differs", mother=("彭怡", "1994-06-18"), father=("吕俊毅", "1991-09-09"),
        children=("吕星悦",), sexes=("1",), born_at="2026-11-14T19:45:00+08:00",
    ), father_name_in_household_register="吕军毅"),
    "family_home_birth": _at_home(_family(
        10, "home_birth", mother=("董月兰", "1992-01-12"), father=("于峰", "1990-12-24"),
        children=("于晨曦",), sexes=("1",), born_at="2026-11-13T04:25:00+08:00", scheme="resident",
    )),
    "family_divorced": _divorced(_family(
        11, "divorced", mother=("令狐妍", "1995-10-02"), father=("宋天佑", "1994-04-04"),
        children=("宋沐辰",), sexes=("1",), born_at="2026-11-12T16:35:00+08:00", follows="mother",
    )),
}  # fmt: skip

PERSONAS: dict[str, Family] = {key: replace(family, key=key) for key, family in _TOLD.items()}

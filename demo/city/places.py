"""Where the people of 婺川市 live, give birth and work: nine county units that are on no map.

The codes 339901 to 339909 were never assigned, so no number built on them can belong to a living person.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subdistrict:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Community:
    """A community kept its code when a second subdistrict was formed beside its own, as codes do."""

    code: str
    name: str
    subdistrict: Subdistrict


@dataclass(frozen=True, slots=True)
class Division:
    code: str
    name: str
    hospital: str
    hospital_code: str
    communities: tuple[Community, ...]
    subdistricts: tuple[Subdistrict, ...]


CITY_NAME = "婺川市"
DIVISION_NAMES = (
    "云澜区", "棠浦区", "鹿鸣县", "石岫县", "望梅县", "松筠县", "枫桴市", "澄溪市", "雁荻市",
)  # fmt: skip
COMMUNITY_NAMES = (
    "明月", "桂语", "长亭", "河畔", "书院", "茶亭", "古井", "荷塘", "竹径", "望江", "晴川", "稻香", "星桥",
)  # fmt: skip
STREETS = ("桂花路", "书院巷", "临溪街", "古樟路", "望江大道", "茶亭弄", "稻香路", "星桥街", "荷塘里", "竹径路")
DIVISIONS_WITH_THIRTEEN_COMMUNITIES = 5  # five of thirteen and four of twelve make the 113 of the demo
SUBDISTRICT_NAMES = (
    ("明溪街道", "桂岭街道"), ("棠湖街道", "河埠街道"), ("鹿鸣镇", "书台镇"), ("石岫镇", "荷源镇"), ("望梅镇", "竹岸镇"),
    ("松筠镇",), ("枫桴街道",), ("澄溪街道",), ("雁荻街道",),
)  # fmt: skip
"""Two in each of the larger divisions and one in the others: the 14 of the demo."""
COMMUNITIES_OF_THE_FIRST_OF_TWO = 7


def _division(number: int, name: str) -> Division:
    code = f"3399{number:02d}"
    how_many = 13 if number <= DIVISIONS_WITH_THIRTEEN_COMMUNITIES else 12
    subdistricts = tuple(
        Subdistrict(code=f"{code}{place:03d}", name=called)
        for place, called in enumerate(SUBDISTRICT_NAMES[number - 1], start=1)
    )
    return Division(
        code=code,
        name=name,
        hospital=f"{name}妇幼保健院",
        hospital_code=f"{code}0001",
        communities=tuple(
            Community(
                code=f"{code}001{place:03d}",
                name=f"{name}{word}社区",
                subdistrict=subdistricts[0] if place <= COMMUNITIES_OF_THE_FIRST_OF_TWO else subdistricts[-1],
            )
            for place, word in enumerate(COMMUNITY_NAMES[:how_many], start=1)
        ),
        subdistricts=subdistricts,
    )


DIVISIONS = tuple(_division(number, name) for number, name in enumerate(DIVISION_NAMES, start=1))
DIVISION_BY_CODE = {division.code: division for division in DIVISIONS}

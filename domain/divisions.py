"""行政区划 (GB/T 2260): six digits; the code of a city, which ends in two zeros, stands for all of its districts."""

from typing import Final

CITY_DIGITS: Final = 4


def city_of(division: str) -> str:
    """The city that a division belongs to; a city's own is itself."""
    return f"{division[:CITY_DIGITS]}00"


def is_city(division: str) -> bool:
    """Whether the code stands for a whole city."""
    return division == city_of(division)


def covers(ours: str, division: str) -> bool:
    """Whether an office of ours answers for that division: its own, and in a city's office every district of the city."""
    return ours == (city_of(division) if is_city(ours) else division)

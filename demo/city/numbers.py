"""The numbers a register prints on paper, with the check character that a counter would verify.

Written here a second time on purpose: if the city shared the product's code for check digits, a mistake there would
agree with itself and no test could see it.
"""

from datetime import date
from operator import mul

CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CITIZEN_CHECKS = "10X98765432"
CODES_COUNTED_TOO_MUCH = ord("0") * sum(CITIZEN_WEIGHTS)
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
DOUBLED = str.maketrans("0123456789", "0246813579")  # 2 × 7 = 14, and 1 + 4 = 5
LENGTH_OF_A_CITIZEN_ID = 18
LENGTH_BEFORE_1999 = 15


def citizen_id(division: str, born_on: date, sequence: int) -> str:
    """公民身份号码 (GB 11643): an odd sequence is a man's, an even one a woman's."""
    return with_citizen_check(f"{division}{born_on:%Y%m%d}{sequence:03d}")


def with_citizen_check(first_seventeen: str) -> str:
    # On the ASCII codes rather than the digits: load tests compute two of these for every family.
    total = sum(map(mul, first_seventeen.encode("ascii"), CITIZEN_WEIGHTS)) - CODES_COUNTED_TOO_MUCH
    return first_seventeen + CITIZEN_CHECKS[total % 11]


def is_citizen_id(number: str) -> bool:
    return (
        len(number) == LENGTH_OF_A_CITIZEN_ID
        and number.isascii()
        and number[:17].isdecimal()
        and with_citizen_check(number[:17]) == number
    )


def from_fifteen_digits(number: str) -> str | None:
    """A number issued before 1999 lacks the century and the check; everyone who still holds one was born in 19xx."""
    if len(number) != LENGTH_BEFORE_1999 or not (number.isascii() and number.isdecimal()):
        return None
    return with_citizen_check(f"{number[:6]}19{number[6:]}")


def to_fifteen_digits(number: str) -> str:
    return number[:6] + number[8:17]


def uscc(division: str, organisation: str) -> str:
    """统一社会信用代码 (GB 32100) of an enterprise, from the eight characters its registry chose."""
    first_seventeen = f"91{division}{organisation}{organisation_check(organisation)}"
    total = sum(USCC_ALPHABET.index(c) * w for c, w in zip(first_seventeen, USCC_WEIGHTS, strict=True))
    return first_seventeen + USCC_ALPHABET[-total % 31]


def organisation_check(organisation: str) -> str:
    """The organisation code inside carries a check of its own (GB 11714)."""
    total = sum(ORGANISATION_ALPHABET.index(c) * w for c, w in zip(organisation, ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X"[-total % 11]


def with_luhn(digits: str) -> str:
    """A bank account ends in a digit that catches one mistyped figure."""
    every_second = digits[-1::-2].translate(DOUBLED)
    total = sum(map(int, every_second)) + sum(map(int, digits[-2::-2]))
    return f"{digits}{-total % 10}"

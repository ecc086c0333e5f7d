"""The numbers and names by which people, firms and cases are known: how each is read, doubted and masked.

A reader refuses only what cannot be right. Where real papers break the published rule - codes with a wrong check
character exist, regions are abolished while the number is kept for life - it returns the value with a warning, and
the register decides. No error and no `repr` here contains the number itself, because both end up in logs.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal

Sex = Literal["male", "female"]


class Kind(StrEnum):
    """What a text claims to be."""

    CITIZEN_ID = "citizen_id"
    USCC = "uscc"
    BIRTH_CERTIFICATE = "birth_certificate"
    PASSPORT = "passport"
    PHONE = "phone"
    BANK_ACCOUNT = "bank_account"
    PERSON_NAME = "person_name"
    CASE_NO = "case_no"


class Rule(StrEnum):
    """The rule that a text breaks; the same words serve refusals and warnings."""

    LENGTH = "length"
    CHARACTERS = "characters"
    FULL_WIDTH = "full_width"
    CHECK = "check"
    ORGANISATION_CHECK = "organisation_check"
    IMPOSSIBLE_DATE = "impossible_date"
    FUTURE_DATE = "future_date"
    PROVINCE = "province"
    DIGITS_ONLY = "digits_only"


_KINDS: dict[Kind, tuple[str, str]] = {
    Kind.CITIZEN_ID: ("公民身份号码", "citizen ID number"),
    Kind.USCC: ("统一社会信用代码", "unified social credit code"),
    Kind.BIRTH_CERTIFICATE: ("出生医学证明编号", "birth certificate number"),
    Kind.PASSPORT: ("护照号码", "passport number"),
    Kind.PHONE: ("电话号码", "phone number"),
    Kind.BANK_ACCOUNT: ("银行账号", "bank account"),
    Kind.PERSON_NAME: ("姓名", "name"),
    Kind.CASE_NO: ("办件编号", "case number"),
}

_RULES: dict[Rule, tuple[str, str]] = {
    Rule.LENGTH: ("长度不符", "has the wrong length"),
    Rule.CHARACTERS: ("含有不允许的字符", "contains a character that does not belong there"),
    Rule.FULL_WIDTH: ("含有全角字符，请改用半角", "contains full-width characters; type it in half width"),
    Rule.CHECK: ("校验码不符，请核对", "does not match its check character; compare it with the paper"),
    Rule.ORGANISATION_CHECK: ("主体标识码的校验码不符，请核对", "has an organisation code that fails its own check"),
    Rule.IMPOSSIBLE_DATE: ("其中的日期不存在", "contains a date that does not exist"),
    Rule.FUTURE_DATE: ("其中的日期尚未到来", "contains a date that has not come yet"),
    Rule.PROVINCE: ("前两位不是浙江省代码，请核对", "does not begin with the code of Zhejiang"),
    Rule.DIGITS_ONLY: ("不能只有数字", "cannot be digits only"),
}


def sentence(kind: Kind, rule: Rule, language: Literal["zh", "en"] = "zh") -> str:
    """The rule as a person reads it beside the form field; serves refusals and warnings."""
    if language == "zh":
        return f"{_KINDS[kind][0]}{_RULES[rule][0]}"
    return f"the {_KINDS[kind][1]} {_RULES[rule][1]}"


class NotAnIdentifier(ValueError):
    """The text cannot be what it claims to be. Carries the kind and the rule, never the text."""

    def __init__(self, kind: Kind, rule: Rule) -> None:
        self.kind = kind
        self.rule = rule
        super().__init__(sentence(kind, rule, "en"))


# --- citizen ID number -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CitizenId:
    """公民身份号码 (GB 11643-1999): 18 characters, with what they say about the person.

    `division` is the region of first registration (GB/T 2260 as it was then), not where the person lives.
    """

    number: str = field(repr=False)
    born_on: date = field(repr=False)
    sex: Sex = field(repr=False)
    division: str

    @property
    def masked(self) -> str:
        return mask_citizen_id(self.number)

    @property
    def fifteen(self) -> str | None:
        """The 15-digit form under which registers of about 1985-1999 filed this person; None if born after 1999.

        An 18-digit query misses those entries, so both forms are asked.
        """
        if self.number[6:8] != "19":
            return None
        return self.number[:6] + self.number[8:17]


_CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_CHECKS = "10X98765432"


def read_citizen_id(text: str, *, today: date | None) -> CitizenId:
    """An 18-character citizen ID; blanks around it and a small x are forgiven.

    Raises NotAnIdentifier for length, characters, full-width digits, check, impossible and future date, and never
    for the region: codes come and go, the number is kept for life (居民身份证法 3). `today` None leaves the
    future untested.
    """
    number = _plain(Kind.CITIZEN_ID, text).upper()
    _demand(len(number) == 18, Kind.CITIZEN_ID, Rule.LENGTH)
    _demand(re.fullmatch(r"[0-9]{17}[0-9X]", number), Kind.CITIZEN_ID, Rule.CHARACTERS)
    _demand(citizen_id_check(number[:17]) == number[17], Kind.CITIZEN_ID, Rule.CHECK)
    born_on = _day(Kind.CITIZEN_ID, number[6:10], number[10:12], number[12:14])
    _demand(today is None or born_on <= today, Kind.CITIZEN_ID, Rule.FUTURE_DATE)
    return CitizenId(
        number=number, born_on=born_on, sex="male" if int(number[16]) % 2 else "female", division=number[:6]
    )


def from_fifteen(text: str, *, today: date | None) -> CitizenId:
    """A 15-digit number of the first generation as its 18-character form; raises like `read_citizen_id`."""
    number = _plain(Kind.CITIZEN_ID, text)
    _demand(len(number) == 15, Kind.CITIZEN_ID, Rule.LENGTH)
    _demand(re.fullmatch(r"[0-9]{15}", number), Kind.CITIZEN_ID, Rule.CHARACTERS)
    longer = f"{number[:6]}19{number[6:]}"
    return read_citizen_id(longer + citizen_id_check(longer), today=today)


def citizen_id_check(first_seventeen: str) -> str:
    """The check character (ISO 7064 MOD 11-2) of the first 17 digits."""
    total = sum(weight * int(digit) for weight, digit in zip(_CITIZEN_WEIGHTS, first_seventeen, strict=True))
    return _CITIZEN_CHECKS[total % 11]


# --- firms -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Uscc:
    """统一社会信用代码 (GB 32100-2015), with the rules it breaks as `warnings`."""

    number: str
    authority: str
    kind: str
    division: str
    organisation: str
    warnings: tuple[Rule, ...] = ()


_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def read_uscc(text: str) -> Uscc:
    """A unified social credit code; blanks around it and small letters are forgiven.

    Raises NotAnIdentifier for length and alphabet only. A wrong check character warns: genuine codes with one exist,
    and the register decides.
    """
    number = _plain(Kind.USCC, text).upper()
    _demand(len(number) == 18, Kind.USCC, Rule.LENGTH)
    _demand(set(number) <= set(_USCC_ALPHABET), Kind.USCC, Rule.CHARACTERS)
    organisation = number[8:17]
    warnings = (
        *((Rule.CHECK,) if uscc_check(number[:17]) != number[17] else ()),
        *((Rule.ORGANISATION_CHECK,) if organisation_check(organisation[:8]) != organisation[8] else ()),
    )
    return Uscc(
        number=number,
        authority=number[0],
        kind=number[:2],
        division=number[2:8],
        organisation=organisation,
        warnings=warnings,
    )


def uscc_check(first_seventeen: str) -> str:
    """The check character of the first 17; a remainder of 0 gives "0", where naive code runs past the alphabet."""
    pairs = zip(_USCC_WEIGHTS, first_seventeen, strict=True)
    return _USCC_ALPHABET[-sum(weight * _USCC_ALPHABET.index(character) for weight, character in pairs) % 31]


def organisation_check(first_eight: str) -> str:
    """The check character of an organisation code (GB 11714); A = 10 ... Z = 35."""
    pairs = zip(_ORGANISATION_WEIGHTS, first_eight, strict=True)
    value = 11 - sum(weight * int(character, 36) for weight, character in pairs) % 11
    return {10: "X", 11: "0"}.get(value, str(value))


# --- papers, phones, accounts ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BirthCertificateNumber:
    """出生医学证明编号: a letter for the printing batch and nine digits."""

    number: str = field(repr=False)
    warnings: tuple[Rule, ...] = ()


def read_birth_certificate_number(text: str) -> BirthCertificateNumber:
    """`A330123456`; warns when the first two digits are not Zhejiang's 33, since children are born elsewhere too."""
    number = _plain(Kind.BIRTH_CERTIFICATE, text).upper()
    _demand(len(number) == 10, Kind.BIRTH_CERTIFICATE, Rule.LENGTH)
    _demand(re.fullmatch(r"[A-Z][0-9]{9}", number), Kind.BIRTH_CERTIFICATE, Rule.CHARACTERS)
    return BirthCertificateNumber(number, () if number[1:3] == "33" else (Rule.PROVINCE,))


def read_passport_number(text: str) -> str:
    """5 to 20 letters and digits, in capitals: each state numbers its passports as it likes."""
    number = _plain(Kind.PASSPORT, text).upper()
    _demand(5 <= len(number) <= 20, Kind.PASSPORT, Rule.LENGTH)
    _demand(re.fullmatch(r"[A-Z0-9]+", number), Kind.PASSPORT, Rule.CHARACTERS)
    return number


_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"(0(?:10|2[0-9]|[3-9][0-9]{2}))([2-9][0-9]{6,7})")


def read_phone(text: str) -> str:
    """A mainland phone: 11 digits for a mobile, "0579-85551234" for a landline with its area code.

    Blanks, hyphens and +86 are taken off, so that one phone has one spelling and can be looked up by it.
    """
    written = _plain(Kind.PHONE, text)
    _demand(re.fullmatch(r"\+?[0-9 -]+", written), Kind.PHONE, Rule.CHARACTERS)
    digits = re.sub(r"[ -]", "", written)
    abroad = re.match(r"\+86|0086|86(?=1[3-9][0-9]{9}$)", digits)
    if abroad:
        digits = digits[abroad.end() :]
    _demand(not digits.startswith("+"), Kind.PHONE, Rule.CHARACTERS)
    if _MOBILE.fullmatch(digits):
        return digits
    # Written for callers from abroad, an area code loses its 0.
    landline = _LANDLINE.fullmatch(f"0{digits}" if abroad and not digits.startswith("0") else digits)
    if landline:
        return f"{landline[1]}-{landline[2]}"
    _demand(10 <= len(digits) <= 12, Kind.PHONE, Rule.LENGTH)
    raise NotAnIdentifier(Kind.PHONE, Rule.CHARACTERS)


@dataclass(frozen=True, slots=True)
class BankAccount:
    """银行账号: 8 to 30 digits, with the rules it breaks as `warnings`."""

    number: str = field(repr=False)
    warnings: tuple[Rule, ...] = ()


def read_bank_account(text: str) -> BankAccount:
    """An account or card number; blanks and hyphens between its groups are dropped.

    The Luhn check belongs to cards, and many accounts of 16 to 19 digits are no cards: it only warns.
    """
    number = re.sub(r"[ -]", "", _plain(Kind.BANK_ACCOUNT, text))
    _demand(re.fullmatch(r"[0-9]*", number), Kind.BANK_ACCOUNT, Rule.CHARACTERS)
    _demand(8 <= len(number) <= 30, Kind.BANK_ACCOUNT, Rule.LENGTH)
    doubtful = 16 <= len(number) <= 19 and not _luhn_holds(number)
    return BankAccount(number, (Rule.CHECK,) if doubtful else ())


def _luhn_holds(number: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(int(digit) for digit in number[::-2]) + sum(doubled)) % 10 == 0


# --- names -----------------------------------------------------------------------------------------------------

MIDDLE_DOT = "·"
_OTHER_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・･", MIDDLE_DOT))
_NAME_MARKS = frozenset("·.'’-‐,() ")
_COMPATIBILITY = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f][\ufe00-\ufe0f\U000e0100-\U000e01ef]?)")
_DESCRIBES_HANZI = range(0x2FF0, 0x3000)
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nl", "Co"})
_BESIDE_LETTERS = frozenset({"Mn", "Mc", "Nd"})


def read_person_name(text: str) -> str:
    """A person's name (姓名) as given, 1 to 60 characters; the middle dot in its one standard form.

    Latin letters are composed (NFC). Compatibility hanzi are not: NFC would replace them by other characters, and
    the name would differ from the one on the card. Hanzi newer than this Python knows are accepted, and so is the
    private-use area, where older systems keep rare ones. Refused: control and format characters (NUL, direction
    overrides), symbols, and names without any letter.
    """
    name = _composed(re.sub(r"[ \u00a0\u3000]+", " ", text).strip(" ").translate(_OTHER_DOTS))
    _demand(1 <= len(name) <= 60, Kind.PERSON_NAME, Rule.LENGTH)
    _demand(all(_may_stand_in_a_name(character) for character in name), Kind.PERSON_NAME, Rule.CHARACTERS)
    _demand(not all(character.isdecimal() for character in name), Kind.PERSON_NAME, Rule.DIGITS_ONLY)
    _demand(any(_is_letter(character) for character in name), Kind.PERSON_NAME, Rule.CHARACTERS)
    return name


def _composed(name: str) -> str:
    pieces = _COMPATIBILITY.split(name)
    return "".join(
        piece if _COMPATIBILITY.fullmatch(piece) else unicodedata.normalize("NFC", piece) for piece in pieces
    )


def _is_letter(character: str) -> bool:
    return unicodedata.category(character) in _LETTERS or _is_new_hanzi(character)


def _is_new_hanzi(character: str) -> bool:
    # Planes 2 and 3 are hanzi only; their last two places are no characters at all.
    code = ord(character)
    return 0x20000 <= code <= 0x3FFFD and code & 0xFFFE != 0xFFFE


def _may_stand_in_a_name(character: str) -> bool:
    return (
        _is_letter(character)
        or unicodedata.category(character) in _BESIDE_LETTERS
        or character in _NAME_MARKS
        or ord(character) in _DESCRIBES_HANZI
    )


# --- masking ---------------------------------------------------------------------------------------------------

COMPOUND_SURNAMES = frozenset(
    # 复姓. Left out are those whose first character is itself a common surname: 吴铭 would show half a given name.
    re.findall(
        "..",
        "欧阳太史端木上官司马东方独孤南宫万俟闻人夏侯诸葛尉迟公羊赫连澹台皇甫宗政濮阳公冶太叔申屠公孙慕容仲孙"
        "钟离长孙宇文司徒鲜于司空闾丘子车亓官司寇巫马公西颛孙壤驷公良漆雕乐正宰父谷梁穀梁拓跋夹谷轩辕令狐段干"
        "百里呼延东郭南门羊舌微生梁丘左丘西门第五即墨达奚褚师纳兰完颜富察叶赫耶律哥舒屈突"
        "歐陽東方獨孤南宮聞人諸葛尉遲鍾離長孫司馬公孫軒轅",
    )
)


def surname_of(name: str) -> str:
    """The surname (姓) of a Chinese name: a compound one is kept whole if a given name is left after it."""
    return name[:2] if len(name) > 2 and name[:2] in COMPOUND_SURNAMES else name[:1]


def mask_name(name: str) -> str:
    """李明 is 李*, 欧阳修 is 欧阳*, Maria is M*; a single character hides altogether."""
    if len(name) <= 1:
        return "*" * len(name)
    shown = surname_of(name)
    rest = name[len(shown) :]
    # An accent or a variation selector belongs to the character before it.
    while rest and unicodedata.category(rest[0]) in {"Mn", "Mc"}:
        shown, rest = shown + rest[0], rest[1:]
    return f"{shown}*" if rest else "*"


def mask_citizen_id(number: str) -> str:
    """330782********0027: region and last four; 15 digits keep region and last three; anything else hides."""
    match len(number):
        case 18:
            return f"{number[:6]}{'*' * 8}{number[-4:]}"
        case 15:
            return f"{number[:6]}{'*' * 6}{number[-3:]}"
        case _:
            return "*" * len(number)


def mask_phone(number: str) -> str:
    """138****6789; of a landline the area code and the last four; anything else hides."""
    if _MOBILE.fullmatch(number):
        return f"{number[:3]}****{number[-4:]}"
    landline = _LANDLINE.fullmatch(number.replace("-", ""))
    return f"{landline[1]}-****{landline[2][-4:]}" if landline else "*" * len(number)


def mask_bank_account(number: str) -> str:
    """****1234: the last four; shorter than eight hides."""
    return f"****{number[-4:]}" if len(number) >= 8 else "*" * len(number)


def mask_paper_number(number: str) -> str:
    """Passports and birth certificates, E1****78: the first two and the last two; shorter than seven hides."""
    return f"{number[:2]}****{number[-2:]}" if len(number) >= 7 else "*" * len(number)


# No mask reaches past a digit or a 号, so that no door number can hide before an old-town hotel (古镇).
# A town's 镇 or 乡 is not the one inside 镇江市, 镇海区, 新乡市 or 萍乡市, nor a road the 路 of 路桥区.
_SUBDISTRICT = re.compile(r"[^\d号]*?(?:街道|镇(?!.?[市县区])|乡(?!.?[市县区]))")
_ROAD = re.compile(r"[^\d号]*?(?:大道|路(?![桥北南]区)|街|巷|弄)")
_COUNTY = re.compile(r"[^\d号]*?(?:市|县|(?<![小社])区)")


def mask_address(address: str) -> str:
    """浙江省义乌市稠城街道**** : to the subdistrict (街道, 镇, 乡), else to the road, else to the first city or county.

    What names none of these hides altogether: a mask that guesses would show a door number.
    """
    for until in (_SUBDISTRICT, _ROAD, _COUNTY):
        if shown := until.match(address):
            return f"{shown[0]}****"
    return "****" if address else ""


# --- case number -----------------------------------------------------------------------------------------------


def case_no(division: str, business: str, on: date, serial: int) -> str:
    """办件编号, 21 digits: division 6, business 2, day 6 (yymmdd), serial 6, check 1.

    The check digit is GB/T 17710 (ISO 7064) MOD 11,10: always a digit, and it finds every single wrong digit and
    nearly all swapped neighbours. Raises NotAnIdentifier when a part does not fit its place.
    """
    _demand(re.fullmatch(r"[0-9]{6}", division), Kind.CASE_NO, Rule.CHARACTERS)
    _demand(re.fullmatch(r"[0-9]{2}", business), Kind.CASE_NO, Rule.CHARACTERS)
    _demand(2000 <= on.year <= 2099, Kind.CASE_NO, Rule.IMPOSSIBLE_DATE)
    _demand(0 <= serial <= 999_999, Kind.CASE_NO, Rule.LENGTH)
    body = f"{division}{business}{on:%y%m%d}{serial:06d}"
    return body + case_no_check(body)


def case_no_check(digits: str) -> str:
    """The check digit of GB/T 17710 MOD 11,10 for any digits before it."""
    product = 10
    for digit in digits:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)


def read_case_no(text: str) -> str:
    """A case number as typed or pasted, grouped or not, as its 21 digits; raises NotAnIdentifier."""
    number = re.sub(r"[ -]", "", _plain(Kind.CASE_NO, text))
    _demand(re.fullmatch(r"[0-9]*", number), Kind.CASE_NO, Rule.CHARACTERS)
    _demand(len(number) == 21, Kind.CASE_NO, Rule.LENGTH)
    _demand(case_no_check(number[:20]) == number[20], Kind.CASE_NO, Rule.CHECK)
    _day(Kind.CASE_NO, f"20{number[8:10]}", number[10:12], number[12:14])
    return number


def is_case_no(text: str) -> bool:
    """Whether this is exactly a case number, ungrouped."""
    try:
        return read_case_no(text) == text
    except NotAnIdentifier:
        return False


def grouped_case_no(number: str) -> str:
    """330782 01 260901 000123 4: as it is printed and read out over the phone."""
    return " ".join((number[:6], number[6:8], number[8:14], number[14:20], number[20:]))


# --- shared ----------------------------------------------------------------------------------------------------


def _demand(holds: object, kind: Kind, rule: Rule) -> None:
    if not holds:
        raise NotAnIdentifier(kind, rule)


def _plain(kind: Kind, text: str) -> str:
    """The text without the blanks around it, in ASCII.

    Full-width characters get a rule of their own: they look right on the screen, so "not allowed" would puzzle.
    """
    stripped = text.strip(" \t\r\n\u00a0\u3000")
    if not stripped.isascii():
        _demand(not _has_full_width(stripped), kind, Rule.FULL_WIDTH)
        raise NotAnIdentifier(kind, Rule.CHARACTERS)
    return stripped


def _has_full_width(characters: Iterable[str]) -> bool:
    return any("\uff01" <= character <= "\uff5e" for character in characters)


def _day(kind: Kind, year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise NotAnIdentifier(kind, Rule.IMPOSSIBLE_DATE) from None

"""Numbers and names as they come from papers, forms and spreadsheets. Every number of a person here is invented."""

import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import (
    COMPOUND_SURNAMES,
    CitizenId,
    Kind,
    NotAnIdentifier,
    Rule,
    case_no,
    case_no_check,
    citizen_id_check,
    from_fifteen,
    grouped_case_no,
    is_case_no,
    mask_address,
    mask_bank_account,
    mask_citizen_id,
    mask_name,
    mask_paper_number,
    mask_phone,
    organisation_check,
    read_bank_account,
    read_birth_certificate_number,
    read_case_no,
    read_citizen_id,
    read_passport_number,
    read_person_name,
    read_phone,
    read_uscc,
    sentence,
    uscc_check,
)

TODAY = date(2026, 9, 1)

divisions = st.integers(0, 999_999).map("{:06d}".format)
days = st.dates(date(1900, 1, 1), TODAY)
sequences = st.integers(0, 999).map("{:03d}".format)


def invented(division: str, born: date, sequence: str) -> str:
    body = f"{division}{born.year:04d}{born:%m%d}{sequence}"
    return body + citizen_id_check(body)


# --- citizen ID number


@pytest.mark.parametrize(
    ("number", "born_on", "sex"),
    [
        ("11010519491231002X", date(1949, 12, 31), "female"),
        ("330702199001010015", date(1990, 1, 1), "male"),
        ("330783202601010011", date(2026, 1, 1), "male"),
        ("330781202402290126", date(2024, 2, 29), "female"),
        ("330726200002293033", date(2000, 2, 29), "male"),
    ],
)
def test_a_citizen_id_tells_birth_and_sex(number: str, born_on: date, sex: str) -> None:
    citizen = read_citizen_id(number, today=TODAY)

    assert citizen == CitizenId(number, born_on, "male" if sex == "male" else "female", number[:6])


@pytest.mark.parametrize(
    ("number", "sex"),
    [("330782198812310027", "female"), ("330784196501311018", "male"), ("330703197011301024", "female")],
)
def test_a_region_younger_than_the_person_is_no_reason_to_refuse(number: str, sex: str) -> None:
    assert read_citizen_id(number, today=TODAY).sex == sex


@given(divisions, days, sequences)
def test_no_region_is_ever_refused(division: str, born: date, sequence: str) -> None:
    citizen = read_citizen_id(invented(division, born, sequence), today=TODAY)

    assert (citizen.division, citizen.born_on) == (division, born)


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("", Rule.LENGTH),
        ("33070219900101001", Rule.LENGTH),
        ("3307021990010100150", Rule.LENGTH),
        ("330702650115101", Rule.LENGTH),
        ("33070219900101O015", Rule.CHARACTERS),
        ("X30702199001010015", Rule.CHARACTERS),
        ("3307021990 1010015", Rule.CHARACTERS),
        ("33070219900101٠015", Rule.CHARACTERS),
        ("３３０７０２１９９００１０１００１５", Rule.FULL_WIDTH),
        ("33070219900101００15", Rule.FULL_WIDTH),
        ("1101051949123100２X", Rule.FULL_WIDTH),
        ("330702199001010016", Rule.CHECK),
        ("330781202302290129", Rule.IMPOSSIBLE_DATE),
        ("110105194913310021", Rule.IMPOSSIBLE_DATE),
        (invented("330702", TODAY + timedelta(days=1), "001"), Rule.FUTURE_DATE),
    ],
)
def test_what_cannot_be_a_citizen_id_is_refused_by_rule(number: str, rule: Rule) -> None:
    with pytest.raises(NotAnIdentifier) as refusal:
        read_citizen_id(number, today=TODAY)

    assert (refusal.value.kind, refusal.value.rule) == (Kind.CITIZEN_ID, rule)
    assert refusal.value.__cause__ is None


def test_a_child_born_today_has_a_number_and_without_a_today_nothing_is_future() -> None:
    assert read_citizen_id(invented("330702", TODAY, "001"), today=TODAY).born_on == TODAY
    tomorrow = TODAY + timedelta(days=1)
    assert read_citizen_id(invented("330702", tomorrow, "001"), today=None).born_on == tomorrow


def test_a_small_x_and_blanks_around_it_are_forgiven() -> None:
    assert read_citizen_id(" 11010519491231002x\n", today=TODAY).number == "11010519491231002X"


@given(st.text(max_size=25))
def test_a_refusal_never_repeats_what_was_typed(typed: str) -> None:
    number = f"330702199001010016{typed}"
    with pytest.raises(NotAnIdentifier) as refusal:
        read_citizen_id(number, today=TODAY)

    assert "33070219900101" not in f"{refusal.value}{refusal.value!r}{refusal.value.args}"
    assert refusal.value.__cause__ is None


def test_a_parsed_number_does_not_show_in_a_log_line() -> None:
    citizen = read_citizen_id("330702199001010015", today=TODAY)

    assert "0101" not in repr(citizen)
    assert citizen.masked == "330702********0015"


@given(divisions, days, sequences, st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(division: str, born: date, sequence: str, place: int, by: int) -> None:
    number = invented(division, born, sequence)
    values = "0123456789X" if place == 17 else "0123456789"
    wrong = values[(values.index(number[place]) + by) % len(values)]
    with pytest.raises(NotAnIdentifier):
        read_citizen_id(number[:place] + wrong + number[place + 1 :], today=TODAY)


@pytest.mark.parametrize(
    ("fifteen", "eighteen", "sex"),
    [
        ("110105491231002", "11010519491231002X", "female"),
        ("330702650115101", "330702196501151013", "male"),
        ("330782700630202", "330782197006302028", "female"),
    ],
)
def test_fifteen_digits_become_eighteen_and_stay_findable(fifteen: str, eighteen: str, sex: str) -> None:
    citizen = from_fifteen(fifteen, today=TODAY)

    assert (citizen.number, citizen.sex, citizen.fifteen) == (eighteen, sex, fifteen)


def test_who_was_born_in_this_century_never_had_fifteen_digits() -> None:
    assert read_citizen_id("330726200002293033", today=TODAY).fifteen is None


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("33070265011510", Rule.LENGTH),
        ("33070265011510X", Rule.CHARACTERS),
        ("330702650230101", Rule.IMPOSSIBLE_DATE),
        ("33070265011510１", Rule.FULL_WIDTH),
    ],
)
def test_fifteen_digits_are_refused_by_the_same_rules(number: str, rule: Rule) -> None:
    with pytest.raises(NotAnIdentifier) as refusal:
        from_fifteen(number, today=TODAY)

    assert refusal.value.rule == rule


# --- firms


@pytest.mark.parametrize(
    "code",
    [
        "914403001922038216",
        "9144030071526726XG",
        "91110000802100433B",
        "91350100M000100Y43",
        "91330782MA2E00011Q",
        "92330782MA2ABC125A",
        "91330702MA2T002770",
    ],
)
def test_a_valid_code_raises_no_doubt(code: str) -> None:
    assert read_uscc(code).warnings == ()


def test_a_genuine_code_with_a_wrong_check_is_doubted_not_refused() -> None:
    firm = read_uscc("91350211M0000XUF46")

    assert firm.number == "91350211M0000XUF46"
    assert firm.warnings == (Rule.CHECK,)
    assert uscc_check("91350211M0000XUF4") == "R"


def test_a_code_falls_into_its_parts() -> None:
    firm = read_uscc("91330782ma2e00011q")

    assert (firm.authority, firm.kind, firm.division, firm.organisation) == ("9", "91", "330782", "MA2E00011")


def test_a_wrong_check_and_a_wrong_organisation_code_are_two_warnings() -> None:
    assert read_uscc("914403001922038217").warnings == (Rule.CHECK,)
    body = "91440300192203829"
    assert read_uscc(body + uscc_check(body)).warnings == (Rule.ORGANISATION_CHECK,)


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("91330782MA2E0001IQ", Rule.CHARACTERS),
        ("91330782MA2E0001OQ", Rule.CHARACTERS),
        ("91330782MA2E0001-Q", Rule.CHARACTERS),
        ("91330782MA2E00011", Rule.LENGTH),
        ("91330782MA2E00011Q0", Rule.LENGTH),
        ("９1330782MA2E00011Q", Rule.FULL_WIDTH),
        ("91330782MA2E0001ıQ", Rule.CHARACTERS),
    ],
)
def test_only_length_and_alphabet_refuse_a_code(code: str, rule: Rule) -> None:
    with pytest.raises(NotAnIdentifier) as refusal:
        read_uscc(code)

    assert refusal.value.rule == rule


@given(st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=17, max_size=17))
def test_every_check_character_is_of_the_alphabet(body: str) -> None:
    assert Rule.CHECK not in read_uscc(body + uscc_check(body)).warnings


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=8, max_size=8))
def test_an_organisation_check_is_one_character(body: str) -> None:
    assert organisation_check(body) in set("0123456789X")


# --- papers, phones, accounts


def test_a_birth_certificate_of_another_province_is_doubted() -> None:
    assert read_birth_certificate_number("u330123456").number == "U330123456"
    assert read_birth_certificate_number("U330123456").warnings == ()
    assert read_birth_certificate_number("U320123456").warnings == (Rule.PROVINCE,)


@pytest.mark.parametrize("number", ["3301234567", "U33012345X", "U33012345", "Ｕ330123456", "UU33012345"])
def test_what_is_no_birth_certificate_number_is_refused(number: str) -> None:
    with pytest.raises(NotAnIdentifier):
        read_birth_certificate_number(number)


def test_a_passport_is_letters_and_digits() -> None:
    assert read_passport_number(" e12345678 ") == "E12345678"
    for wrong in ("E123", "E" * 21, "E1234-678", "Ｅ12345678", "护照12345"):
        with pytest.raises(NotAnIdentifier):
            read_passport_number(wrong)


@pytest.mark.parametrize(
    ("typed", "phone"),
    [
        ("13812346789", "13812346789"),
        ("138 1234 6789", "13812346789"),
        ("+86 138-1234-6789", "13812346789"),
        ("008613812346789", "13812346789"),
        ("8613812346789", "13812346789"),
        ("0579-85551234", "0579-85551234"),
        ("057985551234", "0579-85551234"),
        ("010 6555 1234", "010-65551234"),
        ("+86 579 8555 1234", "0579-85551234"),
        ("+86 0579 8555 1234", "0579-85551234"),
    ],
)
def test_one_phone_has_one_spelling(typed: str, phone: str) -> None:
    assert read_phone(typed) == phone
    assert read_phone(phone) == phone


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ("12812346789", Rule.CHARACTERS),
        ("1381234678", Rule.CHARACTERS),
        ("138123467890", Rule.CHARACTERS),
        ("85551234", Rule.LENGTH),
        ("", Rule.CHARACTERS),
        ("+85291234567", Rule.CHARACTERS),
        ("１3812346789", Rule.FULL_WIDTH),
        ("138a2346789", Rule.CHARACTERS),
    ],
)
def test_what_is_no_mainland_phone_is_refused(typed: str, rule: Rule) -> None:
    with pytest.raises(NotAnIdentifier) as refusal:
        read_phone(typed)

    assert refusal.value.rule == rule


def test_a_card_that_fails_luhn_is_doubted_and_an_account_is_not() -> None:
    assert read_bank_account("4111 1111 1111 1111").warnings == ()
    assert read_bank_account("4111-1111-1111-1112").warnings == (Rule.CHECK,)
    assert read_bank_account("12345678").warnings == ()
    assert read_bank_account("1" * 30).warnings == ()
    for wrong in ("1234567", "1" * 31, "1234567x", "１２３４５６７８", ""):
        with pytest.raises(NotAnIdentifier):
            read_bank_account(wrong)


# --- names


@pytest.mark.parametrize(
    "name",
    [
        "李明",
        "欧阳修",
        "阿依古丽·买买提",
        "王䶮",
        "张𫖯",
        "李〇",
        "\U0002b7f0明",
        "\U000323b0明",
        "\U0003134a明",
        "\ue863明",
        "⿰土田明",
        "John F. Kennedy",
        "Mary-Jane O'Neill",
        "Nguyễn Thị Hoa",
        "一",
        "李" * 60,
    ],
)
def test_a_name_is_kept_as_given(name: str) -> None:
    assert read_person_name(name) == name


@pytest.mark.parametrize("rare", ["\ufa10", "\uf9dc", "\U0002f81a", "\u845b\U000e0100", "\uf9dc\ufe00"])
def test_composing_never_replaces_a_rare_character(rare: str) -> None:
    assert read_person_name(f"李{rare}") == f"李{rare}"


def test_latin_letters_are_composed_and_dots_are_one() -> None:
    assert read_person_name(unicodedata.normalize("NFD", "José")) == "José"
    for dot in "•‧∙・":
        assert read_person_name(f"阿依古丽{dot}买买提") == "阿依古丽·买买提"
    assert read_person_name(" 李　明 ") == "李 明"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", Rule.LENGTH),
        ("   ", Rule.LENGTH),
        ("李" * 61, Rule.LENGTH),
        ("李\x00明", Rule.CHARACTERS),
        ("李\n明", Rule.CHARACTERS),
        ("\u202e李明", Rule.CHARACTERS),
        ("李\u2066明", Rule.CHARACTERS),
        ("李\u200b明", Rule.CHARACTERS),
        ("李\ufeff明", Rule.CHARACTERS),
        ("李\ud800", Rule.CHARACTERS),
        ("李\U0002ffff", Rule.CHARACTERS),
        ("<b>李</b>", Rule.CHARACTERS),
        ("李😀", Rule.CHARACTERS),
        ("···", Rule.CHARACTERS),
        ("330702199001010015", Rule.DIGITS_ONLY),
        ("１２３", Rule.DIGITS_ONLY),
    ],
)
def test_what_is_no_name_is_refused(name: str, rule: Rule) -> None:
    with pytest.raises(NotAnIdentifier) as refusal:
        read_person_name(name)

    assert refusal.value.rule == rule


@given(st.text())
def test_reading_a_name_twice_changes_nothing_more(text: str) -> None:
    try:
        name = read_person_name(text)
    except NotAnIdentifier:
        return
    assert read_person_name(name) == name
    assert 1 <= len(name) <= 60
    name.encode()


# --- masking


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("李明", "李*"),
        ("李小明", "李*"),
        ("欧阳修", "欧阳*"),
        ("尉迟恭德", "尉迟*"),
        ("万俟卨", "万俟*"),
        ("欧阳", "欧*"),
        ("阿依古丽·买买提", "阿*"),
        ("Maria Silva", "M*"),
        ("𠮷田太郎", "𠮷*"),
        ("李", "*"),
        ("葛\U000e0100", "*"),
        ("", ""),
    ],
)
def test_a_masked_name_shows_the_surname(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_compound_surnames_are_pairs() -> None:
    assert {"欧阳", "尉迟", "万俟", "司马", "诸葛", "上官"} <= COMPOUND_SURNAMES
    assert all(len(surname) == 2 for surname in COMPOUND_SURNAMES)


@given(st.text(st.characters(exclude_characters="*"), min_size=2, max_size=60))
def test_a_masked_name_never_shows_a_whole_name(name: str) -> None:
    assert name not in mask_name(name)


def test_masked_numbers_have_their_agreed_shapes() -> None:
    assert mask_citizen_id("330782198812310027") == "330782********0027"
    assert mask_citizen_id("330782700630202") == "330782******202"
    assert mask_citizen_id("330782") == "******"
    assert mask_phone("13812346789") == "138****6789"
    assert mask_phone("0579-85551234") == "0579-****1234"
    assert mask_phone("12345") == "*****"
    assert mask_bank_account("6222021234567890123") == "****0123"
    assert mask_bank_account("1234567") == "*******"
    assert mask_paper_number("E12345678") == "E1****78"
    assert mask_paper_number("E12345") == "******"


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("浙江省义乌市稠城街道工人西路123号4幢501室", "浙江省义乌市稠城街道****"),
        ("浙江省金华市婺城区雅畈镇上叶村8号", "浙江省金华市婺城区雅畈镇****"),
        ("江苏省镇江市京口区大市口街道中山东路1号", "江苏省镇江市京口区大市口街道****"),
        ("河南省新乡市红旗区东街街道9号", "河南省新乡市红旗区东街街道****"),
        ("台州市路桥区螺洋街道水滨村2号", "台州市路桥区螺洋街道****"),
        ("义乌市工人西路123号古镇酒店501", "义乌市工人西路****"),
        ("义乌市88号", "义乌市****"),
        ("501室", "****"),
        ("", ""),
    ],
)
def test_a_masked_address_ends_at_the_street(address: str, masked: str) -> None:
    assert mask_address(address) == masked


@given(st.text("浙江省义乌市稠城街道镇乡路巷小区县号幢室0123456789５", max_size=40))
def test_a_masked_address_never_shows_a_door_number(address: str) -> None:
    assert not any(character.isdigit() for character in mask_address(address))


# --- case number

serials = st.integers(0, 999_999)
opening_days = st.dates(date(2000, 1, 1), date(2099, 12, 31))


def test_a_case_number_is_read_out_in_groups() -> None:
    number = case_no("330782", "01", date(2026, 9, 1), 123)

    assert number[:20] == "33078201260901000123"
    assert grouped_case_no(number) == f"330782 01 260901 000123 {number[20]}"
    assert read_case_no(grouped_case_no(number)) == number


def test_the_check_digit_is_that_of_the_published_standard() -> None:
    # ISO 7064 MOD 11,10 gives 5 for 0794 in the standard's own example.
    assert case_no_check("0794") == "5"


@given(divisions, st.integers(0, 99).map("{:02d}".format), opening_days, serials, st.integers(0, 20), st.integers(1, 9))
def test_one_wrong_digit_of_a_case_number_is_found(
    division: str, business: str, on: date, serial: int, place: int, by: int
) -> None:
    number = case_no(division, business, on, serial)
    assert is_case_no(number)
    assert len(number) == 21

    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not is_case_no(wrong)


def test_what_is_no_case_number_is_said_to_be_none() -> None:
    number = case_no("330782", "01", date(2026, 9, 1), 123)
    for text in ("", number[:-1], number + "0", f"{number[:-1]}x", grouped_case_no(number), f"{number}\n", "１" * 21):
        assert not is_case_no(text)


@pytest.mark.parametrize(
    ("division", "business", "on", "serial"),
    [
        ("33078", "01", date(2026, 9, 1), 1),
        ("330782", "1", date(2026, 9, 1), 1),
        ("330782", "01", date(1999, 9, 1), 1),
        ("330782", "01", date(2026, 9, 1), 1_000_000),
        ("330782", "01", date(2026, 9, 1), -1),
        ("33078２", "01", date(2026, 9, 1), 1),
    ],
)
def test_a_part_that_does_not_fit_its_place_makes_no_case_number(
    division: str, business: str, on: date, serial: int
) -> None:
    with pytest.raises(NotAnIdentifier):
        case_no(division, business, on, serial)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_a_sentence_in_both_languages(kind: Kind, rule: Rule) -> None:
    assert sentence(kind, rule)
    assert sentence(kind, rule, "en").startswith("the ")

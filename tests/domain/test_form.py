"""Reading an application: every fault with its place and rule, all at once, and never the value that is wrong."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.bundles.newborn import BUNDLE as NEWBORN
from domain.form import LONGEST_TEXT, Application, as_filed, read_application
from domain.identifiers import citizen_id_check
from domain.refusals import FieldFault, FormFaulty, NotEligibleHere
from tests.domain.telling import EXAMPLES, MONDAY, example, form, read
from tests.domain.tennis_club import TENNIS_CLUB


def faults_of(given: object) -> tuple[FieldFault, ...]:
    with pytest.raises(FormFaulty) as refusal:
        read_application(NEWBORN, given, at=MONDAY)
    return refusal.value.faults


def wrong(given: object) -> list[tuple[str, str]]:
    """(pointer, rule) of every fault, pointers without their common beginning."""
    return [(fault.pointer.removeprefix("/application"), fault.rule) for fault in faults_of(given)]


def citizen(born: date, sequence: str = "001") -> str:
    first = f"330702{born:%Y%m%d}{sequence}"
    return first + citizen_id_check(first)


# --- what is right


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_example_is_read_and_the_home_birth_is_sent_elsewhere(path: Path) -> None:
    filed = json.loads(path.read_text(encoding="utf-8"))
    assert filed["bundle"] == "newborn"

    if path.stem == "home_birth":
        with pytest.raises(NotEligibleHere):
            read_application(NEWBORN, filed["application"], at=MONDAY)
    else:
        assert read_application(NEWBORN, filed["application"], at=MONDAY).warnings == ()


def test_what_was_read_is_text_by_section_and_person() -> None:
    application = read("twins")

    assert application.value("birth.parents_married") == "true"
    assert application.value("birth.child_order") == "1"
    assert application.value("children.birth_order", 2) == "2"
    assert application.value("children.birth_order", 3) is None
    assert application.value("children.count") == "2"
    assert application.counts == {"children": 2}


def test_a_blank_around_a_number_and_a_small_x_are_forgiven() -> None:
    application = read(mother__citizen_id=" 11010519491231002x ", mother__phone="+86 154 9900 0000")

    assert application.value("mother.citizen_id") == "11010519491231002X"
    assert application.value("mother.phone") == "15499000000"


@pytest.mark.parametrize(
    "name", ["尉迟㛃", "查龘", "𠮷野家", "鿗某", "买买提·艾力", "MARTIN LUCAS", "上官𠅤", "\ue863某", "字" * 60]
)
def test_a_rare_name_is_a_name(name: str) -> None:
    assert read(children__0__name=name).value("children.name") == name


def test_a_moment_is_kept_in_shanghai_time() -> None:
    assert read(birth__born_at="2026-11-20T00:15:00Z").value("birth.born_at") == "2026-11-20T08:15:00+08:00"


def test_a_moment_of_now_is_not_in_the_future_though_clocks_differ() -> None:
    for ahead in (timedelta(), timedelta(minutes=5)):
        moment = (MONDAY + ahead).isoformat()
        assert read(birth__born_at=moment).value("birth.born_at") == moment


@pytest.mark.parametrize(
    ("answers", "warnings"),
    [
        ({"mother__account": "6299999000000000006"}, ("/mother/account:check",)),
        ({"mother__account": "12345678"}, ()),
    ],
)
def test_a_doubtful_account_is_accepted_with_a_warning(answers: dict[str, object], warnings: tuple[str, ...]) -> None:
    assert read(**answers).warnings == warnings


def test_a_code_of_a_firm_that_real_codes_are_known_to_fail_only_warns() -> None:
    filed: dict[str, dict[str, object]] = {
        "joining": {"first_played_on": "2020-05-01", "membership": "guest", "racket": True},
        "player": {"name": "李娜", "citizen_id": "330702199001010015", "club": "91350211M0000XUF46"},
    }
    assert read_application(TENNIS_CLUB, filed, at=MONDAY).warnings == ("/player/club:check",)

    filed["player"]["club"] = "91330782MA2E0001IQ"
    with pytest.raises(FormFaulty):
        read_application(TENNIS_CLUB, filed, at=MONDAY)


# --- what is wrong


@pytest.mark.parametrize(
    ("answers", "faults"),
    [
        ({"mother__citizen_id": "339901199403170007"}, [("/mother/citizen_id", "check")]),
        ({"father__citizen_id": "33990119920702001"}, [("/father/citizen_id", "length")]),
        ({"father__citizen_id": "339901199207O20019"}, [("/father/citizen_id", "characters")]),
        ({"mother__citizen_id": "330781202302290129"}, [("/mother/citizen_id", "impossible_date")]),
        ({"mother__citizen_id": citizen(date(2027, 1, 1))}, [("/mother/citizen_id", "future_date")]),
        ({"mother__citizen_id": "３３９９０１１９９４０３１７０００６"}, [("/mother/citizen_id", "full_width")]),
        ({"mother__phone": "1549900000"}, [("/mother/phone", "characters")]),
        ({"mother__account": "1234"}, [("/mother/account", "length")]),
        ({"mother__account": "62999990OO"}, [("/mother/account", "characters")]),
        ({"birth__born_at": "2026-11-24T08:15:00+08:00"}, [("/birth/born_at", "in_future")]),
        ({"birth__born_at": "2026-11-20"}, [("/birth/born_at", "moment")]),
        ({"birth__born_at": "2026-11-20T08:15:00"}, [("/birth/born_at", "moment")]),
        ({"birth__born_at": "2026-02-30T08:15:00+08:00"}, [("/birth/born_at", "moment")]),
        ({"birth__born_at": "0001-01-01T00:00:00+08:00"}, [("/birth/born_at", "moment")]),
        ({"birth__born_at": "9999-12-31T23:59:59-12:00"}, [("/birth/born_at", "moment")]),
        ({"birth__born_at": "yesterday"}, [("/birth/born_at", "moment")]),
        ({"birth__delivery": "easy"}, [("/birth/delivery", "choice")]),
        ({"birth__child_order": 0}, [("/birth/child_order", "range")]),
        ({"birth__child_order": 21}, [("/birth/child_order", "range")]),
        ({"birth__child_order": 10**30}, [("/birth/child_order", "range")]),
        ({"mother__citizen_id": citizen(date(2020, 1, 1))}, [("/mother/citizen_id", "born_too_late")]),
        ({"father__citizen_id": citizen(date(2026, 11, 21))}, [("/father/citizen_id", "born_too_late")]),
        ({"birth__birth_record_no": "B" * 41}, [("/birth/birth_record_no", "too_long")]),
        ({"birth__birth_record_no": " "}, [("/birth/birth_record_no", "empty")]),
        ({"birth__institution_code": "x" * (LONGEST_TEXT + 1)}, [("/birth/institution_code", "too_long")]),
    ],
)
def test_a_wrong_value_is_named_by_its_place_and_rule(
    answers: dict[str, object], faults: list[tuple[str, str]]
) -> None:
    assert wrong(form(**answers)) == faults


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("mother__phone", 15499000000),
        ("mother__citizen_id", 339901199403170006),
        ("mother__name", 7),
        ("mother__name", ["尉迟"]),
        ("birth__born_at", 1_795_000_000),
        ("birth__parents_married", "true"),
        ("birth__parents_married", 1),
        ("birth__child_order", "1"),
        ("birth__child_order", 1.0),
        ("birth__child_order", True),
        ("birth__child_order", float("nan")),
        ("birth__delivery", {"code": "normal"}),
        ("children__0__birth_order", "1"),
    ],
)
def test_a_wrong_type_is_never_guessed_at(path: str, value: object) -> None:
    pointer = "/" + path.replace("__", "/")

    # Circumstances hang on some of these, so their absence may be told as well; but the type is, and first.
    assert wrong(form(**{path: value}))[0] == (pointer, "type")


@pytest.mark.parametrize(
    "text",
    ["A\x00B", "A\nB", "A\x1b[31mB", "A\u202eB", "A\u200fB", "A\u200bB", "A\u2066B", "A\u2028B", "A\x85B", "A\ufeffB"],
    ids=["NUL", "newline", "escape", "RTL override", "RTL mark", "zero width", "isolate", "line", "next line", "BOM"],
)
@pytest.mark.parametrize("path", ["mother__name", "birth__birth_record_no", "birth__institution_code"])
def test_what_cannot_be_seen_is_refused(path: str, text: str) -> None:
    ((pointer, rule),) = wrong(form(**{path: text}))

    assert pointer == "/" + path.replace("__", "/")
    assert rule in {"characters", "control_character"}


@pytest.mark.parametrize("path", ["mother__name", "birth__institution_code", "mother__phone", "birth__delivery"])
def test_half_a_character_is_no_unicode(path: str) -> None:
    assert wrong(form(**{path: "尉\ud83d"}))[0] == ("/" + path.replace("__", "/"), "encoding")


def test_a_name_of_a_thousand_characters_is_refused() -> None:
    assert wrong(form(children__0__name="字" * 1_000)) == [("/children/0/name", "length")]


@pytest.mark.parametrize("given", [None, [], "form", 7, True])
def test_an_application_is_an_object(given: object) -> None:
    assert wrong(given) == [("", "type")]


def test_an_empty_application_misses_every_section_that_is_asked() -> None:
    assert wrong({}) == [("/birth", "missing"), ("/children", "missing"), ("/mother", "missing")]


@pytest.mark.parametrize(
    ("answers", "faults"),
    [
        ({"mother__name": None}, [("/mother/name", "missing")]),
        ({"mother": None}, [("/mother", "missing")]),
        ({"father": None}, [("/father", "missing")]),
        ({"children": []}, [("/children", "missing")]),
        ({"mother__account": None}, []),
        (
            {"mother__identity_kind": "passport"},
            [("/mother/citizen_id", "not_asked"), ("/mother/passport_no", "missing")],
        ),
        ({"mother__passport_no": "W1234567"}, [("/mother/passport_no", "not_asked")]),
        ({"mother": []}, [("/mother", "type")]),
        ({"mother": "尉迟"}, [("/mother", "type")]),
        ({"children": {"name": "欧阳"}}, [("/children", "type")]),
    ],
)
def test_what_is_missing_or_too_much_is_named(answers: dict[str, object], faults: list[tuple[str, str]]) -> None:
    if faults:
        assert wrong(form(**answers)) == faults
    else:
        assert "account" not in read(**answers).sections["mother"][0]


def test_null_is_the_same_as_nothing() -> None:
    filed = form(mother__account=None)
    filed["mother"]["account"] = None

    assert "account" not in read_application(NEWBORN, filed, at=MONDAY).sections["mother"][0]


def test_what_the_form_does_not_have_is_refused_wherever_it_stands() -> None:
    filed = form(mother__shoe_size="38", status="concluded")
    filed["children"][0]["role"] = "admin"

    assert wrong(filed) == [("/status", "unknown"), ("/children/0/role", "unknown"), ("/mother/shoe_size", "unknown")]


def test_the_name_of_an_unknown_field_is_cut_and_cleaned() -> None:
    filed = form()
    filed["339901199403170006"] = filed["<script>" + "x" * 100] = filed["a/~\n\ud83d"] = 1

    assert [pointer for pointer, _ in wrong(filed)] == ["/?", "/a", "/script" + "x" * 32]


def test_a_million_unknown_fields_do_not_get_a_million_sentences() -> None:
    filed = form()
    filed["mother"] |= {f"field_{letter}{other}": 1 for letter in "abcdefghij" for other in "klmnop"}

    faults = wrong(filed)

    assert len(faults) == 21
    assert faults[-1] == ("/mother", "unknown")


def test_children_are_counted_from_one_without_gap_or_repetition() -> None:
    assert wrong(form("twins", children__1__birth_order=1)) == [("/children/0/birth_order", "not_in_order")]
    assert wrong(form("twins", children__1__birth_order=3)) == [("/children/0/birth_order", "not_in_order")]
    assert read("twins", children__0__birth_order=2, children__1__birth_order=1).counts == {"children": 2}


def test_more_children_than_one_delivery_has_are_refused() -> None:
    seven = [{"name": "欧阳知予", "sex": "1", "birth_order": n} for n in range(1, 8)]

    assert wrong(form(children=seven)) == [("/children", "too_many")]


def test_pointers_stay_true_where_one_child_is_no_object() -> None:
    filed = form("twins", children__1__sex="3")
    filed["children"][0] = "查一舟"

    assert wrong(filed) == [("/children/0", "type"), ("/children/1/sex", "choice")]


def test_all_faults_are_named_at_once() -> None:
    filed = form(
        "twins",
        birth__born_at="2027-01-01T00:00:00+08:00",
        birth__delivery="easy",
        children__0__name="",
        children__1__birth_order="2",
        mother__citizen_id="339907199505010125",
        mother__phone=None,
        father__citizen_id=citizen(date(2026, 11, 20)),
        father__shoes="44",
    )

    assert sorted(wrong(filed)) == [
        ("/birth/born_at", "in_future"),
        ("/birth/delivery", "choice"),
        ("/children/0/name", "length"),
        ("/children/1/birth_order", "type"),
        ("/father/citizen_id", "born_too_late"),
        ("/father/shoes", "unknown"),
        ("/mother/citizen_id", "check"),
        ("/mother/phone", "missing"),
    ]


def test_no_fault_repeats_the_value_that_is_wrong() -> None:
    secrets = [
        "339901199403170007",
        "秘密\x00姓名",
        "15499",
        "62999990OO99",
        "2026-13-45",
        "secret-choice",
        "secret-yes",
        "secret-one",
    ]
    filed = form(
        mother__citizen_id=secrets[0],
        mother__name=secrets[1],
        mother__phone=secrets[2],
        mother__account=secrets[3],
        birth__born_at=secrets[4],
        birth__delivery=secrets[5],
        birth__parents_married=secrets[6],
        birth__child_order=secrets[7],
    )

    faults = faults_of(filed)

    assert len(faults) == 8
    told = "".join(fault.pointer + fault.rule + fault.zh + fault.en for fault in faults)
    assert not any(secret in told for secret in [*secrets, "秘密", "62999990"])


@pytest.mark.parametrize("fault", faults_of({"birth": {"born_at": 1, "x": 2}, "mother": 7}), ids=lambda f: f.pointer)
def test_every_fault_speaks_both_languages(fault: FieldFault) -> None:
    assert fault.zh
    assert fault.en.isascii()


# --- for every form


texts = st.text(max_size=30)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.text(st.characters(categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
paths = st.sampled_from(
    [f"{s.code}__{'0__' if s.at_most > 1 else ''}{f.code}" for s in NEWBORN.sections for f in s.fields]
    + [section.code for section in NEWBORN.sections]
)


@settings(max_examples=300, deadline=None)
@given_any(st.dictionaries(paths, anything, max_size=6))
def test_whatever_is_filed_is_read_or_refused_with_pointers(answers: dict[str, Any]) -> None:
    filed = example("family")
    for path, value in sorted(answers.items(), key=lambda pair: -len(pair[0].split("__"))):
        place: Any = filed
        *sections, field = path.split("__")
        for step in sections:
            place = place[int(step)] if step.isdigit() else place[step]
        place[field] = value
    faults: tuple[FieldFault, ...] = ()
    try:
        application = read_application(NEWBORN, filed, at=MONDAY)
    except FormFaulty as refusal:
        faults = refusal.faults
    except NotEligibleHere:
        return
    else:
        assert read_application(NEWBORN, as_filed(NEWBORN, application.sections), at=MONDAY) == application
        return
    assert faults
    assert all(fault.pointer.startswith("/application") for fault in faults)
    assert len({(fault.pointer, fault.rule) for fault in faults}) == len(faults)


names = st.text(st.sampled_from("欧阳尉迟上官查龘㛃𬭎𠅤·"), min_size=1, max_size=20).filter(
    lambda name: name.strip("·")
)
births = st.integers(0, 90_000_000).map(lambda seconds: MONDAY - timedelta(seconds=seconds))
citizens = st.dates(date(1970, 1, 1), date(2005, 12, 31)).map(citizen)


@st.composite
def applications(draw: st.DrawFn) -> Application:
    children = draw(st.lists(names, min_size=1, max_size=6))
    answers: dict[str, object] = {
        "birth__born_at": draw(births).isoformat(),
        "birth__delivery": draw(st.sampled_from(["normal", "difficult"])),
        "birth__child_order": draw(st.integers(1, 20)),
        "birth__mother_insurance": draw(st.sampled_from(["employee", "resident", "none"])),
        "birth__household_follows": draw(st.sampled_from(["mother", "father"])),
        "birth__parents_married": draw(st.booleans()),
        "children": [{"name": name, "sex": "1", "birth_order": place} for place, name in enumerate(children, 1)],
        "mother__name": draw(names),
        "mother__citizen_id": draw(citizens),
        "mother__account": draw(st.none() | st.from_regex(r"[0-9]{8,30}", fullmatch=True)),
        "father__citizen_id": draw(citizens),
        "father__phone": draw(st.none() | st.just("0579-85551234")),
    }
    return read(**answers)


@settings(max_examples=100, deadline=None)
@given_any(applications())
def test_what_was_read_reads_the_same_when_filed_again(application: Application) -> None:
    again = read_application(NEWBORN, as_filed(NEWBORN, application.sections), at=MONDAY)

    assert again == application
    assert json.loads(json.dumps(as_filed(NEWBORN, application.sections)))

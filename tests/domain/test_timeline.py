"""经过: every event has its sentence in both languages, and none shows a code where there is a name."""

from datetime import timedelta

import pytest

from domain.case_file import CaseFile
from domain.commands import Command
from domain.decisions import decide
from domain.events import Event, ItemDenied, LateAnswerRecorded, RouteExhausted, RouteOpened
from domain.timeline import Text, sentence
from tests.domain.telling import (
    CASEWORKER,
    MONDAY,
    TUESDAY,
    a_family,
    amend,
    answers,
    claims,
    department,
    given,
    opening,
    opens,
    proven,
    read,
    register,
    reminds,
    resumes,
    settle,
    suspends,
    told,
    withdraw,
)

FILE = a_family("twins")
BUNDLE = FILE.bundle


def said(file: CaseFile | None, command: Command) -> list[Text]:
    return [sentence(event, BUNDLE) for event in decide(command, file)]


def test_a_case_is_told_from_the_beginning() -> None:
    lines = said(None, opening(read("twins")))

    assert lines[0] == ("收件: 新生儿出生一件事, 共 14 个事项", "filed: Newborn, 14 items")
    assert ("受理“出生医学证明(第 2 人)”", "accepted: Birth certificate (2)") in lines
    assert ("证明“父母婚姻状况”: 交由“婚姻登记信息”核对", "Parents' marriage: asking Marriage register") in lines


def test_a_ladder_is_told_rung_by_rung() -> None:
    lines: list[Text] = []
    file = FILE

    def then(command: Command) -> None:
        nonlocal file
        lines.extend(said(file, command))
        file = given(command, file=file)

    proof = "parents_marriage"
    then(register(file, proof, "not_found"))
    then(opens(file, proof))
    then(claims(file, proof))
    then(reminds(file, proof, 50, at=MONDAY + timedelta(minutes=15)))
    then(suspends(file, proof, at=MONDAY + timedelta(minutes=16)))
    then(resumes(file, proof, at=TUESDAY))
    then(answers(file, proof, "hand_to_community", by_phone=True, at=TUESDAY))
    then(opens(file, proof, unit=None, reason="no_community", at=TUESDAY))

    assert lines == [
        ("证明“父母婚姻状况”: 登记中查无记录", "Parents' marriage: the register holds no record"),
        ("证明“父母婚姻状况”: 交由民政核对", "Parents' marriage: asking Civil affairs"),
        ("证明“父母婚姻状况”: 民政须在 30 分钟内答复", "Parents' marriage: Civil affairs has 30 minutes to answer"),
        ("证明“父母婚姻状况”的核验已认领", "Parents' marriage: the verification was claimed"),
        (
            "证明“父母婚姻状况”的核验时限已过 50%, 已提醒",
            "Parents' marriage: 50 % of the limit is used up; reminded",
        ),
        ("证明“父母婚姻状况”的核验中止计时", "Parents' marriage: the clock was stopped"),
        ("证明“父母婚姻状况”的核验恢复计时", "Parents' marriage: the clock runs again"),
        (
            "证明“父母婚姻状况”: 民政答复(电话)“转社区核实”",
            "Parents' marriage: Civil affairs answered (by telephone): hand to the community",
        ),
        ("证明“父母婚姻状况”: 部门转社区核实", "Parents' marriage: the department handed it to the community"),
        ("证明“父母婚姻状况”: 交由社区核对", "Parents' marriage: asking the community"),
        (
            "证明“父母婚姻状况”: 花名册中没有本人所在社区",
            "Parents' marriage: the roster knows no community of this person",
        ),
        ("证明“父母婚姻状况”: 交由经办人核对", "Parents' marriage: asking a caseworker"),
    ]


def test_a_denial_for_want_of_a_proof_names_the_proof() -> None:
    file = given(register(FILE, "birth_record", "contradicts"), file=FILE)

    lines = said(file, settle("birth_record", met=False))

    assert lines[0] == ("证明“分娩记录”经经办人认定不成立", "Birth record: a caseworker found it not shown")
    assert (
        "“生育保险待遇”不予许可: “分娩记录”不成立",
        "denied: Maternity benefit, because Birth record is not shown",
    ) in lines


def test_what_follows_from_a_departments_no_is_told_with_the_reason() -> None:
    lines = said(proven("twins"), department("birth_certificate:1", "denied", reason_code="name"))

    assert lines[:2] == [
        ("部门对“出生医学证明(第 1 人)”不予许可: name", "denied: Birth certificate (1) (name)"),
        (
            "“出生户口登记(第 1 人)”无法办理: 前置事项“出生医学证明(第 1 人)”未办结",
            "cannot begin: Household registration (1), because Birth certificate (1) did not end well",
        ),
    ]


def test_withdrawing_says_how_much_is_left_with_departments() -> None:
    assert said(FILE, withdraw())[0] == ("申请已撤回", "withdrawn")
    assert said(proven("twins"), withdraw())[0] == (
        "申请已撤回, 4 个事项已在部门办理",
        "withdrawn; 4 items already with departments",
    )


def test_an_amendment_says_how_much_was_changed() -> None:
    assert said(FILE, amend(FILE, read("twins"), "mother.name"))[0] == (
        "申请已更正, 涉及 1 栏",
        "the application was amended in 1 field",
    )


@pytest.mark.parametrize(
    ("event", "zh"),
    [
        (
            RouteOpened(at=MONDAY, by=CASEWORKER, proof="birth_record", round=1, rung=0, route="x", asked="gone"),
            "证明“分娩记录”: 交由gone核对",
        ),
        (
            RouteExhausted(at=MONDAY, by=CASEWORKER, proof="birth_record", round=1, rung=0, route="x", reason="gone"),
            "证明“分娩记录”: gone",
        ),
        (
            ItemDenied(at=MONDAY, by=CASEWORKER, item="citizen_card", reason_code="r"),
            "部门对“市民卡(社会保障卡)”不予许可: r",
        ),
        (LateAnswerRecorded(at=MONDAY, by=CASEWORKER, about="citizen_card:2", answer="denied"), None),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_an_old_event_is_told_though_a_name_in_it_is_gone(event: Event, zh: str | None) -> None:
    text = sentence(event, BUNDLE)

    assert text.zh == zh or zh is None
    assert told((event,))

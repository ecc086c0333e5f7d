"""A bank asks the police whether two are father and son: filed, answered, read; and nothing is learnt by guessing."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from sqlalchemy import func, select, true
from structlog.testing import capture_logs

from activities.verifiers import find_verifier
from api.limits import KEYS_AT_MOST
from api.single_proofs import ROWS_OF_A_BATCH
from demo.city.listing import listing
from domain.actors import THE_ENGINE
from domain.commands import ExpireVerification, command_id
from domain.listing import ListedProof, ListedRoute, ListingFile
from domain.scopes import Role
from domain.steps import FindVerifier, steps
from store import rosters
from store.accounts import add_account, add_unit, issue_token
from store.listing import apply
from store.listing_in_force import ListingInForce
from store.read_models.all_models import differences
from store.read_models.cases import find_case
from store.tables import access_log, cases, proof_listing
from tests.api.conftest import Api, served
from tests.api.test_feed import events_only, listening
from tests.desk import DIVISION, MONDAY, family, store_on
from tests.domain.test_single_proof import FATHER, SON
from tests.rosters import CENTRE, MINGYUE, SECRETARY
from tests.rosters import file as roster

PROOF = "father_child_relation"
ASKED: dict[str, Any] = {
    "proof": PROOF,
    "purpose": "办理存款继承",
    "statement": "当事人是关系人的父亲",
    "subject": FATHER,
    "other": SON,
}
NEW_ACCOUNTS = {
    "bank-1": ("bank", Role.REQUESTER),
    "bank-2": ("bank", Role.REQUESTER),
    "school-1": ("school", Role.REQUESTER),
}
DAYS = next(line.valid_days for line in listing() if line.code == PROOF)


@pytest.fixture
def api(api: Api) -> Api:
    """With a bank, a school, and the city's listing."""
    with api.store.database.begin() as connection:
        for unit, title in (("bank", "婺川农商银行"), ("school", "云澜区第一小学")):
            add_unit(connection, unit, title=title, division=DIVISION)
        for account, (unit, role) in NEW_ACCOUNTS.items():
            add_account(connection, account, unit=unit, role=role)
            api.tokens[account] = issue_token(connection, account, label="test", at=MONDAY)
    take_over(api, *listing())
    return api


def take_over(api: Api, *lines: ListedProof) -> None:
    with api.store.database.begin() as connection:
        apply(connection, ListingFile(tuple(enumerate(lines, start=2)), ()), THE_ENGINE, MONDAY)
    # As seconds later.
    api.store.listing = ListingInForce(api.store.database)


def cancel(api: Api, code: str = PROOF) -> None:
    (line,) = (line for line in listing() if line.code == code)
    take_over(api, line.model_copy(update={"route": ListedRoute.CANCELLED, "effective_from": MONDAY.date()}))


def ask(api: Api, by: str = "bank-1", key: str = "key-1", **changed: Any) -> httpx.Response:
    return api.by(by).post("/api/v1/verifications", json=ASKED | changed, headers={"idempotency-key": key})


def asked(api: Api, by: str = "bank-1", key: str = "key-1", **changed: Any) -> str:
    answered = ask(api, by, key, **changed)
    assert answered.status_code == 201, answered.text
    number: str = answered.json()["case_no"]
    return number


def case_id_of(api: Api, case_no: str) -> UUID:
    with api.store.database.reading() as connection:
        line = find_case(connection, case_no, true())
    assert line is not None
    return line.case_id


def engine_goes_on(api: Api, case_no: str) -> None:
    """What a worker does at once: whoever has to answer is found, or the next one."""
    case_id = case_id_of(api, case_no)
    while due := [step for step in steps(api.store.case_file(case_id)) if isinstance(step, FindVerifier)]:
        (step,) = due
        case = api.store.open_case_file(case_id)
        with api.store.database.glancing() as connection:
            command = find_verifier(
                connection,
                case,
                step.proof,
                step.round,
                step.rung,
                id=command_id(case_id, step.key),
                at=api.clock(),
            )
        api.store.handle(case_id, [command], tell_workflow=False)


def answered(api: Api, case_no: str, said: str, reason: str | None = None) -> httpx.Response:
    """The police officer answers what is in the inbox about this case."""
    officer = api.by("officer-1")
    (line,) = officer.get(f"/api/v1/inbox?q={case_no}").json()["verifications"]
    body = {"answer": said} | ({} if reason is None else {"reason": reason})
    headers = {"idempotency-key": f"{case_no}-{said}"}
    return officer.post(f"/api/v1/inbox/{line['id']}/answer", json=body, headers=headers)


def show(api: Api, case_no: str, by: str = "bank-1") -> dict[str, Any]:
    found: dict[str, Any] = api.by(by).get(f"/api/v1/verifications/{case_no}").json()
    return found


def result(api: Api, case_no: str, by: str = "bank-1", **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.by(by).get(f"/api/v1/verifications/{case_no}/result", headers=given)


def settled(api: Api, case_no: str, *, met: bool) -> None:
    """A caseworker of the division decides."""
    caseworker = api.by("caseworker-1")
    tag = caseworker.get(f"/api/v1/cases/{case_no}").headers["etag"]
    done = caseworker.post(
        f"/api/v1/cases/{case_no}/proofs/{PROOF}/settlement",
        json={"met": met, "reason": "已调阅纸质户籍底册"},
        headers={"if-match": tag},
    )
    assert done.status_code == 200, done.text


# ── asked, answered, read ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_bank_asks_the_police_answer_and_the_bank_reads_the_result(api: Api) -> None:
    filed = ask(api)
    case_no = filed.json()["case_no"]
    assert filed.status_code == 201
    assert filed.headers["location"] == filed.json()["url"] == f"/api/v1/verifications/{case_no}"
    engine_goes_on(api, case_no)

    waiting = show(api, case_no)
    assert (waiting["state"], waiting["outcome"]) == ("open", "open")
    assert waiting["now"] == {
        "zh": "等待公安核实“父子(女)关系证明”, 11-23 09:30 前答复",
        "en": "waiting for Public security to verify Father and child by 11-23 09:30",
    }
    assert waiting["due"] == "2026-11-23T09:30:00.000+08:00"
    assert [(rung["route"], rung["unit"]["code"]) for rung in waiting["ladder"]] == [
        ("department_verification", "police")
    ]
    not_yet = result(api, case_no)
    assert (not_yet.status_code, not_yet.json()["code"]) == (409, "verification.no_result")
    assert not_yet.json()["detail_zh"] == f"尚无结果: {waiting['now']['zh']}"

    api.clock.at = MONDAY + timedelta(minutes=12)
    assert answered(api, case_no, "matches").status_code == 200
    told = result(api, case_no)

    assert told.status_code == 200
    document = told.json()
    assert document["outcome"] == "confirmed"
    assert document["outcome_label"] == {"zh": "已核实", "en": "confirmed"}
    assert document["route"] == "department_verification"
    assert document["asked"] == {"code": "public_security", "title": "公安", "title_en": "Public security"}
    assert document["unit"]["code"] == "police"
    assert document["requested_by"] == {"code": "bank", "title": "婺川农商银行", "title_en": "婺川农商银行"}
    assert (document["purpose"], document["persons"]) == ("办理存款继承", 2)
    assert document["basis"] == "优化营商环境条例 44"
    assert document["concluded_at"] == "2026-11-23T09:12:00.000+08:00"
    assert document["valid_until"] == str(MONDAY.date() + timedelta(days=DAYS))
    assert document["doubted_at"] is None
    assert show(api, case_no)["outcome"] == "confirmed"


@pytest.mark.parametrize("met", [True, False])
def test_a_contradiction_goes_to_a_caseworker_before_the_bank_hears_a_result(api: Api, met: bool) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    answered(api, case_no, "contradicts", "户籍底册登记的父亲另有其人")
    assert "待经办人认定" in show(api, case_no)["now"]["zh"]
    assert result(api, case_no).status_code == 409

    settled(api, case_no, met=met)

    document = result(api, case_no).json()
    assert document["outcome"] == ("confirmed" if met else "contradicted")
    assert (document["route"], document["unit"]["code"]) == ("escalation", "bureau")
    assert [rung["came_of"] for rung in document["ladder"]] == ["contradicts", "met" if met else "not_met"]
    assert "另有其人" not in result(api, case_no).text


def test_nobody_who_could_show_it_is_another_result_than_a_contradiction(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    answered(api, case_no, "no_record", "档案未归集")
    engine_goes_on(api, case_no)
    settled(api, case_no, met=False)

    document = result(api, case_no).json()
    assert document["outcome"] == "not_confirmed"
    assert [(rung["came_of"], rung["came_of_label"]["en"]) for rung in document["ladder"]] == [
        ("no_record", "whoever was asked holds no record"),
        ("no_community", "the roster knows no community of this person"),
        ("not_met", "found not shown"),
    ]


def test_an_answer_that_comes_after_the_result_and_says_otherwise_is_in_the_result(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    case_id = case_id_of(api, case_no)
    api.clock.at = MONDAY + timedelta(minutes=31)
    over = ExpireVerification(
        id=command_id(case_id, "over"), at=api.clock(), by=THE_ENGINE, proof=PROOF, round=1, rung=0
    )
    api.store.handle(case_id, [over], tell_workflow=False)
    engine_goes_on(api, case_no)
    settled(api, case_no, met=True)
    before = result(api, case_no)
    assert before.json()["doubted_at"] is None

    api.clock.at += timedelta(hours=1)
    officer = api.by("officer-1")
    (line,) = officer.get(f"/api/v1/inbox?q={case_no}&queue=ended").json()["verifications"]
    late = officer.post(
        f"/api/v1/inbox/{line['id']}/answer",
        json={"answer": "contradicts", "reason": "底册登记不同"},
        headers={"idempotency-key": "late"},
    )
    assert (late.status_code, late.json()["counted"]) == (200, True)
    assert "由经办人认定" in late.json()["told"]["zh"]

    after = result(api, case_no, if_none_match=before.headers["etag"])
    assert after.status_code == 200
    assert (after.json()["outcome"], after.json()["doubted_at"]) == ("confirmed", "2026-11-23T10:31:00.000+08:00")
    (task,) = [one for one in api.by("caseworker-1").get("/api/v1/tasks").json()["tasks"] if one["case_no"] == case_no]
    assert (task["kind"], task["what"]) == ("contested", PROOF)
    settled(api, case_no, met=False)
    decided = result(api, case_no)
    assert (decided.json()["outcome"], decided.json()["doubted_at"]) == ("contradicted", None)


def test_what_is_listed_afterwards_shortens_no_answer_that_somebody_holds(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    answered(api, case_no, "matches")
    before = result(api, case_no).json()["valid_until"]

    with api.store.database.begin() as connection:
        connection.execute(proof_listing.update().values(valid_days=1))

    assert result(api, case_no).json()["valid_until"] == before == str(MONDAY.date() + timedelta(days=DAYS))


def test_who_answers_after_a_superior_took_it_up_is_heard_and_not_called_late(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    caseworker = api.by("caseworker-1")
    taken_up = caseworker.post(
        f"/api/v1/cases/{case_no}/proofs/{PROOF}/escalation",
        json={"reason": "急用"},
        headers={"if-match": caseworker.get(f"/api/v1/cases/{case_no}").headers["etag"], "idempotency-key": "up"},
    )
    assert taken_up.status_code == 200, taken_up.text
    officer = api.by("officer-1")
    (line,) = officer.get(f"/api/v1/inbox?q={case_no}&queue=ended").json()["verifications"]

    heard = officer.post(
        f"/api/v1/inbox/{line['id']}/answer", json={"answer": "matches"}, headers={"idempotency-key": "soon"}
    )

    assert heard.json()["told"]["zh"] == "答复到时已转下一环节, 仍予采信: 该证明已核实"


def test_what_is_known_already_is_not_sent_or_logged_again(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    answered(api, case_no, "matches")

    def readings() -> int:
        with api.store.database.reading() as connection:
            asked_for = select(func.count()).where(access_log.c.action == "read_result")
            return connection.execute(asked_for).scalar_one()

    told = result(api, case_no)
    assert readings() == 1
    assert result(api, case_no, if_none_match=told.headers["etag"]).status_code == 304
    assert readings() == 1
    again = api.by("bank-1").get(f"/api/v1/verifications/{case_no}", headers={"if-none-match": told.headers["etag"]})
    assert again.status_code == 304


def test_what_was_withdrawn_has_no_result_and_says_so(api: Api) -> None:
    case_no = asked(api)
    tag = show(api, case_no)["version"]
    withdrawn = api.by("bank-1").post(
        f"/api/v1/cases/{case_no}/withdrawal", json={"reason": "客户已自行办理"}, headers={"if-match": f'"{tag}"'}
    )
    assert withdrawn.status_code == 200

    refused = result(api, case_no)
    assert (refused.status_code, refused.json()["detail_zh"]) == (409, "核验已撤回, 没有结果")
    assert (show(api, case_no)["outcome"], show(api, case_no)["now"]["zh"]) == (None, "已撤回")


def test_it_is_valid_as_the_listing_of_its_day_said(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    answered(api, case_no, "matches")
    tomorrow = MONDAY + timedelta(days=1)
    (line,) = (line for line in listing() if line.code == PROOF)
    with api.store.database.begin() as connection:
        shorter = line.model_copy(update={"valid_days": 1, "effective_from": tomorrow.date()})
        apply(connection, ListingFile(((2, shorter),), ()), THE_ENGINE, tomorrow)
    api.clock.at = tomorrow

    assert result(api, case_no).json()["valid_until"] == str(MONDAY.date() + timedelta(days=DAYS))


# ── what may be asked, and by whom ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by", ["desk-1", "caseworker-1", "officer-1", "auditor-1", "community-1"])
def test_only_a_unit_that_may_ask_asks(api: Api, by: str) -> None:
    assert ask(api, by).status_code == 403


def test_another_unit_learns_nothing_not_even_that_it_was_asked(api: Api) -> None:
    case_no = asked(api)

    assert show(api, case_no, "bank-2")["case_no"] == case_no
    for path in ("", "/result"):
        refused = api.by("school-1").get(f"/api/v1/verifications/{case_no}{path}")
        assert (refused.status_code, refused.json()["code"]) == (404, "case.unknown")
    assert api.by("school-1").get("/api/v1/verifications").json()["verifications"] == []
    other = ask(api, "school-1")
    assert other.status_code == 201
    assert other.json()["case_no"] != case_no


def test_a_case_of_a_life_event_is_no_verification(api: Api) -> None:
    case_no = api.filed(by="hospital-system")

    refused = api.by("hospital-system").get(f"/api/v1/verifications/{case_no}")
    assert (refused.status_code, refused.json()["code"]) == (404, "case.unknown")


def test_what_is_not_listed_or_was_cancelled_cannot_be_asked(api: Api) -> None:
    unlisted = ask(api, proof="being_a_good_neighbour")
    cancelled = ask(api, proof="being_a_student", key="key-2")

    assert (unlisted.status_code, unlisted.json()["code"]) == (404, "proof.not_listed")
    assert (cancelled.status_code, cancelled.json()["code"]) == (422, "proof.cancelled")
    assert [[fault["pointer"] for fault in one.json()["errors"]] for one in (unlisted, cancelled)] == [["/proof"]] * 2
    assert "2018-04-22" in cancelled.json()["detail_zh"]
    with api.store.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(cases)).scalar_one() == 0


def test_a_cancelled_proof_cannot_be_asked_any_more_but_a_repeated_request_is_answered_as_before(api: Api) -> None:
    case_no = asked(api)
    cancel(api)

    assert ask(api, key="key-2").json()["code"] == "proof.cancelled"
    repeated = ask(api)
    assert (repeated.status_code, repeated.json()["case_no"]) == (200, case_no)
    assert ask(api, purpose="贷款").json()["code"] == "idempotency_key.reused"


@pytest.mark.parametrize(
    ("changed", "pointer", "rule"),
    [
        ({"purpose": " "}, "/purpose", "empty"),
        ({"purpose": "用" * 201}, "/purpose", "too_long"),
        ({"proof": "Father and son"}, "/proof", "pattern"),
        ({"subject": FATHER | {"citizen_id": "339901197905039018"}}, "/subject/citizen_id", "check"),
        ({"subject": FATHER | {"phone": "1"}}, "/subject/phone", "unknown"),
        ({"other": FATHER}, "/other/citizen_id", "same_person"),
        ({"other": {"name": "欧阳知行"}}, "/other/citizen_id", "missing"),
        ({"other": SON | {"community": "明月"}}, "/other/community", "unknown"),
        ({"other": 5}, "/other", "type"),
        ({"other": None}, "/other", "required"),
        ({"proof": "residence_permit"}, "/other", "not_taken"),
        ({"urgent": True}, "/urgent", "unknown"),
    ],
)
def test_a_faulty_question_names_field_and_rule_and_never_the_value(
    api: Api, changed: dict[str, Any], pointer: str, rule: str
) -> None:
    refused = ask(api, **changed)

    assert refused.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [(pointer, rule)]
    assert all(number not in refused.text for number in ("339901197905", "339901200809"))
    assert ask(api).status_code == 201, "nothing was kept under the key"


def test_a_community_that_the_roster_does_not_know_is_refused_at_its_place(api: Api) -> None:
    with api.store.database.begin() as connection:
        rosters.apply(connection, api.store.vault, roster(SECRETARY), CENTRE, MONDAY)

    refused = ask(api, subject=FATHER | {"community": "明月社"})
    assert refused.status_code == 422
    assert [(one["pointer"], one["code"]) for one in refused.json()["errors"]] == [
        ("/subject/community", "unknown_community")
    ]
    assert "明月社" not in refused.text
    by_title, by_code = (FATHER | {"community": named} for named in ("云澜区明月社区", MINGYUE))
    assert ask(api, subject=by_title).status_code == 201, "nothing was kept under the key"

    told = batch(api, [ASKED | {"subject": FATHER | {"community": "明月社"}}, ASKED | {"subject": by_code}]).json()
    assert [row["result"] for row in told["rows"]] == ["refused", "filed"]
    (fault,) = told["rows"][0]["errors"]
    assert (fault["pointer"], fault["code"]) == ("/requests/0/subject/community", "unknown_community")


def test_nobody_is_named_in_any_answer_but_the_officers(api: Api) -> None:
    case_no = asked(api)
    engine_goes_on(api, case_no)
    answered(api, case_no, "matches")
    case_id = case_id_of(api, case_no)
    # What a register would have told stays in the vault.
    with api.store.database.begin() as connection:
        assert connection.execute(select(cases.c.case_id)).scalar_one() == case_id
    bank = api.by("bank-1")
    told = [bank.get(f"/api/v1/verifications/{case_no}{path}").text for path in ("", "/result")] + [
        bank.get("/api/v1/verifications").text,
        bank.get("/api/v1/events").text,
    ]

    for text in told:
        assert not any(secret in text for person in (FATHER, SON) for secret in person.values())


# ── the same again ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_question_is_the_same_case_until_it_is_answered(api: Api) -> None:
    case_no = asked(api)
    while_open = ask(api, "bank-2", "key-2")
    assert (while_open.status_code, while_open.json()["case_no"]) == (200, case_no)

    engine_goes_on(api, case_no)
    answered(api, case_no, "matches")
    afterwards = ask(api, "bank-2", "key-3")

    assert afterwards.status_code == 201
    assert afterwards.json()["case_no"] != case_no
    assert ask(api).json()["case_no"] == case_no
    with api.store.database.reading() as connection:
        assert list(differences(connection)) == []


# ── many at once ────────────────────────────────────────────────────────────────────────────────────────────────────


def batch(api: Api, rows: Any, by: str = "bank-1", key: str = "batch-1") -> httpx.Response:
    return api.by(by).post("/api/v1/verifications/batch", json={"requests": rows}, headers={"idempotency-key": key})


def test_each_row_has_its_own_result_and_the_same_one_again(api: Api) -> None:
    open_already = asked(api)
    rows = [
        ASKED | {"purpose": "贷款"},
        ASKED,
        ASKED | {"purpose": "贷款"},
        ASKED | {"subject": FATHER | {"citizen_id": "339901197905039018"}},
        ASKED | {"proof": "being_a_student"},
        {"proof": PROOF},
        5,
        ASKED | {"proof": "being_a_good_neighbour"},
    ]
    told = batch(api, rows).json()

    assert [row["result"] for row in told["rows"]] == ["filed", *["already_filed"] * 2, *["refused"] * 5]
    assert (told["filed"], told["already_filed"], told["refused"]) == (1, 2, 5)
    assert told["rows"][1]["case_no"] == open_already
    assert told["rows"][2]["case_no"] == told["rows"][0]["case_no"]
    assert [row["code"] for row in told["rows"][3:]] == [
        "application.faulty",
        "proof.cancelled",
        "request.not_valid",
        "request.not_valid",
        "proof.not_listed",
    ]
    assert [[fault["pointer"] for fault in row["errors"]] for row in told["rows"][3:]] == [
        ["/requests/3/subject/citizen_id"],
        ["/requests/4/proof"],
        ["/requests/5/purpose", "/requests/5/subject"],
        ["/requests/6"],
        ["/requests/7/proof"],
    ]
    assert [row["row"] for row in told["rows"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert told["rows"][5]["detail_zh"] == "第 6 条有 2 处错误", "as one counts, and as a list of confirmations counts"
    assert "339901197905" not in json.dumps(told)

    again = batch(api, rows).json()
    assert [row["case_no"] for row in again["rows"]] == [row["case_no"] for row in told["rows"]]
    assert again["filed"] == 0
    changed = batch(api, [ASKED | {"purpose": "抵押"}]).json()
    assert changed["rows"][0]["code"] == "idempotency_key.reused"


def test_a_thousand_rows_are_one_request_and_one_more_is_refused(api: Api) -> None:
    wrong = ASKED | {"proof": "being_a_student"}
    assert len(json.dumps(wrong).split(":")) * ROWS_OF_A_BATCH > KEYS_AT_MOST

    whole = batch(api, [wrong] * ROWS_OF_A_BATCH)
    assert (whole.status_code, whole.json()["refused"]) == (200, ROWS_OF_A_BATCH)
    too_many = batch(api, [wrong] * (ROWS_OF_A_BATCH + 1), key="batch-2")
    assert (too_many.status_code, too_many.json()["errors"][0]["code"]) == (422, "too_many")
    (none,) = batch(api, [], key="batch-3").json()["errors"]
    assert (none["pointer"], none["code"], none["detail_zh"]) == ("/requests", "too_few", "至少 1 个")
    # The wider gate is for batches alone.
    row: dict[str, Any] = {f"n{number}": 1 for number in range(KEYS_AT_MOST + 1)}
    assert ask(api, **row).json()["code"] == "request.not_json"


# ── the list and the news ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_holds_the_units_own_newest_first_page_by_page(api: Api) -> None:
    numbers = []
    for number in range(3):
        api.clock.at = MONDAY + timedelta(minutes=number)
        numbers.append(asked(api, key=str(number), purpose=f"用途 {number}"))
    engine_goes_on(api, numbers[0])
    answered(api, numbers[0], "contradicts", "底册登记不同")
    settled(api, numbers[0], met=False)
    engine_goes_on(api, numbers[1])
    answered(api, numbers[1], "matches")
    api.filed(family(1), by="hospital-system")

    path, found = "/api/v1/verifications?limit=2", []
    while path:
        page = api.by("bank-2").get(path)
        found += page.json()["verifications"]
        path = page.headers.get("link", "").partition(">")[0].removeprefix("<")

    assert [(line["case_no"], line["outcome"]) for line in found] == [
        (numbers[2], "open"),
        (numbers[1], "confirmed"),
        (numbers[0], "contradicted"),
    ]
    assert {line["proof"]["code"] for line in found} == {PROOF}
    only_open = api.by("bank-1").get("/api/v1/verifications?state=open").json()["verifications"]
    assert [line["case_no"] for line in only_open] == [numbers[2]]
    assert api.by("bank-1").get("/api/v1/verifications?cursor=WyJhIiwiYiJd").status_code == 422


def test_whoever_asked_hears_of_that_case_alone(api: Api) -> None:
    mine, other = asked(api), asked(api, key="key-2", purpose="贷款")
    engine_goes_on(api, other)
    with listening(api, "bank-1", f"/api/v1/events/stream?case_no={mine}&types=case_concluded") as told:
        engine_goes_on(api, mine)
        answered(api, other, "matches")
        answered(api, mine, "matches")
        (heard,) = events_only(told, 1)

    assert (heard["data"]["case_no"], heard["data"]["type"]) == (mine, "case_concluded")
    polled = api.by("bank-1").get(f"/api/v1/events?case_no={mine}").json()["events"]
    assert {event["case_no"] for event in polled} == {mine}
    for path in ("/api/v1/events", "/api/v1/events/stream"):
        assert api.by("school-1").get(f"{path}?case_no={mine}").status_code == 404


# ── what no bundle may demand ───────────────────────────────────────────────────────────────────────────────────────


def test_a_life_event_that_demands_a_cancelled_proof_is_refused_with_every_sentence(api: Api) -> None:
    cancel(api, "parents_marriage")
    cancel(api, "birth_record")

    refused = api.file(family(2), by="hospital-system")

    assert (refused.status_code, refused.json()["code"]) == (409, "bundle.demands_too_much")
    for word in ("parents_marriage", "birth_record", "2026-11-23"):
        assert word in refused.json()["detail_zh"]
        assert word in refused.json()["detail"]


def test_an_api_that_starts_says_loudly_which_bundles_it_will_refuse(api: Api) -> None:
    cancel(api, "parents_marriage")
    with capture_logs() as told, served(store_on(api.store.database), api.clock):
        pass

    (entry,) = [one for one in told if one["log_level"] == "error"]
    assert (entry["bundle"], len(entry["demands"])) == ("newborn", 1)

"""The bureau confirms for its people: one by one from the inbox, by a link, or by the list that an employer returns."""

import json
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import cycle
from typing import Any
from uuid import uuid4

import pytest

from activities.submissions import submission
from domain.actors import Actor
from domain.case_file import ProofState
from domain.commands import WithdrawCase
from domain.confirmations import ROWS_AT_MOST
from domain.identifiers import grouped_case_no
from domain.law import pension_grant
from domain.law.pension import BASES, base_for
from domain.scopes import Role
from domain.time_limits import in_shanghai
from store.accounts import add_account, issue_token
from store.links import sign_link
from tests import desk
from tests.api.conftest import Api
from tests.api.officers import logged, post
from tests.desk import MONDAY
from tests.retirees import MARCH, Retiree

OFFICER = Actor(account="pension-1", unit="office")
NEIGHBOUR = Actor(account="neighbour-1", unit="neighbour")
WRONG = "本人的银行账号已经更换"
_PEOPLE = cycle(range(30))
"""More than any test needs at once."""


def retiree(api: Api, *, by: Actor = OFFICER, **more: Any) -> Retiree:
    """The next of the city's people who retire, with a case of the unit."""
    return Retiree(api.store, next(_PEOPLE), by=by, **more)


def asked(api: Api, **more: Any) -> Retiree:
    """The same, whose form has gone out."""
    return retiree(api, **more).sent_out()


def row(one: Retiree, answer: str = "matches", note: str | None = None) -> dict[str, str]:
    return {"case_no": one.case_no, "answer": answer} | ({} if note is None else {"note": note})


def preview(api: Api, *rows: Any, by: str = "pension-1") -> Any:
    answered = api.by(by).post("/api/v1/confirmations/preview", json={"rows": rows})
    assert answered.status_code == 200, answered.text
    return answered.json()


def confirm(api: Api, *rows: Any, by: str = "pension-1", key: str = "list-1") -> Any:
    answered = post(api, by, "confirmations", {"rows": rows}, key)
    assert answered.status_code == 200, answered.text
    return answered.json()


def came_of(told: Any) -> list[tuple[str, str | None]]:
    return [(one["result"], one.get("code")) for one in told["rows"]]


def answers_given(one: Retiree) -> int:
    return list(one.happened()).count("verification_answered")


def confirmed(one: Retiree) -> bool:
    return one.file.proof("confirmed").state is ProofState.MET


# ── one by one ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_confirmation_is_in_the_bureaus_inbox_and_is_answered_there_by_phone_too(api: Api) -> None:
    one = asked(api)
    (line,) = api.by("pension-1").get("/api/v1/inbox").json()["verifications"]
    assert (line["id"], line["route"], line["case_no"]) == (str(one.question), "confirmation", one.case_no)

    assert post(api, "pension-1", f"inbox/{one.question}/claim").status_code == 200
    call = {
        "spoke_with": one.worker.name,
        "number": one.worker.phone,
        "at": MONDAY.isoformat(),
        "said": "信息无误, 同意办理",
    }
    heard = post(api, "pension-1", f"inbox/{one.question}/answer", {"answer": "matches", "phone": call})

    assert heard.status_code == 200, heard.text
    assert (heard.json()["counted"], heard.json()["verification"]["answer_label"]) == (True, "确认无误")
    assert confirmed(one)


def test_the_bureau_says_who_asks_where_nobody_answers_and_it_holds_for_forms_sent_afterwards(api: Api) -> None:
    before = asked(api)
    address = "/api/v1/units/office/silence-rule"
    told = api.by("pension-1").put(address, json={"rule": "caseworker"})
    assert (told.status_code, told.json()["silence_rule"]) == (200, "caseworker")
    after = asked(api)

    asks_next = [
        api.by("pension-1").get(f"/api/v1/inbox/{one.question}").json()["asks_next"]["en"] for one in (before, after)
    ]
    assert asks_next == ["the community worker", "a caseworker"]
    assert after.is_silent().file.proof("confirmed").asked == "caseworker"
    assert not confirmed(after)

    assert api.by("pension-1").put("/api/v1/units/neighbour/silence-rule", json={"rule": None}).status_code == 403
    assert api.by("desk-1").put(address, json={"rule": None}).status_code == 403
    (wrong,) = api.by("pension-1").put(address, json={"rule": "consent"}).json()["errors"]
    assert (wrong["pointer"], wrong["detail_zh"]) == ("/rule", "应为其中之一: community_check、caseworker")
    assert api.by("pension-1").put(address, json={"rule": None}).json()["silence_rule"] is None


def test_a_month_is_shown_as_a_month_and_never_as_a_day_of_birth(api: Api) -> None:
    one = asked(api)

    shown = api.by("pension-1").get(f"/api/v1/inbox/{one.question}").json()["fields"]

    assert [field["value"] for field in shown if field["path"] == "insurance.retires_on"] == ["2026-12"]


def test_another_bureau_sees_no_confirmation_of_ours(api: Api) -> None:
    one = asked(api, by=NEIGHBOUR)

    assert api.by("pension-1").get("/api/v1/inbox").json()["verifications"] == []
    assert api.by("pension-1").get(f"/api/v1/inbox/{one.question}").status_code == 404
    assert post(api, "pension-1", f"inbox/{one.question}/answer", {"answer": "matches"}).status_code == 404


def test_no_record_is_no_answer_to_a_confirmation(api: Api) -> None:
    one = asked(api)

    refused = post(api, "pension-1", f"inbox/{one.question}/answer", {"answer": "no_record", "reason": "查无此人"})

    assert (refused.status_code, refused.json()["code"]) == (422, "answer.not_offered")
    assert answers_given(one) == 0


def test_what_is_wrong_goes_to_the_caseworker_with_the_note(api: Api) -> None:
    one = asked(api)

    heard = post(api, "pension-1", f"inbox/{one.question}/answer", {"answer": "contradicts", "reason": WRONG})

    assert heard.json()["counted"]
    assert one.file.in_hand == ("confirmed",)
    assert shown(api, one, by="caseworker-1")["said"] == WRONG


def test_who_would_rather_be_called_is_handed_to_the_community(api: Api) -> None:
    one = asked(api)

    post(api, "pension-1", f"inbox/{one.question}/answer", {"answer": "hand_to_community", "reason": "电话打不通"})

    assert one.file.proof("confirmed").exhausted == (("confirmation", "handed_to_community"),)


# ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


def shown(api: Api, one: Retiree, by: str = "pension-1") -> Any:
    answered = api.by(by).get(f"/api/v1/inbox/{one.question}")
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_the_question_shows_the_notice_the_form_and_the_pension_with_its_explanation(api: Api) -> None:
    one = asked(api)

    told = shown(api, one)

    assert told["notice"]["zh"].startswith("您的退休信息和待遇已经预先核算")
    values = {field["path"]: field["value"] for field in told["fields"]}
    assert values["retiree.account"] == one.worker.account
    amount = told["preview"]
    assert Decimal(amount["amount"]) > 500
    assert amount["why_not"] is None
    assert {step["of"] for step in amount["steps"]} >= {"divisor", "total"}
    assert all(step["zh"] and step["en"] and step["source"] for step in amount["steps"])


def test_the_amount_is_said_to_be_provisional_while_the_years_base_is_not_published(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = asked(api)
    assert 2026 not in BASES
    assert shown(api, one)["preview"]["provisional"] is True

    monkeypatch.setattr(pension_grant, "base_for", partial(base_for, published={2026: Decimal(8500)}))

    assert shown(api, one)["preview"]["provisional"] is False


def test_what_was_shown_is_what_is_granted_for_the_same_record(api: Api) -> None:
    one = asked(api)
    amount = shown(api, one)["preview"]["amount"]

    confirm(api, row(one))
    one.goes_on().day_comes("retires")

    sent = submission(api.store.open_case_file(one.case_id), "pension_assessment")
    assert sent["facts"]["pension"] == amount


def test_no_base_and_no_record_are_each_said_in_a_sentence(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    without = retiree(api).sent_out(without_record=True)
    told = shown(api, without)["preview"]
    assert (told["amount"], told["steps"]) == (None, [])
    assert "养老保险缴费记录" in told["why_not"]["zh"]

    monkeypatch.setattr(pension_grant, "base_for", partial(base_for, published={2000: Decimal(700)}))
    told = shown(api, asked(api))["preview"]
    assert told["amount"] is None
    assert "尚未公布" in told["why_not"]["zh"]


def test_the_amount_is_shown_to_the_unit_alone_and_the_reading_is_logged(api: Api) -> None:
    one = asked(api)

    masked = shown(api, one, by="supervisor-1")
    assert (masked["in_full"], masked["preview"]) == (False, None)
    shown(api, one)

    (entry,) = logged(api, one.case_no, "read_question")
    assert {"contributions.account_balance", "insurance.born_in", "retiree.account"} <= set(entry["about"])


def test_no_amount_is_ever_written_down(api: Api) -> None:
    one = asked(api)
    amount = shown(api, one)["preview"]["amount"]

    events = api.store.events_after(one.case_id, 0)

    assert amount not in "".join(entry.event.model_dump_json() for entry in events)


def test_the_person_confirms_by_the_link_and_has_the_same_form(api: Api) -> None:
    one = asked(api)
    token = sign_link(api.store.vault, one.question, one.due)

    told = api.by(None).post("/api/v1/links/question", json={"token": token})
    assert told.status_code == 200, told.text
    assert Decimal(told.json()["preview"]["amount"]) > 500
    assert api.by(None).post("/api/v1/links/answer", json={"token": token, "answer": "matches"}).status_code == 200

    assert confirmed(one)


# ── correcting it, and choosing another month ───────────────────────────────────────────────────────────────────────

LATER = {"insurance": {"choice": "late", "retires_on": "2027-06"}}
ANOTHER_ACCOUNT = {"retiree": {"account": "6222020000000000008"}}


def by_link(api: Api, one: Retiree, **said: Any) -> Any:
    token = sign_link(api.store.vault, one.question, one.due)
    return api.by(None).post("/api/v1/links/answer", json={"token": token, "answer": "matches", **said})


def by_officer(api: Api, one: Retiree, key: str = "corrects-1", **said: Any) -> Any:
    return post(api, "pension-1", f"inbox/{one.question}/answer", {"answer": "matches", **said}, key)


def declared(api: Api, one: Retiree, path: str) -> str | None:
    return api.store.open_case_file(one.case_id).declared(path)


def test_the_form_says_what_its_reader_may_correct_and_how_it_stands(api: Api) -> None:
    one = asked(api)

    told = shown(api, one)["corrects"]

    assert {field["path"]: (field["kind"], field["value"]) for field in told} == {
        "insurance.choice": ("choice", "statutory"),
        "insurance.retires_on": ("month", "2026-12"),
        "retiree.account": ("account", one.worker.account),
    }
    assert [choice["code"] for choice in told[0]["choices"]] == ["statutory", "early", "late"]
    assert shown(api, one, by="supervisor-1")["corrects"] == []


def test_the_person_chooses_a_later_month_by_the_link_and_is_asked_again_a_month_before_it(api: Api) -> None:
    one = asked(api)
    first = one.question

    heard = by_link(api, one, corrections=LATER)

    assert heard.status_code == 200, heard.text
    assert heard.json()["counted"]
    assert "再请确认一次" in heard.json()["told"]["zh"]
    assert heard.json()["verification"]["state"] == "withdrawn"
    assert in_shanghai(one.file.milestones["form_sent"]).date() == date(2027, 5, 1)
    assert answers_given(one) == 0
    assert one.file.proof("confirmed").state is ProofState.PLANNED

    one.goes_on().day_comes("form_sent")
    assert one.question != first
    assert by_link(api, one).status_code == 200
    assert confirmed(one)


def test_another_account_is_corrected_and_confirmed_in_one_answer(api: Api) -> None:
    one = asked(api)

    heard = by_link(api, one, corrections=ANOTHER_ACCOUNT)

    assert heard.status_code == 200, heard.text
    assert heard.json()["told"]["zh"] == "该证明已核实"
    assert confirmed(one)
    assert list(one.happened()).count("application_amended") == 1
    assert declared(api, one, "retiree.account") == "6222020000000000008"
    one.goes_on()
    assert one.file.proof("payment_account").state is ProofState.MET
    assert submission(api.store.open_case_file(one.case_id), "account_check")["people"]["retiree"]["account"] == (
        "6222020000000000008"
    )


def test_a_month_that_the_law_does_not_allow_is_refused_with_the_rule_and_the_link_is_not_spent(api: Api) -> None:
    one = asked(api)
    version = one.file.version

    too_far = by_link(api, one, corrections={"insurance": {"choice": "late", "retires_on": "2030-01"}})
    too_soon = by_link(api, one, corrections={"insurance": {"choice": "early", "retires_on": "2026-11"}})
    not_as_chosen = by_link(api, one, corrections={"insurance": {"retires_on": "2027-06"}})

    assert [answered.status_code for answered in (too_far, too_soon, not_as_chosen)] == [422, 422, 422]
    rules = [answered.json()["errors"][0]["code"] for answered in (too_far, too_soon, not_as_chosen)]
    assert rules[1:] == ["told_too_late", "not_as_chosen"]
    assert {answered.json()["errors"][0]["pointer"] for answered in (too_far, too_soon, not_as_chosen)} == {
        "/corrections/insurance/retires_on"
    }
    assert one.file.version == version
    assert by_link(api, one, corrections=LATER).status_code == 200


def test_who_chose_in_time_is_not_late_when_something_else_is_corrected_months_later(api: Api) -> None:
    one = asked(api)
    by_link(api, one, corrections=LATER)
    one.goes_on().day_comes("form_sent")
    api.clock.at = one.at
    assert in_shanghai(one.at).date() == date(2027, 5, 1)
    client, address = api.by("pension-1"), f"/api/v1/cases/{one.case_no}"

    def amend(**insurance: object) -> Any:
        headers = {"if-match": client.get(address).headers["etag"]}
        body = {"application": {"insurance": insurance}, "reason": "核对后更正"}
        return client.patch(address, json=body, headers=headers)

    assert amend(contribution_months=one.worker.contribution_months + 5).status_code == 200
    still_later = amend(retires_on="2027-08")
    assert (still_later.status_code, still_later.json()["errors"][0]["code"]) == (422, "agreed_too_late")
    one.goes_on()
    assert by_link(api, one, corrections=ANOTHER_ACCOUNT).status_code == 200
    assert confirmed(one)


@pytest.mark.parametrize(
    ("corrections", "named"),
    [
        ({"insurance": {"contribution_months": 400}}, ["insurance/contribution_months"]),
        ({"retiree": {"name": "章乙"}}, ["retiree/name"]),
        ({"retiree": {"phone": "15499000002"}}, ["retiree/phone"]),
        ({"retiree": {"account": "6222020000000000008", "residence": "339901001001"}}, ["retiree/residence"]),
        (
            {"insurance": {"contribution_months": 400}, "retiree": {"phone": "15499000002"}},
            ["insurance/contribution_months", "retiree/phone"],
        ),
    ],
)
def test_what_an_officer_has_to_look_at_is_named_field_by_field_and_not_corrected_by_confirming(
    api: Api, corrections: Any, named: list[str]
) -> None:
    one = asked(api)

    refused = by_link(api, one, corrections=corrections)

    assert (refused.status_code, refused.json()["code"]) == (422, "answer.not_yours_to_correct")
    errors = refused.json()["errors"]
    assert [(fault["pointer"], fault["code"]) for fault in errors] == [
        (f"/corrections/{path}", "not_yours") for path in named
    ]
    for fault in errors:
        assert "确认时不能更正" in fault["detail_zh"]
        assert "cannot be corrected when confirming" in fault["detail"]
    assert list(one.happened()).count("application_amended") == 0
    assert declared(api, one, "retiree.account") == one.worker.account


@pytest.mark.parametrize(
    ("corrections", "named"),
    [
        ({"retiree": {"account": None}}, ["/corrections/retiree/account"]),
        ({"retiree": None}, ["/corrections/retiree"]),
        (
            {"retiree": {"account": None}, "insurance": {"choice": "late", "retires_on": None}},
            ["/corrections/retiree/account", "/corrections/insurance/retires_on"],
        ),
    ],
)
def test_nobody_confirms_a_form_by_emptying_it(api: Api, corrections: Any, named: list[str]) -> None:
    one = asked(api)
    version = one.file.version

    refused = by_link(api, one, corrections=corrections)
    by_bureau = by_officer(api, one, corrections=corrections)

    for answered in (refused, by_bureau):
        assert answered.status_code == 422
        assert [(fault["pointer"], fault["code"]) for fault in answered.json()["errors"]] == [
            (pointer, "empty") for pointer in named
        ]
        for fault in answered.json()["errors"]:
            assert "请选“信息有误”并写明" in fault["detail_zh"]
            assert "must not be emptied when confirming" in fault["detail"]
    assert one.file.version == version
    assert declared(api, one, "retiree.account") == one.worker.account
    assert by_link(api, one).status_code == 200


def test_who_says_that_it_is_wrong_corrects_nothing_with_it(api: Api) -> None:
    one = asked(api)

    refused = by_link(api, one, answer="contradicts", reason=WRONG, corrections=ANOTHER_ACCOUNT)

    assert (refused.status_code, refused.json()["code"]) == (422, "answer.not_yours_to_correct")
    assert answers_given(one) == 0


def test_a_form_that_comes_back_with_nothing_changed_is_confirmed_as_it_is(api: Api) -> None:
    one = asked(api)

    heard = by_link(api, one, corrections={"insurance": {"choice": "statutory", "retires_on": "2026-12"}})

    assert heard.status_code == 200
    assert confirmed(one)
    assert list(one.happened()).count("application_amended") == 0


def test_the_officer_who_was_telephoned_corrects_for_the_person_once_for_each_key(api: Api) -> None:
    one = asked(api)
    call = {
        "spoke_with": one.worker.name,
        "number": one.worker.phone,
        "at": MONDAY.isoformat(),
        "said": "本人改用另一账号",
    }

    first = by_officer(api, one, phone=call, corrections=ANOTHER_ACCOUNT)
    again = by_officer(api, one, phone=call, corrections=ANOTHER_ACCOUNT)
    other = by_officer(api, one, phone=call, corrections={"retiree": {"account": "6222020000000000016"}})

    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422), other.text
    assert first.json()["events"] == again.json()["events"]
    assert list(one.happened()).count("application_amended") == 1
    assert declared(api, one, "retiree.account") == "6222020000000000008"


def test_who_corrects_after_the_limit_is_heard_and_not_called_again(api: Api) -> None:
    one = asked(api).is_silent()
    assert one.file.proof("confirmed").rung > 0

    late = by_officer(api, one, corrections=ANOTHER_ACCOUNT)

    assert late.json()["told"]["zh"] == "答复晚于时限, 仍予采信: 该证明已核实"
    assert confirmed(one)
    assert declared(api, one, "retiree.account") == "6222020000000000008"


def test_who_corrects_what_was_settled_while_they_were_silent_is_told_so_and_changes_nothing(api: Api) -> None:
    one = asked(api).is_silent()
    desk.settle(api.store, one.case_id, "confirmed", at=one.at)

    late = by_officer(api, one, corrections=ANOTHER_ACCOUNT)

    assert (late.status_code, late.json()["code"]) == (409, "verification.over")
    assert declared(api, one, "retiree.account") == one.worker.account
    assert list(one.happened()).count("application_amended") == 0


def test_who_corrects_what_was_said_to_be_wrong_is_told_so_and_changes_nothing(api: Api) -> None:
    one = asked(api)
    by_officer(api, one, "wrong", answer="contradicts", reason=WRONG)

    late = by_link(api, one, corrections=ANOTHER_ACCOUNT)

    assert (late.status_code, late.json()["code"]) == (409, "case.part_settled")
    assert declared(api, one, "retiree.account") == one.worker.account


# ── the list of what is open ────────────────────────────────────────────────────────────────────────────────────────


def test_the_open_confirmations_of_the_unit_are_listed_page_by_page_as_they_fall_due(api: Api) -> None:
    mine = [asked(api, at=MONDAY) for _ in range(3)]
    asked(api, by=NEIGHBOUR)
    retiree(api, month=MARCH).goes_on()
    confirm(api, row(mine[1]))
    client = api.by("pension-1")

    first = client.get("/api/v1/confirmations?limit=1")
    _, _, rest = first.headers["link"].partition("<")
    second = client.get(rest.partition(">")[0])

    found = [one["case_no"] for page in (first, second) for one in page.json()["confirmations"]]
    assert sorted(found) == sorted([mine[0].case_no, mine[2].case_no])
    assert "link" not in second.headers
    for personal in (mine[0].worker.name, mine[0].worker.citizen_id, mine[0].worker.account):
        assert personal not in first.text + second.text


# ── the returned list ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_preview_says_for_each_row_what_would_happen_and_changes_nothing(api: Api) -> None:
    plain, wrong, call, silent = (asked(api) for _ in range(4))
    waiting = retiree(api, month=MARCH).goes_on()
    done, over, elsewhere, twice = asked(api), asked(api), asked(api, by=NEIGHBOUR), asked(api)
    confirm(api, row(done), key="before")
    api.store.act(over.case_id, WithdrawCase(id=uuid4(), at=MONDAY, by=OFFICER, note="note/x"))
    silent.is_silent()
    every = (plain, wrong, call, silent, waiting, done, over, elsewhere, twice)
    before = [one.file.version for one in every]

    told = preview(
        api,
        row(plain),
        row(wrong, "contradicts", WRONG),
        row(call, "hand_to_community", "请打电话"),
        row(silent),
        row(waiting),
        row(done, "contradicts", WRONG),
        row(over),
        row(elsewhere),
        {"case_no": plain.case_no[:-1] + ("1" if plain.case_no[-1] != "1" else "2"), "answer": "matches"},
        row(twice),
        row(twice, "contradicts", WRONG),
        {"case_no": plain.case_no},
    )

    assert came_of(told) == [
        ("confirmed", None),
        ("contested", None),
        ("handed_on", None),
        ("confirmed", None),
        ("refused", "confirmation.not_sent"),
        ("refused", "case.part_settled"),
        ("refused", "case.ended"),
        ("refused", "case.unknown"),
        ("refused", "request.not_valid"),
        ("refused", "confirmation.same_case_twice"),
        ("refused", "confirmation.same_case_twice"),
        ("refused", "request.not_valid"),
    ]
    assert told["refused"] == 8
    assert all(one["detail"] and one["detail_zh"] for one in told["rows"])
    day = in_shanghai(waiting.file.milestones["form_sent"]).date()
    assert told["rows"][4]["day"] == day.isoformat() == date(2027, 2, 1).isoformat()
    assert "2027-02-01" in told["rows"][4]["detail_zh"]
    assert (told["rows"][5]["by"], told["rows"][5]["at"][:10]) == ("pension-1", "2026-11-23")
    assert "第 10、11 条" in told["rows"][9]["detail_zh"]
    assert [one.file.version for one in every] == before


def test_a_row_without_its_note_or_with_an_answer_that_is_none_is_told_so(api: Api) -> None:
    one, other, held = asked(api), asked(api), asked(api)

    told = preview(
        api, row(one, "contradicts"), row(other, "no_record", "查无此人"), row(held, "maybe"), {"answer": "matches"}, 7
    )

    assert [code for _, code in came_of(told)] == [
        "reason.missing",
        "answer.not_offered",
        "request.not_valid",
        "request.not_valid",
        "request.not_valid",
    ]
    assert told["rows"][2]["errors"][0]["pointer"] == "/rows/2/answer"
    assert [(fault["pointer"], fault["code"]) for fault in told["rows"][0]["errors"]] == [("/rows/0/note", "missing")]
    refused = post(api, "pension-1", f"inbox/{one.question}/answer", {"answer": "contradicts"}, "alone")
    assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [("/reason", "missing")]


def test_what_was_previewed_is_what_the_run_does_and_one_failure_holds_up_nobody(api: Api) -> None:
    first, wrong, waiting, last = asked(api), asked(api), retiree(api, month=MARCH).goes_on(), asked(api)
    rows = [
        row(first),
        row(waiting),
        row(wrong, "contradicts", WRONG),
        {"case_no": "7", "answer": "matches"},
        row(last),
    ]
    looked = preview(api, *rows)

    told = confirm(api, *rows)

    assert came_of(told) == came_of(looked)
    assert (told["confirmed"], told["contested"], told["refused"]) == (2, 1, 2)
    assert confirmed(first)
    assert confirmed(last)
    assert wrong.file.in_hand == ("confirmed",)


def test_a_case_number_may_be_grouped_as_it_is_printed(api: Api) -> None:
    one = asked(api)

    told = confirm(api, {"case_no": grouped_case_no(one.case_no), "answer": "matches"})

    assert (told["rows"][0]["case_no"], told["confirmed"]) == (one.case_no, 1)


def test_the_whole_list_again_or_only_its_failed_rows_confirms_nobody_twice(api: Api) -> None:
    good, late = asked(api), retiree(api, month=MARCH).goes_on()
    rows = [row(good), row(late)]
    assert came_of(confirm(api, *rows)) == [("confirmed", None), ("refused", "confirmation.not_sent")]
    version = good.file.version

    late.day_comes("form_sent")
    again = confirm(api, *rows)
    only = confirm(api, row(late))

    assert came_of(again) == [("confirmed", None), ("confirmed", None)]
    assert came_of(only) == [("confirmed", None)]
    assert good.file.version == version
    assert (answers_given(good), answers_given(late)) == (1, 1)


def another_officer(api: Api) -> None:
    """`pension-2`, of the same unit as `pension-1`."""
    with api.store.database.begin() as connection:
        add_account(connection, "pension-2", unit="office", role=Role.PENSION_OFFICER)
        api.tokens["pension-2"] = issue_token(connection, "pension-2", label="test", at=MONDAY)


def test_a_list_that_was_mended_and_is_sent_again_has_for_its_done_rows_the_result_that_they_had(api: Api) -> None:
    right, wrong, call = asked(api), asked(api), asked(api)
    done = [row(right), row(wrong, "contradicts", WRONG), row(call, "hand_to_community", "请打电话")]
    faulty, mended = {"case_no": "7", "answer": "matches"}, asked(api)
    confirm(api, *done, faulty)
    expected = [("confirmed", None), ("contested", None), ("handed_on", None), ("confirmed", None)]

    looked = preview(api, *done, row(mended))
    told = confirm(api, *done, row(mended), key="list-2")

    assert came_of(looked) == came_of(told) == expected
    assert [one["again"] for one in told["rows"]] == [True, True, True, False]
    assert looked["rows"][:3] == told["rows"][:3]
    assert {(one["by"], one["at"][:10]) for one in told["rows"][:3]} == {("pension-1", "2026-11-23")}
    assert told["rows"][0]["detail_zh"] == "本账号此前已作同样答复, 不再重复: 已确认"
    assert (told["confirmed"], told["contested"], told["handed_on"], told["refused"]) == (2, 1, 1, 0)
    assert [answers_given(one) for one in (right, wrong, call, mended)] == [1, 1, 1, 1]


def test_an_answer_that_came_late_and_was_taken_is_told_as_taken_when_it_is_sent_again(api: Api) -> None:
    one = asked(api).is_silent()
    api.clock.at = one.at
    confirm(api, row(one))

    told = confirm(api, row(one), key="list-2")

    assert [(row["result"], row["again"]) for row in told["rows"]] == [("confirmed", True)]


def test_another_answer_or_another_account_is_told_who_answered_already_and_when(api: Api) -> None:
    one = asked(api)
    confirm(api, row(one))
    another_officer(api)

    said = row(one, "contradicts", WRONG)
    for told in (
        preview(api, said),
        confirm(api, said, key="list-2"),
        preview(api, row(one), by="pension-2"),
        confirm(api, row(one), by="pension-2"),
    ):
        assert came_of(told) == [("refused", "case.part_settled")]
        assert (told["rows"][0]["by"], told["rows"][0]["again"]) == ("pension-1", False)
    assert answers_given(one) == 1


def test_under_the_same_key_another_answer_for_the_same_case_is_refused(api: Api) -> None:
    one = asked(api)
    confirm(api, row(one))

    told = confirm(api, row(one, "contradicts", WRONG))

    assert came_of(told) == [("refused", "idempotency_key.reused")]
    assert confirmed(one)


def test_a_key_never_confirms_what_was_corrected_afterwards(api: Api) -> None:
    one = asked(api)
    rows = [row(one, "contradicts", WRONG)]
    assert came_of(confirm(api, *rows)) == [("contested", None)]
    one.chooses("late", MARCH, by=OFFICER).day_comes("form_sent")
    assert one.file.proof("confirmed").state is ProofState.VERIFYING

    told = confirm(api, *rows)

    assert came_of(told) == [("refused", "idempotency_key.reused")]
    assert one.file.proof("confirmed").state is ProofState.VERIFYING


def test_a_row_that_a_colleague_has_claimed_is_left_to_them(api: Api) -> None:
    one = asked(api)
    another_officer(api)
    post(api, "pension-2", f"inbox/{one.question}/claim")

    told = preview(api, row(one))

    assert came_of(told) == [("refused", "verification.held")] == came_of(confirm(api, row(one)))
    assert told["rows"][0]["by"] == "pension-2"


def test_an_answer_after_the_limit_still_confirms(api: Api) -> None:
    one = asked(api).is_silent()
    assert not confirmed(one)
    api.clock.at = one.at

    told = confirm(api, row(one))

    assert came_of(told) == [("confirmed", None)]
    assert confirmed(one)


def test_somebody_elses_case_is_answered_like_one_that_does_not_exist_and_the_attempt_is_logged(api: Api) -> None:
    one = asked(api, by=NEIGHBOUR)

    told = confirm(api, row(one))

    assert came_of(told) == [("refused", "case.unknown")]
    (entry,) = logged(api, one.case_no, "confirm_in_batch")
    assert (entry["granted"], entry["account"]) == (False, "pension-1")


def test_a_row_whose_case_was_erased_holds_up_nobody(api: Api) -> None:
    erased, other = asked(api), asked(api)
    with api.store.database.begin() as connection:
        api.store.vault.forget(connection, erased.case_id, MONDAY)

    told = confirm(api, row(erased, "contradicts", WRONG), row(other))

    assert came_of(told) == [("refused", "person.forgotten"), ("confirmed", None)]


def test_every_answer_of_a_list_is_in_the_access_log_under_the_officers_name(api: Api) -> None:
    one = asked(api)

    confirm(api, row(one))

    (entry,) = logged(api, one.case_no, "answer_verification")
    assert (entry["account"], entry["about"]) == ("pension-1", ["confirmed"])


@pytest.mark.parametrize("by", ["desk-1", "caseworker-1", "officer-1", "community-1", "auditor-1", "hospital-system"])
def test_nobody_but_the_pension_office_confirms_lists(api: Api, by: str) -> None:
    rows = {"rows": [{"case_no": "1", "answer": "matches"}]}

    assert api.by(by).get("/api/v1/confirmations").status_code == 403
    assert api.by(by).post("/api/v1/confirmations/preview", json=rows).status_code == 403
    assert post(api, by, "confirmations", rows).status_code == 403


def test_a_list_has_one_to_a_thousand_rows_and_a_key(api: Api) -> None:
    nobody = {"case_no": "330782022609010001234", "answer": "matches"}

    assert len(preview(api, *[nobody] * ROWS_AT_MOST)["rows"]) == ROWS_AT_MOST == 1_000
    for many in (0, ROWS_AT_MOST + 1):
        answered = post(api, "pension-1", "confirmations", {"rows": [nobody] * many})
        assert (answered.status_code, answered.json()["code"]) == (422, "request.not_valid")
    keyless = api.by("pension-1").post("/api/v1/confirmations", json={"rows": [nobody]})
    assert keyless.json()["code"] == "idempotency_key.missing"


def test_what_was_sent_in_a_wrong_place_never_comes_back(api: Api) -> None:
    one = asked(api)
    number = one.worker.citizen_id

    told = confirm(api, {"case_no": number, "answer": "matches"}, {"case_no": "1", "answer": number}, {number: 1})

    assert number not in json.dumps(told)
    assert told["refused"] == 3

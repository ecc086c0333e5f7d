"""The ladder of a proof on the case page: who was tried, who has it, what comes next, whose time it was, and who decides."""

import re
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import true

from domain.bundle import Bundle, Commitment
from domain.case_file import CaseFile
from domain.listing import ListedRoute
from store.read_models.cases import find_case
from tests.desk import CLERK, MONDAY, file
from tests.pages.conftest import Page, Pages, text_of
from tests.pages.stories import Story, climbing, contested, doubted, verifying
from tests.workflows.officers import PROOF as ALONE
from tests.workflows.officers import about, alone

PROOF = "parents_marriage"


def rungs(page: Page, proof: str = PROOF) -> list[tuple[str, str]]:
    """Each rung of the proof: its state, and what is said about it."""
    body = re.search(rf'<li id="proof-{proof}">.*?</ol>', page.html, re.DOTALL)
    assert body is not None
    found = re.findall(r'<li class="rung-(\w+)">(.*?)</li>', body[0], re.DOTALL)
    return [(state, text_of(html)) for state, html in found]


def test_the_ladder_tells_who_was_tried_who_has_it_and_what_comes_next(pages: Pages) -> None:
    story = climbing(pages.store)
    pages.clock.at = story.at + timedelta(minutes=16)

    ladder = rungs(pages.by("caseworker-1").get(f"/cases/{story.case_no}"))

    assert [state for state, _ in ladder] == ["gave_up", "gave_up", "now", "not_yet"]
    assert "登记中查无记录" in ladder[0][1]
    assert "部门核验 民政 civil · 时限内无人答复" in ladder[1][1]
    assert "承办 mingyue-1" in ladder[2][1]
    assert "剩余 14:00" in ladder[2][1]
    assert "时限已过半" in ladder[2][1]
    assert ladder[3][1] == "人工认定 经办人 · 之后"


def test_a_limit_warns_in_words_as_it_runs_out(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("desk-1")
    said = []
    for minutes in (10, 16, 25, 31):
        pages.clock.at = story.at + timedelta(minutes=minutes)
        said.append(rungs(browser.get(f"/cases/{story.case_no}"))[1][1])

    for text, warning in zip(said, ("", "时限已过半", "时限将到", "时限已过"), strict=True):
        assert warning in text
    assert not any(word in said[0] for word in ("过半", "将到", "已过"))


def test_what_is_contradicted_is_asked_of_nobody_else(pages: Pages) -> None:
    story = contested(pages.store)

    ladder = rungs(pages.by("caseworker-1").get(f"/cases/{story.case_no}"))

    assert [state for state, _ in ladder] == ["differs", "skipped", "skipped", "now"]


def test_a_late_answer_that_contradicts_is_shown_to_the_caseworker(pages: Pages) -> None:
    story = doubted(pages.store)

    page = pages.by("caseworker-1").get(f"/cases/{story.case_no}")

    assert "迟到的答复与已有结果不一致" in page.text
    assert "“父母婚姻状况”: civil-1 答复“不一致”" in page.text
    assert "档案中已离婚" in page.text
    ladder = rungs(page)
    assert ladder[1][0] == "gave_up"
    assert "迟到的答复: 不一致" in ladder[1][1]
    assert "迟到的答复与已有结果不一致" not in pages.by("officer-1").get(f"/cases/{story.case_no}").text


def test_what_is_doubted_after_the_end_is_decided_on_from_the_page_and_undoes_nothing(pages: Pages) -> None:
    story = doubted(pages.store)
    caseworker, address = pages.by("caseworker-1"), f"/cases/{story.case_no}"
    page = caseworker.get(address)
    assert "已办结的结果不自动撤销, 请告知有关部门更正" in page.text
    assert "将不予许可, 不能撤回" not in page.text

    act = f"{address}/proofs/parents_marriage/settlement"
    done = caseworker.follow(caseworker.send(page, act, met="false", reason="已调阅离婚登记档案"))

    assert "已认定“父母婚姻状况”不能证明" in done.text
    assert story.case_no not in caseworker.get("/cases?tab=in_hand").text.replace(" ", "")
    assert {live.state for live in story.file.items.values()} == {"concluded"}


def test_whose_time_it_was_adds_up(pages: Pages) -> None:
    story = climbing(pages.store)
    pages.clock.at = story.at + timedelta(minutes=7, seconds=11)

    page = pages.by("caseworker-1").get(f"/cases/{story.case_no}")

    table = re.search(r'<table class="sums">.*?</table>', page.html, re.DOTALL)
    assert table is not None
    *each, whole = [
        sum(part * 60**place for place, part in enumerate(reversed(list(map(int, time.split(":"))))))
        for time in re.findall(r">(\d+:\d\d:\d\d)<", table[0])
    ]
    *shares, hundred = [float(share) for share in re.findall(r">([\d.]+)%<", table[0])]
    assert sum(each) == whole == int((pages.clock.at - MONDAY).total_seconds())
    assert round(sum(shares), 2) == hundred == 100.0


def test_a_caseworker_waits_no_longer_and_says_why(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("caseworker-1")
    path = f"/cases/{story.case_no}/proofs/{PROOF}/escalation"
    page = browser.get(f"/cases/{story.case_no}")

    silent = browser.send(page, path, reason="")
    after = browser.follow(browser.send(page, path, reason="申请人 <明日> 出国"))

    assert silent.status == 422
    assert f'id="escalate-{PROOF}-details" open' in silent.html
    assert "已提级, 不再等待答复" in after.text
    assert "申请人 &lt;明日&gt; 出国" in after.html
    assert "负责人提级" in after.text
    assert rungs(after)[1][0] == "gave_up"
    assert "提级" not in pages.by("desk-1").get(f"/cases/{verifying(pages.store, key='2', number=16).case_no}").text
    late = browser.send(page, path, reason="再提一次")
    assert late.status == 303 or "无需人工处理" in late.text


# ── commitment ──────────────────────────────────────────────────────────────────────────────────────────────────────


def offered(pages: Pages, purpose: str = "申请公租房") -> str:
    """A proof for which the applicant may sign; the number of its case."""
    bundle: Bundle = alone(ListedRoute.COMMITMENT)
    assert isinstance(bundle.proof(ALONE).routes[0], Commitment)
    filed = file(pages.store, about(purpose=purpose), key=f"key-{uuid4()}", by=CLERK, at=MONDAY, bundle=bundle)
    assert pages.store.case_file(filed.case_id).proof(ALONE).state == "offered"
    return filed.case_no


def case_file(pages: Pages, case_no: str) -> CaseFile:
    """The case as committed."""
    with pages.store.database.reading() as connection:
        line = find_case(connection, case_no, true())
    assert line is not None
    return pages.store.case_file(line.case_id)


def test_the_desk_reads_the_notice_and_the_applicant_signs(pages: Pages) -> None:
    case_no = offered(pages)
    browser = pages.by("desk-1")
    path = f"/cases/{case_no}/proofs/{ALONE}/commitment"
    page = browser.get(f"/cases/{case_no}")

    unsigned = browser.send(page, path, signed="true", letter=" ")
    undecided = browser.send(page, path, letter="本人承诺")
    signed = browser.follow(browser.send(page, path, signed="true", letter="本人承诺 <属实>"))

    assert "承诺不实的, 撤销相关决定" in page.text
    assert "等待申请人决定" in page.text
    assert (unsigned.status, undecided.status) == (422, 422)
    assert "请照录申请人签署的承诺书" in unsigned.text
    assert "本人承诺</textarea>" in undecided.html
    assert "已签署承诺" in signed.text or "签署承诺, 承诺书已存档" in signed.text
    assert "承诺书: 本人承诺 <属实>" in signed.text
    assert case_file(pages, case_no).proof(ALONE).state == "met"
    assert [state for state, _ in rungs(signed, ALONE)] == ["answered"]


def test_who_declines_loses_nothing(pages: Pages) -> None:
    case_no = offered(pages)
    browser = pages.by("desk-1")
    path = f"/cases/{case_no}/proofs/{ALONE}/commitment"
    page = browser.get(f"/cases/{case_no}")

    with_letter = browser.send(page, path, signed="false", letter="本人承诺")
    declined = browser.follow(browser.send(page, path, signed="false"))
    late = browser.send(page, path, signed="true", letter="后来又想承诺")

    assert with_letter.status == 422
    assert "不影响申请人的任何权利" in declined.text
    assert "申请人不作承诺" in declined.text
    assert case_file(pages, case_no).proof(ALONE).state == "asked"
    assert late.status == 409
    assert "后来又想承诺" in late.text


def test_a_form_of_a_proof_needs_the_sessions_token_and_the_role(pages: Pages) -> None:
    story: Story = verifying(pages.store)
    case_no = offered(pages)
    escalation = f"/cases/{story.case_no}/proofs/{PROOF}/escalation"
    desk, caseworker = pages.by("desk-1"), pages.by("caseworker-1")
    token = desk.get(f"/cases/{story.case_no}").hidden("/logout", "csrf_token")

    assert caseworker.post(escalation, reason="不等了").status == 403
    assert desk.post(escalation, reason="不等了", csrf_token=token).status == 403
    assert desk.post(f"/cases/{case_no}/proofs/{ALONE}/commitment", signed="false").status == 403
    assert story.file.proof(PROOF).state == "verifying"
    assert desk.get(escalation).answer.headers["location"] == f"/cases/{story.case_no}"

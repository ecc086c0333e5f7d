"""What is done on the page of a case: decided once, kept as typed where it is refused, and told what follows."""

import re
import threading

from tests.pages.conftest import Page, Pages
from tests.pages.stories import (
    OTHER_CASEWORKER,
    SETTLE,
    automatic,
    contested,
    escalated,
    rejected,
)


def test_a_caseworker_settles_a_proof_and_is_told_what_follows(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.by("caseworker-1")
    page = browser.get(f"/cases/{story.case_no}")
    assert "与登记信息不一致的内容: 父亲 姓名、登记状态" in page.text

    led = browser.send(page, SETTLE.format(story.case_no), met="true", reason="已核对\r\n结婚证原件")
    after = browser.follow(led)

    proof = story.file.proof("parents_marriage")
    assert (proof.state, proof.settled_by) == ("met", "caseworker-1")
    assert "已认定“父母婚姻状况”成立" in after.text
    assert "理由: 已核对 结婚证原件" in after.text
    assert "提交认定" not in after.text
    assert browser.send(page, SETTLE.format(story.case_no), met="true", reason="已核对结婚证原件").status == 303


def test_an_incomplete_decision_comes_back_as_it_was_typed(pages: Pages) -> None:
    story = escalated(pages.store)
    browser = pages.by("caseworker-1")
    page = browser.get(f"/cases/{story.case_no}")

    unsure = browser.send(page, SETTLE.format(story.case_no), reason="看过 <原件>\n第二行")
    silent = browser.send(page, SETTLE.format(story.case_no), met="false", reason="  ")
    odd = browser.send(page, SETTLE.format(story.case_no), met="perhaps", reason="长" * 501)

    assert [one.status for one in (unsure, silent, odd)] == [422, 422, 422]
    assert all(one.title.startswith("错误: ") for one in (unsure, silent, odd))
    assert "请选择认定结果。" in unsure.text
    assert "看过 &lt;原件&gt;\n第二行</textarea>" in unsure.html
    assert re.search(r'id="settle-parents_marriage-no"[^>]* checked', silent.html)
    assert 'aria-invalid="true"' in silent.html
    assert story.file.proof("parents_marriage").state == "escalated"


def test_a_stale_decision_shows_the_case_as_it_is_and_keeps_what_was_typed(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.by("caseworker-1")
    page = browser.get(f"/cases/{story.case_no}")
    story.answer_birth_certificate_later()

    moved = browser.send(page, SETTLE.format(story.case_no), met="true", reason="已核对结婚证原件")
    again = browser.send(moved, SETTLE.format(story.case_no), met="true", reason="已核对结婚证原件")

    assert moved.status == 412
    assert "办件已有更新" in moved.text
    assert "已核对结婚证原件</textarea>" in moved.html
    assert re.search(r'id="settle-parents_marriage-yes"[^>]* checked', moved.html)
    assert again.status == 303


def test_a_decision_that_a_colleague_was_faster_with_says_whose_it_is(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.by("caseworker-1")
    page = browser.get(f"/cases/{story.case_no}")
    story.settled("parents_marriage", met=True, by=OTHER_CASEWORKER)

    late = browser.send(page, SETTLE.format(story.case_no), met="false", reason="没看到 <b>原件</b>")

    assert late.status == 412
    assert "“父母婚姻状况”已由 caseworker-2 认定, 您的提交没有生效。" in late.text
    assert "没看到 &lt;b&gt;原件&lt;/b&gt;" in late.html
    assert story.file.proof("parents_marriage").settled_by == "caseworker-2"


def test_two_browsers_deciding_at_once_decide_once(pages: Pages) -> None:
    story = contested(pages.store)
    browsers = [pages.by("caseworker-1"), pages.by("caseworker-2")]
    opened = [browser.get(f"/cases/{story.case_no}") for browser in browsers]
    answers: list[Page] = []

    def decide(number: int) -> None:
        answers.append(
            browsers[number].send(
                opened[number], SETTLE.format(story.case_no), met=("true", "false")[number], reason="同时认定"
            )
        )

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status for answer in answers) == [303, 412]


def test_a_form_without_the_sessions_token_changes_nothing(pages: Pages) -> None:
    story = contested(pages.store)
    browser, other = pages.by("caseworker-1"), pages.by("caseworker-2")
    version = str(story.file.version)
    foreign = other.get("/cases").hidden("/logout", "csrf_token")

    for token in ("", "x", foreign):
        refused = browser.post(
            SETTLE.format(story.case_no), met="true", reason="已核对", version=version, csrf_token=token
        )
        assert refused.status == 403
        assert "请求不是从本系统的页面发出的" in refused.text
    assert story.file.proof("parents_marriage").state == "contested"


def test_a_rejected_item_is_sent_again_with_a_reason(pages: Pages) -> None:
    story = rejected(pages.store)
    browser = pages.by("caseworker-1")
    path = f"/cases/{story.case_no}/items/mother_child_handbook/resubmission"
    page = browser.get(f"/cases/{story.case_no}")
    assert "卫生健康无法接收材料(故障代码 http_422)" in page.text

    assert browser.send(page, path, reason="").status == 422
    led = browser.send(page, path, reason="已与部门确认字段")

    assert "“母子健康手册”已重新送交部门" in browser.follow(led).text
    assert story.file.item("mother_child_handbook").attempt == 2


def test_a_withdrawal_is_confirmed_with_a_reason(pages: Pages) -> None:
    story = contested(pages.store)
    browser = pages.by("desk-1")
    path = f"/cases/{story.case_no}/withdrawal"
    page = browser.get(f"/cases/{story.case_no}")

    unconfirmed = browser.send(page, path, reason="申请人改在户籍地办理")
    assert unconfirmed.status == 422
    assert "请确认是申请人要求撤回。" in unconfirmed.text
    assert '<details class="act" id="withdraw-details" open>' in unconfirmed.html
    assert story.file.state == "open"

    led = browser.send(page, path, reason="申请人改在户籍地办理", confirmed="yes")

    assert "申请已撤回: 未送部门的事项已取消" in browser.follow(led).text
    assert story.file.state == "withdrawn"
    assert browser.send(page, path, reason="申请人改在户籍地办理", confirmed="yes").status == 303


def test_the_answer_to_an_act_tells_only_of_what_the_case_has(pages: Pages) -> None:
    story = automatic(pages.store)
    browser = pages.by("desk-1")

    assert browser.get(f"/cases/{story.case_no}?done=met&part=<b>someone</b>").status == 200
    assert "已认定" not in browser.get(f"/cases/{story.case_no}?done=met&part=someone").text
    assert browser.get(f"/cases/{story.case_no}?done=anything").status == 422

"""Whoever was asked answers on a page: finds it, takes it, answers once, and loses nothing of what was typed."""

import re
from datetime import timedelta

import pytest

from domain.actors import Actor
from domain.time_limits import in_shanghai
from tests.desk import MONDAY
from tests.pages.conftest import Browser, Page, Pages, heard, text_of
from tests.pages.stories import COMMUNITY_WORKER, OFFICER, Story, climbing, doubted, verifying

PROOF = "parents_marriage"
COLLEAGUE = Actor(account="civil-2", unit="civil")
FULL_NUMBER = re.compile(r"(?<!\d)\d{17}[\dX](?!\d)")


def at_work(pages: Pages, *accounts: str) -> None:
    """They can be handed something, because their accounts are there."""
    for account in accounts:
        pages.account(account)


def question(story: Story, rung: int | None = None) -> str:
    """The address of the question."""
    return f"/inbox/{story.question(PROOF, rung)}"


def ids(page: Page) -> list[str]:
    """What the list holds, in order."""
    return re.findall(r'<tr id="v-([0-9a-f-]{36})"', page.html)


# ── the inbox ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_inbox_is_sorted_by_when_it_is_due_and_counts_its_queues(pages: Pages) -> None:
    later = verifying(pages.store, key="2", number=16, at=MONDAY + timedelta(minutes=10))
    sooner = verifying(pages.store)
    mine = verifying(pages.store, key="3", number=17, owner="civil-1", at=MONDAY + timedelta(minutes=20))
    pages.clock.at = MONDAY + timedelta(minutes=31)
    browser = pages.by("civil-1")

    page = browser.follow(browser.get("/"))

    wanted = [str(one.question(PROOF)) for one in (sooner, later, mine)]
    assert ids(page) == wanted
    assert ids(browser.get("/inbox?queue=mine")) == wanted[2:]
    assert ids(browser.get("/inbox?queue=unit")) == wanted[:2]
    counts = dict(re.findall(r'/inbox\?queue=(\w+)"[^>]*>[^<]*<span class="many">(\d+)', page.html))
    assert (counts["open"], counts["mine"], counts["unit"], counts["soon"], counts["ended"]) == (
        "3",
        "1",
        "2",
        "3",
        "0",
    )
    assert "父母婚姻状况" in page.text
    assert "剩余" in page.text
    assert "*" not in page.text


def test_what_has_ended_is_listed_with_who_answered_and_when_it_ended(pages: Pages) -> None:
    answered, withdrawn, silent, mine = (
        verifying(pages.store, key=str(number), number=number) for number in (20, 21, 22, 23)
    )
    answered.verifier_says(PROOF, "matches", by=COLLEAGUE)
    withdrawn.withdrawn()
    silent.nobody_answers(PROOF)
    mine.verifier_says(PROOF, "matches", by=OFFICER)
    browser = pages.by("civil-1")

    page = browser.get("/inbox?queue=ended")

    heads = [text_of(head) for head in re.findall(r"<th scope=.col.>(.*?)</th>", page.html)]
    assert heads == ["证明", "方式", "答复人", "结束", "状态"]
    by = {
        id: text_of(cell)
        for id, cell in re.findall(r'<tr id="v-([0-9a-f-]{36})".*?<td data-label="答复人">(.*?)</td>', page.html, re.S)
    }
    assert by == {
        str(answered.question(PROOF)): COLLEAGUE.account,
        str(withdrawn.question(PROOF)): "撤回",
        str(silent.question(PROOF, 1)): "无人答复",
        str(mine.question(PROOF)): "我",
    }
    assert "截止" not in page.text
    assert "待领" not in text_of(page.html[page.html.index("<table") :])
    assert {"承办", "截止"} <= {
        text_of(head) for head in re.findall(r"<th scope=.col.>(.*?)</th>", open_list(pages, browser).html)
    }


def open_list(pages: Pages, browser: Browser) -> Page:
    """The queue of what waits, which is not empty."""
    verifying(pages.store, key="waits", number=24)
    return browser.get("/inbox")


def test_a_number_or_a_title_finds_inside_a_queue_and_no_persons_number_gets_into_an_address(pages: Pages) -> None:
    story, another = verifying(pages.store), verifying(pages.store, key="2", number=16)
    browser = pages.by("civil-1")

    inbox = browser.get("/inbox?queue=unit")

    found = browser.follow(browser.send(inbox, "/inbox/find", q=f" {story.case_no} "))
    persons = browser.send(inbox, "/inbox/find", q="339901199403170006")
    named = browser.send(inbox, "/inbox/find", q="尉迟<㛃>")

    assert (named.status, "location" in named.answer.headers) == (200, False)
    assert "没有找到" in named.text
    assert 'value="尉迟&lt;㛃&gt;"' in named.html
    assert browser.send(inbox, "/inbox/find", q="").status == 200
    assert ids(found) == [str(story.question(PROOF))]
    assert len(ids(browser.get("/inbox?q=婚姻"))) == 2
    assert browser.send(inbox, "/inbox/find", q="婚姻").answer.headers["location"].startswith("/inbox?queue=unit&q=")
    assert ids(browser.get("/inbox?queue=mine&q=婚姻")) == []
    assert "没有找到" in browser.get("/inbox?q=房产").text
    assert persons.status == 422
    assert "按当事人查找" in persons.text
    assert str(another.question(PROOF)) in browser.get("/inbox").html


def test_a_person_is_searched_by_a_form_with_a_reason_and_the_log_knows(pages: Pages) -> None:
    story = verifying(pages.store)
    verifying(pages.store, key="2", number=16)
    browser = pages.by("civil-1")
    number = FULL_NUMBER.findall(browser.get(question(story)).text)[0]
    inbox = browser.get("/inbox")

    found = browser.send(inbox, "/inbox/search", by="citizen_id", value=f" {number} ", reason="当事人来电询问")
    silent = browser.send(inbox, "/inbox/search", by="citizen_id", value=number, reason="")
    part = browser.send(inbox, "/inbox/search", by="citizen_id", value=number[:10], reason="当事人来电询问")

    assert ids(found) == [str(story.question(PROOF))]
    assert (silent.status, part.status) == (422, 422)
    assert f'value="{number}"' in silent.html
    assert browser.get("/inbox/search").status == 200


def test_an_empty_queue_says_what_would_be_there(pages: Pages) -> None:
    browser = pages.by("mingyue-1")

    for queue in ("open", "mine", "unit", "colleagues", "soon", "suspended", "late_or_contradicting", "ended"):
        page = browser.get(f"/inbox?queue={queue}")
        assert 'class="empty"' in page.html, queue
        assert "<table" not in page.html


def test_a_long_inbox_goes_on_page_by_page(pages: Pages) -> None:
    stories = [verifying(pages.store, key=str(number), number=number) for number in range(20, 48)]
    browser = pages.by("civil-1")

    first = browser.get("/inbox")
    more = re.search(r'class="next" href="([^"]+)"', first.html)
    assert more is not None
    second = browser.get(more[1].replace("&amp;", "&"))

    assert len(ids(first)) == 25
    assert {*ids(first), *ids(second)} == {str(one.question(PROOF)) for one in stories}


def test_a_list_that_renews_itself_is_only_the_list(pages: Pages) -> None:
    verifying(pages.store)

    rows = pages.by("civil-1").get("/inbox?fragment=rows")

    assert "<html" not in rows.html
    assert len(ids(rows)) == 1


# ── the question ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_question_shows_what_has_to_be_compared_and_no_more(pages: Pages) -> None:
    story = verifying(pages.store)

    page = pages.by("civil-1").get(question(story))

    assert len(FULL_NUMBER.findall(page.text)) == 2
    assert "登记中查无记录" in page.text
    assert "数据共享" in page.text
    assert "手机" not in page.text
    for answer in ("一致", "不一致", "查无此记录", "转社区核实"):
        assert answer in page.text
    assert "查看办件" not in page.text
    assert f'href="/cases/{story.case_no}"' in pages.by("caseworker-1").get(question(story)).html


def test_a_community_has_nobody_to_hand_it_on_to_and_sees_who_was_asked_before(pages: Pages) -> None:
    story = climbing(pages.store)

    page = pages.by("mingyue-1").get(question(story))

    assert "转社区核实" not in re.sub(r"<li class=\"rung.*?</li>", "", page.html, flags=re.DOTALL)
    assert "时限内无人答复" in page.text
    assert "第 3 环节, 共 4 环节" in page.text
    assert "查看办件" not in page.text


def test_whoever_leads_the_division_sees_it_masked_and_does_not_answer(pages: Pages) -> None:
    story = verifying(pages.store)

    page = pages.by("caseworker-1").get(question(story))

    assert page.status == 200
    assert not FULL_NUMBER.search(page.text)
    assert "提交答复" not in page.text
    assert pages.by("mingyue-1").get(question(story)).status == 404
    assert pages.by("far-caseworker").get(question(story)).status == 404


@pytest.mark.parametrize(
    ("answer", "reason", "state", "told"),
    [
        ("matches", "", "met", "该证明已核实"),
        ("contradicts", "档案中已离婚", "contested", "由经办人认定"),
        ("no_record", "档案中没有", "asked", "转由下一环节核实"),
        ("hand_to_community", "外地登记", "asked", "转由下一环节核实"),
    ],
)
def test_an_officer_answers_and_is_told_what_it_led_to(
    pages: Pages, answer: str, reason: str, state: str, told: str
) -> None:
    story = verifying(pages.store)
    browser = pages.by("civil-1")
    page = browser.get(question(story))

    led = browser.send(page, f"{question(story)}/answer", answer=answer, reason=reason)
    after = browser.follow(led)

    assert told in after.text
    assert story.file.proof(PROOF).state == state
    assert "提交答复" not in after.text
    assert not FULL_NUMBER.search(after.text)
    assert ids(browser.get("/inbox")) == []
    assert len(ids(browser.get("/inbox?queue=ended"))) == 1


def test_an_answer_that_lacks_something_comes_back_as_it_was_typed(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("civil-1")
    path = f"{question(story)}/answer"
    page = browser.get(question(story))

    silent = browser.send(page, path, reason="看过 <档案>")
    unexplained = browser.send(page, path, answer="contradicts", spoke_with="", number="")
    called = browser.send(
        page,
        path,
        answer="contradicts",
        reason="已迁出",
        spoke_with="值班员",
        number="12",
        at="2099-01-01T09:00",
        said="x",
    )

    assert [one.status for one in (silent, unexplained, called)] == [422, 422, 422]
    assert all(one.title.startswith("错误: ") for one in (silent, unexplained, called))
    assert "请选择一个答复。" in silent.text
    assert "看过 &lt;档案&gt;</textarea>" in silent.html
    assert "请写明理由" in unexplained.text
    assert re.search(r'id="answer-2"[^>]* checked', unexplained.html)
    assert "请写明对方说了什么" in called.text
    assert '<details class="act" id="phone-details" open>' in called.html
    assert story.file.proof(PROOF).state == "verifying"


@pytest.mark.parametrize(
    ("number", "at", "told"),
    [
        ("123", "", "电话号码"),
        ("0579-85551234", "2099-01-01T09:00", "不晚于现在"),
        ("0579-85551234", "1999-01-01T09:00", "不早于本项核验发出"),
    ],
)
def test_a_call_that_cannot_have_been_is_told_beside_its_field(pages: Pages, number: str, at: str, told: str) -> None:
    story = verifying(pages.store)
    browser = pages.by("civil-1")
    call = {"spoke_with": "值班员", "number": number, "at": at or "2026-11-23T09:00", "said": "本人已迁出"}

    page = browser.send(browser.get(question(story)), f"{question(story)}/answer", answer="matches", **call)

    assert page.status == 422
    assert told in page.text
    assert "本人已迁出" in page.html


def test_an_answer_by_telephone_keeps_with_whom_and_shows_it_masked(pages: Pages) -> None:
    story = verifying(pages.store)
    pages.clock.at = MONDAY + timedelta(minutes=25)
    browser = pages.by("civil-1")
    call = {"spoke_with": "欧阳秀英", "number": "0579-85551234", "at": "2026-11-23T09:10", "said": "两人确系夫妻"}

    led = browser.send(browser.get(question(story)), f"{question(story)}/answer", answer="matches", **call)
    after = browser.follow(led)

    assert "两人确系夫妻" in after.text
    assert "欧阳秀英" not in after.html
    assert "85551234" not in after.html
    assert "(电话)" in pages.by("caseworker-1").get(f"/cases/{story.case_no}").text.replace("( 电话 )", "(电话)")


def test_who_was_faster_is_told_with_the_hour_and_what_was_typed_is_kept(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("civil-1")
    page = browser.get(question(story))
    story.verifier_says(PROOF, "matches", by=COLLEAGUE)

    late = browser.send(page, f"{question(story)}/answer", answer="contradicts", reason="档案 <不同>")

    assert late.status == 409
    assert "已由 civil-2 于 11月23日 周一" in late.text
    assert "您的提交没有生效" in late.text
    assert "档案 &lt;不同&gt;" in late.html
    assert story.file.proof(PROOF).state == "met"


def test_a_late_answer_is_kept_and_told_so(pages: Pages) -> None:
    story = climbing(pages.store)
    story.verifier_says(PROOF, "matches", by=COMMUNITY_WORKER)
    pages.clock.at = story.at
    browser = pages.by("civil-1")
    address = f"/inbox/{story.question(PROOF, 1)}"
    page = browser.get(address)

    led = browser.send(page, f"{address}/answer", answer="no_record", reason="档案中没有")

    assert "时限已过" in page.text
    assert "已留存, 不改变结果" in browser.follow(led).text
    assert ids(browser.get("/inbox?queue=late_or_contradicting")) == [str(story.question(PROOF, 1))]


def test_who_had_no_record_and_found_it_adds_so_on_the_page(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("civil-1")
    address = question(story)
    browser.send(browser.get(address), f"{address}/answer", answer="no_record", reason="档案中没有")
    pages.account("civil-2")
    at_first = pages.clock.at

    answered = browser.get(address)
    offered = browser.get(f"{address}?found=true")
    pages.clock.at += timedelta(minutes=7)
    silent = browser.send(offered, f"{address}/answer", answer="contradicts")
    after = browser.follow(browser.send(silent, f"{address}/answer", answer="matches", reason="另一卷宗中找到"))

    assert "找到了记录? 可以补充答复" in answered.text
    assert f'href="{address}?found=true"' in answered.html
    assert not FULL_NUMBER.search(answered.text), "what was answered shows nobody in full until it is asked for"
    for page in (offered, silent):
        assert FULL_NUMBER.search(page.text)
        assert re.findall(r'name="answer" value="(\w+)"', page.html) == ["matches", "contradicts"]
    assert silent.status == 422
    assert "该证明已核实" in after.text
    assert "档案中没有" in after.text, "the first answer stays"
    first, added = (f'datetime="{in_shanghai(at).isoformat(timespec="seconds")}"' for at in (at_first, pages.clock.at))
    header = after.html[: after.html.index("</header>", after.html.index("case-head"))]
    assert (first in header, added in header) == (False, True), "the answer that is shown has its own time"
    assert after.html.index(first) < after.html.rindex(added)
    assert "另一卷宗中找到" in after.text
    assert "找到了记录" not in after.text
    assert story.file.proof(PROOF).state == "met"
    ladder = pages.by("caseworker-1").get(f"/cases/{story.case_no}").text
    assert "迟到的答复" in ladder
    assert "答复晚于环节的 1 件, 均已留存, 引起的变化见以下经过。" in ladder
    assert "不改变结果" not in ladder, "it has settled the proof"


def test_a_colleague_is_offered_nothing_to_add(pages: Pages) -> None:
    story = verifying(pages.store)
    story.verifier_says(PROOF, "no_record", by=COLLEAGUE)
    browser = pages.by("civil-1")

    for address in (question(story), f"{question(story)}?found=true"):
        page = browser.get(address)
        assert "找到了记录" not in page.text
        assert "提交答复" not in page.text
        assert not FULL_NUMBER.search(page.text)


def test_an_answer_to_a_withdrawn_case_is_refused_in_words(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("civil-1")
    page = browser.get(question(story))
    story.withdrawn()

    late = browser.send(page, f"{question(story)}/answer", answer="matches", reason="看过档案")

    assert late.status == 409
    assert "办件已结束" in late.text
    assert "看过档案" in late.text


def test_a_question_is_claimed_handed_over_and_put_back(pages: Pages) -> None:
    story = verifying(pages.store)
    address = question(story)
    one, other = pages.by("civil-1"), pages.by("civil-2")
    stale = other.get(address)

    claimed = one.follow(one.send(one.get(address), f"{address}/claim"))
    held = other.send(stale, f"{address}/answer", answer="matches", reason="我也查了")
    handed = one.follow(one.send(claimed, f"{address}/hand-over", to="civil-2"))
    back = other.follow(other.send(other.get(address), f"{address}/release"))

    assert "已认领, 现由您承办" in claimed.text
    assert held.status == 409
    assert "civil-1 已于" in held.text
    assert "我也查了" in held.text
    assert "已移交" in handed.text
    assert "civil-2 自" in handed.text
    assert "已退回本单位" in back.text
    assert story.file.verification(PROOF, 1, 1).owner is None
    assert one.send(claimed, f"{address}/hand-over", to="").status == 422


def test_the_clock_is_stopped_with_a_reason_and_started_again(pages: Pages) -> None:
    story = verifying(pages.store)
    pages.clock.at = MONDAY + timedelta(minutes=20)
    address = question(story)
    browser = pages.by("civil-1")

    silent = browser.send(browser.get(address), f"{address}/suspension", reason=" ")
    stopped = browser.follow(browser.send(browser.get(address), f"{address}/suspension", reason="档案室停电"))
    case = pages.by("caseworker-1").get(f"/cases/{story.case_no}")
    running = browser.follow(browser.send(stopped, f"{address}/resumption"))

    assert silent.status == 422
    assert "计时中止 : 档案室停电" in stopped.text
    assert 'data-due="' not in stopped.html
    assert "档案室停电" in case.text
    assert "已恢复计时" in running.text
    assert "剩余" in running.text


def test_a_chief_takes_back_and_hands_out_many_at_once(pages: Pages) -> None:
    stories = [verifying(pages.store, key=str(number), number=number, owner="civil-1") for number in (16, 17, 18)]
    at_work(pages, "civil-1", "civil-2")
    chief, officer = pages.by("civil-chief"), pages.by("civil-1")
    address = question(stories[0])
    officer.send(officer.get(address), f"{address}/claim")
    stale = chief.get("/inbox")

    taken = chief.follow(chief.send(chief.get(address), f"{address}/take-back", reason="承办人请假", to=""))
    all_of_them = [str(one.question(PROOF)) for one in stories]
    handed = send_many(chief, stale, all_of_them, to="civil-2", reason="按片区分派")
    nothing = send_many(chief, stale, [], to="civil-2", reason="按片区分派")
    stories[1].verifier_says(PROOF, "matches", by=COLLEAGUE)
    some = send_many(chief, chief.get("/inbox"), all_of_them, to="civil-1", reason="换人")

    assert "已收回" in taken.text
    assert "已分派 3 项" in chief.follow(handed).text
    assert [one.file.verification(PROOF, 1, 1).owner for one in stories] == ["civil-1", "civil-2", "civil-1"]
    assert "请至少勾选一项。" in nothing.text
    assert some.status == 409
    assert "有 1 项没有分派" in some.text
    assert "其余 2 项已分派" in some.text
    assert 'value="换人"' in some.html
    assert chief.send(chief.get(address), f"{address}/take-back", reason="").status == 422


def send_many(chief: Browser, page: Page, ids: list[str], **typed: str) -> Page:
    """Send the form of many with several boxes ticked."""
    token, once = page.hidden("/inbox/assignments", "csrf_token"), page.hidden("/inbox/assignments", "once")
    data = {"csrf_token": token, "once": once, "queue": "open", "ids": ids, **typed}
    return Page(chief.client.post("/inbox/assignments", data=data))


def test_an_officer_hands_out_nothing_and_takes_nothing_back(pages: Pages) -> None:
    story = verifying(pages.store, owner="civil-2")
    browser = pages.by("civil-1")
    page = browser.get(question(story))
    token = page.hidden("/logout", "csrf_token")

    assert "批量分派" not in browser.get("/inbox").text
    assert "收回或改派" not in page.text
    refused = browser.post(f"{question(story)}/take-back", reason="我来办", csrf_token=token)
    assert refused.status == 403
    assert browser.post("/inbox/assignments", to="civil-1", reason="我来办", csrf_token=token).status == 403


def test_a_repeated_form_is_one_act(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("civil-1")
    page = browser.get(question(story))

    twice = [browser.send(page, f"{question(story)}/answer", answer="matches") for _ in range(2)]

    assert [one.status for one in twice] == [303, 303]
    assert [entry.event.type for entry in pages.store.events_after(story.case_id, 0)].count(
        "verification_answered"
    ) == 1


def test_the_address_of_a_form_leads_back_to_its_question(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("civil-1")

    assert browser.get(f"{question(story)}/answer").answer.headers["location"] == question(story)
    assert browser.get("/inbox/00000000-0000-4000-8000-000000000000").status == 404
    assert browser.get("/inbox/not-an-id").status == 422


def test_a_question_that_comes_is_told_to_the_unit_that_is_asked_and_to_no_other(pages: Pages) -> None:
    def came() -> None:
        verifying(pages.store)

    assert heard(pages, "civil-1", "/inbox/changes", came) != []
    assert heard(pages, "mingyue-1", "/inbox/changes", lambda: verifying(pages.store, key="2", number=16)) == []


def test_every_page_of_the_inbox_is_complete_in_english(pages: Pages) -> None:
    stories = [verifying(pages.store), climbing(pages.store, key="2"), doubted(pages.store, key="3")]
    for account, addresses in {
        "civil-1": ["/inbox", "/inbox?queue=ended", *(f"/inbox/{one.question(PROOF, 1)}" for one in stories)],
        "mingyue-1": ["/inbox", f"/inbox/{stories[1].question(PROOF)}"],
        "civil-chief": ["/inbox"],
    }.items():
        browser = pages.by(account)
        for address in addresses:
            page = browser.get(f"{address}{'&' if '?' in address else '?'}lang=en")
            facts = re.sub(r"<dd>.*?</dd>|<q>.*?</q>", "", page.html, flags=re.DOTALL)
            left = set(re.findall(r"[\u3400-\u9fff]+", text_of(facts)))
            assert page.status == 200
            assert left - {"中文", "一", "已查阅档案", "档案中已离婚", "国办发", "号"} == set(), address

"""The pension office at its pages: who has not confirmed, a returned list looked at, run and mended; and the person's link."""

import json
import re
from datetime import date
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from domain.actors import Actor
from domain.case_file import ProofState
from domain.time_limits import in_shanghai
from store.links import sign_link
from store.tables import access_log
from tests.desk import MONDAY
from tests.pages.conftest import Browser, Page, Pages
from tests.retirees import MARCH, Retiree

OFFICER = Actor(account="pension-1", unit="office")
HOSTILE = "账号已更换 <script>alert(1)</script>"


def asked(pages: Pages, number: int = 0) -> Retiree:
    return Retiree(pages.store, number, by=OFFICER).sent_out()


def waiting(pages: Pages, number: int = 0) -> Retiree:
    return Retiree(pages.store, number, by=OFFICER, month=MARCH).goes_on()


def confirmed(one: Retiree) -> bool:
    return one.file.proof("confirmed").state is ProofState.MET


def preview(browser: Browser, *cases: Retiree, answer: str = "matches", note: str = "") -> Page:
    page = browser.get("/confirmations")
    fields: dict[str, Any] = {
        "csrf_token": page.hidden('action="/confirmations/preview"', "csrf_token"),
        "case_nos": [one.case_no for one in cases],
        "answer": answer,
        "note": note,
    }
    return Page(browser.client.post("/confirmations/preview", data=fields))


def upload(browser: Browser, content: bytes, name: str = "list.csv") -> Page:
    page = browser.get("/confirmations")
    token = page.hidden('action="/confirmations/list"', "csrf_token")
    files = {"file": (name, content, "application/octet-stream")}
    return Page(browser.client.post("/confirmations/list", data={"csrf_token": token}, files=files))


def sheet(*rows: tuple[str, str, str]) -> bytes:
    lines = ["办件编号,答复,说明", *(",".join(row) for row in rows)]
    return "\r\n".join(lines).encode("gb18030")


def _field(page: Page, name: str) -> str:
    section = page.html[page.html.index('id="result"') :]
    found = re.search(rf'name="{name}" value="([^"]*)"', section)
    assert found is not None
    return unescape(found[1])


def _numbers(page: Page) -> list[str]:
    return re.findall(r'<td data-label="行">(\d+)</td>', page.html)


def test_who_has_not_confirmed_is_listed_without_a_name(pages: Pages) -> None:
    one = asked(pages)
    officer = pages.by("pension-1")

    page = officer.get("/confirmations")
    english = officer.get("/confirmations?lang=en")

    assert "退休信息核对确认" in page.text
    assert f'href="/inbox/{one.question}"' in page.html
    assert "To be confirmed" in english.text
    for personal in (one.worker.name, one.worker.citizen_id, one.worker.account):
        assert personal not in page.html


def test_an_empty_list_has_its_own_sentence(pages: Pages) -> None:
    assert "没有等待确认的事项" in pages.by("pension-1").get("/confirmations").text


def test_ticked_cases_are_looked_at_first_and_then_confirmed(pages: Pages) -> None:
    first, second, left = (asked(pages, number) for number in range(3))
    officer = pages.by("pension-1")

    looked = preview(officer, first, second)
    assert looked.status == 200
    assert "核对结果, 尚未提交" in looked.text
    assert looked.text.count("将记为确认无误") == 2
    assert not confirmed(first)

    ran = officer.send(looked, "/confirmations")

    assert ran.status == 200
    assert "确认 2, 经办人核对 0" in ran.text
    assert "重试失败的" not in ran.text
    assert (confirmed(first), confirmed(second), confirmed(left)) == (True, True, False)


def test_the_bureau_sets_who_asks_where_nobody_answers_and_consent_is_not_on_offer(pages: Pages) -> None:
    officer = pages.by("pension-1")
    page = officer.get("/confirmations")
    rules = re.findall(r'name="rule" value="(.*?)"( checked)?', page.html)
    assert rules == [("", " checked"), ("community_check", ""), ("caseworker", "")]

    saved = officer.follow(officer.send(page, "/confirmations/silence-rule", rule="caseworker"))

    assert "已保存。" in saved.text
    assert 'value="caseworker" checked' in saved.html
    with pages.store.database.reading() as connection:
        (noted,) = connection.execute(select(access_log).where(access_log.c.action == "set_silence_rule")).all()
    assert (noted.account, noted.unit, *noted.about) == ("pension-1", "office", "unit/office")
    one = asked(pages)
    assert "时限已过" not in officer.get(f"/inbox/{one.question}").text
    one.is_silent()
    assert "时限已过, 已由经办人联系本人" in officer.get(f"/inbox/{one.question}").text
    assert "a caseworker calls the person" in officer.get(f"/inbox/{one.question}?lang=en").text


def test_nothing_ticked_or_no_answer_is_told_and_what_was_typed_stays(pages: Pages) -> None:
    one = asked(pages)
    officer = pages.by("pension-1")

    nothing = preview(officer, answer="contradicts", note=HOSTILE)
    no_answer = preview(officer, one, answer="")

    assert (nothing.status, no_answer.status) == (422, 422)
    assert "请至少勾选一件" in nothing.text
    assert HOSTILE in unescape(nothing.html)
    assert "<script>alert" not in nothing.html
    assert "请选择一个答复" in no_answer.text
    assert re.search(rf'value="{one.case_no}" checked', no_answer.html)


def test_a_returned_file_is_previewed_row_by_row_run_and_its_failed_rows_retried(pages: Pages) -> None:
    good, wrong, early = asked(pages, 0), asked(pages, 1), waiting(pages, 0)
    officer = pages.by("pension-1")
    content = sheet(
        (good.case_no, "确认无误", ""), (wrong.case_no, "信息有误", "账号已换"), (early.case_no, "确认", "")
    )

    looked = upload(officer, content)
    assert looked.status == 200, looked.text
    assert "将于 2027-02-01 发出" in looked.text
    ran = officer.send(looked, "/confirmations")

    assert ran.status == 409
    assert "确认 1, 经办人核对 1, 转社区 0, 留存 0, 未能办理 1。" in ran.text
    assert wrong.file.in_hand == ("confirmed",)
    assert [row["case_no"] for row in json.loads(_field(ran, "rows"))] == [early.case_no]

    early.day_comes("form_sent")
    again = officer.send(ran, "/confirmations")

    assert (again.status, confirmed(early)) == (200, True)
    assert "确认 1, 经办人核对 0, 转社区 0, 留存 0, 未能办理 0。" in again.text
    assert list(good.happened()).count("verification_answered") == 1


def test_the_run_sent_twice_is_one_run(pages: Pages) -> None:
    one = asked(pages)
    officer = pages.by("pension-1")
    looked = preview(officer, one)

    first, second = officer.send(looked, "/confirmations"), officer.send(looked, "/confirmations")

    assert (first.status, second.status) == (200, 200)
    assert "已确认" in second.text
    assert list(one.happened()).count("verification_answered") == 1


def test_a_faulty_row_is_refused_by_its_number_in_the_file_and_the_others_go_on(pages: Pages) -> None:
    good, silent, twice = asked(pages, 0), asked(pages, 1), asked(pages, 2)
    officer = pages.by("pension-1")
    content = sheet(
        (silent.case_no, "", ""),
        (good.case_no[:-1], "确认无误", ""),
        ("3.39901E+20", "确认无误", ""),
        (twice.case_no, "确认无误", ""),
        (twice.case_no, "信息有误", "账号已换"),
        (good.case_no, "确认无误", ""),
    )

    looked = upload(officer, content)
    ran = officer.send(looked, "/confirmations")

    assert (looked.status, ran.status) == (200, 409)
    for page in (looked, ran):
        assert _numbers(page) == ["2", "3", "4", "5", "6", "7"]
        assert "答复: 不能为空" in page.text
        assert "单元格是数字格式, 末几位可能已丢失" in page.text
        assert page.text.count("同一办件在文件第 5、6 行重复出现") == 2
        assert "未能办理 5。" in page.text
    assert "提交 1 行" in looked.text
    # What is wrong in the file stays wrong however often it is sent.
    assert "重试失败的" not in ran.text
    assert (confirmed(good), confirmed(silent), confirmed(twice)) == (True, False, False)


def test_a_list_of_which_no_row_can_be_read_offers_nothing_to_send(pages: Pages) -> None:
    looked = upload(pages.by("pension-1"), sheet(("7", "确认无误", "")))

    assert looked.status == 200
    assert "未能办理 1。" in looked.text
    assert 'action="/confirmations"' not in looked.html


def test_a_row_that_is_tried_again_keeps_its_number_and_the_faulty_ones_stay_in_sight(pages: Pages) -> None:
    good, early = asked(pages, 0), waiting(pages, 0)
    officer = pages.by("pension-1")
    rows = (("7", "确认无误", ""), (good.case_no, "确认", ""), (early.case_no, "确认", ""))
    ran = officer.send(upload(officer, sheet(*rows)), "/confirmations")

    early.day_comes("form_sent")
    again = officer.send(ran, "/confirmations")

    assert _numbers(ran) == ["2", "3", "4"]
    assert _numbers(again) == ["2", "4"]
    assert confirmed(early)


def test_a_file_that_cannot_be_read_names_every_fault_and_nothing_is_sent(pages: Pages) -> None:
    one = asked(pages)
    officer = pages.by("pension-1")

    unreadable = upload(officer, b"PK\x03\x04 no workbook", "list.xlsx")
    nothing = upload(officer, b"")
    bare = upload(officer, "办件编号,答复\r\n".encode())
    many = upload(officer, sheet(*[(one.case_no, "确认无误", "")] * 1001))

    headless = upload(officer, f"编号,答复\r\n{one.case_no},确认无误".encode())

    assert [page.status for page in (unreadable, nothing, bare, many, headless)] == [422] * 5
    assert "缺少此列" in headless.text
    assert "一次最多 1000 行" in many.text
    assert not confirmed(one)


def test_a_list_that_was_tampered_with_is_refused(pages: Pages) -> None:
    one = asked(pages)
    officer = pages.by("pension-1")
    looked = preview(officer, one)
    token, mark = _field(looked, "csrf_token"), _field(looked, "once")

    for rows in ("", "{}", "[]", "not json", "[7]", '[{"row": "2"}]', '[{"row": 2}, {"row": 2}]'):
        page = officer.post("/confirmations", csrf_token=token, once=mark, rows=rows)
        assert page.status == 422
        assert "名单不完整" in page.text
    assert not confirmed(one)


def test_the_question_is_in_the_words_of_a_confirmation(pages: Pages) -> None:
    one = asked(pages)
    pages.clock.at = MONDAY
    officer = pages.by("pension-1")

    page = officer.get(f"/inbox/{one.question}")
    refused = officer.send(page, f"/inbox/{one.question}/answer", answer="no_record", reason="查无此人")
    english = officer.get(f"/inbox/{one.question}?lang=en")
    officer.get("/inbox?lang=zh")

    for said in (
        "请本人或单位确认的内容",
        "确认无误",
        "信息有误或不办理",
        "转社区联系",
        "月养老金(测算)",
        "暂按最近公布的基数预发",
        "元",
    ):
        assert said in page.text
    assert "查无此记录" not in page.text
    assert "Monthly pension, computed ahead" in english.text
    assert refused.status == 422
    assert "确认事项没有“查无此记录”这一答复" in refused.text
    done = officer.follow(officer.send(page, f"/inbox/{one.question}/answer", answer="matches"))
    assert "已确认, 将按所列信息办理" in done.text
    assert "确认无误" in officer.get("/inbox?queue=ended").text


def link(pages: Pages, one: Retiree) -> str:
    return f"/v/{sign_link(pages.store.vault, one.question, one.due)}"


def test_the_person_reads_their_own_words_on_the_link_and_confirms_once(pages: Pages) -> None:
    one = asked(pages)
    phone = pages.stranger()

    page = phone.get(link(pages, one))
    english = phone.get(f"{link(pages, one)}?lang=en")

    assert page.status == 200
    for said in (
        "请您确认",
        "您的退休信息和待遇已经预先核算",
        "请社区联系我",
        "没有答复不会当作同意",
        "怎样算出来的",
        one.worker.account,
    ):
        assert said in page.html
    for officers in ("请核实下面的情况", "与本单位掌握", "电话核实的", "查无此记录", "核验", one.case_no):
        assert officers not in page.text
    assert "Please confirm" in english.text

    thanks = phone.follow(phone.post(link(pages, one), answer="matches"))
    again = phone.get(link(pages, one))

    assert "已确认, 将按所列信息办理" in thanks.text
    assert confirmed(one)
    assert "收到答复“确认无误”" in again.text
    assert one.worker.name not in thanks.text + again.text


def test_whoever_says_on_the_link_that_something_is_wrong_has_to_say_what(pages: Pages) -> None:
    one = asked(pages)
    phone = pages.stranger()

    silent = phone.post(link(pages, one), answer="contradicts")
    told = phone.follow(phone.post(link(pages, one), answer="contradicts", reason="想延迟三个月退休"))

    assert silent.status == 422
    assert "经办人会核对并联系您" in told.text
    assert one.file.in_hand == ("confirmed",)


@pytest.mark.parametrize(
    ("answer", "zh", "en", "to_an_officer"),
    [
        ("contradicts", "经办人会核对并联系您", "a caseworker checks it and calls you", "经办人会核对并联系本人"),
        ("hand_to_community", "社区工作者会打电话联系您", "will telephone you", "社区工作者会打电话联系本人"),
    ],
)
def test_who_answers_by_the_link_is_spoken_to_and_an_officer_is_told_of_the_person(
    pages: Pages, answer: str, zh: str, en: str, to_an_officer: str
) -> None:
    by_link, by_officer = asked(pages), asked(pages, 1)
    phone, officer = pages.stranger(), pages.by("pension-1")
    pages.clock.at = MONDAY
    address, at_the_bureau = link(pages, by_link), f"/inbox/{by_officer.question}"

    thanks = phone.follow(phone.post(address, answer=answer, reason="想延迟三个月退休"))
    english = phone.get(f"{address}?done={'contested' if answer == 'contradicts' else 'next'}&lang=en")
    answered = officer.send(
        officer.get(at_the_bureau), f"{at_the_bureau}/answer", answer=answer, reason="想延迟三个月退休"
    )

    assert zh in thanks.text
    assert en in english.text
    for page in (thanks, english):
        assert "本人" not in page.text
        assert "the person" not in page.text
    assert to_an_officer in officer.follow(answered).text


def test_the_link_of_somebody_who_declined_says_that_they_are_called(pages: Pages) -> None:
    one, phone = asked(pages), pages.stranger()
    address = link(pages, one)
    phone.post(address, answer="contradicts", reason="想延迟三个月退休")

    assert "现在的情况: 经办人会核对并联系您" in phone.get(address).text
    assert "a caseworker checks it and calls you" in phone.get(f"{address}?lang=en").text


def test_a_link_that_is_over_says_that_silence_was_no_consent(pages: Pages) -> None:
    one, changed = asked(pages), asked(pages, 1)
    address, other = link(pages, one), link(pages, changed)
    one.is_silent()
    changed.chooses("late", MARCH, by=OFFICER)

    over, moot = pages.stranger().get(address), pages.stranger().get(other)

    assert "没有答复不会当作同意" in over.text
    assert "所填信息已有变更" in moot.text
    for page in (over, moot):
        assert "核验" not in page.text


def test_a_case_with_a_confirmation_can_be_read_by_a_caseworker(pages: Pages) -> None:
    one = asked(pages)

    page = pages.by("caseworker-1").get(f"/cases/{one.case_no}")

    assert page.status == 200
    assert "本人确认" in page.text


def declined(pages: Pages, number: int = 0) -> Retiree:
    one = asked(pages, number)
    pages.stranger().post(link(pages, one), answer="contradicts", reason="暂不办理, 想延迟退休")
    return one


def test_a_caseworker_finds_words_for_somebody_who_declined_and_none_about_documents(pages: Pages) -> None:
    one, caseworker = declined(pages), pages.by("caseworker-1")

    page = caseworker.get(f"/cases/{one.case_no}")
    english = caseworker.get(f"/cases/{one.case_no}?lang=en")

    form = re.search(r'<form class="task" id="settle-confirmed".*?</form>', page.html, re.DOTALL)
    assert form is not None
    for said in (
        "本人或单位确认: 信息有误或不办理",
        "<b>已与本人重新确认, 按表办理</b>",
        "<b>本人不办理, 相关事项不再办理</b>",
        "何时、怎样联系到本人",
        "更正申请, 更正后会再请本人确认",
        '<a href="#withdraw-details">撤回申请</a>',
    ):
        assert said in form[0]
    for about_documents in ("成立", "不能证明", "不予许可", "材料"):
        assert about_documents not in form[0]
    assert 'id="withdraw-details"' in page.html
    assert "The person declines: the items that need it are not done" in english.text
    assert "how and when the person was reached" in english.text


@pytest.mark.parametrize(
    ("met", "told", "state"),
    [
        ("true", "与本人重新确认了“退休信息核对确认”", ProofState.MET),
        ("false", "本人不办理“退休信息核对确认”", ProofState.NOT_MET),
    ],
)
def test_what_a_caseworker_settled_with_the_person_is_told_in_the_same_words(
    pages: Pages, met: str, told: str, state: ProofState
) -> None:
    one, caseworker = declined(pages), pages.by("caseworker-1")
    address = f"/cases/{one.case_no}"

    sent = caseworker.send(
        caseworker.get(address),
        f"{address}/proofs/confirmed/settlement",
        met=met,
        reason="十一月二十三日电话联系本人",
    )

    alert = re.search(r'<div class="alert good".*?</div>', caseworker.follow(sent).html, re.DOTALL)
    assert alert is not None
    assert told in alert[0]
    assert "不能证明" not in alert[0]
    assert one.file.proof("confirmed").state is state


def test_whoever_is_silent_is_reached_by_a_caseworker_in_the_same_words(pages: Pages) -> None:
    one = asked(pages).is_silent()
    assert one.file.in_hand == ("confirmed",)

    assert "已与本人重新确认, 按表办理" in pages.by("caseworker-1").get(f"/cases/{one.case_no}").text


def test_a_form_corrected_after_it_was_declined_is_sent_out_once_more_and_is_nobody_elses_to_settle(
    pages: Pages,
) -> None:
    one = declined(pages)
    first = one.question

    another = {"retiree": {"account": "6222020000000000008"}}
    pages.store.amend(
        one.case_id, another, reason="核对后更正", by=OFFICER, at=one.at, id=uuid4(), seen=one.file.version
    )
    one.goes_on()

    assert one.question != first
    assert one.file.in_hand == ()
    assert "已与本人重新确认" not in pages.by("caseworker-1").get(f"/cases/{one.case_no}").text


def as_filled(page: Page, **typed: str) -> dict[str, Any]:
    """The answer's form as a browser sends it: what may be corrected as it stands, but for what is typed."""
    form = page.html[page.html.index('id="answer"') : page.html.index("</form>", page.html.index('id="answer"'))]
    paths = re.findall(r'name="path" value="([^"]*)"', form)
    was = [unescape(one) for one in re.findall(r'name="was" value="([^"]*)"', form)]
    hidden = dict(re.findall(r'type="hidden" name="(csrf_token|once)" value="([^"]*)"', form))
    values = [typed.get(path.partition(".")[2], before) for path, before in zip(paths, was, strict=True)]
    return {**hidden, "path": paths, "was": was, "value": values}


def answers(browser: Browser, address: str, fields: dict[str, Any], answer: str, reason: str = "") -> Page:
    return Page(browser.client.post(address, data={**fields, "answer": answer, "reason": reason}))


def test_another_month_is_chosen_on_the_link_and_the_page_says_that_it_is_asked_again(pages: Pages) -> None:
    one, phone = asked(pages), pages.stranger()
    address = link(pages, one)
    page = phone.get(address)

    assert "可延迟至 2027-01 到 2029-12, 须与用人单位书面约定" in page.text
    assert "提前退休的告知期限已过" in page.text
    sent = answers(phone, address, as_filled(page, choice="late", retires_on="2027-06"), "matches")
    thanks = phone.follow(sent)
    again = phone.get(address)

    assert "到新的日期会再请您确认一次" in thanks.text
    assert "现在的情况: 2027-05-01 起会再请您确认一次" in thanks.text
    assert "核实" not in thanks.text
    assert (
        "from 2027-05-01 on you are asked to confirm once more" in phone.get(f"{address}?done=corrected&lang=en").text
    )
    assert "所填信息已有变更" in again.text
    assert "到新的日期" not in phone.get(f"{address}?done=met").text
    assert in_shanghai(one.file.milestones["form_sent"]).date() == date(2027, 5, 1)


def test_a_month_out_of_the_law_is_named_at_its_field_and_what_was_typed_stays(pages: Pages) -> None:
    one, phone = asked(pages), pages.stranger()
    address = link(pages, one)

    page = answers(phone, address, as_filled(phone.get(address), choice="late", retires_on="2030-01"), "matches")
    english = answers(
        phone, f"{address}?lang=en", as_filled(phone.get(address), choice="early", retires_on="2026-11"), "matches"
    )

    assert page.status == 422
    assert 'href="#answer-insurance.retires_on"' in page.html
    assert 'id="answer-insurance.retires_on-wrong"' in page.html
    assert 'type="month"' in page.html
    assert 'value="2030-01"' in page.html
    assert '<option value="late" selected>' in page.html
    assert '<details class="act" id="answer-corrections" open>' in page.html
    assert "written notice to the employer 3 months before" in english.text
    assert not confirmed(one)


def test_an_account_corrected_on_the_link_or_by_the_officer_is_confirmed_with_it(pages: Pages) -> None:
    first, second = asked(pages), asked(pages, 1)
    phone, officer = pages.stranger(), pages.by("pension-1")
    pages.clock.at = MONDAY
    at_the_bureau = f"/inbox/{second.question}"

    thanks = phone.follow(
        answers(
            phone,
            link(pages, first),
            as_filled(phone.get(link(pages, first)), account="6222020000000000008"),
            "matches",
        )
    )
    done = officer.follow(
        answers(
            officer,
            f"{at_the_bureau}/answer",
            as_filled(officer.get(at_the_bureau), account="6222020000000000008"),
            "matches",
        )
    )

    for page in (thanks, done):
        assert "已确认, 将按所列信息办理" in page.text
        assert "6222020000000000008" not in page.html
    for one in (first, second):
        assert confirmed(one)
        assert pages.store.open_case_file(one.case_id).declared("retiree.account") == "6222020000000000008"


def test_an_account_that_was_emptied_is_asked_for_at_its_field_and_nothing_is_confirmed(pages: Pages) -> None:
    one, phone, officer = asked(pages), pages.stranger(), pages.by("pension-1")
    pages.clock.at = MONDAY
    address, at_the_bureau = link(pages, one), f"/inbox/{one.question}"

    page = answers(phone, address, as_filled(phone.get(address), account=""), "matches")
    english = answers(phone, f"{address}?lang=en", as_filled(phone.get(address), account=" "), "matches")
    by_officer = answers(
        officer, f"{at_the_bureau}/answer", as_filled(officer.get(at_the_bureau), account=""), "matches"
    )

    for said in (page, by_officer):
        assert said.status == 422
        assert 'href="#answer-retiree.account"' in said.html
        assert "确认时不能清空; 没有的请选“信息有误”并写明" in said.text
        assert re.search(r'<input id="answer-retiree\.account"[^>]* value=""', said.html)
    assert "must not be emptied when confirming" in english.text
    assert not confirmed(one)
    assert pages.store.open_case_file(one.case_id).declared("retiree.account") == one.worker.account


def test_a_phone_offers_its_digits_for_the_account_and_for_nothing_else(pages: Pages) -> None:
    one = asked(pages)

    page = pages.stranger().get(link(pages, one))

    field = re.search(r'<input id="answer-retiree\.account"[^>]*>', page.html)
    assert field is not None
    assert ' inputmode="numeric"' in field[0]
    assert page.html.count("inputmode") == 1


def test_who_corrects_and_yet_says_that_it_is_wrong_is_asked_which_is_meant(pages: Pages) -> None:
    one, phone = asked(pages), pages.stranger()
    address = link(pages, one)

    page = answers(
        phone, address, as_filled(phone.get(address), account="6222020000000000008"), "contradicts", "账号换了"
    )

    assert page.status == 422
    assert "有更正的, 答复请选“确认无误”" in page.text
    assert 'value="6222020000000000008"' in page.html
    assert not list(one.happened()).count("verification_answered")


def test_a_form_with_other_fields_than_it_was_given_changes_nothing_else(pages: Pages) -> None:
    one, phone = asked(pages), pages.stranger()
    address = link(pages, one)
    fields = as_filled(phone.get(address))

    forged = {key: [*fields[key], value] for key, value in (("path", "retiree.name"), ("was", ""), ("value", "章乙"))}
    page = answers(phone, address, fields | forged, "matches")

    assert page.status == 422
    assert "确认时不能更正: retiree.name" in page.text
    assert pages.store.open_case_file(one.case_id).declared("retiree.name") == one.worker.name

"""What reached nobody stands on the page of the question, and beside the wait on the page of the case."""

import re

from domain.actors import Actor
from domain.notices import card_id
from store.links import sign_link
from tests.desk import MONDAY
from tests.notices import LIMIT, deliver, turn_down
from tests.pages.conftest import Page, Pages, text_of
from tests.pages.stories import contested, verifying
from tests.retirees import Retiree

PROOF = "parents_marriage"
REFUSED = "提醒未能送达: 接收方拒收, 最近一次 2026-11-23 09:30。请电话联系。"
REFUSED_EN = "The notice was not delivered: its receiver refused it, last at 2026-11-23 09:30. Please call."


def waits(page: Page) -> list[str]:
    """What the case waits for, line by line."""
    body = re.search(r'<ul class="waits">(.*?)</ul>', page.html, re.DOTALL)
    return [] if body is None else [text_of(line) for line in re.findall(r"<li.*?</li>", body[1], re.DOTALL)]


def test_the_page_of_a_question_says_in_both_languages_that_its_notice_was_refused(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("civil-1")
    address = f"/inbox/{story.question(PROOF)}"
    assert REFUSED not in browser.get(address).text

    turn_down(pages.store, story.question(PROOF), MONDAY + LIMIT)

    assert REFUSED in browser.get(address).text
    assert REFUSED_EN in browser.get(f"{address}?lang=en").text


def test_the_desk_reads_that_the_person_has_not_got_the_form_and_the_person_does_not(pages: Pages) -> None:
    one = Retiree(pages.store, by=Actor(account="pension-1", unit="office")).sent_out()
    deliver(pages.store, one.question, nobody=True)
    desk = pages.by("pension-1")

    assert "本人尚未收到表单, 请设法联系" in desk.get(f"/inbox/{one.question}").text
    assert "The person has not got the form" in desk.get(f"/inbox/{one.question}?lang=en").text
    link = pages.stranger().get(f"/v/{sign_link(pages.store.vault, one.question, one.due)}")
    assert (link.status, "本人尚未收到表单" in link.text) == (200, False)


def test_the_case_says_it_beside_the_wait_of_that_proof_and_of_no_other(pages: Pages) -> None:
    story = verifying(pages.store)
    browser = pages.by("caseworker-1")
    before = waits(browser.get(f"/cases/{story.case_no}"))

    turn_down(pages.store, story.question(PROOF), MONDAY + LIMIT)
    after = waits(browser.get(f"/cases/{story.case_no}"))

    assert not [line for line in before if REFUSED in line]
    (said,) = [line for line in after if REFUSED in line]
    assert "父母婚姻状况" in said
    assert len(after) == len(before)
    english = browser.get(f"/cases/{story.case_no}?lang=en")
    assert [line for line in waits(english) if REFUSED_EN in line]


def test_a_caseworker_whom_nobody_told_reads_it_on_the_case(pages: Pages) -> None:
    story = contested(pages.store)
    hand = card_id(story.case_id, PROOF, story.file.proof(PROOF).round, "hand")
    deliver(pages.store, hand, nobody=True)

    (said,) = (
        line for line in waits(pages.by("caseworker-1").get(f"/cases/{story.case_no}")) if "没有人收到提醒" in line
    )

    assert "“父母婚姻状况”核对不一致, 待经办人认定" in said
    assert "请安排经办人" in said

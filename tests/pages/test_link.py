"""A one-time link on a phone: it shows what is asked, takes one answer, keeps nothing, and then says who has closed it."""

import re
from datetime import datetime, timedelta

from store.links import sign_link
from tests.desk import MONDAY
from tests.pages.conftest import Page, Pages
from tests.pages.stories import COMMUNITY_WORKER, OFFICER, Story, climbing, verifying

PROOF = "parents_marriage"
NUMBER = re.compile(r"(?<!\d)\d{17}[\dX](?!\d)")


def link(pages: Pages, story: Story, rung: int | None = None, until: datetime | None = None) -> str:
    """As the message brings it."""
    live = story.file.proof(PROOF)
    due = until or story.file.verification(PROOF, live.round, live.rung if rung is None else rung).due
    assert due is not None
    return f"/v/{sign_link(pages.store.vault, story.question(PROOF, rung), due)}"


def keeps_nothing(page: Page) -> bool:
    """No cookie, no cache, no address told to anybody, no search engine."""
    headers = page.answer.headers
    return (
        "set-cookie" not in headers
        and headers["cache-control"] == "no-store"
        and headers["referrer-policy"] == "no-referrer"
        and "noindex" in headers["x-robots-tag"]
        and "default-src 'none'" in headers["content-security-policy"]
    )


def test_a_link_shows_what_is_needed_and_nothing_else(pages: Pages) -> None:
    story = climbing(pages.store)

    page = pages.stranger().get(link(pages, story))
    english = pages.stranger().get(f"{link(pages, story)}?lang=en")

    assert page.status == 200
    assert len(NUMBER.findall(page.text)) == 2
    assert "请您核实" in page.title
    for kept_back in (story.case_no, "手机", "转社区核实", "退出", "/cases", "csrf"):
        assert kept_back not in page.html
    assert '<meta name="robots" content="noindex, nofollow">' in page.html
    assert keeps_nothing(page)
    assert keeps_nothing(english)
    assert "Please verify" in english.text


def test_a_link_is_answered_once_and_then_says_who_closed_it(pages: Pages) -> None:
    story = climbing(pages.store)
    address, phone = link(pages, story), pages.stranger()
    pages.clock.at = story.at

    led = phone.post(address, answer="matches")
    thanks = phone.follow(led)
    again = phone.post(address, answer="contradicts", reason="记错了 <b>")
    later = phone.get(address)

    assert led.status == 303
    assert keeps_nothing(led)
    assert "谢谢, 已收到答复" in thanks.text
    assert "该证明已核实" in thanks.text
    assert story.file.proof(PROOF).state == "met"
    assert again.status == 409
    assert "已由 一次性链接 于 11月23日 周一" in again.text
    assert "记错了 &lt;b&gt;" in again.html
    assert "一次性链接 于" in later.text
    for page in (thanks, again, later):
        assert not NUMBER.search(page.text)
        assert keeps_nothing(page)


def test_the_language_goes_along_without_a_cookie(pages: Pages) -> None:
    story = climbing(pages.store)
    phone = pages.stranger()
    page = phone.get(f"{link(pages, story)}?lang=en")

    action = re.search(r'id="answer" method="post" action="([^"]+)"', page.html)
    assert action is not None
    thanks = phone.follow(phone.post(action[1], answer="matches"))

    assert "Thank you" in thanks.text
    assert keeps_nothing(thanks)


def test_who_answered_elsewhere_is_named_on_the_link(pages: Pages) -> None:
    story = climbing(pages.store)
    address = link(pages, story)
    story.verifier_says(PROOF, "matches", by=COMMUNITY_WORKER)

    page = pages.stranger().get(address)

    assert "已经答复过了" in page.text
    assert "mingyue-1 于" in page.text
    assert not NUMBER.search(page.text)


def test_a_link_whose_time_is_over_says_who_has_it_now(pages: Pages) -> None:
    story = climbing(pages.store)
    address = link(pages, story, 1, MONDAY + timedelta(minutes=39))
    pages.clock.at = story.at

    page = pages.stranger().get(address)
    late = pages.stranger().post(address, answer="contradicts", reason="档案不同")
    story.verifier_says(PROOF, "matches", by=COMMUNITY_WORKER)
    settled = pages.stranger().get(address)

    assert (page.status, late.status) == (410, 410)
    assert "答复时间已过" in page.text
    assert "等待社区核实“父母婚姻状况”" in page.text
    assert "档案不同" in late.text
    assert "现已办结" in settled.text
    assert not NUMBER.search(page.text + late.text + settled.text)
    assert keeps_nothing(page)


def test_a_withdrawn_question_says_so(pages: Pages) -> None:
    story = verifying(pages.store)
    address = link(pages, story)
    story.withdrawn()

    page = pages.stranger().get(address)

    assert "不需要再答复" in page.text
    assert not NUMBER.search(page.text)


def test_what_never_was_a_link_is_no_page(pages: Pages) -> None:
    story = verifying(pages.store)
    address = link(pages, story)
    forged = address[:-1] + ("A" if address[-1] != "A" else "B")

    assert pages.stranger().get(forged).status == 404
    assert pages.stranger().post(forged, answer="matches").status == 404
    assert pages.stranger().get("/v/short").status == 404
    assert story.file.proof(PROOF).state == "verifying"


def test_every_bad_link_is_one_plain_page_for_somebody_without_an_account(pages: Pages) -> None:
    story = verifying(pages.store)
    address = link(pages, story)
    phone = pages.stranger()
    bad = [
        phone.get(address[:-1] + ("A" if address[-1] != "A" else "B")),
        phone.get(address[:20]),
        phone.get(address + "A" * 200),
        phone.get(address + "。"),
        phone.get(f"{address}/x"),
        phone.get(f"{address}?done=maybe"),
        phone.get("/v/"),
        phone.post(address[:20], answer="matches"),
        phone.post(address + "A" * 200, answer="matches"),
    ]

    for page in bad:
        assert (page.status, keeps_nothing(page)) == (404, True)
        assert "链接不完整或已失效" in page.text
        assert "请致电发来链接的单位" in page.text
        for officers in ("办件编号", "回到首页", "path.token", "格式不符", "追踪号", address.rpartition("/")[2]):
            assert officers not in page.html
    assert "incomplete, or no longer valid" in phone.get(f"{address[:20]}?lang=en").text


def test_an_incomplete_answer_comes_back_as_it_was_typed(pages: Pages) -> None:
    story = climbing(pages.store)
    address = link(pages, story)

    page = pages.stranger().post(address, answer="contradicts", spoke_with="<i>邻居</i>")
    wrong = pages.stranger().post(
        address, answer="matches", spoke_with="邻居", number="1", at="2026-11-23T09:00", said="在家"
    )
    elsewhere = Page(
        pages.stranger().client.post(address, data={"answer": "matches"}, headers={"sec-fetch-site": "cross-site"})
    )

    assert (page.status, wrong.status, elsewhere.status) == (422, 422, 403)
    assert "请写明理由" in page.text
    assert "&lt;i&gt;邻居&lt;/i&gt;" in page.html
    assert "请填写通话的电话号码" in wrong.text
    assert story.file.proof(PROOF).state == "verifying"


def test_the_officers_answer_by_account_still_counts_beside_a_link(pages: Pages) -> None:
    story = verifying(pages.store)
    address = link(pages, story)
    story.verifier_says(PROOF, "no_record", by=OFFICER)

    assert "civil-1 于" in pages.stranger().get(address).text

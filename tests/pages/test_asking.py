"""A bank picks a proof, asks for it, follows it, and prints what came of it; what was cancelled it may not ask."""

import re
from uuid import UUID

import pytest
from sqlalchemy import true

from demo.city.listing import listing
from domain.actors import THE_ENGINE, Actor
from domain.commands import AnswerVerification, OpenVerification
from domain.listing import ListingFile
from store.listing import apply
from store.listing_in_force import ListingInForce
from store.read_models.cases import find_case
from tests.desk import MONDAY
from tests.domain.test_single_proof import FATHER, SON
from tests.pages.conftest import Browser, Page, Pages

PROOF = "father_child_relation"
TYPED = {
    "purpose": "办理存款继承",
    "subject_name": FATHER["name"],
    "subject_citizen_id": FATHER["citizen_id"],
    "other_name": SON["name"],
    "other_citizen_id": SON["citizen_id"],
}


@pytest.fixture
def pages(pages: Pages) -> Pages:
    """With the city's listing."""
    with pages.store.database.begin() as connection:
        apply(connection, ListingFile(tuple(enumerate(listing(), start=2)), ()), THE_ENGINE, MONDAY)
    pages.store.listing = ListingInForce(pages.store.database)
    return pages


def asked(browser: Browser, **changed: str) -> Page:
    """The form, filled in and sent."""
    page = browser.get(f"/verifications/new?proof={PROOF}")
    return browser.send(page, "/verifications/new", **(TYPED | changed))


def case_id(pages: Pages, led: Page) -> UUID:
    """The case that the form led to."""
    number = re.search(r"/verifications/(\d{21})", led.answer.headers["location"])
    assert number is not None
    with pages.store.database.reading() as connection:
        line = find_case(connection, number[1], true())
    assert line is not None
    return line.case_id


def answered(pages: Pages, case: UUID) -> None:
    """The police were asked and say that it is so."""
    opened = OpenVerification(
        id=UUID(int=1), at=MONDAY, by=THE_ENGINE, proof=PROOF, round=1, rung=0, unit="police", owner=None
    )
    said = AnswerVerification(
        id=UUID(int=2),
        at=MONDAY,
        by=Actor(account="officer-1", unit="police"),
        proof=PROOF,
        round=1,
        rung=0,
        answer="matches",
    )
    pages.store.handle(case, [opened], tell_workflow=False)
    pages.store.handle(case, [said], tell_workflow=False)


def test_a_proof_is_found_in_the_listing_with_its_basis_and_its_way(pages: Pages) -> None:
    browser = pages.by("bank-1")

    empty, found, nothing = (browser.get(f"/verifications/new{query}") for query in ("", "?q=父子", "?q=忠诚证明"))

    assert "第 1 步, 共 2 步" in empty.text
    assert f'href="/verifications/new?proof={PROOF}"' in found.html
    assert "优化营商环境条例 44" in found.text
    assert "清单中没有这样的证明" in nothing.text


def test_a_cancelled_proof_says_why_it_may_not_be_asked(pages: Pages) -> None:
    browser = pages.by("bank-1")

    found = browser.get("/verifications/new?q=无业证明")
    form = browser.get("/verifications/new?proof=being_unemployed")
    token = form.hidden("/logout", "csrf_token")
    forced = browser.post("/verifications/new", proof="being_unemployed", csrf_token=token, **TYPED)

    assert "已于 2018-04-22 直接取消, 任何单位不得索要。" in found.text
    assert 'href="/verifications/new?proof=being_unemployed"' not in found.html
    assert '<form method="post" action="/verifications/new"' not in form.html
    assert forced.status == 422
    assert "直接取消, 不得索要" in forced.text
    assert browser.get("/verifications/new?proof=never_heard_of").status == 404


def test_a_proof_is_asked_followed_and_its_result_printed(pages: Pages) -> None:
    browser = pages.by("bank-1")

    led = asked(browser)
    status = browser.follow(led)
    case = case_id(pages, led)
    number = pages.store.case_file(case).opened.case_no
    early = browser.get(f"/verifications/{number}/result")
    answered(pages, case)
    after, result = browser.get(f"/verifications/{number}"), browser.get(f"/verifications/{number}/result")

    assert "已提出" in status.text
    assert "部门核验" in status.text
    assert "正在等待答复" in status.text
    assert early.answer.headers["location"] == f"/verifications/{number}"
    assert "查看核验结果" in after.text
    assert "已核实" in result.text
    assert "办理存款继承" in result.text
    assert "2026-12-23" in result.text
    assert "police" in result.text
    for page in (status, after, result):
        assert FATHER["name"] not in page.text
        assert FATHER["citizen_id"] not in page.html
    assert "已核实" in browser.get("/verifications?state=concluded").text
    assert number not in browser.get("/verifications?state=open").html


def test_the_same_question_twice_is_one_case(pages: Pages) -> None:
    browser = pages.by("bank-1")
    page = browser.get(f"/verifications/new?proof={PROOF}")

    first, second, anew = (
        browser.send(page, "/verifications/new", **TYPED),
        browser.send(page, "/verifications/new", **TYPED),
        asked(browser),
    )

    assert len({one.answer.headers["location"] for one in (first, second, anew)}) == 1


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(pages: Pages) -> None:
    browser = pages.by("bank-1")

    page = asked(
        browser, subject_citizen_id="339901197905039018", purpose="<b>继承</b>", other_name="", other_citizen_id=""
    )
    empty = asked(browser, purpose=" ", subject_name=" ")
    same = asked(browser, other_citizen_id=FATHER["citizen_id"])

    assert [one.status for one in (page, empty, same)] == [422, 422, 422]
    assert re.search(r'id="subject_citizen_id"[^>]*aria-invalid="true"', page.html)
    assert "&lt;b&gt;继承&lt;/b&gt;" in page.html
    assert re.search(r'id="purpose"[^>]*aria-invalid="true"', empty.html)
    assert re.search(r'id="subject_name"[^>]*aria-invalid="true"', empty.html)
    assert "关系人应为另一人" in same.text
    assert page.title.startswith("错误: ")
    assert browser.get("/verifications").text.count("父子") == 0


def test_one_unit_never_sees_what_another_asked(pages: Pages) -> None:
    led = asked(pages.by("bank-1"))
    number = pages.store.case_file(case_id(pages, led)).opened.case_no
    school = pages.by("school-1")

    assert school.get(f"/verifications/{number}").status == 404
    assert school.get(f"/verifications/{number}/result").status == 404
    assert number not in school.get("/verifications").html
    assert pages.by("civil-1").get("/verifications").status == 403


def test_every_page_of_asking_is_complete_in_english(pages: Pages) -> None:
    browser = pages.by("bank-1")
    led = asked(browser)
    case = case_id(pages, led)
    number = pages.store.case_file(case).opened.case_no
    answered(pages, case)

    for address in (
        "/verifications?lang=en",
        "/verifications/new?q=father&lang=en",
        f"/verifications/new?proof={PROOF}&lang=en",
        f"/verifications/{number}?lang=en",
        f"/verifications/{number}/result?lang=en",
    ):
        page = browser.get(address)
        left = set(re.findall(r"[\u3400-\u9fff]+", page.text))
        assert page.status == 200
        assert (
            left - {"中文", "一", "优化营商环境条例", "国籍法", "居民身份证法", "户口登记条例", "办理存款继承"} == set()
        ), address


def test_the_form_asks_for_the_other_person_where_the_proof_is_about_two_and_only_there(pages: Pages) -> None:
    browser = pages.by("bank-1")

    alone = asked(browser, other_name="", other_citizen_id="")

    assert alone.status == 422
    assert "该证明核验两人关系, 请填写关系人" in alone.text
    assert 'id="other_name-wrong"' in alone.html
    assert "关系人" not in browser.get("/verifications/new?proof=residence_permit").text
    assert "核验两人关系" in browser.get(f"/listing/{PROOF}").text

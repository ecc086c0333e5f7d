"""The data centre's pages: the listing, the rosters and the grants; looked at before it takes effect, by whoever may."""

import re
from datetime import date
from typing import Any

import pytest

from api.workbooks import write_sheet
from demo.city.listing import listing
from domain.actors import THE_ENGINE
from domain.listing import COLUMNS, ListedRoute, ListingFile
from domain.roster import COLUMNS as ROSTER_COLUMNS
from store.listing import apply, export_rows
from tests.desk import MONDAY
from tests.pages.conftest import Browser, Page, Pages, text_of
from tests.rosters import DIRECTOR, MINGYUE, SECRETARY

CENTRE = "data-centre-1"


@pytest.fixture
def pages(pages: Pages) -> Pages:
    """With the city's listing."""
    with pages.store.database.begin() as connection:
        apply(connection, ListingFile(tuple(enumerate(listing(), start=2)), ()), THE_ENGINE, MONDAY)
    return pages


def upload(browser: Browser, where: str, content: bytes, name: str = "file.csv", **more: str) -> Page:
    """Choose a file and send it."""
    token = browser.get(where).hidden("/logout", "csrf_token")
    answered = browser.client.post(
        f"{where}/preview", data={"csrf_token": token, **more}, files={"file": (name, content, "text/csv")}
    )
    return Page(answered)


def a_listing(**changed: Any) -> bytes:
    """One line of the listing, changed, as a file."""
    line = next(one for one in listing() if one.code == "father_child_relation")
    lines = [line.model_copy(update={"effective_from": date(2026, 12, 1), **changed})]
    return write_sheet(COLUMNS, export_rows(lines), "x", "xlsx")


def a_roster(*rows: dict[str, str]) -> bytes:
    """Some rows of a roster as a file."""
    return write_sheet(ROSTER_COLUMNS, rows, "x", "csv")


# ── the listing ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everybody_reads_the_listing_with_its_four_numbers(pages: Pages) -> None:
    page = pages.by("bank-1").get("/listing")

    assert [int(many) for many in re.findall(r'class="many">(\d+)<', page.html)] == [270, 70, 57, 59, 84]
    assert "导入文件" not in page.text
    assert pages.by("bank-1").get("/listing?q=无业&route=cancelled").text.count("无业证明") == 1
    assert "没有这样的证明" in pages.by("bank-1").get("/listing?q=无业&route=commitment").text


def test_the_history_of_a_line_tells_who_imported_it(pages: Pages) -> None:
    page = pages.by("bank-1").get("/listing/father_child_relation")

    assert "优化营商环境条例 44" in page.text
    assert "onething," in page.text
    assert pages.by("bank-1").get("/listing/never_heard_of").status == 404


def test_a_file_is_looked_at_and_then_taken_over(pages: Pages) -> None:
    browser = pages.by(CENTRE)

    looked = upload(browser, "/listing", a_listing(valid_days=7), "<清单>.xlsx")
    before = browser.get("/listing/father_child_relation")
    applied = browser.follow(browser.send(looked, "/listing/application"))
    again = upload(browser, "/listing", a_listing(valid_days=7))

    assert "新增 0, 离开 0, 变更 1, 不变 0。 尚未生效。" in looked.text
    assert "&lt;清单&gt;.xlsx" in looked.html
    assert "30 → 7" in looked.text
    assert "7 天" not in before.text
    assert "已生效" in applied.text
    assert "7 天" in browser.get("/listing/father_child_relation").text
    assert "无需生效" in again.text
    assert "确认生效" not in again.text


def test_a_file_that_would_close_a_life_event_takes_effect_only_if_that_is_ticked(pages: Pages) -> None:
    browser = pages.by(CENTRE)
    line = next(one for one in listing() if one.code == "parents_marriage")
    cancelled = line.model_copy(update={"route": ListedRoute.CANCELLED, "effective_from": date(2026, 12, 1)})

    looked = upload(browser, "/listing", write_sheet(COLUMNS, export_rows([cancelled]), "x", "xlsx"))
    unticked = browser.send(looked, "/listing/application")
    before = browser.get("/listing/parents_marriage")
    ticked = browser.follow(browser.send(unticked, "/listing/application", although_bundles_stop="yes"))

    assert "将停止受理" in looked.text
    assert "自 2026-12-01 起不能受理" in looked.text
    assert unticked.status == 409
    assert "请明确确认" in unticked.text
    assert "2026-12-01" not in before.text
    assert "已生效" in ticked.text
    assert "2026-12-01" in browser.get("/listing/parents_marriage").text


def test_every_faulty_row_is_named_and_nothing_of_the_file_is_taken_over(pages: Pages) -> None:
    browser = pages.by(CENTRE)
    text = write_sheet(COLUMNS, export_rows([listing_line()]), "x", "csv").decode("utf-8-sig")
    faulty = text.replace("30", "三十")

    looked = upload(browser, "/listing", faulty.encode())
    odd = upload(browser, "/listing", b"PK\x03\x04 no workbook")
    empty = upload(browser, "/listing", b"")
    large = upload(browser, "/listing", b"x" * 700_000)

    assert looked.status == 422
    assert "第 2 行" in looked.text
    assert "整个文件不能生效" in looked.text
    assert "确认生效" not in looked.text
    assert (odd.status, empty.status, large.status) == (422, 422, 422)
    assert "请选择一个 .xlsx 或 CSV 文件。" in empty.text
    assert "600 KB" in large.text


def listing_line() -> Any:
    """A line that can be written out."""
    return next(one for one in listing() if one.code == "father_child_relation")


def test_a_file_that_was_tampered_with_between_the_steps_is_refused(pages: Pages) -> None:
    browser = pages.by(CENTRE)
    token = browser.get("/listing").hidden("/logout", "csrf_token")

    refused = browser.post("/listing/application", content="***", csrf_token=token)

    assert refused.status == 422
    assert "请重新选择" in refused.text


def test_only_the_data_centre_takes_files_over_and_only_from_its_own_page(pages: Pages) -> None:
    for account in ("bank-1", "civil-chief", "caseworker-1", "auditor-1"):
        for where in ("/listing", "/rosters"):
            browser = pages.by(account)
            csrf = browser.get("/listing").hidden("/logout", "csrf_token")
            for act in ("preview", "application"):
                assert browser.post(f"{where}/{act}", csrf_token=csrf).status == 403
    assert pages.by(CENTRE).post("/listing/application", content="x").status == 403
    assert pages.by(CENTRE).post("/rosters/export", reason="核对").status == 403


# ── the rosters ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_roster_is_taken_over_masked_and_shown_masked(pages: Pages) -> None:
    browser = pages.by(CENTRE)

    looked = upload(browser, "/rosters", a_roster(SECRETARY, DIRECTOR))
    applied = browser.follow(browser.send(looked, "/rosters/application"))
    roster = browser.get(f"/rosters/{MINGYUE}")

    assert "尚未生效" in looked.text
    assert SECRETARY["name"] not in looked.text
    assert SECRETARY["citizen_id"] not in looked.text
    assert "已生效" in applied.text
    assert "云澜区明月社区" in applied.text
    assert "尉迟*" in roster.text
    assert "15498000001" not in roster.html


def test_whom_to_call_is_shown_with_a_reason(pages: Pages) -> None:
    browser = pages.by(CENTRE)
    browser.send(upload(browser, "/rosters", a_roster(SECRETARY)), "/rosters/application")
    page = browser.get(f"/rosters/{MINGYUE}")
    path = f"/rosters/{MINGYUE}/contacts"

    silent = browser.send(page, path, reason=" ")
    shown = browser.send(page, path, reason="核验无人答复, 电话催办")

    assert silent.status == 422
    assert SECRETARY["name"] in shown.text
    assert "15498000001" in shown.text
    auditor = pages.by("auditor-1").get(f"/rosters/{MINGYUE}")
    assert "尉迟" not in auditor.text
    assert "显示联系方式" not in auditor.text


def test_faulty_rows_of_a_roster_are_named_without_quoting_them(pages: Pages) -> None:
    browser = pages.by(CENTRE)

    looked = upload(browser, "/rosters", a_roster(SECRETARY, {**DIRECTOR, "phones": "12", "post": "村长"}))

    assert looked.status == 422
    assert looked.text.count("第 3 行") == 2
    assert "村长" not in looked.text
    assert "没有您可以查看的社区" in browser.get("/rosters").text


def test_the_rosters_are_written_out_with_a_reason(pages: Pages) -> None:
    browser = pages.by(CENTRE)
    browser.send(upload(browser, "/rosters", a_roster(SECRETARY)), "/rosters/application")
    page = browser.get("/rosters")

    silent = browser.send(page, "/rosters/export", reason="")
    written = browser.send(page, "/rosters/export", reason="年度核对花名册")

    assert silent.status == 422
    assert written.answer.content.startswith(b"PK")
    assert "attachment" in written.answer.headers["content-disposition"]


# ── the grants ──────────────────────────────────────────────────────────────────────────────────────────────────────

WANTED = {
    "source": "marriage_register",
    "purpose": "newborn",
    "reason": "办理出生一件事 <核验>",
    "valid_until": "2027-11-22",
}


def test_a_grant_is_applied_for_signed_approved_and_taken_back(pages: Pages) -> None:
    chief, centre = pages.by("civil-chief"), pages.by(CENTRE)

    applied = chief.follow(chief.send(chief.get("/grants"), "/grants", **WANTED))
    id = re.search(r'id="grant-([0-9a-f-]{36})"', applied.html)
    assert id is not None
    path = f"/grants/{id[1]}"
    unsigned = centre.get("/grants")
    signed = chief.follow(chief.send(applied, f"{path}/confidentiality"))
    approved = centre.follow(centre.send(centre.get("/grants"), f"{path}/approval"))
    silent = centre.send(approved, f"{path}/revocation", reason="")
    revoked = centre.follow(centre.send(approved, f"{path}/revocation", reason="工作结束"))
    late = centre.send(unsigned, f"{path}/refusal", reason="来晚了 <一步>")

    assert "办理出生一件事 &lt;核验&gt;" in applied.html
    assert "还不能批准" in unsigned.text
    assert f'action="{path}/approval"' not in unsigned.html
    assert "已签署保密协议" in signed.text
    assert "已批准, 即刻可以查询" in approved.text
    assert "civil-chief 申请" in approved.text
    assert silent.status == 422
    assert "终止理由: 工作结束" in revoked.text
    assert late.status == 409
    assert "来晚了 &lt;一步&gt;" in late.html
    assert chief.get(f"{path}/approval").answer.headers["location"] == "/grants"


def test_an_application_that_cannot_be_is_told_field_by_field(pages: Pages) -> None:
    chief = pages.by("civil-chief")
    page = chief.get("/grants")

    wrong = chief.send(page, "/grants", **(WANTED | {"valid_until": "2026-11-01", "reason": " "}))
    empty = chief.send(page, "/grants", source="", purpose="", reason="", valid_until="")
    never = chief.send(page, "/grants", **(WANTED | {"source": "payment_accounts", "valid_until": "2039-01-01"}))

    assert [one.status for one in (wrong, empty, never)] == [422, 422, 422]
    assert "请写明理由" in wrong.text
    assert empty.text.count("请选择要查询的数据。") == 2
    assert 'value="2039-01-01"' in never.html
    assert "请填写有效期的最后一天" in never.text


def test_each_unit_sees_its_own_grants_and_only_the_data_centre_decides(pages: Pages) -> None:
    chief, bank, auditor = pages.by("civil-chief"), pages.by("bank-1"), pages.by("auditor-1")
    applied = chief.follow(chief.send(chief.get("/grants"), "/grants", **WANTED))
    id = re.search(r'id="grant-([0-9a-f-]{36})"', applied.html)
    assert id is not None
    token = bank.get("/grants").hidden("/logout", "csrf_token")

    assert id[1] not in bank.get("/grants").html
    assert id[1] in auditor.get("/grants").html
    assert bank.post(f"/grants/{id[1]}/approval", csrf_token=token).status == 403
    assert bank.post(f"/grants/{id[1]}/confidentiality", csrf_token=token).status in {403, 404}
    assert bank.post(f"/grants/{id[1]}/approval").status == 403


def test_every_page_of_the_data_centre_is_complete_in_english(pages: Pages) -> None:
    chief, centre = pages.by("civil-chief"), pages.by(CENTRE)
    chief.send(chief.get("/grants"), "/grants", **(WANTED | {"reason": "for newborns"}))
    centre.send(upload(centre, "/rosters", a_roster(SECRETARY)), "/rosters/application")

    for browser, address in (
        (centre, "/grants?lang=en"),
        (chief, "/grants?lang=en"),
        (centre, "/rosters?lang=en"),
        (centre, f"/rosters/{MINGYUE}?lang=en"),
        (centre, "/listing?q=father&lang=en"),
        (centre, "/listing/father_child_relation?lang=en"),
    ):
        page = browser.get(address)
        # What a line of the listing says is not translated.
        said = text_of(re.sub(r"<dd>.*?</dd>", "", page.html, flags=re.DOTALL))
        left = set(re.findall(r"[\u3400-\u9fff]+", re.sub(r"[\u3400-\u9fff]+\*", "", said)))
        names = {
            "中文",
            "一",
            "优化营商环境条例",
            "国籍法",
            "居民身份证法",
            "户口登记条例",
            "云澜区明月社区",
            "明溪街道",
            "公安派出所",
            "民政部门",
        }
        assert page.status == 200
        assert left - names == set(), address

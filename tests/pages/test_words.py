"""Every Chinese word of the pages has its English, and no template says anything around the table of words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from api.pages import (
    answer_form,
    asking,
    case_acts,
    case_list,
    case_page,
    confirmations,
    explain,
    faults,
    grants,
    inbox,
    listing,
    looks,
    question,
    rendering,
    rosters,
    signing_in,
    uploads,
    watch_list,
)
from api.pages.words import ENGLISH, Say
from domain.catalogue import catalogue

TEMPLATES = sorted((rendering.FOLDER / "templates").glob("*.html"))
MODULES = sorted((rendering.FOLDER / "pages").glob("*.py"))
CHINESE = re.compile(r"[\u3400-\u9fff]")
SAID = re.compile(r"""say\(\s*(["'])(.+?)\1\s*[,)]""")
ON_THE_BRAND = {"一", "中文"}
"""The mark, and the name of the language in itself."""


def said_in_templates() -> Iterator[str]:
    for template in TEMPLATES:
        yield from (found[2] for found in SAID.finditer(template.read_text("utf-8")))


def said_in_modules() -> Iterator[str]:
    for module in MODULES:
        yield from (found[2] for found in SAID.finditer(module.read_text("utf-8")))
    yield from (seen.word for seen in looks.LOOKS.values())
    for table in (looks.ROLES, looks.ROUTES, looks.ANSWERS, looks.MEANINGS, looks.CHANGES, looks.CONFIRMS):
        yield from table.values()
    for offer in (*looks.OFFERS_TO_THE_PERSON, *(one for offers in looks.OFFERS.values() for one in offers)):
        yield from (offer.word, offer.meaning)
    yield from (*answer_form.CONFIRMED.values(), *answer_form.CONFIRMED_BY_LINK.values())
    yield from (question.REASON_FOR_VERIFYING, question.REASON_FOR_CONFIRMING)
    yield from (*confirmations.WRONG.values(), *(word for word, _ in confirmations.RESULTS.values()))
    yield from (said for _, *words in confirmations.SILENCE_RULES for said in words)
    yield from (title for _, _, title in rendering.DOORS)
    yield from (text for tab in case_list.TABS for text in (tab.title, tab.empty))
    yield from (case_list.NOT_A_NUMBER, case_list.NOT_FOUND)
    yield from (case_acts.SAY_WHY, case_acts.CHOOSE, case_acts.CONFIRM)
    yield from (case_acts.DECIDE, case_acts.LETTER, case_acts.NO_LETTER)
    yield from (case_acts.CHOOSE_PRODUCT, case_acts.RIGHT_VALUE, case_acts.AN_AMOUNT)
    for said in (inbox.EMPTY, inbox.SORTS, inbox.WRONG, answer_form.DONE, answer_form.WRONG, grants.DONE, grants.WRONG):
        yield from said.values()
    yield from (*asking.WAYS.values(), *asking.FIELDS.values(), *listing.WAYS.values())
    yield from (title for _, title in (*asking.TABS, *grants.TABS, *watch_list.TABS))
    yield from (*explain.TITLES.values(), *explain.CATEGORIES.values(), *explain.CHOICES.values())
    yield from (*explain.REGION_NAMES.values(), *explain.FIELDS.values(), *explain.RESULTS.values())
    yield from (rosters.SAY_WHY, *uploads.WRONG)
    yield from (*case_page.DONE.values(), *case_page.CONFIRMATION_DONE.values())
    yield from faults.NEXT.values()
    source = Path(signing_in.__file__).read_text("utf-8")
    yield from (
        str(keyword.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "wrong" and isinstance(keyword.value, ast.Constant) and keyword.value.value
    )


EVERYTHING_SAID = {*said_in_templates(), *said_in_modules()}


def test_everything_that_is_said_has_its_english() -> None:
    assert EVERYTHING_SAID - ENGLISH.keys() == set()


def test_no_english_is_kept_for_what_nobody_says() -> None:
    assert ENGLISH.keys() - EVERYTHING_SAID == set()


def test_every_rung_of_every_ladder_is_called_something() -> None:
    declared = {route.route for bundle in catalogue() for proof in bundle.proofs().values() for route in proof.routes}

    assert declared <= looks.ROUTES.keys()


@pytest.mark.parametrize("text", sorted(ENGLISH))
def test_the_english_is_english_and_fills_in_the_same_values(text: str) -> None:
    english = ENGLISH[text]

    assert not CHINESE.search(english)
    assert english.strip()
    assert places(english) == places(text)


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_around_the_table(template: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", template.read_text("utf-8"), flags=re.DOTALL)
    left = SAID.sub("", text)

    assert set(re.findall(r"[\u3400-\u9fff]+", left)) <= ON_THE_BRAND


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_needs_no_exception_from_the_content_security_policy(template: Path) -> None:
    text = template.read_text("utf-8")

    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:|\|\s*safe\b|https?://", text)
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []


def test_a_value_is_put_into_the_sentence_of_either_language() -> None:
    assert Say("zh")("由 {account} 认定", account="张{}") == "由 张{} 认定"
    assert Say("en")("由 {account} 认定", account="x") == "Decided by x"


def test_style_sheet_and_script_stay_small_and_call_nobody() -> None:
    style = (rendering.FOLDER / "static" / "onething.css").read_text("utf-8")
    script = (rendering.FOLDER / "static" / "onething.js").read_text("utf-8")

    assert len(style.encode()) <= 40 * 1024
    assert len(script.splitlines()) <= 300
    for text in (style, script):
        assert "http" not in text.replace("http-equiv", "")
        assert "@import" not in text
        assert "innerHTML" not in text

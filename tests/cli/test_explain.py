"""What the law says can be asked at a terminal: one question with its steps, or many lines at once."""

import json
import subprocess
from typing import Any

import pytest

from tests.cli.conftest import ONETHING, Terminal, clean_environment

PENSION: dict[str, Any] = {
    "base": 8433,
    "index": 1.05,
    "contribution": {"years": 36, "months": 7},
    "account_balance": "152340.60",
    "age": "60y2m",
    "index_before_1998": "0.9800",
    "years_before_1998": {"years": 9, "months": 1},
}
QUESTIONS: dict[str, list[dict[str, Any]]] = {
    "retirement-age": [
        {"category": "F55", "born": "1970-05"},
        {"category": "M60", "born": "1963-12"},
        {"category": "F50", "born": "1985-01", "choose": "early:36"},
    ],
    "pension-divisor": [{"age": "60y1m"}, {"age": "55y4m"}, {"age": "60y3m", "month": "2024-12"}],
    "pension": [
        PENSION,
        PENSION | {"account_balance": 0.01},
        PENSION | {"index_before_1998": 0, "years_before_1998": 0},
    ],
}


def test_a_retirement_age_is_told_with_its_steps(terminal: Terminal) -> None:
    told = terminal.onething("explain", "retirement-age", "--category", "F55", "--born", "1970-05", "--json").json()

    steps = told.pop("steps")
    assert told == {
        "category": "F55",
        "born": "1970-05",
        "delay_months": 2,
        "age": "55y2m",
        "statutory_month": "2025-07",
        "earliest_month": "2025-05",
        "latest_month": "2028-07",
        "min_contribution_months": 180,
    }
    assert {"rule", "source", "effective_from", "zh", "en", "amount", "does", "of", "unverified"} == set(steps[0])


def test_a_choice_is_added_or_refused_with_a_sentence(terminal: Terminal) -> None:
    words = ("explain", "retirement-age", "--category", "F55", "--born", "1970-05", "--json", "--choose")
    told = terminal.onething(*words, "late:6").json()
    assert (told["chosen_month"], told["chosen_age"], told["chosen_min_contribution_months"]) == (
        "2026-01",
        "55y8m",
        180,
    )
    refused = terminal.onething(*words, "early:3")
    assert (refused.code, refused.out) == (1, "")
    assert "不在可选范围 2025-05 到 2028-07" in refused.err
    assert "outside the window" in refused.err
    before = terminal.onething(
        "explain", "retirement-age", "--category", "M60", "--born", "1964-12", "--choose", "late:1"
    )
    assert before.code == 1
    assert "没有弹性退休" in before.err


def test_a_divisor_and_a_pension_are_told_to_the_cent(terminal: Terminal) -> None:
    assert terminal.onething("explain", "pension-divisor", "--age", "60y1m", "--json").json()["divisor"] == "138.4"
    said = terminal.onething("explain", "pension", "--region", "zhejiang", "--json", stdin=json.dumps(PENSION))
    assert (said.json()["sum"], said.json()["total"]) == ("6063.22", "6063.30")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("retirement-age", "--category", "F55", "--born", "1970-05"), ("法定退休年月", "2025-07", "步骤 Steps")),
        (("retirement-age", "--category", "M60", "--born", "1963-12"), ("最早可选", "—", "国发〔1978〕104号")),
        (("pension-divisor", "--age", "60y1m"), ("138.4", "【未经证实 · unverified】", "国发〔2005〕38号")),
        (("pension",), ("6063.30", "见分进角", "浙劳社老〔2006〕142号", "【未经证实 · unverified】")),
    ],
    ids=lambda value: value[0],
)
def test_people_read_results_and_steps_in_both_languages(
    terminal: Terminal, words: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    said = terminal.onething("explain", *words, stdin=json.dumps(PENSION))

    assert said.code == 0
    for text in shown:
        assert text in said.out
    assert "effective_from" not in said.out


@pytest.mark.parametrize("command", QUESTIONS)
def test_a_batch_answers_each_line_as_the_single_question(terminal: Terminal, command: str) -> None:
    asked = QUESTIONS[command]
    batch = terminal.onething("explain", command, "--batch", stdin="".join(f"{json.dumps(one)}\n" for one in asked))

    assert (batch.code, batch.err) == (0, "")
    answers = [json.loads(line) for line in batch.out.splitlines()]
    for one, answer in zip(asked, answers, strict=True):
        if command == "pension":
            alone = terminal.onething("explain", command, "--json", stdin=json.dumps(one))
        else:
            options = [word for name, value in one.items() for word in (f"--{name}", str(value))]
            alone = terminal.onething("explain", command, *options, "--json")
        assert alone.json() == answer


def test_a_wrong_line_is_named_in_its_place_and_the_others_are_answered(terminal: Terminal) -> None:
    lines = (
        '{"category":"F55","born":"1970-05"}',
        '{"category":"F56","born":"1970-05-17","day":17}',
        "",
        "category=F55",
        '{"category":"F55","born":"1970-05","born":"1970-06"}',
        '{"category":"M60","born":"1964-12","choose":"early:1"}',
        '{"category":"M60","born":"1965-01"}',
    )
    said = terminal.onething("explain", "retirement-age", "--batch", stdin="\n".join(lines))

    assert said.code == 1
    assert "4 行有误" in said.err
    first, faulty, no_json, twice, too_early, last = map(json.loads, said.out.splitlines())
    assert (first["statutory_month"], last["statutory_month"]) == ("2025-07", "2025-02")
    assert faulty["line"] == 2
    assert {(one["field"], one["rule"]) for one in faulty["error"]["errors"]} == {
        ("category", "choice"),
        ("born", "pattern"),
        ("day", "unknown"),
    }
    assert all(one["zh"] and one["en"] for one in faulty["error"]["errors"])
    assert (no_json["line"], no_json["error"]["errors"][0]["rule"]) == (4, "json")
    assert (twice["line"], twice["error"]["errors"][0]["rule"]) == (5, "duplicate_key")
    assert (too_early["error"]["code"], too_early["error"]["errors"][0]["rule"]) == (
        "retirement.choice_refused",
        "before_reform",
    )


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        (("retirement-age", "--born", "1970-05"), "", "category: is missing"),
        (("retirement-age", "--category", "F55", "--born", "1970-05-17"), "", "born: 应为出生年月"),
        (("retirement-age", "--batch", "--category", "F55"), "", "--batch"),
        (("pension-divisor", "--age", "71y"), "", "age: 应在 40y 到 70y 之间"),
        (("pension",), "{", "不是有效的 JSON"),
        (("pension",), '{"base": NaN}', "不是有效的 JSON"),
        (("pension",), json.dumps(PENSION | {"base": -1}), "base: 应大于 0"),
        (("pension",), json.dumps(PENSION | {"contribution": {"years": 36, "months": 12}}), "contribution.months: "),
        (("pension", "--region", "hubei"), json.dumps(PENSION), "region: 应为其中之一: zhejiang"),
    ],
)
def test_a_question_that_is_typed_wrongly_names_field_and_rule(
    terminal: Terminal, words: tuple[str, ...], stdin: str, told: str
) -> None:
    said = terminal.onething("explain", *words, stdin=stdin)

    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert "Traceback" not in said.err


def test_a_batch_loads_the_rules_and_nothing_that_waits_or_draws() -> None:
    loaded = subprocess.run(
        [
            ONETHING.parent / "python",
            "-c",
            "import sys; sys.argv = ['onething', 'explain', 'pension', '--batch']\n"
            "from cli.main import main\n"
            "try:\n    main()\n"
            "finally:\n    print(*sys.modules, file=sys.stderr)",
        ],
        env=clean_environment(), input=f"{json.dumps(PENSION)}\n", capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(loaded.stdout)["total"] == "6063.30"
    heavy = {"sqlalchemy", "temporalio", "fastapi", "psycopg", "httpx2", "rich", "domain.catalogue"}
    assert "domain.law.pension" in loaded.stderr.split()
    assert not heavy & set(loaded.stderr.split())

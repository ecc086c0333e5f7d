"""`onething explain`: what the law says of one person, step by step; or of ten thousand, one line each.

Nothing is asked of a service: the rules come with the program. A batch is read and answered line by line, and a line
that is wrong becomes an object that names its fault, so that the others are not lost with it.
"""

from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, padded, say, show, show_json, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from domain.law.explained import Step
    from domain.law.questions import QuestionFaulty

app = typer.Typer(no_args_is_help=True, help="法规怎么算 · What the law says, step by step.")

Batch = Annotated[
    bool,
    typer.Option("--batch", help="标准输入每行一个 JSON, 逐行答复 · One JSON object per line in, one per line out."),
]


class Answer(Protocol):
    """What the law says, ready to be written."""

    def as_text(self) -> str: ...


@app.command("retirement-age", short_help="何时退休 · When somebody may retire.")
def retirement_age(
    category: Annotated[
        str | None,
        typer.Option(help="M60 男 men · F55 女55 women of 55 · F50 女50 women of 50."),
    ] = None,
    born: Annotated[str | None, typer.Option(metavar="YYYY-MM", help="出生年月 · The month of birth.")] = None,
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="CHOICE", help="early:12 提前 earlier · late:6 延迟 later · approved:2026-03 特殊工种 special work."
        ),
    ] = None,
    batch: Batch = False,
    as_json: AsJson = False,
) -> None:
    """\b
    例 Examples:
      onething explain retirement-age --category F55 --born 1970-05
      onething explain retirement-age --category M60 --born 1969-01 --choose early:12 --json
      echo '{"category":"F50","born":"1981-01"}' | onething explain retirement-age --batch

    法定退休年龄, 可选的月份, 最低缴费年限 · The statutory age, the months to choose from, the least contribution.
    """
    from domain.law.retirement_age import SCHEDULES, answer_retirement_age

    if batch:
        _refuse_beside_batch(category, born, choose)
        _answer_lines(answer_retirement_age)
        return
    given = {"category": category, "born": born, "choose": choose}
    answer = _answered(answer_retirement_age, given)
    if as_json:
        _show_json(answer)
        return
    schedule = SCHEDULES[answer.category]
    told = answer.told()
    show(f"{schedule.zh} {told['born']} 出生 · {schedule.en}, born in {told['born']}")
    _show_results(told, without=("category", "born"))
    _show_steps(answer.steps)


@app.command("pension-divisor", short_help="计发月数 · The divisor for an age.")
def pension_divisor(
    age: Annotated[
        str | None, typer.Option(metavar="AGE", help="退休年龄, 如 60y1m · The age at retirement, such as 60y1m.")
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM", help="退休年月, 缺省按现行规定 · The month of retirement; else the newest rule."
        ),
    ] = None,
    batch: Batch = False,
    as_json: AsJson = False,
) -> None:
    """\b
    例 Examples:
      onething explain pension-divisor --age 60y1m
      echo '{"age":"55y4m"}' | onething explain pension-divisor --batch

    个人账户养老金计发月数 · The number of months over which an individual account is paid out.
    """
    from domain.law.pension_question import answer_divisor

    if batch:
        _refuse_beside_batch(age, month)
        _answer_lines(answer_divisor)
        return
    answer = _answered(answer_divisor, {"age": age, "month": month})
    if as_json:
        _show_json(answer)
        return
    _show_results(answer.told())
    _show_steps(answer.divisor.steps)


@app.command("pension", short_help="养老金 · What a pension comes to.")
def pension(
    region: Annotated[str, typer.Option(help="地区 · The region.")] = "zhejiang",
    batch: Batch = False,
    as_json: AsJson = False,
) -> None:
    """\b
    例 Examples:
      onething explain pension --region zhejiang --json < input.json
      echo '{"base":8433,"index":"1.05","contribution":{"years":36,"months":7},"account_balance":"152340.60","age":"60y2m"}' | onething explain pension

    从标准输入读一个 JSON · Reads one JSON object from standard input:
    base, index, contribution, account_balance, divisor 或 or age, index_before_1998, years_before_1998, month.
    """
    import sys

    from domain.law.pension_question import answer_pension
    from domain.law.questions import LONGEST, read_json

    def of_region(given: object) -> Any:
        return answer_pension({"region": region, **given} if isinstance(given, dict) else given)

    if batch:
        _answer_lines(of_region)
        return
    if sys.stdin.isatty():
        say("从标准输入读取 Reading from standard input ...")
    answer = _answered(lambda text: of_region(read_json(text)), sys.stdin.buffer.read(LONGEST + 1))
    if as_json:
        _show_json(answer)
        return
    _show_results(answer.told(), without=("region", "roundings"))
    _show_steps(answer.steps)


# ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _answered(answer: "Callable[[Any], Any]", given: object) -> Any:
    """The answer to one question; raises Leave with every fault."""
    from domain.law.questions import QuestionFaulty
    from domain.law.retirement_age import ChoiceRefused

    try:
        return answer(given)
    except QuestionFaulty as refused:
        # What the law does not allow was asked rightly; everything else was typed wrongly.
        code = Exit.FAILED if isinstance(refused, ChoiceRefused) else Exit.USAGE
        raise Leave(code, f"{refused.zh}\n{refused.en}") from None


def _answer_lines(answer: "Callable[[object], Answer]") -> None:
    """Answer every line of standard input; raises Leave at the end if some were wrong."""
    import sys

    from domain.law.questions import QuestionFaulty, read_json

    wrong, write = 0, sys.stdout.write
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            write(answer(read_json(line)).as_text())
        except QuestionFaulty as refused:
            wrong += 1
            write(_refusal(refused, number))
        write("\n")
    sys.stdout.flush()
    if wrong:
        raise Leave(Exit.FAILED, f"{wrong} 行有误 line(s) are faulty")


def _refusal(refused: "QuestionFaulty", line: int) -> str:
    import json

    faults = [
        {"field": one.pointer[1:].replace("/", "."), "rule": one.rule, "zh": one.zh, "en": one.en}
        for one in refused.faults
    ]
    told = {"line": line, "error": {"code": refused.code, "zh": refused.zh, "en": refused.en, "errors": faults}}
    return json.dumps(told, ensure_ascii=False)


def _refuse_beside_batch(*given: str | None) -> None:
    if any(one is not None for one in given):
        raise Leave(
            Exit.USAGE,
            "--batch 只从标准输入读取, 不要再给选项\n--batch reads standard input only; drop the other options",
        )


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = {
    "age": ("退休年龄", "age"),
    "delay_months": ("延迟月数", "delay, months"),
    "statutory_month": ("法定退休年月", "statutory month"),
    "earliest_month": ("最早可选", "earliest month"),
    "latest_month": ("最迟可选", "latest month"),
    "min_contribution_months": ("最低缴费月数", "least contribution, months"),
    "chosen_month": ("选择的年月", "chosen month"),
    "chosen_age": ("届时年龄", "age then"),
    "chosen_min_contribution_months": ("届时最低缴费月数", "least contribution then, months"),
    "divisor": ("计发月数", "divisor, months"),
    "base": ("计发基数(元)", "base, yuan"),
    "contribution_years": ("缴费年限(年)", "contributions, years"),
    "years_before_1998": ("1997年底前缴费年限(年)", "contributions to 1997, years"),
    "basic": ("基础养老金", "basic pension"),
    "account": ("个人账户养老金", "account pension"),
    "transitional": ("过渡性养老金", "transitional pension"),
    "adjustment": ("过渡性调节金", "adjustment"),
    "supplement": ("基本养老金补贴", "supplement"),
    "sum": ("合计", "sum"),
    "total": ("月养老金(元)", "paid a month, yuan"),
}
"""Every result as a person reads it."""


def _show_json(answer: Any) -> None:
    import json

    show_json(json.loads(answer.as_text()))


def _show_results(told: "dict[str, object]", without: "Sequence[str]" = ()) -> None:
    rows = [(" · ".join(NAMES[name]), value) for name, value in told.items() if name not in without]
    room = max(width(name) for name, _ in rows)
    show(*(f"  {padded(name, room)}  {'—' if value is None else value}" for name, value in rows))


def _show_steps(steps: "Iterable[Step]") -> None:
    from domain.law.explained import UNVERIFIED

    show("", "步骤 Steps")
    of = ""
    for number, step in enumerate(steps, 1):
        if step.of != of:
            of = step.of
            show(f"  {' · '.join(NAMES[of])}")
        flag = f" 【{UNVERIFIED}】" if step.unverified else ""
        room = " " * len(str(number))
        show(
            f"    {number}. {step.zh}",
            f"    {room}  {step.en}",
            f"    {room}  {step.source} · {step.effective_from} 起 on{flag}",
        )

"""`onething verify`: what a unit was asked and answers, and one proof that a unit asks for; through the public API.

Numbers of people are read from the keyboard, from standard input or from a file, and never from the command line:
that is kept by shells and shown to everybody on the machine.
"""

import hashlib
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID, uuid4

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, NoInput, Plain, deadline, moment, say, show, show_json, show_table
from cli.surroundings import As, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

app = typer.Typer(no_args_is_help=True, help="核验 · Questions to people, and one proof asked for alone.")

ANSWERS_AS: Final = "verifier"
ASKS_AS: Final = "bank"


class AnswerName(StrEnum):
    """What can be answered, spelt out here so that help needs no rules of the field; a test compares them."""

    MATCHES = "matches"
    CONTRADICTS = "contradicts"
    NO_RECORD = "no_record"
    HAND_TO_COMMUNITY = "hand_to_community"


@app.command(short_help="待办 · What the unit was asked.")
def inbox(
    of_unit: Annotated[bool, typer.Option("--unit", help="本单位待领 · Only what nobody has taken yet.")] = False,
    mine: Annotated[bool, typer.Option("--mine", help="我的 · Only what this account has.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="最多 · At most so many.")] = 50,
    as_json: AsJson = False,
    plain: Plain = False,
    account: As = ANSWERS_AS,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething verify inbox
      onething verify inbox --mine
      onething verify inbox --plain | cut -f1

    待核验的问题, 先到期的在前 · The open questions, the next due first; nobody is named.
    """
    from cli.service import Service

    if of_unit and mine:
        raise Leave(Exit.USAGE, "--unit 与 --mine 只能选一个 Choose one of --unit and --mine.")
    queue = "unit" if of_unit else "mine" if mine else "open"
    with Service.found(state, account=account) as service:
        found = service.get("/inbox", queue=queue, limit=limit).json()["verifications"]
    if as_json:
        show_json(found)
        return
    show_table(
        ("编号 id", "办件编号 case", "证明 proof", "期限 due", "承办人 owner", "状态 state"),
        (
            (
                line["id"],
                line["case_no"],
                line["title"],
                deadline(line["due"]) or "中止计时 stopped",
                line["owner"] or "",
                line["state_label"],
            )
            for line in found
        ),
        plain=plain,
        empty="没有待办 Nothing waits.",
    )


@app.command(short_help="答复 · Answer one question.")
def answer(
    verification: Annotated[UUID, typer.Argument(metavar="ID", help="编号 · As `onething verify inbox` shows it.")],
    said: Annotated[
        AnswerName, typer.Argument(metavar="ANSWER", help="matches, contradicts, no_record, hand_to_community")
    ],
    reason: Annotated[str | None, typer.Option(help="理由 · Why; needed unless it matches.")] = None,
    phone: Annotated[
        Path | None,
        typer.Option(
            "--phone",
            metavar="FILE",
            help='电话答复记录, - 为标准输入 · The call as JSON: {"spoke_with", "number", "at", "said"}.',
        ),
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            "--corrections",
            metavar="FILE",
            help='确认时的更正, - 为标准输入 · What is corrected by confirming, as JSON: {"section": {"field": …}}.',
        ),
    ] = None,
    as_json: AsJson = False,
    account: As = ANSWERS_AS,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething verify answer 0b0c6a2e-6f43-5c6e-9d5c-0b8f0a6a5f10 matches
      onething verify answer 0b0c6a2e-6f43-5c6e-9d5c-0b8f0a6a5f10 no_record --reason 档案中没有此人
      onething verify answer 0b0c6a2e-6f43-5c6e-9d5c-0b8f0a6a5f10 contradicts --reason 姓名不同 --phone call.json

    答复一项核验: 一致, 不一致, 查无此记录, 转社区核实 · Answer a question; the same answer again changes nothing.
    """
    from cli.filing import read_application_file
    from cli.service import Service

    body: dict[str, Any] = {"answer": str(said)}
    if reason is not None:
        body["reason"] = reason
    if phone is not None:
        body["phone"] = json.loads(read_application_file(phone))
    if corrections is not None:
        body["corrections"] = json.loads(read_application_file(corrections))
    content = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
    key = hashlib.sha256(f"{verification} ".encode() + content).hexdigest()
    with Service.found(state, account=account) as service:
        heard = service.post(f"/inbox/{verification}/answer", content, key=key).json()
    if as_json:
        show_json(heard)
    else:
        show(f"{heard['told']['zh']} · {heard['told']['en']}")


@app.command(short_help="单项核验 · Ask for one proof.")
def ask(
    proof: Annotated[
        str | None, typer.Option(help="证明代码 · The proof's code: onething catalogue list.", metavar="CODE")
    ] = None,
    subject_name: Annotated[str | None, typer.Option(help="当事人姓名 · The person's name.", metavar="NAME")] = None,
    other_name: Annotated[
        str | None, typer.Option(help="关系人姓名 · The other person's name, for a relation.", metavar="NAME")
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="用途 · What it is needed for.")] = None,
    statement: Annotated[str | None, typer.Option(help="待核实的事实 · What exactly is to be verified.")] = None,
    community: Annotated[str | None, typer.Option(help="社区 · The person's community, if known.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE", help="整个请求, - 为标准输入 · The whole request as JSON, as the API takes it."
        ),
    ] = None,
    no_input: NoInput = False,
    as_json: AsJson = False,
    account: As = ASKS_AS,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething verify ask --file examples/verifications/father_and_child.json
      onething verify ask --proof father_child_relation --subject-name 欧阳㭎 --other-name 欧阳知行 --purpose 存款继承
      onething verify ask --proof residence_permit --subject-name 欧阳㭎 --purpose 开户 < number

    请有关部门核验一项证明, 不必带材料 · Have one proof verified by whoever holds the fact. ID numbers are asked for, or
    read from standard input, one on each line: they are never arguments, which shells keep and everybody sees.
    """
    from cli.filing import read_application_file
    from cli.service import Service

    if file is not None:
        content = read_application_file(file)
    else:
        body = _request(proof, purpose, statement, subject_name, community, other_name, no_input=no_input)
        content = json.dumps(body, ensure_ascii=False).encode()
    with Service.found(state, account=account) as service:
        answered = service.post("/verifications", content, key=f"ask-{uuid4()}")
    told, new = answered.json(), answered.status_code == 201
    if as_json:
        show_json({**told, "new": new})
        return
    show(told["case_no"])
    say(
        "已提交 Asked; see: onething verify show " + told["case_no"]
        if new
        else "同一核验正在办理 The same question is open already; this is its case."
    )


@app.command("show", short_help="进展与结果 · How it stands, and the result.")
def show_one(
    case_no: Annotated[str, typer.Argument(metavar="CASE_NO", help="办件编号 · The case number, grouped or not.")],
    as_json: AsJson = False,
    account: As = ASKS_AS,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething verify show 339901902611230000015
      onething verify show 339901902611230000015 --json | jq .result

    核验进展: 现在由谁办理, 到何时为止, 以及结果 · Who has it now and until when, who was asked before, and the result.
    """
    from cli.service import Service

    number = case_no.replace(" ", "").replace("-", "")
    with Service.found(state, account=account) as service:
        told = service.get(f"/verifications/{number}").json()
        ended = told["state"] == "concluded"
        result = service.get(f"/verifications/{number}/result").json() if ended else None
    if as_json:
        show_json({**told, "result": result})
        return
    show(
        f"{told['case_no_grouped']}  {told['proof']['title']} {told['proof']['title_en']}",
        f"  {told['now']['zh']} · {told['now']['en']}",
        *_ladder(told),
    )
    if result is not None:
        show(*_told(result))


# ── details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _request(
    proof: str | None,
    purpose: str | None,
    statement: str | None,
    subject_name: str | None,
    community: str | None,
    other_name: str | None,
    *,
    no_input: bool,
) -> dict[str, Any]:
    given = {"--proof": proof, "--subject-name": subject_name, "--purpose": purpose}
    if missing := [name for name, value in given.items() if not value]:
        raise Leave(Exit.USAGE, f"还需要 Still needed: {' '.join(missing)}   (或 or: --file FILE)")
    body: dict[str, Any] = {"proof": proof, "purpose": purpose}
    body |= {} if statement is None else {"statement": statement}
    subject = {"name": subject_name, "citizen_id": _number("当事人公民身份号码 · The person's ID number", no_input)}
    body["subject"] = subject | ({} if community is None else {"community": community})
    if other_name is not None:
        number = _number("关系人公民身份号码 · The other person's ID number", no_input)
        body["other"] = {"name": other_name, "citizen_id": number}
    return body


def _number(title: str, no_input: bool) -> str:
    if sys.stdin.isatty() and not no_input:
        typed: str = typer.prompt(title, hide_input=True, err=True)
        return typed.strip()
    number = "" if sys.stdin.isatty() else sys.stdin.readline().strip()
    if not number:
        raise Leave(Exit.USAGE, f"{title}: 请由标准输入给出, 每行一个 Give it on standard input, one on each line.")
    return number


def _ladder(told: "Mapping[str, Any]") -> "Iterator[str]":
    for rung in told["ladder"]:
        who = rung["unit"]["title"] if rung["unit"] else f"{rung['asked']['title']} {rung['asked']['title_en']}"
        ended = rung["came_of_label"]
        came_of = f"{ended['zh']} · {ended['en']}" if ended else f"至 until {deadline(rung['due'])}".rstrip()
        yield f"    {moment(rung['opened_at'])}  {who}: {came_of}"


def _told(result: "Mapping[str, Any]") -> "Iterator[str]":
    label = result["outcome_label"]
    yield f"结果 Result: {label['zh']} · {label['en']} ({result['outcome']})"
    by = result["unit"] or result["asked"]
    if by is not None:
        yield f"  由 by {by['title']} · {moment(result['concluded_at'])}"
    yield f"  依据 basis: {result['basis']} · 有效至 valid until {result['valid_until'] or ''}".rstrip()
    if result["doubted_at"]:
        yield (
            f"  此后 {moment(result['doubted_at'])} 收到不一致的答复, 请重新核验 "
            "A later answer says otherwise: ask again before relying on this one."
        )

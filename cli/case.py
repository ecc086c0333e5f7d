"""`onething case`: start a case, look at one, and list them, through the public API."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cli.screen import AsJson, Plain, moment, say, show, show_json, show_table
from cli.surroundings import As, State

app = typer.Typer(no_args_is_help=True, help="办件 · Cases.")

ACTS_AS: Final = "desk"
CaseNo = Annotated[str, typer.Argument(metavar="CASE_NO", help="办件编号 · The case number, grouped or not.")]


@app.command(short_help="递交 · File an application.")
def start(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="申请文件, - 为标准输入 · The application; - reads standard input.")
    ],
    as_json: AsJson = False,
    account: As = ACTS_AS,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething case start examples/newborn/family.json
      onething case start - < application.json

    递交申请后立即返回 · File an application and return; `onething run` also watches it through.
    The same application again is the same case.
    """
    from cli.filing import file_application, read_application_file
    from cli.service import Service

    application = read_application_file(file)
    with Service.found(state, account=account) as service:
        filed = file_application(service, application)
    if as_json:
        show_json({**filed.told, "new": filed.new})
    else:
        show(filed.case_no)
        say("已收件 Filed." if filed.new else "此前已收件 Filed before; this is its case.")


@app.command("show", short_help="详情 · One case.")
def show_one(case_no: CaseNo, as_json: AsJson = False, account: As = ACTS_AS, state: State = None) -> None:
    """\b
    例 Examples:
      onething case show 339901012611220000015
      onething case show 339901022611230000015 --as pension

    办件详情: 事项, 在等谁, 承诺日期 · One case: its items, who is waited for, the promised dates.
    """
    from cli import telling
    from cli.service import Service

    with Service.found(state, account=account) as service:
        case = service.get(f"/cases/{_number(case_no)}").json()
    if as_json:
        show_json(case)
        return
    show(
        f"{case['case_no_grouped']}  {case['bundle']['title']} {case['bundle']['title_en']}",
        f"  {case['state_label']} {case['outcome'] or case['state']} · 收件 filed {moment(case['opened_at'])} · {case['unit']}",
        *telling.items(case),
    )
    if case["waits"]:
        show("在等 Waiting for:", *telling.waiting(case))


@app.command(short_help="经过 · What happened to it.")
def timeline(case_no: CaseNo, as_json: AsJson = False, account: As = ACTS_AS, state: State = None) -> None:
    """\b
    例 Examples:
      onething case timeline 339901012611220000015

    办件经过 · Everything that happened to one case, in order.
    """
    from cli import telling
    from cli.service import Service

    number = _number(case_no)
    with Service.found(state, account=account) as service:
        case = service.get(f"/cases/{number}").json()
        events = service.get(f"/cases/{number}/events").json()["events"]
    if as_json:
        show_json(events)
    else:
        show(*telling.timeline(case, events))


@app.command(short_help="谁的时间 · Whose time it was.")
def clock(
    case_no: CaseNo,
    as_json: AsJson = False,
    plain: Plain = False,
    account: As = ACTS_AS,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething case clock 339901012611220000015
      onething case clock 339901012611220000015 --json | jq '.shares[] | {title, seconds}'

    办件的每一秒归谁, 为什么还在等 · Whose every second was, of the case and of each item, and why it is waiting.
    """
    from cli import telling
    from cli.service import Service

    with Service.found(state, account=account) as service:
        told = service.get(f"/cases/{_number(case_no)}/clock").json()
    if as_json:
        show_json(told)
        return
    if plain:
        show(*("\t".join(row) for row in telling.clock_rows(told)))
    else:
        show(*telling.clock(told))


@app.command("list", short_help="列表 · The cases.")
def list_(
    case_state: Annotated[str | None, typer.Option("--in", metavar="STATE", help="open, concluded, withdrawn")] = None,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="超过承诺时限 · With an item past its promised date.")
    ] = False,
    in_hand: Annotated[
        bool, typer.Option("--in-hand", help="待经办人 · With something that waits for a caseworker.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="最多 · At most so many.")] = 50,
    as_json: AsJson = False,
    plain: Plain = False,
    account: As = ACTS_AS,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething case list
      onething case list --in open --overdue
      onething case list --as pension --plain | cut -f1

    办件列表, 最新的在前 · The cases that the account may see, newest first.
    """
    from cli.service import Service

    asked = {"state": case_state, "overdue": overdue or None, "in_hand": in_hand or None, "limit": limit}
    query = {name: str(value).lower() for name, value in asked.items() if value is not None}
    with Service.found(state, account=account) as service:
        cases = service.get("/cases", **query).json()["cases"]
    if as_json:
        show_json(cases)
        return
    show_table(
        ("办件编号 case", "一件事 bundle", "状态 state", "事项 items", "收件 filed", "在等 waits for"),
        (
            (
                case["case_no"],
                case["bundle"]["title"],
                case["state_label"],
                f"{case['items_concluded']}/{case['items_in_play']}",
                moment(case["opened_at"]),
                " ".join(case["waits_for"]),
            )
            for case in cases
        ),
        plain=plain,
        empty="没有办件 No cases. 办一件 File one: onething run examples/newborn/family.json",
    )


def _number(typed: str) -> str:
    """As the API's addresses spell it: digits only."""
    return typed.replace(" ", "").replace("-", "")

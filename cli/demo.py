"""`onething demo`: everything on this machine, from PostgreSQL to the counter, until Ctrl-C."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.leaving import Exit, Leave
from cli.screen import padded, say, show
from cli.surroundings import NO_DEMONSTRATION, State, running_stack

if TYPE_CHECKING:
    from demo.running import Running

LOOKS_EVERY_SECONDS = 0.5


def demo(
    reset: Annotated[
        bool, typer.Option("--reset", help="清空数据重新开始 · Erase what is kept and begin afresh.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="端口 · The API's port; 0: any.", show_default="8000, or the next free one"
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=8, help="办理进程数 · Worker processes; each relays as well.")] = 1,
    relays: Annotated[int, typer.Option(min=0, max=8, help="另加传达进程数 · Further processes that only relay.")] = 0,
    apis: Annotated[int, typer.Option(min=1, max=8, help="接口进程数 · API processes, on ports in a row.")] = 1,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething demo
      onething demo --reset --port 9000
      onething demo --workers 2 --relays 2 --apis 2

    在本机启动全部 · Start everything on this machine: PostgreSQL, Temporal, the simulated city, workers, API.

    无需 Docker, 也无需 root · No Docker, no root. Ctrl-C stops in order and keeps the data. Where it runs already,
    this says so and shows the addresses.
    """
    from cli.embedded import AskedToStop, may_be_stopped, new_stack, start, stop

    try:
        from demo.running import default_state
    except ModuleNotFoundError:
        raise Leave(Exit.UNAVAILABLE, NO_DEMONSTRATION) from None
    where = state or default_state()
    found = running_stack(where)
    if found is not None:
        _attach(found, reset=reset, port=port)
        return
    if reset:
        from demo.stack import erase

        erase(where)
        say(f"已清空 Erased: {where}")
    stack = new_stack(where, port=port, workers=workers, relays=relays, apis=apis)
    say(f"启动 Starting in {where.resolve()}")
    try:
        with may_be_stopped():
            try:
                took = start(stack)
                show_doors(stack.running)
                say("", f"就绪 Ready in {took:.1f} s. Ctrl-C 停止 stops it and keeps the data.")
                while True:
                    stack.must_be_running()
                    time.sleep(LOOKS_EVERY_SECONDS)
            finally:
                stop(stack)
    except AskedToStop:
        return


def show_doors(stack: "Running") -> None:
    """The addresses, and who may sign in."""
    from demo.accounts import ACCOUNTS

    # The first line names what most people open first.
    pages = [("页面与接口 pages, API", url) for url in stack.api_urls]
    show(
        "",
        *(f"  {padded(title, 26)} {url}" for title, url in pages),
        *(
            [f"  {padded('接口文档 API reference', 26)} {stack.api_urls[0]}/api/v1/openapi.json"]
            if stack.api_urls
            else []
        ),
        *([f"  {padded('Temporal', 26)} {stack.temporal_ui_url}"] if stack.temporal_ui_url else []),
        f"  {padded('数据共享平台 registers', 26)} {stack.shared_data_url}",
        f"  {padded('部门系统 departments', 26)} {stack.departments_url}",
        "",
        f"  {padded('账号 account', 18)} {padded('密码 password', 20)} 角色 role",
        *(
            f"  {padded(one.account, 18)} {padded(one.password or '(令牌 token)', 20)} {one.title} · {one.title_en}"
            for one in ACCOUNTS
        ),
        "  各区县民政局 civil affairs elsewhere: registrar-339902 … registrar-339909, 密码规则相同 passwords by the same rule",
        f"  令牌 tokens: {_shortly(stack.state / 'tokens')}/<account>",
        "",
        "  onething run examples/newborn/family.json",
        f'  curl -H "Authorization: Bearer $(cat {_shortly(stack.state / "tokens" / "desk")})"'
        f" {stack.api_urls[0] if stack.api_urls else ''}/api/v1/cases",
    )


def _attach(found: "Running", *, reset: bool, port: int | None) -> None:
    if reset:
        raise Leave(
            Exit.CONFLICT,
            f"演示正在运行(进程 {found.pid}), 未清空 It runs (process {found.pid}); nothing was erased."
            " 先按 Ctrl-C 停止 Stop it first with Ctrl-C.",
        )
    say(f"演示已在运行(进程 {found.pid}), 直接使用 It runs already (process {found.pid}); here are its addresses.")
    if port not in {None, 0} and not any(url.endswith(f":{port}") for url in found.api_urls):
        say(f"--port {port} 未生效 has no effect: 先停止 stop it first.")
    show_doors(found)


def _shortly(path: Path) -> Path:
    """Relative to where one stands, if it is below."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path

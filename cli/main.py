"""The door of the `onething` command: which commands there are, and how each of them ends.

A command's module imports what it needs inside the command, so that asking for help takes no time.
"""

import os
import sys
from typing import Annotated, NoReturn

import typer

from cli import (
    account,
    bench,
    bundle,
    case,
    config,
    db,
    demo,
    doctor,
    events,
    explain,
    grant,
    listing,
    notice,
    people,
    processes,
    retire,
    roster,
    run,
    vault,
    verify,
)
from cli.leaving import Exit, explained
from cli.screen import say

app = typer.Typer(
    name="onething",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def onething(
    version: Annotated[bool, typer.Option("--version", help="版本 · The version.", is_eager=True)] = False,
) -> None:
    """\b
    例 Examples:
      onething demo                                  在本机启动全部 · everything on this machine
      onething run examples/newborn/family.json      办一件事, 看它办完 · file one application, watch it through
      onething case list                             办件 · the cases
      onething explain retirement-age --category F55 --born 1970-05   何时退休 · when to retire
      onething doctor                                哪里不对, 怎么修 · what is wrong, and what mends it

    一件事: 一次告知, 一张表单, 多部门联办 · One life event, one declaration, many departments.

    \b
    退出码 Exit codes:
      0 ok · 1 failed · 2 usage · 3 not found · 4 conflict · 5 unavailable
    """
    if version:
        from importlib.metadata import version as version_of

        print(f"onething {version_of('onething')}")
        raise typer.Exit


app.command("demo", short_help="在本机启动全部 · Everything on this machine.")(demo.demo)
app.command("run", short_help="办一件事, 看它办完 · File one application and watch it through.")(run.run)
app.command("doctor", short_help="哪里不对, 怎么修 · What is wrong, and what mends it.")(doctor.doctor)
app.add_typer(case.app, name="case")
app.add_typer(verify.app, name="verify")
app.add_typer(bundle.app, name="bundle")
app.add_typer(explain.app, name="explain")
app.add_typer(retire.app, name="retire")
app.add_typer(events.app, name="events")
app.add_typer(account.app, name="account")
app.add_typer(grant.app, name="grant")
app.add_typer(roster.app, name="roster")
app.add_typer(notice.app, name="notice")
app.add_typer(listing.app, name="catalogue")
app.add_typer(people.app, name="people")
app.add_typer(vault.app, name="vault")
app.add_typer(db.app, name="db")
app.add_typer(config.app, name="config")
app.add_typer(bench.app, name="bench")
app.command("serve", short_help="接口进程 · The API process.")(processes.serve)
app.command("worker", short_help="办理与传达进程 · The worker and relay process.")(processes.worker)


def main() -> NoReturn:
    """Run the command that was typed, and leave with its number."""
    try:
        app(prog_name="onething")
    except BrokenPipeError:
        # Whoever read our output has heard enough; Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
    except Exception as fault:
        end = explained(fault)
        if end is None:
            raise
        if end.sentence:
            say(end.sentence)
        sys.exit(end.code)
    sys.exit(Exit.OK)


if __name__ == "__main__":
    main()

"""`onething catalogue`: the listing of proofs (证明事项清单), taken over from a file, compared and written out."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.screen import AsJson, Plain, show_json, show_table
from cli.sheets import Apply, Encoding, EncodingName, File, Format, Out, read_file, tell, write_file
from cli.surroundings import State, adopt, open_database

if TYPE_CHECKING:
    from domain.listing import ListedProof

app = typer.Typer(no_args_is_help=True, help="证明事项清单 · The listing of proofs.")

Whole = Annotated[
    bool,
    typer.Option("--whole", help="文件即全部清单 · The file is the whole listing: what it does not name leaves today."),
]


@app.command("list", short_help="现行清单 · The listing in force.")
def list_(
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="某日 · On this day.")] = None,
    as_json: AsJson = False,
    plain: Plain = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething catalogue list
      onething catalogue list --on 2018-06-01        当日的清单 · as it was on that day

    哪些证明可以要求、如何办理 · What may be asked, and how each proof is settled instead.
    """
    adopt(state)
    from domain.departments import DEPARTMENTS
    from domain.listing import ROUTES
    from domain.time_limits import in_shanghai
    from store.listing import counted, listed

    day = in_shanghai(datetime.now(UTC)).date() if on is None else on.date()
    with open_database() as database, database.reading() as connection:
        lines = listed(connection, day).values()
    if as_json:
        show_json({"on": day.isoformat(), "counts": counted(lines), "proofs": [_as_json(line) for line in lines]})
        return
    show_table(
        ("代码 code", "名称 title", "办理方式 route", "开具 issued by", "生效 from", "年办件 a year"),
        (
            (
                line.code,
                line.title,
                ROUTES[line.route][0],
                DEPARTMENTS[line.issued_by].title,
                line.effective_from.isoformat(),
                str(line.yearly_volume),
            )
            for line in lines
        ),
        plain=plain,
        empty="清单为空 The listing is empty: onething catalogue import FILE",
    )


@app.command("import", short_help="导入清单 · Take a file over.")
def import_(
    file: File,
    apply: Apply = False,
    whole: Whole = False,
    although_bundles_stop: Annotated[
        bool,
        typer.Option(
            "--although-bundles-stop",
            help="确要如此: 一件事因此停止受理 · It is meant that life events cannot be filed any more.",
        ),
    ] = False,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething catalogue import batch-5.xlsx                 只检查 · only look
      onething catalogue import batch-5.xlsx --apply         写入 · take it over
      onething catalogue import listing.csv --whole --apply  全部清单 · the whole listing

    导入证明事项清单 · All of the file or nothing; the same file again changes nothing. What is in force already is not
    rewritten: a line is followed by another with a later day. A file that cancels what a life event demands closes its
    intake: that is told, and has to be meant.
    """
    adopt(state)
    from domain.actors import Actor
    from domain.catalogue import catalogue
    from domain.listing import read_listing
    from store import listing

    read = read_listing(read_file(file))
    at = datetime.now(UTC)
    with open_database() as database, database.begin() as connection:
        told = listing.compare(connection, read, _day(at), whole=whole, demanded_by=catalogue())
        unmeant = bool(told.stops) and not although_bundles_stop
        if apply and not told.faults and not unmeant:
            told = listing.apply(
                connection,
                read,
                Actor(account="operator", unit="operator"),
                at,
                whole=whole,
                demanded_by=catalogue(),
                although_bundles_stop=although_bundles_stop,
            )
    tell(told, as_json=as_json, applied=apply, entries=False, unmeant=unmeant)


@app.command(short_help="比对差异 · What a file would change.")
def diff(file: File, whole: Whole = False, as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething catalogue diff batch-5.xlsx
      onething catalogue diff listing.csv --whole --json

    逐项列出新增、离开、变更 · Entry by entry what joins, leaves and changes; nothing is written.
    """
    adopt(state)
    from domain.catalogue import catalogue
    from domain.listing import read_listing
    from store import listing

    read = read_listing(read_file(file))
    with open_database() as database, database.reading() as connection:
        told = listing.compare(connection, read, _day(datetime.now(UTC)), whole=whole, demanded_by=catalogue())
    tell(told, as_json=as_json, applied=False, entries=True)


@app.command(short_help="导出清单 · Write the listing out.")
def export(
    out: Out = None,
    format: Format = None,
    encoding: Encoding = EncodingName.UTF_8_SIG,
    past: Annotated[bool, typer.Option("--past", help="含已失效 · With lines that are in force no more.")] = False,
    state: State = None,
) -> None:
    """\b
    例 Examples:
      onething catalogue export --out listing.xlsx
      onething catalogue export --format csv --encoding gb18030 > listing.csv

    导出现行与将生效的清单 · What is in force or will be; the file can be imported again.
    """
    adopt(state)
    from api.workbooks import write_sheet
    from domain.listing import COLUMNS
    from store import listing

    with open_database() as database, database.reading() as connection:
        lines = listing.lines_to_export(connection, _day(datetime.now(UTC)), past=past)
    write_file(
        out,
        format,
        encoding,
        lambda kind, code: write_sheet(COLUMNS, listing.export_rows(lines), "证明事项清单", kind, code),
    )


def _day(at: datetime) -> Any:
    from domain.time_limits import in_shanghai

    return in_shanghai(at).date()


def _as_json(line: "ListedProof") -> dict[str, Any]:
    return line.model_dump(mode="json")

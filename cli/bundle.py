"""`onething bundle`: which life events are declared, what they say, whether they hold together, how they look."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.leaving import Exit, Leave
from cli.screen import AsJson, Plain, say, show, show_json, show_table
from cli.surroundings import State, adopt, open_database

if TYPE_CHECKING:
    from domain.bundle import Bundle

app = typer.Typer(no_args_is_help=True, help="一件事的声明 · The declared life events.")

Code = Annotated[str, typer.Argument(metavar="CODE", help="一件事代码 · The code of the bundle, such as newborn.")]


class Format(StrEnum):
    """How a graph is written."""

    MERMAID = "mermaid"
    SVG = "svg"


@app.command("list", short_help="现行的一件事 · The bundles in force.")
def list_(as_json: AsJson = False, plain: Plain = False) -> None:
    """\b
    例 Examples:
      onething bundle list

    现行的一件事 · The bundles in force today.
    """
    from domain.catalogue import catalogue
    from domain.departments import DEPARTMENTS

    found = catalogue().all_in_force(_today())
    if as_json:
        show_json(
            [
                {
                    "code": bundle.code,
                    "title": bundle.title,
                    "title_en": bundle.title_en,
                    "items": len(bundle.items),
                    "lead_department": bundle.lead_department,
                    "effective_from": bundle.effective_from.isoformat(),
                }
                for bundle in found
            ]
        )
        return
    show_table(
        ("代码 code", "名称 title", "English", "事项 items", "牵头 lead", "施行 from"),
        (
            (
                bundle.code,
                bundle.title,
                bundle.title_en,
                str(len(bundle.items)),
                DEPARTMENTS[bundle.lead_department].title,
                bundle.effective_from.isoformat(),
            )
            for bundle in found
        ),
        plain=plain,
        empty="没有现行的一件事 No bundle is in force.",
    )


@app.command("show", short_help="全部声明 · Everything declared about one.")
def show_one(code: Code, as_json: AsJson = False) -> None:
    """\b
    例 Examples:
      onething bundle show newborn
      onething bundle show newborn --json | jq '.items[].code'

    一件事的全部声明 · Everything that is declared about one bundle.
    """
    bundle = _in_force(code)
    if as_json:
        show_json(bundle.model_dump(mode="json"))
        return
    from cli.graph import depends_on, turns
    from domain.bundle import SharedDataQuery
    from domain.departments import DEPARTMENTS, REGISTERS
    from domain.time_limits import describe

    show(
        f"{bundle.title} · {bundle.title_en} ({bundle.code})",
        f"  依据 basis: {bundle.basis}",
        f"  牵头 lead: {DEPARTMENTS[bundle.lead_department].title} · 施行 from {bundle.effective_from}",
        "",
    )
    order = turns(bundle)
    for place, item in enumerate(bundle.items, 1):
        condition = depends_on(bundle, item)
        limits = f"承诺 promised {describe(item.promised_limit)} ({describe(item.promised_limit, 'en')})"
        if item.statutory_limit is not None:
            limits += f" · 法定 statutory {describe(item.statutory_limit)}"
        show(
            f"{place}. {item.title} · {item.title_en} ({item.code})" + (f"   [{condition}]" if condition else ""),
            f"   {DEPARTMENTS[item.department].title} · {item.basis} · {limits}",
        )
        if order[item.code]:
            before = "、".join(bundle.item(earlier).title for earlier in bundle.predecessors(item))
            show(f"   前置 after: {before}")
        for proof in item.proofs:
            routes = " → ".join(
                f"{REGISTERS[route.source].title}(数据共享)" if isinstance(route, SharedDataQuery) else "经办人认定"
                for route in proof.routes
            )
            show(f"   证明 proof: {proof.title} · {proof.title_en}: {routes}")
        if item.produces:
            show("   产出 produces: " + "、".join(product.title for product in item.produces))
    show("", "情形 circumstances: " + "、".join(one.title for one in bundle.circumstances))
    for refusal in bundle.not_eligible:
        show(f"不适用 not here: {refusal.reason}, {refusal.go_to}")


@app.command(short_help="是否自相矛盾 · Whether the declarations hold together.")
def lint(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", exists=True, dir_okay=False, help="一个声明文件 · A module that declares BUNDLE."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """\b
    例 Examples:
      onething bundle lint                              全部 · all that are shipped
      onething bundle lint domain/bundles/newborn.py    写声明时 · while writing one

    声明是否自相矛盾 · Whether the declarations hold together; names all contradictions at once, exit code 1.
    """
    from domain.catalogue import BundleContradictsItself, Catalogue, catalogue

    try:
        checked = tuple(catalogue() if file is None else Catalogue([_declared_in(file)]))
        found: dict[str, tuple[str, ...]] = {}
    except BundleContradictsItself as contradicted:
        checked, found = (), dict(contradicted.contradictions)
    if as_json:
        show_json(found)
    else:
        for code, sentences in found.items():
            for sentence in sentences:
                show(f"{code}\t{sentence}")
    if found:
        count = sum(map(len, found.values()))
        raise Leave(Exit.FAILED, f"{count} 处矛盾 contradiction(s).")
    say("没有矛盾 No contradictions: " + ", ".join(f"{bundle.code} ({bundle.effective_from})" for bundle in checked))


@app.command(short_help="是否索要清单外的证明 · Whether they demand what is not listed.")
def check(as_json: AsJson = False, state: State = None) -> None:
    """\b
    例 Examples:
      onething bundle check

    现行的一件事是否索要清单外或已取消的证明 · Whether a bundle in force demands a proof that is outside the listing, or
    cancelled: no case of it can be filed then. Names all of them at once, exit code 1.
    """
    adopt(state)
    from domain.catalogue import catalogue, demands_too_much
    from store.listing import listed

    today = _today()
    bundles = catalogue().all_in_force(today)
    with open_database() as database, database.reading() as connection:
        lines = listed(connection, today)
    found = demands_too_much(bundles, lines, today)
    if as_json:
        show_json(found)
    else:
        show(*(f"{code}\t{sentence}" for code, sentences in found.items() for sentence in sentences))
    if found:
        raise Leave(Exit.FAILED, f"{sum(map(len, found.values()))} 项不得索要 proof(s) may not be demanded.")
    if not lines:
        say(
            "证明事项清单为空, 不作限制 The listing of proofs is empty, so nothing is refused: onething catalogue import"
        )
    else:
        say("均在清单内 All are listed: " + ", ".join(bundle.code for bundle in bundles))


@app.command(short_help="先后与分工 · The order of the items, as a picture.")
def graph(
    code: Code,
    format: Annotated[Format, typer.Option("--format", help="格式 · Mermaid text, or a picture.")] = Format.MERMAID,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="写入文件 · Write to this file.")
    ] = None,
) -> None:
    """\b
    例 Examples:
      onething bundle graph newborn
      onething bundle graph newborn --format svg -o newborn.svg

    事项的先后与分工 · The order of the items and who handles them.
    """
    from cli import graph as drawing

    bundle = _in_force(code)
    drawn = drawing.svg(bundle) if format is Format.SVG else drawing.mermaid(bundle)
    if output is None:
        show(drawn.rstrip("\n"))
    else:
        output.write_text(drawn, encoding="utf-8")
        say(f"已写入 Written: {output}")


def _in_force(code: str) -> "Bundle":
    from domain.catalogue import catalogue

    return catalogue().in_force(code, _today())


def _declared_in(file: Path) -> "Bundle":
    """The BUNDLE of a module that may not be in its place yet."""
    from importlib.util import module_from_spec, spec_from_file_location

    from pydantic import ValidationError

    from domain.bundle import Bundle
    from domain.catalogue import BundleContradictsItself

    spec = spec_from_file_location(f"declared_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise Leave(Exit.USAGE, f"{file}: 不是 Python 模块 · this is no Python module")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ValidationError as wrong:
        sentences = tuple(
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in wrong.errors(include_url=False)
        )
        raise BundleContradictsItself({file.stem: sentences}) from None
    found = getattr(module, "BUNDLE", None)
    if not isinstance(found, Bundle):
        raise Leave(Exit.USAGE, f"{file}: 没有 BUNDLE · the module declares no BUNDLE")
    return found


def _today() -> "date":
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


if TYPE_CHECKING:
    from datetime import date

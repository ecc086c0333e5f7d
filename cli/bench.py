"""`onething bench …`: how much the house carries, measured on a house of its own; prints figures, asserts nothing."""

import json
from typing import Annotated, Literal

import typer

from cli.screen import say

app = typer.Typer(no_args_is_help=True, help="测量 · What the house carries, in figures.")


@app.callback()
def _bench() -> None:
    """测量 · What the house carries, in figures."""


@app.command("newborn", short_help="新生儿出生一件事 · Newborn bundles, through the public API.")
def newborn(
    count: Annotated[int, typer.Option(min=1, help="办件数 · Cases.")] = 500,
    concurrency: Annotated[int, typer.Option(min=1, help="同时在办 · Cases under way at a time (closed loop).")] = 50,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="每秒收件 · Filings a second (open loop, from the due time).")
    ] = None,
    gateways: Annotated[str, typer.Option(help="inline: 部门在进程内即时答复; http: 演示城市.")] = "inline",
    fsync: Annotated[bool, typer.Option(help="PostgreSQL 落盘 · Whether commits reach the disk.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="只输出 JSON · Nothing but JSON.")] = False,
) -> None:
    """\b
    例 Examples:
      onething bench newborn --count 1000 --concurrency 50 --json
      onething bench newborn --count 300 --rate 5 --gateways http

    新生儿出生一件事 · Newborn bundles through the public API and the real write path, all records written.
    """
    if gateways not in {"inline", "http"}:
        raise typer.BadParameter("inline, http", param_hint="--gateways")
    from bench.newborn import newborn as measure

    chosen: Literal["inline", "http"] = "inline" if gateways == "inline" else "http"
    figures = measure(count=count, concurrency=concurrency, rate=rate, gateways=chosen, fsync=fsync)
    if not as_json:
        say(f"{figures['concluded']} 件 cases, {figures['bundles_per_second']} 件/秒 bundles/s")
    print(json.dumps(figures, ensure_ascii=False, indent=None if as_json else 2))


@app.command("verifications", short_help="等待中的核验 · Open verifications: what waiting costs.")
def verifications(
    open: Annotated[int, typer.Option(min=1, help="等待答复的核验数 · How many wait.")] = 10_000,
    answers: Annotated[int, typer.Option(min=2, help="其中答复数 · How many of them are answered.")] = 500,
    idle_seconds: Annotated[float, typer.Option(min=1, help="静观秒数 · How long nothing happens.")] = 30.0,
    fsync: Annotated[bool, typer.Option(help="PostgreSQL 落盘 · Whether commits reach the disk.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="只输出 JSON · Nothing but JSON.")] = False,
) -> None:
    """\b
    例 Examples:
      onething bench verifications --open 10000 --json
      onething bench verifications --open 500 --answers 100

    等待中的核验 · What open verifications cost while nothing happens, and how long an answer takes at the API.
    """
    from bench.verifications import verifications as measure

    figures = measure(open=open, answers=min(answers, open), idle_seconds=idle_seconds, fsync=fsync)
    if not as_json:
        say(f"{figures['opened']} 项核验等待中 waiting, 答复 p95 {figures['answer_latency_ms']['p95']} ms")
    print(json.dumps(figures, ensure_ascii=False, indent=None if as_json else 2))


@app.command("scan", short_help="到龄扫描 · The nightly scan of a whole register.")
def scan(
    people: Annotated[int, typer.Option(min=100, help="参保人数 · Insured persons.")] = 1_000_000,
    kills: Annotated[int, typer.Option(min=0, help="强行中断次数 · How often it is killed.")] = 10,
    seed: Annotated[int, typer.Option(help="中断时刻的种子 · Seed of the instants.")] = 20261123,
    fsync: Annotated[bool, typer.Option(help="PostgreSQL 落盘 · Whether commits reach the disk.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="只输出 JSON · Nothing but JSON.")] = False,
) -> None:
    """\b
    例 Examples:
      onething bench scan --people 1000000 --json
      onething bench scan --people 50000 --kills 3

    到龄扫描 · A whole register read and judged: people a second, memory, statements; then killed at random instants and
    gone on with: the same list, nobody twice, nobody missed.
    """
    from bench.scan import scan as measure

    figures = measure(people=people, kills=kills, seed=seed, fsync=fsync)
    if not as_json:
        rate = figures["every_line_read_and_judged"]["people_per_second"]
        say(
            f"{rate} 人/秒 people/s, 中断 {figures['killed']['landed']} 次后名单一致 same list: {figures['killed']['same_list']}"
        )
    print(json.dumps(figures, ensure_ascii=False, indent=None if as_json else 2))

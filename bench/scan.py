"""The nightly scan over a register of any size: people a second, memory, statements; and killed again and again.

The register is a table of a PostgreSQL of its own, the list another database of the same server, and the
scan a process of its own, as it is in a city. The list is held against what the law means, which the register
works out by itself with a join: a scan that agreed only with itself would prove nothing.
"""

import json
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psycopg

from bench.insured_register import Way, make_register, meant
from bench.scan_process import Told
from demo.postgres import EmbeddedPostgres
from domain.law.months import month_text, read_month
from store.schema import upgrade

MONTH: Final = read_month("2027-03")
PAGE: Final = 5_000
"""Lines of a page; twice as many are no faster, and half as many cost a tenth."""
SMALLER: Final = 10
"""The memory is measured with a tenth of the people too."""
ENDS_WITHIN_SECONDS: Final = 1_800
APP_ROLE: Final = "onething_app"
PASSWORD: Final = "bench"

_LIST: Final = (
    "SELECT person, district, month, outcome, reasons, born, rule FROM watch_list WHERE gone_at IS NULL ORDER BY person"
)


def scan(*, people: int, kills: int, seed: int, fsync: bool) -> dict[str, Any]:
    """Read so many people in both ways, then once more killed so many times; returns the figures."""
    with (
        TemporaryDirectory(prefix="onething-bench-", dir="/var/tmp") as directory,
        EmbeddedPostgres(Path(directory) / "postgres", fsync=fsync) as server,
    ):
        house = _House(server)
        began = time.perf_counter()
        register = house.register("register", people)
        made_in = time.perf_counter() - began
        few = house.register("register_of_a_tenth", max(1, people // SMALLER))
        law = meant(register, MONTH)

        every_line, list = house.read("every_line", register)
        smaller, _ = house.read("every_line", few)
        by_month, same = house.read("by_month_of_birth", register)
        killed, after_kills = house.read_and_kill(register, kills, every_line["wall_seconds"], seed)
        found = [row[0] for row in list]
        return {
            "benchmark": "scan",
            "conditions": {
                "people": people,
                "districts": house.districts(register),
                "month": month_text(MONTH),
                "lines_of_a_page": PAGE,
                "fsync": fsync,
                "cpus": os.cpu_count(),
                "machine": platform.machine(),
                "python": platform.python_version(),
                "load_average_before": house.load,
            },
            "register_made_in_seconds": round(made_in, 1),
            "every_line_read_and_judged": _rates(every_line, people),
            "register_picks_months_of_birth": _rates(by_month, people),
            "a_tenth_of_the_people": _rates(smaller, max(1, people // SMALLER)),
            "list": {
                "people": len(list),
                "outcomes": {name: sum(row[3] == name for row in list) for name in ("due", "conflict", "excluded")},
                "as_the_law_means": found == law,
                "same_in_both_ways": list == same,
            },
            "killed": {
                **killed,
                "same_list": after_kills == list,
                "twice": len(after_kills) - len({row[0] for row in after_kills}),
                "missed": len(set(law) - {row[0] for row in after_kills}),
                "lines_counted_twice": killed["scanned"] - people,
            },
        }


@dataclass
class _House:
    """One server, with the registers and a fresh list for every reading."""

    server: EmbeddedPostgres
    lists: int = 0

    def __post_init__(self) -> None:
        self.load = round(os.getloadavg()[0], 2)

    def register(self, name: str, people: int) -> str:
        self._create(name)
        conninfo = self.server.conninfo_of(name)
        make_register(conninfo, people)
        return conninfo

    def districts(self, register: str) -> int:
        with psycopg.connect(register) as connection:
            row = connection.execute("SELECT count(DISTINCT district) FROM insured").fetchone()
        return 0 if row is None else int(row[0])

    def read(self, way: Way, register: str) -> tuple[dict[str, Any], list[Any]]:
        """One undisturbed reading, and its list."""
        name = self._new_list()
        with self._process(name, way, register) as process:
            figures = _end(process)
        rows, written = self._list(name)
        return figures | {"rows_written": written}, rows

    def read_and_kill(
        self, register: str, kills: int, undisturbed: float, seed: int
    ) -> tuple[dict[str, Any], list[Any]]:
        """One reading that is killed at so many random instants, each time begun again."""
        name, dice, landed = self._new_list(), random.Random(seed), 0
        places: list[int] = []
        for _ in range(kills):
            with self._process(name, "every_line", register) as process:
                time.sleep(dice.uniform(0, 2 * undisturbed / (kills + 1)))
                landed += process.poll() is None
                process.kill()
            places.append(self._scanned(name))
        with self._process(name, "every_line", register) as process:
            _end(process)
        told = {"kills": kills, "landed": landed, "lines_read_at_each": places, "scanned": self._scanned(name)}
        return told, self._list(name)[0]

    @contextmanager
    def _process(self, name: str, way: Way, register: str) -> Iterator["subprocess.Popen[str]"]:
        url = self.server.url_of(name, user=APP_ROLE, password=PASSWORD)
        told = Told(database_url=url, register=register, way=way, month=MONTH, page=PAGE)
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.scan_process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(asdict(told)))
            process.stdin.close()
            begun = process.stdout.readline()
            if begun.strip() != "begun":
                raise RuntimeError(f"the scan did not begin: exit code {process.wait(ENDS_WITHIN_SECONDS)}")
            yield process
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _new_list(self) -> str:
        self.lists += 1
        name = f"list_{self.lists}"
        self._create(name)
        upgrade(self.server.url_of(name), app_role=APP_ROLE, app_password=PASSWORD)
        return name

    def _create(self, name: str) -> None:
        with psycopg.connect(self.server.conninfo_of("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())

    def _list(self, name: str) -> tuple[list[Any], int]:
        """The list, and how many rows were written for it."""
        with psycopg.connect(self.server.conninfo_of(name), autocommit=True) as connection:
            rows = connection.execute(_LIST).fetchall()
            connection.execute("SELECT pg_stat_clear_snapshot()")
            written = connection.execute(
                "SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0) FROM pg_stat_user_tables"
                " WHERE relname IN ('watch_list', 'scan_findings', 'scan_runs')"
            ).fetchone()
        return rows, 0 if written is None else int(written[0])

    def _scanned(self, name: str) -> int:
        with psycopg.connect(self.server.conninfo_of(name), autocommit=True) as connection:
            row = connection.execute("SELECT coalesce(sum(scanned), 0) FROM scan_runs").fetchone()
        return 0 if row is None else int(row[0])


def _end(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    told = process.stdout.read()
    if process.wait(ENDS_WITHIN_SECONDS) != 0:
        raise RuntimeError(f"the scan ended with {process.returncode}")
    figures: dict[str, Any] = json.loads(told)
    return figures


def _rates(figures: dict[str, Any], people: int) -> dict[str, Any]:
    return {
        "people_per_second": round(people / figures["wall_seconds"]),
        "people_per_second_of_our_processor": round(people / max(figures["cpu_seconds"], 0.01)),
        **figures,
    }

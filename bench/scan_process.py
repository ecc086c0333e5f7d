"""`python -m bench.scan_process`: one process that reads a whole register, as a worker's scan does, and tells its figures.

Told everything as one JSON object on standard input. It says "begun" when it begins to read, so that whoever wants to
kill it in the middle knows when; started again, it leaves out the districts that are finished.
"""

import asyncio
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event

from activities.discovering import Discovering, Scan
from bench.insured_register import SqlInsuredRegister, Way
from demo.city.places import DIVISIONS
from domain.catalogue import catalogue
from store.cases import CaseStore
from store.database import Database
from store.keys import KeyRing
from store.vault import Vault
from store.watch_list import finished_runs

OCCASION: Final = "retirement"


@dataclass(frozen=True)
class Told:
    """What the process is to do."""

    database_url: str
    register: str
    way: Way
    month: int
    page: int


class _Statements:
    """How many statements the list's own database was sent."""

    def __init__(self, database: Database) -> None:
        self.sent = 0
        event.listen(database._engine, "before_cursor_execute", self._count)

    def _count(self, *_: Any) -> None:
        self.sent += 1


async def read_all(told: Told) -> dict[str, Any]:
    """Read every district that is not finished; returns the figures of this process."""
    database = Database(told.database_url, pool_size=2)
    # Nobody's case is opened here: the vault is never asked.
    store = CaseStore(database, Vault(KeyRing.fresh(), os.urandom(32)))
    register = SqlInsuredRegister(told.register, told.way)
    discovering = Discovering(store, register, catalogue(), lambda: datetime.now(UTC), page=told.page)
    statements = _Statements(database)
    print("begun", flush=True)
    before, cpu, began = _peak_rss_mib(), time.process_time(), time.perf_counter()
    scanned = found = pages = 0

    def count(_: object) -> None:
        nonlocal pages
        pages += 1

    for division in DIVISIONS:
        with database.reading() as connection:
            if finished_runs(connection, OCCASION, told.month, division.code):
                continue
        asked = Scan(occasion=OCCASION, district=division.code, month=told.month)
        run = await discovering.read(asked, count)
        scanned, found = scanned + run.scanned, found + run.found
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    register.close()
    database.dispose()
    return {
        "scanned": scanned,
        "found": found,
        "pages": pages,
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "statements_to_register": register.statements,
        "statements_to_list": statements.sent,
        "rss_mib_before": round(before, 1),
        "peak_rss_mib": round(_peak_rss_mib(), 1),
    }


def _peak_rss_mib() -> float:
    # Not getrusage: its peak is inherited from whoever started this process.
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    peak = next((line for line in lines if line.startswith("VmHWM")), None)
    if peak is not None:
        return int(peak.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    figures = asyncio.run(read_all(Told(**json.load(sys.stdin))))
    print(json.dumps(figures), flush=True)

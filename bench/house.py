"""What a benchmark reads off the house it drives: processor time, memory, transactions, bytes, history.

Everything is read from outside, from the kernel, PostgreSQL and Temporal, so that measuring costs
the measured nothing.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import psycopg

from demo.stack import Stack
from demo.temporal_server import find_program

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def processes_of(stack: Stack) -> Mapping[str, int]:
    """The processes of the house by name, with the id of each."""
    found = {name: stack.processes.child(name).pid for name in stack.processes.names}
    if stack.postgres is not None:
        found["postgres"] = stack.postgres.pid
    if stack.temporal is not None:
        found["temporal"] = stack.temporal.pid
    return found


@dataclass(frozen=True)
class Reading:
    """What the house has used up to now."""

    cpu_seconds: Mapping[str, float]
    write_transactions: int
    wal_bytes: int
    database_bytes: int


def read(stack: Stack) -> Reading:
    """One reading of everything."""
    with psycopg.connect(stack.superuser_conninfo, autocommit=True) as connection:
        row = connection.execute(
            # Only a transaction that writes is given an id, so ids count writing transactions.
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, "
            "(pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint, pg_database_size(current_database())"
        ).fetchone()
    assert row is not None
    cpu = {name: sum(_cpu(one) for one in _family(pid)) for name, pid in processes_of(stack).items()}
    return Reading(cpu, int(row[0]), int(row[1]), int(row[2]))


def peak_rss_mib(stack: Stack) -> Mapping[str, float]:
    """The most memory each process (with its children, each at its own peak) has had, in MiB."""
    return _memory(stack, "VmHWM")


def rss_mib(stack: Stack) -> Mapping[str, float]:
    """The memory each process (with its children; shared pages count for each) has now, in MiB."""
    return _memory(stack, "VmRSS")


def history_events(stack: Stack, case_no: str) -> int:
    """How many events Temporal keeps of one case's workflow."""
    assert stack.temporal is not None
    with psycopg.connect(stack.superuser_conninfo, autocommit=True) as connection:
        row = connection.execute("SELECT case_id FROM cases WHERE case_no = %s", (case_no,)).fetchone()
    assert row is not None
    described = subprocess.run(
        [
            str(find_program()), "workflow", "describe", "--address", stack.temporal.address,
            "--namespace", stack.environment["ONETHING_TEMPORAL_NAMESPACE"], "-w", f"case-{row[0]}", "--output", "json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(described.stdout)
    return int(found["workflowExecutionInfo"]["historyLength"])


def percentiles(latencies: list[float]) -> Mapping[str, float]:
    """p50, p95 and p99 in milliseconds."""
    if len(latencies) < 2:
        return {"p50": latencies[0] * 1000, "p95": latencies[0] * 1000, "p99": latencies[0] * 1000}
    cut = quantiles(latencies, n=100, method="inclusive")
    return {"p50": cut[49] * 1000, "p95": cut[94] * 1000, "p99": cut[98] * 1000}


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [pid, *(one for child in children.read_text().split() for one in _family(int(child)))]
    except OSError:
        return [pid]


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # Its own time, and that of children it has outlived.
    return sum(int(fields[place]) for place in (11, 12, 13, 14)) / _TICKS


def _memory(stack: Stack, line: str) -> Mapping[str, float]:
    return {name: sum(_kib(one, line) for one in _family(pid)) / 1024 for name, pid in processes_of(stack).items()}


def _kib(pid: int, wanted: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(wanted)), 0.0)

"""The whole house on one machine starts, carries cases with two of everything, survives its owner, and leaves no trace.

Real processes from beginning to end: what is promised about a killed demonstration cannot be shown with stand-ins.
"""

import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli.filing import Filed, file_application
from cli.service import Service
from demo.accounts import ACCOUNTS, department_account
from demo.city.examples import application_for
from demo.city.population import CITY
from demo.postgres import EmbeddedPostgres
from demo.processes import ServiceError, ServiceInUse, command_line_of, port_is_taken
from demo.running import Running, default_state, recorded, running
from demo.stack import Stack, erase
from domain.departments import DEPARTMENTS
from domain.scopes import Role
from tests.cli.conftest import EXAMPLES, Terminal

CASES = 20
CONCLUDED_WITHIN_SECONDS = 60.0
GONE_WITHIN_SECONDS = 20.0


@dataclass
class House:
    """A demonstration with two of everything, and the process that owns it."""

    terminal: Terminal
    owner: "subprocess.Popen[bytes]"

    @property
    def running(self) -> Running:
        """What it says about itself."""
        return self.terminal.running()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Started once for this module, as a person starts it; tests may kill it and start it again."""
    terminal = Terminal(tmp_path_factory.mktemp("house"))
    port = str(two_free_ports_in_a_row())
    owner = terminal.start_demo("--port", port, "--workers", "2", "--relays", "2", "--apis", "2")
    made = House(terminal, owner)
    yield made
    if made.owner.poll() is None:
        terminal.stop_demo(made.owner)


def two_free_ports_in_a_row() -> int:
    """The first of two."""
    for port in range(20_000 + os.getpid() % 10_000, 40_000):
        if not port_is_taken(port) and not port_is_taken(port + 1):
            return port
    raise AssertionError("no ports")


def none_is_left(pids: set[int]) -> bool:
    """Whether all of these processes end within the time."""
    until = time.monotonic() + GONE_WITHIN_SECONDS
    while any(command_line_of(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def listed(terminal: Terminal) -> list[dict[str, Any]]:
    """The cases that the desk sees."""
    said = terminal.onething("case", "list", "--json", "--limit", "100")
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = said.json()
    return found


def test_two_of_each_side_by_side_conclude_every_case_once(house: House) -> None:
    told = house.running
    assert len(told.api_urls) == 2
    assert {"worker-1", "worker-2", "relay-1", "relay-2", "api-1", "api-2"} <= set(told.processes)
    with (
        Service.at(told.api_urls[0], told.token_of("desk")) as one,
        Service.at(told.api_urls[1], told.token_of("desk")) as other,
    ):
        applications = [
            json.dumps(application_for(CITY.family(number)), ensure_ascii=False).encode() for number in range(CASES)
        ]

        def file_twice(number: int) -> tuple[Filed, Filed]:
            """The same application at both counters; each answers with the same case."""
            first, second = (one, other) if number % 2 else (other, one)
            return file_application(first, applications[number]), file_application(second, applications[number])

        with ThreadPoolExecutor(4) as counters:
            filed = list(counters.map(file_twice, range(CASES)))
        assert all(first.case_no == second.case_no for first, second in filed)
        assert all(first.new and not second.new for first, second in filed)
        numbers = {first.case_no for first, _ in filed}
        assert len(numbers) == CASES
        until = time.monotonic() + CONCLUDED_WITHIN_SECONDS
        while True:
            ended = {
                case["case_no"]: case["outcome"]
                for case in other.get("/cases", state="concluded", limit=100).json()["cases"]
            }
            if numbers <= set(ended):
                break
            assert time.monotonic() < until, f"{len(numbers - set(ended))} cases are not concluded"
            time.sleep(0.2)
        assert {ended[number] for number in numbers} == {"complete"}
    assert house.terminal.onething("events", "verify").code == 0
    assert house.terminal.onething("events", "rebuild", "--check").code == 0
    entries = ledger_of(told)
    assert {(entry["case_no"], entry["item"]) for entry in entries if entry["case_no"] in numbers} == {
        (number, item) for number in numbers for item in {entry["item"] for entry in entries}
    }
    assert all(entry["effects"] == 1 for entry in entries), "each effect once, whoever carried it"


def ledger_of(told: Running) -> list[dict[str, Any]]:
    """The departments' own books."""
    token = (told.state / "secrets" / "gateway-token").read_text("ascii").strip()
    request = urllib.request.Request(f"{told.departments_url}/ledger", headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answered:
        found: list[dict[str, Any]] = json.load(answered)
        return found


def test_secrets_are_files_of_the_owner_and_stand_in_no_command_line(house: House) -> None:
    told = house.running
    secret_files = [
        *(told.state / "secrets").iterdir(),
        *(told.state / "tokens").iterdir(),
        told.state / "postgres" / "superuser-password",
    ]
    assert len(secret_files) > 25
    secrets = {word for file in secret_files for word in file.read_text("ascii").split() if len(word) > 20}
    for file in secret_files:
        assert file.stat().st_mode & 0o077 == 0, file
    assert (told.state / "secrets").stat().st_mode & 0o077 == 0
    commands = " ".join(command for _, command in told.processes.values())
    environments = " ".join(
        Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
        for pid, _ in told.processes.values()
        if Path(f"/proc/{pid}/environ").exists()
    )
    written_down = (told.state / "running.json").read_text("utf-8")
    for secret in secrets:
        assert secret not in commands
        assert secret not in environments
        assert secret not in written_down


def test_every_role_has_an_account_and_every_department_can_call_back(house: House) -> None:
    assert {account.role for account in ACCOUNTS} == set(Role)
    for department in DEPARTMENTS:
        assert house.running.token_of(department_account(department)).startswith("ot_")
    with pytest.raises(ServiceError, match="nobody"):
        house.running.token_of("nobody")


def test_a_killed_demonstration_leaves_nothing_running_and_loses_nothing(house: House) -> None:
    terminal, told = house.terminal, house.running
    said = terminal.onething("run", EXAMPLES / "family.json", "--json")
    assert said.code == 0, said.err
    before = {case["case_no"]: case["version"] for case in listed(terminal)}
    house.owner.send_signal(signal.SIGKILL)
    house.owner.wait(10)
    assert none_is_left({pid for pid, _ in told.processes.values()})
    # Its files are still there and deceive nobody.
    assert recorded(told.state) is not None
    assert running(told.state) is None
    assert terminal.onething("case", "list").code == 5

    house.owner = terminal.start_demo("--port", told.api_urls[0].rpartition(":")[2])
    assert house.running.api_urls == told.api_urls[:1]
    assert house.running.departments_url == told.departments_url
    assert {case["case_no"]: case["version"] for case in listed(terminal)} == before
    assert terminal.onething("events", "verify").code == 0
    again = terminal.onething("run", EXAMPLES / "family.json", "--json")
    assert again.json()["case_no"] == said.json()["case_no"]


@pytest.mark.parametrize("asked", [signal.SIGINT], ids=["Ctrl-C"])
def test_ctrl_c_stops_in_order_and_keeps_the_data(house: House, asked: signal.Signals) -> None:
    told = house.running
    house.owner.send_signal(asked)
    assert house.owner.wait(60) == 0
    log = (house.terminal.directory / "demo.log").read_text("utf-8")
    assert "Stopping; the data is kept." in log
    assert "Traceback" not in log
    assert none_is_left({pid for pid, _ in told.processes.values()})
    assert not (told.state / "running.json").exists()
    assert (told.state / "postgres" / "cluster").is_dir()
    for process in ("worker-1", "api-1"):
        assert "Traceback" not in (told.state / "logs" / f"{process}.log").read_text("utf-8")


def test_a_lost_key_is_not_replaced_by_another(house: House) -> None:
    key = house.terminal.state / "secrets" / "vault-keys"
    away = key.with_name("elsewhere")
    key.rename(away)
    try:
        said = house.terminal.typed("demo", "--port", "0")
    finally:
        away.rename(key)
    assert said.code == 5
    assert "vault-keys is gone" in said.err
    assert "--reset" in said.err
    assert running(house.terminal.state) is None


def test_run_starts_a_demonstration_of_its_own_and_stops_it(house: House) -> None:
    """Also: a port that nobody asked for is taken, so the next one is used, with a sentence."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not port_is_taken(8000):
            other.bind(("127.0.0.1", 8000))
            other.listen()
        said = house.terminal.typed("run", EXAMPLES / "foreign_father.json", "--json")
    assert said.code == 0, said.err
    assert said.json()["result"] == "complete"
    assert "port 8000 is taken, so it is 80" in said.err
    assert "Stopped" in said.err
    assert running(house.terminal.state) is None
    assert not (house.terminal.state / "running.json").exists()


def test_a_reset_begins_afresh(house: House) -> None:
    state = house.terminal.state
    (state / "somebody-elses.txt").write_text("stays", encoding="ascii")
    keys = (state / "secrets" / "vault-keys").read_text("ascii")
    house.owner = house.terminal.start_demo("--reset", "--port", "0")
    assert listed(house.terminal) == []
    assert (state / "secrets" / "vault-keys").read_text("ascii") != keys
    assert ledger_of(house.running) == []
    assert (state / "somebody-elses.txt").exists()
    with pytest.raises(ServiceInUse, match="A stack runs on"):
        erase(state)


# ── the parts, without the whole ────────────────────────────────────────────────────────────────────────────────────


def test_a_port_that_was_asked_for_is_that_port_or_a_refusal(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(ServiceInUse, match=f"Port {taken} is taken"):
            next(iter(Stack(tmp_path / "one", port=taken).start()))
        # The second API would have it.
        with pytest.raises(ServiceInUse, match=f"Port {taken} is taken"):
            next(iter(Stack(tmp_path / "two", port=taken - 1, apis=2).start()))
    # A refused start lets go of its directory.
    assert running(tmp_path / "one") is None
    erase(tmp_path / "one")


def test_one_directory_has_one_owner(tmp_path: Path) -> None:
    stack = Stack(tmp_path, apis=0, workers=0, fsync=False, temporal_pages=False)
    phases = stack.start()
    first = next(phases)
    assert first.name.startswith("PostgreSQL")
    with pytest.raises(ServiceInUse, match="A stack runs on"):
        next(iter(Stack(tmp_path).start()))
    with pytest.raises(ServiceInUse, match="runs already"):
        next(iter(stack.start()))
    # Whoever looks while it starts waits for it.
    seen: list[Running | None] = []
    looking = threading.Thread(target=lambda: seen.append(running(tmp_path, within_seconds=60)))
    looking.start()
    assert [phase.seconds >= 0 for phase in phases]
    looking.join(60)
    assert seen == [stack.running]
    stack.must_be_running()
    stack.kill("departments")
    with pytest.raises(ServiceError, match="departments ended by itself"):
        stack.must_be_running()
    stack.start_again("departments")
    stack.must_be_running()
    stack.stop()
    assert running(tmp_path) is None


def test_a_start_that_is_given_up_leaves_nothing_behind(tmp_path: Path) -> None:
    stack = Stack(tmp_path, apis=0, workers=0, fsync=False)
    phases = stack.start()
    next(phases)
    assert stack.postgres is not None
    pids = {stack.postgres.pid, stack.processes.child("platform").pid}
    phases.close()
    assert none_is_left(pids)
    assert running(tmp_path) is None


def test_a_server_that_is_there_already_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedPostgres(tmp_path / "theirs", fsync=False) as theirs:
        with psycopg.connect(theirs.conninfo_of("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE empty")
            connection.execute("CREATE DATABASE shop")
        with psycopg.connect(theirs.conninfo_of("shop"), autocommit=True) as connection:
            connection.execute("CREATE TABLE orders (id int)")
        monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:7233")
        monkeypatch.setenv("DATABASE_URL", theirs.conninfo_of("shop"))
        with pytest.raises(ServiceError, match="tables of another program"):
            next(iter(Stack(tmp_path / "one", apis=0, workers=0).start()))
        monkeypatch.setenv("DATABASE_URL", theirs.conninfo_of("empty"))
        with Stack(tmp_path / "two", apis=0, workers=0) as stack:
            assert stack.environment["ONETHING_TEMPORAL_ADDRESS"] == "127.0.0.1:7233"
            assert not (tmp_path / "two" / "postgres").exists()
            assert not (tmp_path / "two" / "temporal").exists()
            with psycopg.connect(theirs.conninfo_of("empty")) as connection:
                assert connection.execute("SELECT count(*) FROM accounts").fetchone() != (0,)
            # Another directory on the same server has another password for the same role.
            with Stack(tmp_path / "three", apis=0, workers=0):
                pass


def test_a_recycled_process_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        # The kernel lets the parent go on before a new program's words can be read: for a moment they are empty.
        until = time.monotonic() + 30
        while command_line_of(bystander.pid) != "sleep 60":
            assert time.monotonic() < until
            time.sleep(0.01)
        left = Running(
            pid=1,
            started_at=datetime(2026, 11, 20, tzinfo=UTC),
            state=tmp_path,
            api_urls=(),
            temporal_ui_url=None,
            shared_data_url="",
            departments_url="",
            environment={},
            operator_environment={},
            processes={"worker-1": (bystander.pid, "python -m workers")},
        )
        (tmp_path / "running.json").write_text(left.model_dump_json(), encoding="utf-8")
        erase(tmp_path)
        assert bystander.poll() is None
        (tmp_path / "running.json").write_text(
            left.model_copy(update={"processes": {"worker-1": (bystander.pid, "sleep 60")}}).model_dump_json(),
            encoding="utf-8",
        )
        erase(tmp_path)
        assert bystander.wait(10) == -signal.SIGKILL


def test_the_directory_is_named_by_the_environment_or_is_the_usual_one() -> None:
    assert default_state({}) == Path(".onething")
    assert default_state({"ONETHING_STATE": "elsewhere"}) == Path("elsewhere")

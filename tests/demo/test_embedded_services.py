"""The embedded services do in truth what the demonstration and all other tests lean on.

Real servers, really killed: what these promise cannot be shown with stand-ins.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from demo import postgres, temporal_server
from demo.postgres import EmbeddedPostgres
from demo.processes import (
    Child,
    Processes,
    PythonProcess,
    ServiceError,
    ServiceInUse,
    ServiceMissing,
    ServiceNotReady,
    ServiceStopped,
    command_line_of,
    first_free_port,
    free_port,
    port_is_taken,
    start_child,
)
from demo.temporal_server import TemporalServer

ROOT = Path(__file__).parents[2]
GONE_WITHIN_SECONDS = 10.0


def is_gone(pid: int) -> bool:
    """Whether the process has ended; one that waits for its reaper counts as ended."""
    return not command_line_of(pid)


def wait_for(happened: Callable[[], bool], within_seconds: float = GONE_WITHIN_SECONDS) -> bool:
    until = time.monotonic() + within_seconds
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def run_owner(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that owns a service, to be killed; it prints what the test has to know."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


# ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One cluster for the tests below; each leaves it running or starts it again."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), max_connections=50)
    server.start()
    yield server
    server.stop()


def rows(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.conninfo_of("postgres")) as connection:
        found = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert found is not None
        return int(found[0])


def add_row(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.conninfo_of("postgres")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (answer integer)")
        connection.execute("INSERT INTO kept VALUES (1)")


def test_a_new_cluster_answers_in_utf8_under_our_settings(cluster: EmbeddedPostgres) -> None:
    with psycopg.connect(cluster.conninfo_of("postgres")) as connection:
        answer = connection.execute(
            "SELECT pg_encoding_to_char(encoding), current_setting('max_connections'), current_setting('fsync'),"
            " current_setting('listen_addresses'), upper('新生儿 é') FROM pg_database WHERE datname = 'postgres'"
        ).fetchone()
    assert answer == ("UTF8", "50", "on", "", "新生儿 É")


def test_a_wrong_password_does_not_get_in(cluster: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.conninfo_of("postgres", password="guessed"))


def test_only_the_owner_reaches_files_and_socket(cluster: EmbeddedPostgres) -> None:
    assert cluster.cluster.stat().st_mode & 0o777 == 0o700
    assert cluster.socket_directory.stat().st_mode & 0o777 == 0o700
    assert (cluster.directory / "superuser-password").stat().st_mode & 0o777 == 0o600


def test_committed_rows_survive_a_kill_without_anything_done_by_hand(cluster: EmbeddedPostgres) -> None:
    add_row(cluster)
    before = rows(cluster)
    cluster.kill()
    assert (cluster.cluster / "postmaster.pid").exists(), "a killed server leaves its file behind"
    phases = cluster.start()
    assert [phase.name for phase in phases] == ["start PostgreSQL"]
    assert rows(cluster) == before


def test_a_kill_with_open_sessions_is_survived_as_well(cluster: EmbeddedPostgres) -> None:
    add_row(cluster)
    before = rows(cluster)
    with psycopg.connect(cluster.conninfo_of("postgres")) as unfinished:
        unfinished.execute("INSERT INTO kept VALUES (2)")
        cluster.kill()
        cluster.start()
        with pytest.raises(psycopg.OperationalError):
            unfinished.commit()
    assert rows(cluster) == before


def test_a_stopped_cluster_leaves_no_socket_and_starts_again(cluster: EmbeddedPostgres) -> None:
    add_row(cluster)
    before = rows(cluster)
    cluster.stop()
    assert not cluster.socket_directory.exists()
    assert not (cluster.cluster / "postmaster.pid").exists()
    assert postgres.running_instance(cluster.directory) is None
    cluster.start()
    assert rows(cluster) == before


def test_a_second_start_is_refused_and_the_running_one_is_found(cluster: EmbeddedPostgres) -> None:
    with pytest.raises(ServiceInUse, match=r"Another process already runs PostgreSQL on .* has process id \d+"):
        EmbeddedPostgres(cluster.directory).start()
    running = postgres.running_instance(cluster.directory)
    assert running is not None
    assert running.pid == cluster.pid
    assert running.url == cluster.url


def test_erasing_is_refused_while_it_runs(cluster: EmbeddedPostgres) -> None:
    with pytest.raises(ServiceInUse, match="Stop it before erasing"):
        postgres.erase(cluster.directory)
    assert cluster.is_running


def test_a_pid_file_that_names_a_stranger_is_no_obstacle(cluster: EmbeddedPostgres) -> None:
    add_row(cluster)
    cluster.kill()
    pid_file = cluster.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    # As after a restart of the machine: the number now belongs to somebody who lives, here to this test.
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    cluster.start()
    assert rows(cluster) > 0


def owner_of_a_postgres(directory: Path) -> tuple[subprocess.Popen[str], int]:
    owner = run_owner(
        """
        import sys, time
        from pathlib import Path
        from demo.postgres import EmbeddedPostgres
        server = EmbeddedPostgres(Path(sys.argv[1]))
        server.start()
        print(server.pid, flush=True)
        time.sleep(600)
        """,
        directory,
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert command_line_of(pid)
    return owner, pid


def end(owner: subprocess.Popen[str]) -> None:
    owner.kill()
    owner.wait()
    if owner.stdout is not None:
        owner.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="no other kernel tells a child that its owner died")
def test_the_server_ends_by_itself_when_its_owner_is_killed(tmp_path: Path) -> None:
    owner, pid = owner_of_a_postgres(tmp_path)
    end(owner)
    assert wait_for(lambda: is_gone(pid))
    assert not (tmp_path / "cluster" / "postmaster.pid").exists(), "it ended in good order"


def test_the_next_owner_starts_at_once_where_the_last_one_was_killed(tmp_path: Path) -> None:
    owner, pid = owner_of_a_postgres(tmp_path)
    end(owner)
    with EmbeddedPostgres(tmp_path) as next_server:
        assert next_server.pid != pid
        assert wait_for(lambda: is_gone(pid))


def test_the_data_of_another_major_version_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "PG_VERSION").write_text("14\n")
    with pytest.raises(ServiceError, match=r"(?s)written by PostgreSQL 14.*onething demo --reset"):
        EmbeddedPostgres(tmp_path).start()


def test_a_setting_the_server_does_not_know_is_told_with_its_own_words(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, fsync=False, settings={"patience": "endless"})
    with pytest.raises(ServiceStopped, match="unrecognized configuration parameter"):
        server.start()
    assert not server.is_running
    server.settings.clear()
    server.start()
    server.stop()


def test_half_a_cluster_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "cluster.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(tmp_path, fsync=False) as server:
        assert server.is_running


def test_a_long_directory_still_gets_a_short_socket(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / ("long" * 30), fsync=False) as server:
        assert len(str(server.socket_directory)) < postgres.SOCKET_PATH_LIMIT_BYTES
        add_row(server)


def test_without_any_postgres_the_three_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_directories_with_programs", lambda: iter(()))
    with pytest.raises(ServiceMissing, match=r"(?s)pip install.*apt install.*DATABASE_URL"):
        postgres.find_programs()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_a_root_that_may_not_make_namespaces_runs_it_as_an_unprivileged_user() -> None:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("no setpriv on this machine")
    runs_as = postgres.as_user(setpriv, pwd.getpwnam("nobody"))
    programs = postgres.find_programs()
    reachable = subprocess.run([*runs_as.prefix, programs["postgres"], "-V"], capture_output=True, check=False)
    if reachable.returncode != 0:
        pytest.skip("the programs lie where only root may read")
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o711)
        with EmbeddedPostgres(Path(place) / "data", runs_as=runs_as, fsync=False) as server:
            assert Path(f"/proc/{server.pid}").stat().st_uid == runs_as.user_id
            add_row(server)
        # The same data, this time by the usual way.
        with EmbeddedPostgres(Path(place) / "data", fsync=False) as server:
            assert rows(server) == 1


# ── Temporal ────────────────────────────────────────────────────────────────────────────────────────────────────────


def operator(server: TemporalServer, *words: str) -> str:
    """What an operator does and reads at the command line."""
    program = str(temporal_server.find_program())
    answer = subprocess.run(
        [program, "operator", *words, "--address", server.address], capture_output=True, text=True, check=True
    )
    return answer.stdout


def retention_of(server: TemporalServer, namespace: str) -> str:
    described = json.loads(operator(server, "namespace", "describe", "--namespace", namespace, "--output", "json"))
    return str(described["config"]["workflowExecutionRetentionTtl"])


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """One server for the tests below; each leaves it running or starts it again."""
    server = TemporalServer(tmp_path_factory.mktemp("temporal"), port=free_port())
    server.start()
    yield server
    server.stop()


def test_temporal_keeps_concluded_cases_for_seven_days(temporal: TemporalServer) -> None:
    assert retention_of(temporal, "onething") == f"{7 * 24 * 3600}s"


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_temporal_keeps_its_namespaces_over_an_end(temporal: TemporalServer, ending: str) -> None:
    operator(temporal, "namespace", "create", "--namespace", f"before-{ending}", "--retention", "48h")
    getattr(temporal, ending)()
    assert not temporal.is_running
    assert [phase.name for phase in temporal.start()] == ["start Temporal", "prepare namespace"]
    assert retention_of(temporal, f"before-{ending}") == f"{48 * 3600}s"


def test_a_second_temporal_on_the_same_file_is_refused(temporal: TemporalServer) -> None:
    with pytest.raises(ServiceInUse, match="already runs Temporal"):
        TemporalServer(temporal.directory, port=free_port()).start()


def test_a_taken_port_is_told_before_anything_is_started(temporal: TemporalServer, tmp_path: Path) -> None:
    with pytest.raises(ServiceInUse, match=rf"Port {temporal.port} .* is taken"):
        TemporalServer(tmp_path, port=temporal.port).start()
    with pytest.raises(ServiceInUse, match="is taken"):
        TemporalServer(tmp_path, port=free_port(), ui_port=temporal.port).start()


def test_temporal_listens_to_this_machine_only_and_calls_nobody(temporal: TemporalServer) -> None:
    if not Path("/proc/net/tcp").exists():
        pytest.skip("needs /proc")
    own_sockets: set[str] = set()
    for descriptor in Path(f"/proc/{temporal.pid}/fd").iterdir():
        link = os.readlink(descriptor) if descriptor.is_symlink() else ""
        if link.startswith("socket:["):
            own_sockets.add(link.removeprefix("socket:[").removesuffix("]"))
    addresses: set[str] = set()
    for table, any_address in (("tcp", "00000000"), ("tcp6", "0" * 32)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in own_sockets:
                addresses.update(side.split(":")[0] for side in fields[1:3])
        addresses.discard(any_address)  # the far side of a listener; a near side would be found below
    assert addresses == {"0100007F"}, "127.0.0.1 as the kernel writes it"


def test_temporal_ends_with_its_owner(tmp_path: Path) -> None:
    port = free_port()
    owner = run_owner(
        """
        import sys, time
        from pathlib import Path
        from demo.temporal_server import TemporalServer
        server = TemporalServer(Path(sys.argv[1]), port=int(sys.argv[2]))
        server.start()
        print(server.pid, flush=True)
        time.sleep(600)
        """,
        tmp_path,
        port,
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert port_is_taken(port)
    end(owner)
    # Not waited for on purpose, as above: the next start has to find its port even so.
    with TemporalServer(tmp_path, port=port) as next_server:
        assert next_server.pid != pid
        assert wait_for(lambda: is_gone(pid))


def test_temporal_is_searched_for_in_the_order_we_say(tmp_path: Path) -> None:
    attached = temporal_server.attached({"TEMPORAL_ADDRESS": "temporal.county:7233"})
    assert attached is not None
    assert attached.address == "temporal.county:7233"
    assert temporal_server.attached({}) is None
    mine = tmp_path / "temporal"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    assert temporal_server.find_program({"TEMPORAL_BIN": str(mine)}) == mine
    with pytest.raises(ServiceMissing, match="no program that can be run"):
        temporal_server.find_program({"TEMPORAL_BIN": str(tmp_path / "absent")})
    assert temporal_server.find_program({}).name == "temporal"


# ── processes of ours ───────────────────────────────────────────────────────────────────────────────────────────────


def http_server(name: str, port: int) -> PythonProcess:
    return PythonProcess(
        name=name,
        module="http.server",
        arguments=("--bind", "127.0.0.1", str(port)),
        ready_url=f"http://127.0.0.1:{port}/",
    )


def test_processes_start_in_order_tell_their_times_and_end_together(tmp_path: Path) -> None:
    first, second = free_port(), free_port()
    with Processes(tmp_path) as processes:
        phases = processes.start_in_order(http_server("register", first), http_server("department", second))
        assert [phase.name for phase in phases] == ["register", "department"]
        assert all(phase.seconds > 0 for phase in phases)
        assert (tmp_path / "register.log").read_text()
        with pytest.raises(ServiceInUse, match="already runs"):
            processes.start(http_server("register", first))
        children = [processes.child(name) for name in processes.names]
    assert not any(child.is_running for child in children)
    assert not port_is_taken(first)


def test_a_killed_process_is_started_again_under_its_name(tmp_path: Path) -> None:
    port = free_port()
    with Processes(tmp_path) as processes:
        first = processes.start(http_server("register", port))
        first.kill()
        with pytest.raises(ServiceStopped, match="register ended by itself"):
            processes.must_be_running()
        assert processes.start(http_server("register", port)).pid != first.pid


def test_a_process_that_ends_before_it_is_ready_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, pytest.raises(ServiceStopped, match="No module named"):
        processes.start(PythonProcess("ghost", "no_such_module", ready_url="http://127.0.0.1:1/"))


def test_a_process_that_never_answers_is_given_up(tmp_path: Path) -> None:
    port = free_port()
    silent = PythonProcess(
        name="silent",
        module="timeit",
        arguments=("-n1", "import time; time.sleep(60)"),
        ready_url=f"http://127.0.0.1:{port}/",
        ready_within_seconds=0.3,
    )
    with Processes(tmp_path) as processes, pytest.raises(ServiceNotReady, match="did not answer within"):
        processes.start(silent)


def test_a_process_that_ignores_the_request_to_end_is_ended(tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = start_child("deaf", [sys.executable, "-c", script], log=tmp_path / "deaf.log")
    assert wait_for(lambda: "deaf" in child.log_of_this_run())
    assert child.stop(grace_seconds=0.2) >= 0.2
    assert child.exit_code == -signal.SIGKILL


def test_a_program_that_does_not_exist_is_told(tmp_path: Path) -> None:
    child: Child = start_child("absent", [tmp_path / "absent"], log=tmp_path / "absent.log")
    assert child.wait(GONE_WITHIN_SECONDS)
    with pytest.raises(ServiceStopped, match="could not be run: No such file"):
        child.must_be_running()


def test_only_the_main_thread_may_start_a_child(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        attempt = pool.submit(start_child, "early", ["true"], log=tmp_path / "early.log")
        with pytest.raises(RuntimeError, match="must be started by the main thread"):
            attempt.result()


def test_ports_are_seen_as_a_server_would_see_them() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        assert port_is_taken(taken)
        assert first_free_port(taken) > taken
        with pytest.raises(ServiceInUse, match="are all taken"):
            first_free_port(taken, tries=1)
    assert not port_is_taken(taken)

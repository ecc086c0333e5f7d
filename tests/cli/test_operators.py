"""What an operator asks of an installation: is it well, how is it set, who may sign in, how are keys changed."""

import base64
import json
import os
import shutil
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cli.account import RoleName
from cli.surroundings import known_settings
from domain.scopes import Role
from tests.cli.conftest import EXAMPLES, Terminal
from tests.cli.test_events import superuser


def findings(terminal: Terminal, **environment: str) -> dict[str, dict[str, Any]]:
    """What `onething doctor` found that is not in order, by what it is about."""
    said = terminal.onething("doctor", "--json", environment=environment)
    assert said.code in {0, 1}, said.err
    return {one["about"]: one for one in json.loads(said.out) if one["level"] != "ok"}


# ── doctor ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_demonstration_is_well(demonstration: Terminal) -> None:
    said = demonstration.onething("doctor")
    assert said.code == 0, said.out
    # The notice for next year's holidays may or may not be published and shipped.
    assert set(findings(demonstration)) <= {"calendar"}


def test_the_doctor_names_what_mends_each_thing(demonstration: Terminal, tmp_path: Path) -> None:
    keys = tmp_path / "vault keys"
    shutil.copy(demonstration.state / "secrets" / "vault-keys", keys)
    keys.chmod(0o644)
    with superuser(demonstration) as connection:
        connection.execute("INSERT INTO breakers VALUES ('tax', 6, now(), now() + interval '1 hour', NULL, 'http_503')")
        connection.execute("GRANT DELETE ON events TO onething_app")
        try:
            found = findings(
                demonstration,
                ONETHING_VAULT_KEYS_FILE=str(keys),
                ONETHING_LOOKUP_KEY_FILE=str(tmp_path / "none"),
                ONETHING_TEMPORAL_ADDRESS="127.0.0.1:9",
                ONETHING_SHARED_DATA_URL="http://127.0.0.1:9",
                ONETHING_API_URL="http://127.0.0.1:9",
            )
        finally:
            connection.execute("DELETE FROM breakers")
            connection.execute("REVOKE DELETE ON events FROM onething_app")
    assert found["vault keys"]["fix"] == f"chmod 600 '{keys}'"
    assert found["lookup_key_file"]["level"] == "failed"
    assert found["rights"]["fix"] == "onething db upgrade"
    assert found["temporal"]["level"] == "failed"
    assert found["shared_data"]["level"] == "warning"
    assert found["api"]["fix"] == "onething serve"
    assert "http_503" in found["breaker"]["en"]
    assert all(one["fix"] for one in found.values())


def test_the_doctor_notices_when_nobody_relays(demonstration: Terminal) -> None:
    with superuser(demonstration) as connection:
        # A row that no relay takes yet, older than any should be.
        connection.execute(
            "INSERT INTO outbox (case_id, first_version, last_version, created_at, not_before)"
            " VALUES (gen_random_uuid(), 1, 1, now() - interval '10 minutes', now() + interval '1 hour')"
        )
        try:
            found = findings(demonstration)
        finally:
            connection.execute("DELETE FROM outbox WHERE created_at < now() - interval '9 minutes'")
    assert found["outbox"]["level"] == "failed"
    assert "--only relay" in found["outbox"]["fix"]


def test_the_doctor_notices_when_people_are_not_told(demonstration: Terminal) -> None:
    with superuser(demonstration) as connection:
        # A notice that its receiver did not take, and that nobody sends again for an hour.
        connection.execute(
            "INSERT INTO notices (id, card, case_id, case_no, action, audience, unit, division, title, title_en,"
            " reminded, made_at, attempts, not_before, fault) VALUES (gen_random_uuid(), gen_random_uuid(),"
            " gen_random_uuid(), '', 'show', 'owner', 'police', '339901', '', '', 0, now() - interval '10 minutes',"
            " 9, now() + interval '1 hour', 'http_500')"
        )
        try:
            found = findings(demonstration)
        finally:
            connection.execute("DELETE FROM notices WHERE attempts = 9")
    assert found["notices"]["level"] == "warning"
    assert "ONETHING_NOTICES_URL" in found["notices"]["fix"]


def test_without_a_database_the_doctor_says_so_and_goes_on(terminal: Terminal) -> None:
    said = terminal.onething(
        "doctor", "--plain", environment={"ONETHING_DATABASE_URL": "postgresql+psycopg://a@127.0.0.1:9/b"}
    )
    assert said.code == 1
    levels = {line.split("\t")[1]: line.split("\t")[0] for line in said.out.splitlines()}
    assert levels["database"] == "failed"
    assert levels["temporal"] == "failed"
    assert "schema" not in levels


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def settings(terminal: Terminal, *words: str, **environment: str) -> dict[str, dict[str, Any]]:
    """What `onething config show` says, by name."""
    said = terminal.onething("config", "show", "--json", *words, environment=environment)
    assert said.code == 0, said.err
    return {one["name"]: one for one in said.json()}


def test_every_setting_has_a_value_an_origin_and_a_reason(terminal: Terminal) -> None:
    shown = settings(terminal)
    assert set(shown) == set(known_settings())
    assert all(one["description"] for one in shown.values())
    assert {one["origin"] for one in shown.values()} == {"default"}


def test_the_first_that_names_a_setting_wins(terminal: Terminal) -> None:
    (terminal.directory / ".env").write_text(
        "ONETHING_API_PORT=8001\nONETHING_API_HOST=0.0.0.0\nONETHING_TASK_QUEUE=from-file\n", encoding="ascii"
    )
    shown = settings(terminal, "--set", "API_PORT=8003", ONETHING_API_PORT="8002", ONETHING_API_HOST="127.0.0.2")
    assert (shown["ONETHING_API_PORT"]["value"], shown["ONETHING_API_PORT"]["origin"]) == (8003, "flag")
    assert (shown["ONETHING_API_HOST"]["value"], shown["ONETHING_API_HOST"]["origin"]) == ("127.0.0.2", "env")
    assert (shown["ONETHING_TASK_QUEUE"]["value"], shown["ONETHING_TASK_QUEUE"]["origin"]) == ("from-file", ".env")
    assert shown["ONETHING_API_URL"]["origin"] == "default"


def test_no_secret_is_shown_or_taken_from_the_command_line(terminal: Terminal) -> None:
    told = {
        "ONETHING_DATABASE_URL": "postgresql+psycopg://app:hunter2@db/onething",
        "ONETHING_TOKEN": "ot_correct-horse",
    }
    for words in (("--json",), ("--plain",), ()):
        said = terminal.onething("config", "show", *words, environment=told)
        assert "hunter2" not in said.out + said.err
        assert "correct-horse" not in said.out + said.err
        assert "app:***@db" in said.out
    said = terminal.onething("config", "show", "--set", "TOKEN=ot_correct-horse")
    assert said.code == 2
    assert "correct-horse" not in said.err
    assert terminal.onething("config", "show", "--set", "NO_SUCH=1").code == 2


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_wrong_setting_is_named_in_one_sentence(terminal: Terminal, command: str) -> None:
    told = {"ONETHING_DATABASE_URL": "postgresql+psycopg://app:hunter2@db/x", "ONETHING_RELAY_BATCH": "many"}
    said = terminal.onething(command, environment=told)
    assert said.code == 2
    assert "ONETHING_RELAY_BATCH" in said.err
    assert "hunter2" not in said.err


def test_the_demonstrations_settings_are_used_where_nobody_named_others(demonstration: Terminal) -> None:
    shown = settings(demonstration)
    assert shown["ONETHING_DATABASE_URL"]["origin"] == "demo"
    assert str(demonstration.state) in shown["ONETHING_VAULT_KEYS_FILE"]["value"]
    named = settings(demonstration, ONETHING_DATABASE_URL="postgresql+psycopg://app@db/other")
    assert named["ONETHING_DATABASE_URL"]["origin"] == "env"
    assert named["ONETHING_VAULT_KEYS_FILE"]["origin"] == "default"


# ── accounts, people, keys ──────────────────────────────────────────────────────────────────────────────────────────


def status_with(terminal: Terminal, token: str) -> int:
    """What the API says to this token."""
    request = urllib.request.Request(
        f"{terminal.running().api_urls[0]}/api/v1/cases", headers={"authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answered:
            status: int = answered.status
            return status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_an_account_is_added_and_its_token_opens_the_door_until_it_is_revoked(demonstration: Terminal) -> None:
    tried = demonstration.onething("account", "add", "night", "--role", "caseworker", "--unit", "service-centre",
                                   "--no-password", "--dry-run")  # fmt: skip
    assert tried.code == 0, tried.err
    assert "night" not in demonstration.onething("account", "list", "--plain").out
    added = demonstration.onething("account", "add", "night", "--role", "caseworker", "--unit", "service-centre",
                                   "--no-password")  # fmt: skip
    assert added.code == 0, added.err
    again = demonstration.onething("account", "add", "night", "--role", "caseworker", "--unit", "service-centre",
                                   "--no-password")  # fmt: skip
    assert again.code == 4
    token = demonstration.onething("account", "token", "night", "--label", "test").out.strip()
    assert token.startswith("ot_")
    assert status_with(demonstration, token) == 200
    assert demonstration.onething("account", "token", "night", "--label", "test", "--revoke").code == 0
    assert status_with(demonstration, token) == 401
    assert demonstration.onething("account", "token", "night", "--label", "test", "--revoke").code == 3
    assert demonstration.onething("account", "token", "nobody", "--label", "test").code == 3


def test_a_password_is_asked_for_or_read_from_a_file_never_an_option(demonstration: Terminal, tmp_path: Path) -> None:
    words = ("account", "add", "evening", "--role", "caseworker", "--unit", "service-centre")
    assert demonstration.onething(*words).code == 2
    file = tmp_path / "password"
    file.write_text("correct horse\n", encoding="utf-8")
    assert demonstration.onething(*words, "--password-file", file).code == 0


def test_the_roles_of_the_command_are_the_roles_of_the_rules() -> None:
    assert {role.value for role in RoleName} == {role.value for role in Role}


def test_a_person_is_forgotten_only_when_confirmed_and_the_chains_stay_whole(demonstration: Terminal) -> None:
    said = demonstration.onething("run", EXAMPLES / "following_father.json", "--timeout", "2", "--json")
    case_no = said.json()["case_no"]
    form = json.loads((EXAMPLES / "following_father.json").read_text(encoding="utf-8"))["application"]
    number = form["mother"]["citizen_id"]
    person = demonstration.onething("people", "forget", "--dry-run", stdin=number).out.strip()
    refused = demonstration.onething("people", "forget", stdin=number)
    assert refused.code == 2
    assert person in refused.err
    assert number not in refused.err
    assert demonstration.onething("people", "forget", "--confirm", person, stdin=number).code == 0
    assert demonstration.onething("people", "forget", "--dry-run", stdin=number).code == 3
    assert demonstration.onething("events", "verify").code == 0
    assert demonstration.onething("case", "show", case_no).code == 0


def test_the_key_of_keys_is_rotated(demonstration: Terminal, tmp_path: Path) -> None:
    ring = demonstration.state / "secrets" / "vault-keys"
    both = tmp_path / "vault-keys"
    both.touch(mode=0o600)
    both.write_text(f"k2 {base64.b64encode(os.urandom(32)).decode()}\n{ring.read_text('ascii')}", encoding="ascii")
    before = demonstration.onething("vault", "rewrap", "--json")
    assert before.json() == {"rewrapped": 0}
    assert findings(demonstration, ONETHING_VAULT_KEYS_FILE=str(both))["vault"]["fix"] == "onething vault rewrap"
    rotated = demonstration.onething("vault", "rewrap", "--json", environment={"ONETHING_VAULT_KEYS_FILE": str(both)})
    try:
        assert rotated.code == 0, rotated.err
        assert rotated.json()["rewrapped"] > 0
        assert findings(demonstration)["vault"]["level"] == "failed", "whoever lacks the new key cannot read"
    finally:
        # Back to the ring that the running processes know.
        back = tmp_path / "back"
        back.touch(mode=0o600)
        back.write_text("\n".join(reversed(both.read_text("ascii").split("\n")[:2])) + "\n", encoding="ascii")
        assert demonstration.onething("vault", "rewrap", environment={"ONETHING_VAULT_KEYS_FILE": str(back)}).code == 0


# ── the demonstration itself ────────────────────────────────────────────────────────────────────────────────────────


def test_a_second_start_attaches_and_says_so(demonstration: Terminal) -> None:
    said = demonstration.onething("demo")
    assert said.code == 0
    assert "It runs already" in said.err
    assert demonstration.running().api_urls[0] in said.out
    assert "desk-demo" in said.out


def test_what_runs_is_not_erased(demonstration: Terminal) -> None:
    said = demonstration.onething("demo", "--reset")
    assert said.code == 4
    assert "nothing was erased" in said.err
    assert demonstration.onething("events", "verify").code == 0


def test_a_taken_port_that_was_asked_for_is_named_and_nothing_is_started(terminal: Terminal) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = terminal.onething("demo", "--port", str(port))
    assert said.code == 4
    assert f"Port {port} is taken" in said.err
    assert not (terminal.state / "postgres").exists()


def test_the_schema_is_up_to_date_and_upgrading_again_changes_nothing(demonstration: Terminal) -> None:
    stands = demonstration.onething("db", "status", "--json")
    assert stands.code == 0
    assert stands.json()["up_to_date"] is True
    said = demonstration.onething("db", "upgrade")
    assert said.code == 0, said.err
    assert "Up to date" in said.err


def test_an_empty_database_needs_an_upgrade_and_gets_it(
    terminal: Terminal, empty_database_name: str, postgres: Any
) -> None:
    environment = {
        "ONETHING_DATABASE_URL": postgres.app_url(empty_database_name),
        "ONETHING_MIGRATOR_DATABASE_URL": postgres.migrator_url(empty_database_name),
    }
    before = terminal.onething("db", "status", environment=environment)
    assert before.code == 1
    assert "onething db upgrade" in before.err
    assert terminal.onething("db", "upgrade", environment=environment).code == 0
    assert terminal.onething("db", "status", environment=environment).code == 0
    # The schema's owner must be named: the application may not change tables.
    del environment["ONETHING_MIGRATOR_DATABASE_URL"]
    assert terminal.onething("db", "upgrade", environment=environment).code == 2
    with psycopg.connect(postgres.superuser_url(empty_database_name).replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)


@pytest.mark.parametrize("words", [("serve", "--port", "70000"), ("demo", "--workers", "0"), ("worker", "--only", "x")])
def test_a_wrong_call_is_told_apart_from_a_failure(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert terminal.onething(*words).code == 2

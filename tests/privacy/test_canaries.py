"""Personal data stays in the vault: families with rare names and real-looking numbers go through the whole house, and
afterwards everything that any part of it has written is searched for them.

They are filed, refused, contested, escalated, denied, corrected, withdrawn, called back about, searched for and
revealed; careless people type names and numbers wherever a text can be typed. Left out of the search are the
departments' own books, because departments are meant to know their citizens, and the one answer that is meant to show
everything.
"""

import asyncio
import base64
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import httpx2 as httpx
import psycopg
import pytest
from psycopg import sql
from temporalio.api.common.v1 import Payload

from demo.city.examples import application_for
from demo.city.people import Family, Person
from demo.city.personas import PERSONAS
from demo.city.rosters import roster_sheet
from demo.processes import free_port
from demo.stack import Stack
from demo.temporal_server import find_program
from domain.roster import COLUMNS
from store.keys import KeyRing
from workers.payloads import ENCODING, AesGcmCodec

ENDS_WITHIN_SECONDS: Final = 60.0
CHANCE_BYTES: Final = 6
ID_SHAPED: Final = re.compile(rb"(?<![0-9A-Za-z])[1-9]\d{16}[\dXx](?![0-9A-Za-z])")

NOT_TELLING: Final = frozenset({"benefit_amount_fen", "benefit_days", "vaccination_no", "household_no"})
"""Products that are found everywhere by chance: sums, days, and numbers that are the beginning of a reference."""

TYPED: Final = (
    "欧冶子渊",  # a name that is nowhere else
    "339901198506153336",
    "15412345678",
    "6217999912345678908",
)
CARELESS: Final = f"{TYPED[0]}（身份证 {TYPED[1]}，手机 {TYPED[2]}，账号 {TYPED[3]}）来电说明情况"
CARELESS_NUMBERS: Final = f"身份证 {TYPED[1]}, 手机 {TYPED[2]}, 账号 {TYPED[3]}"
"""For reasons that go to the access log: these stay readable, so that who was looked for can be accounted for."""

FAMILIES: Final = {
    "complete": PERSONAS["family_married_employee"],
    "twins": PERSONAS["family_twins"],
    "passport": PERSONAS["family_foreign_father"],
    "alone": PERSONAS["family_unmarried_following_mother"],
    "contested": PERSONAS["family_name_differs"],
    "escalated": PERSONAS["family_marriage_not_on_file"],
    "refused": PERSONAS["family_home_birth"],
    "denied": PERSONAS["family_15_digit_mother"],
    "withdrawn": PERSONAS["family_unmarried_following_father"],
}


class Recorder:
    """Speaks HTTP for any account and keeps what was asked and what was answered."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._client = httpx.Client(base_url=stack.api_url, trust_env=False, timeout=30)
        self.addresses: list[str] = []
        """Addresses of the product's own making, in answers."""
        self.answers: list[tuple[str, int, bytes]] = []
        """Every answer but those that are meant to reveal: what was asked, status, headers and body."""

    def __call__(self, account: str | None, method: str, path: str, *, shows: bool = False, **more: Any) -> Any:
        """Ask; `shows` for the one question whose answer is meant to hold personal data."""
        headers = dict(more.pop("headers", {}))
        if account is not None:
            headers["authorization"] = f"Bearer {self._stack.running.token_of(account)}"
        answered = self._client.request(method, path, headers=headers, **more)
        told = b"\n".join(b"%s: %s" % (name, value) for name, value in answered.headers.raw)
        for name in ("location", "link"):
            self.addresses += [answered.headers[name]] if name in answered.headers else []
        if not shows:
            told = told.replace(f"x-request-id: {headers.get('x-request-id')}".encode(), b"")  # the asker's own word
            self.answers.append(
                (f"{method} {answered.request.url.path[:40]}", answered.status_code, told + answered.content)
            )
        return answered

    def file(self, name: str, form: Mapping[str, Any]) -> httpx.Response:
        """Hand a form in."""
        answered: httpx.Response = self(
            "desk", "POST", "/api/v1/cases", json=form, headers={"idempotency-key": f"canary-{name}"}
        )
        return answered

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


def canaries_of(family: Family) -> Iterator[str]:
    """Everything by which somebody could know this family."""
    for person in (family.mother, family.father):
        if person is not None:
            yield from _canaries_of_person(person)
    yield from family.child_names
    for household in (family.mother_household, family.father_household):
        if household is not None:
            yield household.address
            yield household.household_head
    if family.father_name_in_household_register:
        yield family.father_name_in_household_register
    if family.marriage is not None:
        yield family.marriage.certificate_no
    if family.birth.birth_record_no:
        yield family.birth.birth_record_no
    yield family.handbook_no


def _canaries_of_person(person: Person) -> Iterator[str]:
    yield from (person.name, person.phone, person.account)
    yield from filter(None, (person.citizen_id, person.passport_no))


def _on_the_rosters() -> Iterator[str]:
    """The numbers and telephones of everybody who serves in a community; names of two characters are everywhere."""
    number, phones = (
        next(place for place, column in enumerate(COLUMNS) if column.code == code) for code in ("citizen_id", "phones")
    )
    for _, row in roster_sheet().rows[1:]:
        yield str(row[number])
        yield from str(row[phones]).split("、")


class Searched:
    """Looks for canaries in whatever spelling they could have been written down in."""

    def __init__(self, canaries: set[str]) -> None:
        self._needles: dict[bytes, str] = {}
        for canary in canaries:
            self._needles[canary.encode()] = canary
            self._needles[canary.encode().hex().encode()] = canary
            if not canary.isascii():
                # As JSON and as addresses write it.
                self._needles[json.dumps(canary)[1:-1].encode()] = canary
                self._needles["".join(f"%{byte:02X}" for byte in canary.encode()).encode()] = canary
                # Shorter ones would be found anywhere by chance.
                for spelt in (canary.encode("gb18030"), canary.encode("utf-16-le")):
                    self._needles |= {spelt: canary} if len(spelt) >= CHANCE_BYTES else {}
        self.found: list[str] = []

    def __call__(self, place: str, content: bytes) -> None:
        """Note every canary in the content."""
        self.found += [f"{place}: {canary}" for spelt, canary in self._needles.items() if spelt in content]


@pytest.fixture(scope="module")
def began() -> datetime:
    """Before anybody did anything, the house's own founders included."""
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, began: datetime) -> Iterator[Stack]:
    """A house whose every part says as much as it can."""
    environment = {"ONETHING_LOG_LEVEL": "DEBUG", "ONETHING_METRICS_PORT": str(free_port())}
    state = tmp_path_factory.mktemp("canaries")
    with Stack(state, port=0, temporal_pages=False, environment=environment) as ours:
        yield ours


def test_no_canary_leaves_the_vault(stack: Stack, began: datetime) -> None:
    with Recorder(stack) as ask:
        filed = _careless_day(stack, ask)
        revealed = _read_by_many(ask, filed)
        _mischief(ask, filed)
        accesses = _all_accesses(ask)

    canaries = {
        *TYPED,
        *(canary for family in FAMILIES.values() for canary in canaries_of(family)),
        *_on_the_rosters(),
        *_made(revealed),
    }
    searched = Searched(canaries)
    assert any(ID_SHAPED.search(body) for body in revealed.values()), "what is searched for could not be found at all"

    for place, status, told in ask.answers:
        searched(f"{status} {place}", told)
    for address in ask.addresses:
        searched("an address", address.encode())
    shaped = [
        *_searched_in_tables(stack, searched),
        *_searched_in_histories(stack, searched),
        *_searched_in_figures(stack, searched),
    ]
    stack.stop()  # everything that is still in a buffer is written now
    shaped += _searched_in_files(stack.state, searched)

    assert searched.found == []
    assert shaped == []
    _each_read_is_accounted_for(accesses, filed, began)


# ── what happens ────────────────────────────────────────────────────────────────────────────────────────────────────


def _careless_day(stack: Stack, ask: Recorder) -> dict[str, str]:
    """Every way that a case can go, with names and numbers typed wherever somebody may type; name -> case number."""
    admin = {"x-admin-token": (stack.state / "secrets" / "city-admin-token").read_text("ascii").strip()}
    faults = f"{stack.running.departments_url}/admin/faults"
    filed: dict[str, str] = {}

    def file(name: str) -> None:
        answered = ask.file(name, application_for(FAMILIES[name]))
        assert answered.status_code == 201, answered.text
        filed[name] = answered.json()["case_no"]

    def ended(*names: str) -> None:
        until = time.monotonic() + ENDS_WITHIN_SECONDS
        for name in names:
            while (case := ask("desk", "GET", f"/api/v1/cases/{filed[name]}").json())["state"] == "open":
                assert time.monotonic() < until, (name, case["waits"])
                time.sleep(0.1)

    def arrange(**fault: Any) -> None:
        httpx.post(faults, json=fault, headers=admin, trust_env=False).raise_for_status()

    file("complete")
    file("passport")
    ended("complete", "passport")

    arrange(service="public_security", fault="later", seconds=0.3)
    arrange(service="public_security", fault="duplicate_callback", params={"n": 3})
    file("twins")
    ended("twins")
    httpx.delete(faults, headers=admin, trust_env=False).raise_for_status()

    # A department that answers with an error page, and then garbage, which quote what they were sent.
    quoting = json.dumps({"error": CARELESS}, ensure_ascii=False)
    arrange(service="health", fault="raw", times=1, params={"status": 500, "body": quoting})
    arrange(service="vaccination_unit", fault="raw", times=1, params={"status": 200, "body": quoting})
    file("alone")
    ended("alone")
    httpx.delete(faults, headers=admin, trust_env=False).raise_for_status()

    for name in ("contested", "escalated"):
        file(name)
    _correct_and_settle(ask, filed["contested"], met=True)
    _answer_as_registrar(ask, filed["escalated"], "no_record")
    _correct_and_settle(ask, filed["escalated"], met=False)
    arrange(service="delivery_institution", fault="latency", seconds=3, times=1)  # so that there is time to withdraw
    file("withdrawn")
    withdrawn = filed["withdrawn"]
    _change(ask, "desk", "POST", withdrawn, f"/api/v1/cases/{withdrawn}/withdrawal", {"reason": CARELESS})
    ended("contested", "escalated", "withdrawn")

    reason = {"reason_code": "not_insured", "reason": CARELESS}
    arrange(service="healthcare_security", fault="deny", params=reason)
    file("denied")
    _answer_as_registrar(ask, filed["denied"], "contradicts")
    _correct_and_settle(ask, filed["denied"], met=True)
    ended("denied")
    httpx.delete(faults, headers=admin, trust_env=False).raise_for_status()
    return filed


def _correct_and_settle(ask: Recorder, case_no: str, *, met: bool) -> None:
    """The desk corrects the form, the caseworker decides, and both say more than they should."""
    task = _task(ask, case_no)
    changed = {"application": {"mother": {"phone": TYPED[2]}}, "reason": CARELESS}
    _change(ask, "desk", "PATCH", case_no, f"/api/v1/cases/{case_no}", changed)
    _change(ask, "caseworker", "POST", case_no, task["act"], {"met": met, "reason": CARELESS})


def _answer_as_registrar(ask: Recorder, case_no: str, said: str) -> None:
    """Civil affairs is asked about the parents, stops the clock, telephones, and writes down more than it should."""
    question = _found(
        ask,
        "registrar",
        "/api/v1/inbox",
        lambda told: next((one for one in told["verifications"] if one["case_no"] == case_no), None),
    )
    place = f"/api/v1/inbox/{question['id']}"
    assert ask("registrar", "GET", place, shows=True).status_code == 200
    call = {"spoke_with": TYPED[0], "number": TYPED[2], "at": datetime.now(UTC).isoformat(), "said": CARELESS}
    for act, body in (
        ("claim", None),
        ("suspension", {"reason": CARELESS}),
        ("resumption", None),
        ("answer", {"answer": said, "reason": CARELESS, "phone": call}),
    ):
        answered = ask(
            "registrar", "POST", f"{place}/{act}", json=body, headers={"idempotency-key": f"canary-{case_no}-{act}"}
        )
        assert answered.status_code == 200, (act, ask.answers[-1])


def _change(ask: Recorder, account: str, method: str, case_no: str, path: str, body: Mapping[str, Any]) -> None:
    """Act on the case as it stands; once more when it has moved on meanwhile, as a person would."""
    status = 412
    while status == 412:
        seen = ask("desk", "GET", f"/api/v1/cases/{case_no}").headers["etag"]
        status = ask(account, method, path, json=body, headers={"if-match": seen}).status_code
    assert status == 200, (path, ask.answers[-1])


def _task(ask: Recorder, case_no: str) -> dict[str, Any]:
    """What waits for the caseworker in this case."""
    return _found(
        ask,
        "caseworker",
        "/api/v1/tasks",
        lambda told: next((one for one in told["tasks"] if one["case_no"] == case_no), None),
    )


def _found(ask: Recorder, account: str, path: str, wanted: Callable[[Any], dict[str, Any] | None]) -> dict[str, Any]:
    """What is wanted from that page, once it is there."""
    until = time.monotonic() + ENDS_WITHIN_SECONDS
    while (found := wanted(ask(account, "GET", path).json())) is None:
        assert time.monotonic() < until, f"nothing came to the {account}"
        time.sleep(0.1)
    return found


def _read_by_many(ask: Recorder, filed: Mapping[str, str]) -> dict[str, bytes]:
    """Everybody looks, with reason; what is revealed, by the name of the case."""
    revealed: dict[str, bytes] = {}
    for name, case_no in filed.items():
        ask("desk", "GET", f"/api/v1/cases/{case_no}")
        masked = ask("desk", "GET", f"/api/v1/cases/{case_no}", params={"include": "content"}, shows=True).json()
        # Reasons in words are shown as they were typed, to those who may read the case's content.
        del masked["content"]["notes"]
        ask.answers.append((f"masked content of {name}", 200, json.dumps(masked, ensure_ascii=False).encode()))
        ask("desk", "GET", f"/api/v1/cases/{case_no}/events")
        ask("desk", "GET", f"/api/v1/cases/{case_no}/receipt")
        answered = ask("desk", "POST", f"/api/v1/cases/{case_no}/reveal", json={"reason": CARELESS_NUMBERS}, shows=True)
        assert answered.status_code == 200, answered.text
        revealed[name] = answered.content
    mother = FAMILIES["complete"].mother
    for by, value in (("citizen_id", mother.citizen_id), ("phone", mother.phone), ("name", mother.name)):
        question = {"by": by, "value": value, "reason": CARELESS_NUMBERS}
        found = ask("caseworker", "POST", "/api/v1/people/search", json=question)
        assert len(found.json()["found"]) == 1, found.text
        assert ask("auditor", "POST", "/api/v1/access-log/search", json=question).status_code == 200
    for path in ("/api/v1/cases", "/api/v1/events", "/api/v1/departments", "/metrics"):
        ask("auditor" if path.endswith("events") else "desk", "GET", path)
    return revealed


def _mischief(ask: Recorder, filed: Mapping[str, str]) -> None:
    """What has to be refused: wrong forms, wrong places, wrong people."""
    mother = FAMILIES["refused"].mother
    assert ask.file("refused", application_for(FAMILIES["refused"])).status_code == 422
    wrong = application_for(FAMILIES["refused"])
    wrong["application"]["mother"]["citizen_id"] = TYPED[1][:-1] + "X"
    wrong["application"]["mother"][mother.citizen_id] = mother.name
    wrong["application"]["mother"]["phone"] = int(mother.phone)
    assert ask.file("wrong", wrong).status_code == 422
    same_child = application_for(FAMILIES["complete"])
    same_child["application"]["mother"]["phone"] = TYPED[2]
    assert ask.file("same-child", same_child).status_code == 409
    assert ask.file("complete", same_child).status_code in {409, 422}

    number, case_no = mother.citizen_id or "", filed["complete"]
    odd = {"idempotency-key": number, "x-request-id": number, "user-agent": mother.phone}
    assert ask("desk", "POST", "/api/v1/cases", content=mother.name.encode(), headers=odd).status_code in {415, 422}
    # A careless client may put a number into an address; nobody may write it down.
    for path in (f"/api/v1/cases/{number}", f"/api/v1/{number}", f"/api/v1/cases?q={number}&{number}=1"):
        assert ask("desk", "GET", path).status_code in {404, 422}
    assert (
        ask(None, "POST", "/api/v1/session", json={"account": number.lower(), "password": mother.name}).status_code
        == 401
    )
    assert (
        ask(
            "desk",
            "POST",
            "/api/v1/people/search",
            json={"by": "citizen_id", "value": TYPED[1][:-1], "reason": CARELESS_NUMBERS},
        ).status_code
        == 422
    )

    reason = {"reason": CARELESS_NUMBERS}
    assert ask("auditor", "POST", f"/api/v1/cases/{case_no}/reveal", json=reason).status_code == 403
    assert ask("callback-tax", "GET", f"/api/v1/cases/{case_no}").status_code == 404
    told = {
        "submission": f"{case_no}/household_registration/1",
        "outcome": "denied",
        "reference": "GA9999999999",
        "reason_code": "late",
        "reason": CARELESS,
    }
    assert ask("callback-public-security", "POST", "/api/v1/callbacks", json=told).json()["late"] is True
    assert (
        ask("callback-public-security", "POST", "/api/v1/callbacks", json={**told, "submission": number}).status_code
        == 422
    )
    assert ask("callback-tax", "POST", "/api/v1/callbacks", json=told).status_code == 404


def _made(revealed: Mapping[str, bytes]) -> Iterator[str]:
    """What the departments made for these families: the children's own numbers and papers."""
    for body in revealed.values():
        for products in json.loads(body)["content"]["products"].values():
            yield from (value for code, value in products.items() if code not in NOT_TELLING)


# ── where is looked ─────────────────────────────────────────────────────────────────────────────────────────────────


def _searched_in_tables(stack: Stack, searched: Searched) -> Iterator[str]:
    """Every row of every table as text, the sealed columns too: there they are sealed."""
    with psycopg.connect(stack.superuser_conninfo) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert {"events", "outbox", "access_log", "cases", "vault_entries"} <= {name for _, name in tables}
        for schema, name in tables:
            rows = connection.execute(
                sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, name))
            ).fetchall()
            text = "\n".join(row[0] for row in rows).encode()
            searched(f"table {name}", text)
            yield from (f"table {name}: {found[0].decode()}" for found in ID_SHAPED.finditer(text))


def _searched_in_histories(stack: Stack, searched: Searched) -> Iterator[str]:
    """Every history, as Temporal shows it, and as it is with its payloads opened: references only, even then."""
    environment = stack.running.environment
    namespace = environment["ONETHING_TEMPORAL_NAMESPACE"]
    codec = AesGcmCodec(KeyRing.from_file(Path(environment["ONETHING_PAYLOAD_KEYS_FILE"])), namespace)

    def temporal(*words: str) -> str:
        address = f"--address={environment['ONETHING_TEMPORAL_ADDRESS']}"
        program = [str(find_program()), "workflow", *words, "--output=json", address, f"--namespace={namespace}"]
        return subprocess.run(program, capture_output=True, text=True, check=True, timeout=30).stdout

    workflows = [one["execution"]["workflowId"] for one in json.loads(temporal("list", "--limit=1000"))]
    assert len(workflows) == len(FAMILIES) - 1
    for workflow in workflows:
        told = temporal("show", f"--workflow-id={workflow}")
        sealed = [payload for payload in _payloads(json.loads(told)) if payload.metadata.get("encoding") == ENCODING]
        assert sealed, "the payloads are not sealed"
        opened = b"\n".join(payload.SerializeToString() for payload in asyncio.run(codec.decode(sealed)))
        for place, content in ((f"history of {workflow}", told.encode()), (f"payloads of {workflow}", opened)):
            searched(place, content)
            yield from (f"{place}: {found[0].decode()}" for found in ID_SHAPED.finditer(content))


def _payloads(told: Any) -> Iterator[Payload]:
    match told:
        case {"metadata": {"encoding": _}}:
            metadata = {name: base64.b64decode(value) for name, value in told["metadata"].items()}
            yield Payload(metadata=metadata, data=base64.b64decode(told.get("data", "")))
        case dict():
            for value in told.values():
                yield from _payloads(value)
        case list():
            for value in told:
                yield from _payloads(value)
        case _:
            return


def _searched_in_figures(stack: Stack, searched: Searched) -> Iterator[str]:
    """The worker's own figures; the API's are among its answers."""
    port = stack.environment["ONETHING_METRICS_PORT"]
    figures = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).content
    assert b"temporal_" in figures
    searched("figures of the worker", figures)
    yield from (f"figures: {found[0].decode()}" for found in ID_SHAPED.finditer(figures))


def _searched_in_files(state: Path, searched: Searched) -> Iterator[str]:
    """Every file that any process has written, byte by byte: logs, Temporal's file, Postgres' tables and its journal."""
    files = [path for path in state.rglob("*") if path.is_file() and path.relative_to(state).parts[0] != "city"]
    names = {path.name for path in files}
    assert {"api-1.log", "worker-1.log", "postgres.log", "temporal.log", "temporal.sqlite", "departments.log"} <= names
    for path in files:
        content = path.read_bytes()
        searched(str(path.relative_to(state)), content)
        if path.suffix == ".log":
            yield from (f"{path.name}: {found[0].decode()}" for found in ID_SHAPED.finditer(content))


# ── who looked ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _all_accesses(ask: Recorder) -> list[dict[str, Any]]:
    """The access log as an auditor reads it, page by page."""
    found: list[dict[str, Any]] = []
    page = ask("auditor", "GET", "/api/v1/access-log?limit=200")
    while True:
        found += page.json()["accesses"]
        if "link" not in page.headers:
            return found
        page = ask("auditor", "GET", page.headers["link"].partition("<")[2].partition(">")[0])


def _each_read_is_accounted_for(accesses: list[dict[str, Any]], filed: Mapping[str, str], began: datetime) -> None:
    """Who, when, what and why, for each read that this test made, and for what was refused."""
    for entry in accesses:
        assert all(entry[name] for name in ("account", "unit", "action", "purpose")), entry
        assert began <= datetime.fromisoformat(entry["at"]) <= datetime.now(UTC), entry
    made = [(entry["account"], entry["action"], entry["case_no"], entry["granted"]) for entry in accesses]
    for case_no in filed.values():
        for action in ("read_masked", "read_receipt", "reveal"):
            assert made.count(("desk", action, case_no, True)) == 1, (action, case_no)
    assert made.count(("caseworker", "search_people", None, True)) == 3
    assert made.count(("caseworker", "found_by_search", filed["complete"], True)) == 3
    assert made.count(("auditor", "search_access_log", None, True)) == 3
    assert ("auditor", "reveal_person", None, False) in made
    assert ("callback-tax", "read_case", filed["complete"], False) in made
    reveals = [entry for entry in accesses if entry["action"] == "reveal"]
    assert all({"mother.citizen_id", "children.name"} <= set(entry["about"]) for entry in reveals)
    assert all("身份证" in entry["purpose"] for entry in reveals)
    sent = {entry["recipient"] for entry in accesses if entry["action"] == "submit"}
    assert {"public_security", "healthcare_security", "health"} <= sent

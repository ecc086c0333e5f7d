"""The city's services as processes: what they answer, how they fail, and that an effect happens once."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from demo.city.inline import InlineDepartments, NotTaken
from demo.city.numbers import is_citizen_id
from demo.city.people import Family
from demo.city.population import family, persona

ROOT = Path(__file__).parents[2]
TOKEN, ADMIN, CALLBACK = "token-of-the-platform", "token-of-the-administrator", "token-of-the-receiver"
QUESTION = {"purpose": "JH-2026-000001", "unit": "卫生健康局"}


@dataclass
class Service:
    process: subprocess.Popen[str]
    client: httpx2.Client

    def fault(self, **asked: Any) -> None:
        reply = self.client.post("/admin/faults", json=asked)
        assert reply.status_code == 201, reply.text

    def heal(self) -> None:
        assert self.client.delete("/admin/faults").status_code == 204

    def ask(self, source: str, **by: str) -> httpx2.Response:
        return self.client.post(f"/sources/{source}/query", json={**QUESTION, "queries": [{"key": "q1", "by": by}]})

    def submit(self, department: str, key: str, body: dict[str, Any]) -> httpx2.Response:
        return self.client.post(f"/{department}/submissions", json=body, headers={"Idempotency-Key": key})

    def effects(self) -> dict[str, tuple[int, int]]:
        return {row["idempotency_key"]: (row["effects"], row["calls"]) for row in self.client.get("/ledger").json()}


@contextmanager
def running(kind: str, folder: Path, *more: str, ends_with: int = 0) -> Iterator[Service]:
    token, admin = folder / "token", folder / "admin"
    token.write_text(TOKEN + "\n", encoding="utf-8")
    admin.write_text(ADMIN, encoding="utf-8")
    arguments = [kind, "--port", "0", "--token-file", str(token), "--admin-token-file", str(admin), *more]
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.city", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith(f"demo city {kind} listening on "), line
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Admin-Token": ADMIN}
    try:
        with httpx2.Client(base_url=line.split()[-1], headers=headers, timeout=5, trust_env=False) as client:
            yield Service(process, client)
    finally:
        process.terminate()
        assert process.wait(10) == ends_with
        process.stdout.close()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running("platform", tmp_path_factory.mktemp("platform")) as service:
        yield service


@pytest.fixture(scope="module")
def departments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("departments")
    with running("departments", folder, "--ledger", str(folder / "ledger.sqlite")) as service:
        yield service


@pytest.fixture(autouse=True)
def _healed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for name in ("platform", "departments"):
        if name in request.fixturenames:
            request.getfixturevalue(name).heal()


@dataclass
class Receiver:
    """Where the callbacks arrive; answers with the statuses it was given, then with 204."""

    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    statuses: list[int] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    received = Receiver()

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            received.tokens.add(self.headers["authorization"])
            self.send_response(received.statuses.pop(0) if received.statuses else 204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
    received.url = f"http://127.0.0.1:{server.server_port}/callbacks"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield received
    server.shutdown()
    server.server_close()


def certificate(one: Family, which: int = 0, case_no: str = "JH-1") -> dict[str, Any]:
    return {
        "case_no": case_no,
        "item": "birth_certificate",
        "subject": "child",
        "people": {"children": _child(one, which), "mother": _mother(one)},
        "products": {},
        "facts": {"birth_record_no": one.birth.birth_record_no},
    }


def registration(one: Family, certificate_no: str, which: int = 0) -> dict[str, Any]:
    assert one.father is not None
    return {
        "case_no": "JH-1",
        "item": "household_registration",
        "subject": "child",
        "people": {
            "children": _child(one, which),
            "mother": _mother(one),
            "father": {"name": one.father.name, "citizen_id": one.father.citizen_id},
        },
        "products": {"birth_certificate_no": certificate_no},
        "facts": {"household_follows": one.household_follows},
    }


def later_item(item: str, **products: str) -> dict[str, Any]:
    return {"case_no": "JH-1", "item": item, "subject": "child", "people": {}, "products": products, "facts": {}}


def _child(one: Family, which: int) -> dict[str, Any]:
    return {"name": one.child_names[which], "sex": one.birth.sexes[which], "birth_order": which + 1}


def _mother(one: Family) -> dict[str, Any]:
    return {"name": one.mother.name, "citizen_id": one.mother.citizen_id, "account": one.mother.account}


def until(true: Callable[[], bool], seconds: float = 8.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


# --- the platform ----------------------------------------------------------------------------------------------------


def test_the_platform_answers_several_questions_at_once(platform: Service) -> None:
    one = family(5)
    queries = [
        {"key": "a", "by": {"citizen_id": one.mother.citizen_id}},
        {"key": "b", "by": {"citizen_id": "339901190001010000"}},
    ]
    reply = platform.client.post("/sources/identity_register/query", json={**QUESTION, "queries": queries})
    assert reply.status_code == 200
    found, not_found = reply.json()["answers"]
    assert (found["key"], found["outcome"], found["record"]["name"]) == ("a", "found", one.mother.name)
    assert not_found == {"key": "b", "outcome": "not_found", "record": None}


def test_the_platform_turns_away_what_it_cannot_answer(platform: Service) -> None:
    good = {**QUESTION, "queries": [{"key": "q", "by": {"citizen_id": "1"}}]}
    address = "/sources/identity_register/query"
    post = platform.client.post
    assert post(address, json=good, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert post("/sources/rumours/query", json=good).status_code == 404
    assert platform.client.get(address).status_code == 405
    for bad in (b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"purpose": "\\ud800"}', json.dumps(QUESTION).encode()):
        assert post(address, content=bad).status_code == 422, bad[:20]
    without_purpose = post(address, json={**good, "purpose": " "})
    assert without_purpose.json()["errors"][0]["pointer"] == "/purpose"
    wrong_key = post(address, json={**QUESTION, "queries": [{"key": "q", "by": {"name": "王"}}]})
    assert (wrong_key.status_code, wrong_key.json()["errors"][0]["pointer"]) == (422, "/queries/0/by")
    assert platform.client.get("/healthz").json() == {"status": "ok"}


def test_faults_are_arranged_with_the_admin_token_only(platform: Service) -> None:
    asked = {"service": "*", "fault": "error_500"}
    refused = platform.client.post("/admin/faults", json=asked, headers={"X-Admin-Token": TOKEN})
    assert refused.status_code == 403
    for wrong in ({"fault": "gossip"}, {"service": "tax"}, {"probability": 2}, {"times": 0}, {"colour": "red"}):
        assert platform.client.post("/admin/faults", json={**asked, **wrong}).status_code == 422, wrong
    assert platform.client.post("/admin/faults", json={"service": "*", "fault": "later"}).status_code == 422
    assert platform.client.get("/admin/faults").json() == []


@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [
        ("error_500", 500, "application/json"),
        ("error_503", 503, "text/html"),
        ("garbage_html", 200, "text/html"),
        ("garbage_cut_json", 200, "application/json"),
        ("garbage_charset", 200, "application/json"),
        ("garbage_wrong_type", 200, "application/json"),
        ("garbage_wrong_schema", 200, "application/json"),
        ("garbage_200_error", 200, "application/json"),
    ],
)
@pytest.mark.parametrize("kind", ["platform", "departments"])
def test_a_spoiled_answer(
    kind: str, fault: str, status: int, content_type: str, platform: Service, departments: Service
) -> None:
    service = platform if kind == "platform" else departments
    service.fault(service="*", fault=fault, times=1)
    if kind == "platform":
        reply = service.ask("identity_register", citizen_id=family(5).mother.citizen_id or "")
    else:
        reply = service.submit("vaccination_unit", f"spoiled-{fault}", later_item("vaccination_certificate"))
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith(content_type)
    if fault in ("garbage_cut_json", "garbage_charset", "garbage_html"):
        with pytest.raises(ValueError):  # noqa: PT011 - undecodable or unparsable, both are ValueErrors
            json.loads(reply.content)
    elif fault == "garbage_wrong_type":
        assert not isinstance(reply.json()["answers"], list)
    elif fault == "garbage_wrong_schema":
        assert "answers" not in reply.json()
    elif fault == "garbage_200_error":
        assert "error" in reply.json()
    assert service.client.get("/admin/faults").json()[0]["struck"] == 1


@pytest.mark.parametrize("fault", ["down", "black_hole"])
def test_a_service_that_does_not_answer(fault: str, platform: Service) -> None:
    platform.fault(service="identity_register", fault=fault)
    expected = httpx2.RemoteProtocolError if fault == "down" else httpx2.ReadTimeout
    headers = {"Authorization": f"Bearer {TOKEN}"}
    address = str(platform.client.base_url)
    with httpx2.Client(base_url=address, headers=headers, timeout=0.5, trust_env=False) as impatient:
        by = {"citizen_id": "1"}
        question = {**QUESTION, "queries": [{"key": "q", "by": by}]}
        with pytest.raises(expected):
            impatient.post("/sources/identity_register/query", json=question)
        assert impatient.post("/sources/household_register/query", json=question).status_code == 200
    assert platform.process.poll() is None


def test_latency_and_a_slow_body(platform: Service) -> None:
    platform.fault(service="employers", fault="latency", seconds=0.3, times=1)
    begun = time.monotonic()
    assert platform.ask("employers", uscc="1").status_code == 200
    assert time.monotonic() - begun >= 0.3
    platform.fault(service="employers", fault="slow_body", seconds=0.02, times=1)
    begun = time.monotonic()
    reply = platform.ask("employers", uscc="1")
    assert time.monotonic() - begun >= 0.02 * len(reply.content)
    assert reply.json()["answers"][0]["outcome"] == "not_found"


def test_a_raw_answer_is_sent_as_given(platform: Service) -> None:
    params = {"body": "<xml/>", "status": 207, "content_type": "application/xml"}
    platform.fault(service="employers", fault="raw", params=params, times=1)
    reply = platform.ask("employers", uscc="1")
    assert (reply.status_code, reply.text, reply.headers["content-type"]) == (207, "<xml/>", "application/xml")
    platform.fault(service="employers", fault="raw", params={"body_base64": "/wA="}, times=1)
    assert platform.ask("employers", uscc="1").content == b"\xff\x00"
    raw = {"service": "*", "fault": "raw"}
    for wrong in ({"status": 100}, {"body": 1}, {"body_base64": "?"}, {"content_type": "a\r\nb"}):
        assert platform.client.post("/admin/faults", json={**raw, "params": wrong}).status_code == 422, wrong


def test_chances_repeat_with_their_seed(platform: Service) -> None:
    def run(seed: int) -> list[int]:
        platform.heal()
        platform.fault(service="employers", fault="error_500", probability=0.5, seed=seed)
        return [platform.ask("employers", uscc="1").status_code for _ in range(40)]

    first = run(1)
    assert run(1) == first != run(2)
    assert {200, 500} == set(first)


def test_one_service_is_healed_alone(platform: Service) -> None:
    platform.fault(service="employers", fault="error_500")
    platform.fault(service="birth_records", fault="error_500")
    assert platform.client.delete("/admin/faults/employers").status_code == 204
    assert platform.ask("employers", uscc="1").status_code == 200
    assert platform.ask("birth_records", birth_record_no="1").status_code == 500
    assert platform.client.delete("/admin/faults/rumours").status_code == 404


# --- the departments -------------------------------------------------------------------------------------------------


def test_a_birth_goes_through_all_eight_items(departments: Service) -> None:
    one = persona("family_married_employee")
    first = departments.submit("delivery_institution", "8-1", certificate(one)).json()
    assert first["outcome"] == "concluded"
    certificate_no = first["products"]["birth_certificate_no"]
    assert len(certificate_no) == 10
    assert certificate_no[0].isupper()
    assert certificate_no[1:].isdecimal()
    registered = departments.submit("public_security", "8-2", registration(one, certificate_no)).json()["products"]
    assert is_citizen_id(registered["citizen_id"])
    assert registered["citizen_id"][:14] == "33990120261120"
    assert int(registered["citizen_id"][16]) % 2 == 0, "the child is a girl"
    assert registered["household_no"] == one.mother_household.household_no
    child = {"citizen_id": registered["citizen_id"]}
    paper = {"birth_certificate_no": certificate_no}
    for department, item, given, product in (
        ("healthcare_security", "medical_insurance", child, "insurance_no"),
        ("citizen_card_company", "citizen_card", child, "card_no"),
        ("vaccination_unit", "vaccination_certificate", paper, "vaccination_no"),
        ("health", "child_care_booklet", paper, "booklet_no"),
    ):
        reply = departments.submit(department, f"8-{item}", later_item(item, **given)).json()
        assert reply["outcome"] == "concluded", reply
        assert reply["products"][product]
    about_mother = {**certificate(one), "subject": None}
    handbook = departments.submit("health", "8-7", {**about_mother, "item": "mother_child_handbook"}).json()
    assert handbook["products"] == {"handbook_no": one.handbook_no}
    benefit = departments.submit("healthcare_security", "8-8", {**about_mother, "item": "maternity_benefit"}).json()
    assert benefit["products"] == {"benefit_amount_fen": "4740000", "benefit_days": "158"}


def test_twins_get_a_certificate_each_and_no_third(departments: Service) -> None:
    one = persona("family_twins")
    numbers = {
        departments.submit("delivery_institution", f"twin-{n}", certificate(one, n)).json()["products"][
            "birth_certificate_no"
        ]
        for n in (0, 1)
    }
    assert len(numbers) == 2
    third = departments.submit("delivery_institution", "twin-3", certificate(one, 1)).json()
    assert (third["outcome"], third["reason_code"]) == ("denied", "already_issued")


def test_a_birth_at_home_is_certified_by_the_health_office(departments: Service) -> None:
    one = persona("family_home_birth")
    body = certificate(one)
    body["facts"] = {"born_at": one.birth.born_at.isoformat()}
    assert departments.submit("health", "home-1", body).json()["outcome"] == "concluded"
    assert departments.submit("health", "home-2", body).json()["reason_code"] == "already_issued"


def test_departments_deny_what_may_not_be_granted(departments: Service) -> None:
    one, uninsured = family(70), persona("family_uninsured")
    number = departments.submit("delivery_institution", "d-1", certificate(one)).json()["products"][
        "birth_certificate_no"
    ]
    departments.submit("public_security", "d-2", registration(one, number))
    again = departments.submit("public_security", "d-3", registration(one, number)).json()
    assert (again["outcome"], again["reason_code"]) == ("denied", "already_registered")
    unknown = departments.submit("public_security", "d-4", registration(one, "Z339999999")).json()
    assert unknown["reason_code"] == "certificate_unknown"
    body = {**certificate(uninsured), "item": "maternity_benefit", "subject": None}
    assert departments.submit("healthcare_security", "d-5", body).json()["reason_code"] == "not_insured"
    body = {**certificate(one), "facts": {"birth_record_no": "BR2026999999999"}}
    assert departments.submit("delivery_institution", "d-6", body).json()["reason_code"] == "birth_record_unknown"
    body = later_item("medical_insurance", citizen_id=one.mother.citizen_id or "")
    assert departments.submit("healthcare_security", "d-7", body).json()["reason_code"] == "citizen_unknown"
    effects = departments.effects()
    assert [effects[f"d-{n}"] for n in (1, 2, 3, 4, 5, 6, 7)] == [(1, 1), (1, 1), *[(0, 1)] * 5]


def test_departments_send_back_what_lacks_something(departments: Service) -> None:
    one = family(71)
    body = certificate(one)
    submit = departments.submit
    lacking = submit(
        "delivery_institution", "v-1", {**body, "people": {"mother": {}, "children": {"sex": 1}}, "facts": {}}
    )
    pointers = {error["pointer"] for error in lacking.json()["errors"]}
    assert lacking.status_code == 422
    assert {"/people/children/name", "/people/mother/name", "/facts/birth_record_no"} <= pointers
    assert submit("tax", "v-2", body).status_code == 422
    assert submit("rumours", "v-3", body).status_code == 404
    assert submit("delivery_institution", "", body).status_code == 422
    assert submit("public_security", "v-4", later_item("household_registration")).status_code == 422
    assert submit("healthcare_security", "v-5", later_item("medical_insurance", citizen_id="1")).status_code == 422
    assert submit("delivery_institution", "v-6", {**body, "people": []}).status_code == 422
    unknown = departments.client.post("/tax/submissions", json=body, headers={"Authorization": "Bearer wrong"})
    assert unknown.status_code == 401
    assert not {key for key in departments.effects() if key.startswith("v-")}
    assert submit("delivery_institution", "v-1", body).json()["outcome"] == "concluded", "mended under the same key"


def test_fifty_calls_at_once_have_one_effect(departments: Service) -> None:
    body = certificate(family(72))
    with ThreadPoolExecutor(50) as callers:
        replies = list(
            callers.map(lambda _: departments.submit("delivery_institution", "fifty", body).content, range(50))
        )
    assert len(set(replies)) == 1
    assert departments.effects()["fifty"] == (1, 50)
    other = departments.submit("delivery_institution", "fifty", certificate(family(73)))
    assert other.status_code == 409
    assert [row["idempotency_key"] for row in departments.client.get("/tax/ledger").json()] == []


@pytest.mark.parametrize(("after_effect", "effects"), [(True, 1), (False, 0)])
def test_an_answer_is_lost_after_or_before_the_effect(after_effect: bool, effects: int, departments: Service) -> None:
    key, body = f"lost-{after_effect}", certificate(family(74 + after_effect))
    departments.fault(service="delivery_institution", fault="error_500", after_effect=after_effect, times=1)
    assert departments.submit("delivery_institution", key, body).status_code == 500
    assert departments.effects().get(key, (0, 0))[0] == effects
    assert departments.submit("delivery_institution", key, body).json()["outcome"] == "concluded"
    assert departments.effects()[key] == (1, 1 + effects)


def test_a_connection_closed_after_the_effect(departments: Service) -> None:
    body = certificate(family(76))
    departments.fault(service="*", fault="down", after_effect=True, times=1)
    with pytest.raises(httpx2.RemoteProtocolError):
        departments.submit("delivery_institution", "closed", body)
    assert departments.submit("delivery_institution", "closed", body).status_code == 200
    assert departments.effects()["closed"] == (1, 2)


def test_a_department_that_denies_on_request(departments: Service) -> None:
    params = {"reason_code": "materials_false", "reason": "材料不实"}
    departments.fault(service="delivery_institution", fault="deny", params=params, times=1)
    said = departments.submit("delivery_institution", "deny", certificate(family(77))).json()
    assert (said["outcome"], said["reason_code"], said["reason"]) == ("denied", "materials_false", "材料不实")
    assert departments.submit("delivery_institution", "deny", certificate(family(77))).json() == said
    assert departments.effects()["deny"] == (0, 2)


def test_a_kill_keeps_the_books_and_the_numbers_apart(tmp_path: Path) -> None:
    ledger = ("--ledger", str(tmp_path / "ledger.sqlite"))
    numbers: list[str] = []
    for life in range(3):
        with running("departments", tmp_path, *ledger, ends_with=-signal.SIGKILL) as service:
            assert len(service.effects()) == 20 * life
            for n in range(20 * life, 20 * life + 20):
                one = family(n)
                paper = service.submit("delivery_institution", f"k-{n}", certificate(one)).json()
                numbers.append(paper["products"]["birth_certificate_no"])
            if life:
                repeated = service.submit("delivery_institution", "k-3", certificate(family(3))).json()
                assert repeated["products"]["birth_certificate_no"] == numbers[3]
            service.process.kill()
    assert len(set(numbers)) == 60


def test_two_processes_never_share_a_ledger(tmp_path: Path) -> None:
    ledger = str(tmp_path / "ledger.sqlite")
    arguments = [sys.executable, "-m", "demo.city", "departments", "--port", "0", "--ledger", ledger]
    with running("departments", tmp_path, "--ledger", ledger) as service:
        second = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
        assert second.returncode == 1
        assert "cannot be opened" in second.stderr
        port = service.client.base_url.port
        arguments = [sys.executable, "-m", "demo.city", "platform", "--port", str(port)]
        taken = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
        assert taken.returncode == 1
        arguments += ["--token-file", str(tmp_path / "none")]
        arguments[arguments.index(str(port))] = "0"
        lost = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
        assert lost.returncode == 2


def test_an_answer_comes_later_even_after_a_kill(tmp_path: Path, receiver: Receiver) -> None:
    token = tmp_path / "callback"
    token.write_text(CALLBACK, encoding="utf-8")
    ledger = str(tmp_path / "ledger.sqlite")
    more = ("--ledger", ledger, "--callback-url", receiver.url, "--callback-token-file", str(token))
    with running("departments", tmp_path, *more, ends_with=-signal.SIGKILL) as service:
        service.fault(service="*", fault="later", seconds=2.0, times=1)
        reply = service.submit("delivery_institution", "later", certificate(family(0)))
        assert (reply.status_code, reply.json()["outcome"]) == (202, "accepted")
        service.process.kill()
    assert receiver.heard == []
    receiver.statuses = [503, 500]
    with running("departments", tmp_path, *more) as service:
        until(lambda: len(receiver.heard) == 3)
        until(lambda: service.client.get("/admin/callbacks").json()[0]["state"] == "delivered")
        assert service.effects()["later"] == (1, 1)
    told = receiver.heard[0]
    assert receiver.heard == [told] * 3
    assert (told["submission"], told["outcome"], told["reference"]) == ("later", "concluded", reply.json()["reference"])
    assert told["products"]["birth_certificate_no"]
    assert receiver.tokens == {f"Bearer {CALLBACK}"}


def test_a_callback_arrives_many_times_and_a_refused_one_is_not_repeated(tmp_path: Path, receiver: Receiver) -> None:
    token = tmp_path / "callback"
    token.write_text(CALLBACK, encoding="utf-8")
    with running("departments", tmp_path, "--callback-url", receiver.url, "--callback-token-file", str(token)) as one:
        one.fault(service="*", fault="duplicate_callback", params={"n": 5}, times=1)
        assert one.submit("delivery_institution", "many", certificate(family(0))).status_code == 202
        until(lambda: len(receiver.heard) == 5)
        receiver.statuses = [410]
        one.fault(service="*", fault="later", seconds=0, times=1)
        one.submit("delivery_institution", "gone", certificate(family(1)))
        until(lambda: one.client.get("/admin/callbacks").json()[-1]["state"] == "refused")
        assert len(receiver.heard) == 6


# --- without the network ---------------------------------------------------------------------------------------------


def test_the_inline_departments_are_the_same_departments() -> None:
    inline = InlineDepartments()
    body = certificate(family(9))
    said = inline.submit("delivery_institution", "k", body)
    assert inline.submit("delivery_institution", "k", body) == said
    assert inline.entries("delivery_institution")[0]["calls"] == 2
    with pytest.raises(NotTaken) as refused:
        inline.submit("delivery_institution", "k", {**body, "case_no": "another"})
    assert refused.value.status == 409


def test_children_of_one_day_and_county_get_different_numbers_until_the_neighbours_help() -> None:
    """600 boys a day in one county are more than its sequences; the next county's are used, none twice."""
    inline = InlineDepartments()
    one = family(9)
    numbers = []
    for n in range(600):
        body = certificate(one)
        body["people"]["children"] = {"name": "王一", "sex": "1", "birth_order": n + 1}
        body["facts"] = {"born_at": "2026-11-20T08:00:00+08:00"}
        paper = inline.submit("health", f"c-{n}", body)["products"]["birth_certificate_no"]
        joined = registration(one, paper)
        joined["people"]["children"] = {"name": "王一", "sex": "1"}
        numbers.append(inline.submit("public_security", f"r-{n}", joined)["products"]["citizen_id"])
    assert len(set(numbers)) == 600
    assert all(is_citizen_id(number) for number in numbers)
    assert len({number[:6] for number in numbers}) == 2

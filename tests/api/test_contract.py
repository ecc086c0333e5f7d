"""The API keeps to its own document: the committed one is current, and thousands of odd requests find no fault (E5)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import examples, reference
from domain.scopes import MAY
from store import access_log, events
from store.read_models.all_models import differences
from tests.api.conftest import ACCOUNTS, Api
from tests.api.test_cases import concluded, contested
from tests.desk import example
from tests.guards.test_routes import APP

DOCUMENT = reference.document(APP)
EXAMPLES_EACH = 25
"""About a thousand requests in half a minute; the long form asks twenty times as many."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def test_the_committed_document_is_the_one_the_routes_make() -> None:
    assert reference.FILE.read_bytes() == reference.describe(APP), "run: .venv/bin/python -m api.reference"


def test_the_documents_family_is_the_one_of_the_examples() -> None:
    family = Path(__file__).parents[2] / "examples" / "newborn" / "family.json"

    assert json.loads(family.read_text("utf-8")) == examples.NEW_CASE


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def test_every_operation_is_named_explained_and_says_how_it_fails() -> None:
    names = [operation["operationId"] for _, _, operation in _operations()]

    assert len(set(names)) == len(names)
    for path, method, operation in _operations():
        assert operation.get("description") or operation.get("summary"), (path, method)
        assert {"4XX", "5XX"} <= operation["responses"].keys()
        assert "422" not in operation["responses"]


def test_every_body_has_an_example_and_takes_nothing_unknown() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for path, _, operation in _operations():
        for kind, body in operation.get("requestBody", {}).get("content", {}).items():
            if kind != "application/json":
                assert body["schema"] == {"type": "string", "format": "binary"}, "a file is itself its example"
                continue
            shapes = [body["schema"], *body["schema"].get("oneOf", [])]
            named = [schemas[shape["$ref"].rpartition("/")[2]] for shape in shapes if "$ref" in shape]
            assert named, path
            assert all(shape["additionalProperties"] is False for shape in named), path
            assert body["schema"].get("examples") or body.get("examples") or any(_example(shape) for shape in named), (
                path
            )


def _example(shape: dict[str, Any]) -> bool:
    return bool(shape.get("examples")) or any(part.get("examples") for part in shape["properties"].values())


def test_served_and_committed_document_are_the_same(api: Api) -> None:
    assert api.by(None).get("/api/v1/openapi.json").content == reference.FILE.read_bytes()


# ── odd requests ────────────────────────────────────────────────────────────────────────────────────────────────────

SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
# A stream has no end to wait for.
STREAMS = ("stream_of_events", "stream_of_case")


@pytest.fixture
def case_no(api: Api) -> str:
    number = api.filed()
    concluded(api, number)
    contested(api, number)
    return number


def is_whole(api: Api) -> bool:
    """The events, the access log, and what follows from the events are as they should be."""
    with api.store.database.reading() as connection:
        wrong = [*events.verify(connection), *access_log.verify(connection), *differences(connection)]
    assert wrong == []
    return True


FUZZERS = ("supervisor-1", "desk-1", "clinic-system", "auditor-1", "officer-1", "data-centre-1")
FEW = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("each", [EXAMPLES_EACH, pytest.param(20 * EXAMPLES_EACH, marks=pytest.mark.soak)])
def test_no_odd_request_breaks_it_or_its_promises(api: Api, case_no: str, each: int) -> None:
    """Every operation by somebody who may use it; refusing the others is another test's."""
    asked = 0
    for found in SCHEMA.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        definition = operation.definition.raw
        if definition["operationId"] not in STREAMS:
            action = definition.get("x-action")
            who = [account for account in FUZZERS if action is None or action in MAY[ACCOUNTS[account][1]]]
            for account in who[:2]:
                asked += _fuzz(api, operation, account, case_no, each)

    assert asked > 30 * each
    assert is_whole(api)


def _fuzz(api: Api, operation: Any, account: str, case_no: str, each: int) -> int:
    asked = 0
    headers = {"authorization": f"Bearer {api.tokens[account]}"}

    @settings(FEW, max_examples=each)
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        if asked % 2:
            _come_further(api, case, case_no)
        response = case.call(base_url=api.url, headers=headers)
        case.validate_response(response, checks=CHECKS, headers=headers)

    ask()
    return asked


def _come_further(api: Api, case: Any, case_no: str) -> None:
    """Every second request is about things that exist, so that more than the door is tried."""
    known = {
        "case_no": case_no,
        "proof": "parents_marriage",
        "item": "birth_certificate",
        "service": "health",
        "code": "newborn",
        "community": "339901001001",
        "unit": "police",
        "grant_id": "00000000-0000-4000-8000-000000000000",
        "verification_id": "0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c4d",
    }
    for name in case.path_parameters or {}:
        case.path_parameters[name] = known[name]
    if case.headers and "If-Match" in case.headers:
        case.headers["If-Match"] = api.etag(case_no)
    if isinstance(case.body, dict) and "submission" in case.body:
        case.body["submission"] = f"{case_no}/birth_certificate/1"


@pytest.mark.parametrize("many", [300, pytest.param(10_000, marks=pytest.mark.soak)])
def test_no_odd_form_breaks_it(api: Api, many: int) -> None:
    """The form of a family with some of it replaced by anything: filed, or refused with a place, and never more."""
    places = [
        (section, number, field)
        for section, rows in example().items()
        for number, row in enumerate(rows if isinstance(rows, list) else [rows])
        for field in row
    ]
    anything = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=40),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
        max_leaves=5,
    )
    filed = 0

    @settings(FEW, max_examples=many)
    @given(changes=st.dictionaries(st.sampled_from(places), anything, max_size=3), key=st.uuids())
    def hand_in(changes: dict[tuple[str, int, str], Any], key: UUID) -> None:
        nonlocal filed
        form = example()
        for (section, number, field), value in changes.items():
            rows = form[section]
            (rows[number] if isinstance(rows, list) else rows)[field] = value
        answered = api.file(form, key=str(key))
        assert answered.status_code in {200, 201, 409, 422}, answered.text
        filed += answered.status_code < 300
        if answered.status_code == 422:
            assert all(fault["pointer"].startswith("/application") for fault in answered.json()["errors"])

    hand_in()
    assert filed > 0
    assert is_whole(api)


def test_read_only_fields_cannot_be_set(api: Api, case_no: str) -> None:
    before = api.by("desk-1").get(f"/api/v1/cases/{case_no}").json()
    form = example("resident")
    for extra in ({"state": "concluded"}, {"case_no": case_no}, {"unit": "neighbour"}, {"role": "auditor"}):
        body = {"bundle": "newborn", "application": form, **extra}
        answered = api.by("desk-1").post("/api/v1/cases", json=body, headers={"idempotency-key": "extra"})
        assert answered.status_code == 422
    tag = api.etag(case_no)
    changes: list[dict[str, Any]] = [{"state": "concluded"}, {"mother": {"role": "auditor"}}, {"items": []}]
    for application in changes:
        answered = api.by("desk-1").patch(
            f"/api/v1/cases/{case_no}",
            json={"application": application, "reason": "测试"},
            headers={"if-match": tag},
        )
        assert answered.status_code == 422
    assert api.by("desk-1").get(f"/api/v1/cases/{case_no}").json() == before

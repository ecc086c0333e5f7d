"""The API keeps to its own document: the committed one is current, and thousands of odd requests find no fault (E5)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select

from api import examples, reference
from store import access_log, events
from store.read_models.all_models import differences
from store.tables import cases
from tests.api.conftest import Api
from tests.api.test_cases import concluded, contested
from tests.desk import example
from tests.guards.test_routes import APP

DOCUMENT = reference.document(APP)
EXAMPLES_EACH = 25
"""About a thousand requests in a minute; the long form asks for more."""
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
        for body in operation.get("requestBody", {}).get("content", {}).values():
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


def test_no_odd_request_breaks_it_or_its_promises(api: Api, case_no: str) -> None:
    """Every operation by somebody who may use it; whatever came in, the events and what follows from them are whole."""
    asked = 0
    accounts = ("supervisor-1", "desk-1", "clinic-system", "auditor-1")
    for found in SCHEMA.get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] in STREAMS:
            continue
        for account in accounts if operation.method != "get" else accounts[:1] + accounts[3:]:
            asked += _fuzz(api, operation, account, case_no)

    with api.store.database.reading() as connection:
        assert list(events.verify(connection)) == []
        assert list(access_log.verify(connection)) == []
        assert list(differences(connection)) == []
        numbers = set(connection.execute(select(cases.c.case_no)).scalars())
    assert case_no in numbers
    assert asked > 500


def _fuzz(api: Api, operation: Any, account: str, case_no: str) -> int:
    asked = 0
    few = EXAMPLES_EACH if operation.method in {"post", "patch"} else EXAMPLES_EACH // 2

    @settings(
        max_examples=few,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @schemathesis_given(operation)
    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        # Every second one is about a case that exists, so that it comes further than its door.
        if case.path_parameters and "case_no" in case.path_parameters and asked % 2:
            case.path_parameters["case_no"] = case_no
        headers = {"authorization": f"Bearer {api.tokens[account]}"}
        response = case.call(base_url=api.url, headers=headers)
        case.validate_response(response, checks=CHECKS, headers=headers)

    ask()
    return asked


def schemathesis_given(operation: Any) -> Any:
    from hypothesis import given

    return given(case=operation.as_strategy())


def test_read_only_fields_cannot_be_set(api: Api, case_no: str) -> None:
    before = api.by("desk-1").get(f"/api/v1/cases/{case_no}").json()
    form = example("resident")
    for extra in ({"state": "concluded"}, {"case_no": case_no}, {"unit": "neighbour"}, {"role": "auditor"}):
        body = {"bundle": "newborn", "application": form, **extra}
        answered = api.by("desk-1").post("/api/v1/cases", json=body, headers={"idempotency-key": "extra"})
        assert answered.status_code == 422
    tag = api.etag(case_no)
    for application in ({"state": "concluded"}, {"mother": {"role": "auditor"}}, {"items": []}):
        answered = api.by("desk-1").patch(
            f"/api/v1/cases/{case_no}",
            json={"application": application, "reason": "测试"},
            headers={"if-match": tag},
        )
        assert answered.status_code == 422
    assert api.by("desk-1").get(f"/api/v1/cases/{case_no}").json() == before

"""The OpenAPI document (接口文档): `python -m api.reference` writes it to docs/reference/, and a test holds it current.

The framework knows the shapes; who may use a route, how one shows who one is, and that every error has
one shape is added here, from the same marks that are enforced.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts

from api.identity import Allowed, public, whoever_is_signed_in
from api.problems import MEDIA_TYPE, Problem

FILE: Final = Path(__file__).parents[1] / "docs" / "reference" / "openapi.json"

DESCRIPTION: Final = """\
一件事: one life event, one declaration, many departments.

Times are RFC 3339 with +08:00. Every error is `application/problem+json`. Creating requests carry an
`Idempotency-Key`, changes carry `If-Match` with the `ETag` of the case as you saw it. Numbers, names and
phones of people never stand in an address.
"""


def describe(app: FastAPI) -> bytes:
    """The document, in the same bytes each time."""
    return (json.dumps(document(app), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def document(app: FastAPI) -> dict[str, Any]:
    """The document as a value."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app)
    return app.openapi_schema


def rule_of(route: RouteContext) -> Allowed | str | None:
    """What a route says about who may use it; None: nothing, which a guard test refuses."""
    dependant = getattr(route, "dependant", None)
    for dependency in [] if dependant is None else dependant.dependencies:
        if isinstance(dependency.call, Allowed):
            return dependency.call
        if dependency.call is public:
            return "public"
        if dependency.call is whoever_is_signed_in:
            return "signed in"
    return None


def routes_of(app: FastAPI) -> Iterator[RouteContext]:
    """Every route, with what the routers above it add."""
    return iter_route_contexts(app.routes)


def _document(app: FastAPI) -> dict[str, Any]:
    described: dict[str, Any] = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
    )
    schemas: dict[str, Any] = described.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    described["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "For programs."},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-onething",
            "description": "For browsers; changes need the header X-CSRF-Token as well.",
        },
    }
    rules = {
        (route.path_format, method.lower()): rule_of(route)
        for route in routes_of(app)
        for method in route.methods or ()
    }
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            rule = rules[path, method]
            if rule != "public":
                operation["security"] = [{"token": []}, {"session": []}]
            if isinstance(rule, Allowed):
                operation["x-action"] = rule.action
            answers = operation["responses"]
            answers.pop("422", None)
            for family, meaning in (("4XX", "The request is refused."), ("5XX", "It cannot be answered now.")):
                answers[family] = {
                    "description": meaning,
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return described


def main() -> None:
    """Write the document of the routes as they are."""
    # Imported here: the application itself serves this document.
    from api.app import create_app
    from store.cases import CaseStore
    from store.database import Database
    from store.keys import KeyRing
    from store.vault import Vault

    nobody = CaseStore(Database("postgresql+psycopg://nobody@localhost/nothing"), Vault(KeyRing.fresh(), bytes(32)))
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_bytes(describe(create_app(nobody)))
    sys.stdout.write(f"{FILE.name}\n")


if __name__ == "__main__":
    main()

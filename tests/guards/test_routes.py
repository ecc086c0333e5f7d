"""Every route names who may use it: one that says nothing would let everybody in."""

import gc
from weakref import ref

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext

from api.app import create_app
from api.identity import Allowed
from api.reference import routes_of, rule_of
from domain.scopes import Action
from store.cases import CaseStore
from store.database import Database
from store.keys import KeyRing
from store.vault import Vault


def application() -> FastAPI:
    nowhere = Database("postgresql+psycopg://nobody@localhost/nothing")
    return create_app(CaseStore(nowhere, Vault(KeyRing.fresh(), bytes(32))))


APP = application()
ROUTES = list(routes_of(APP))
UNMARKED_ON_PURPOSE = frozenset({"/static"})
"""Files that are the same for everybody; they are served by a mount, which has no dependencies."""
ONE_TIME_LINKS = frozenset({"/api/v1/links/question", "/api/v1/links/answer", "/v/{token}"})
"""For whoever holds a link: it is signed, leads to one question, and ends with it; that is the right to use them."""
PUBLIC = ONE_TIME_LINKS | {"/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/api/v1/session", "/login"}
NOT_OVER_HTTP = frozenset({Action.MANAGE_ACCOUNTS})


def named(route: RouteContext) -> str:
    return f"{'/'.join(sorted(route.methods or ()))} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_a_route_says_who_may_use_it(route: RouteContext) -> None:
    if route.path in UNMARKED_ON_PURPOSE:
        return
    assert isinstance(route.original_route, APIRoute)
    assert rule_of(route) is not None


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_only_what_is_known_to_be_harmless_is_public(route: RouteContext) -> None:
    if rule_of(route) == "public":
        assert route.path in PUBLIC


def test_every_action_that_a_role_may_do_can_be_done() -> None:
    used = {rule.action for route in ROUTES if isinstance(rule := rule_of(route), Allowed)}

    assert used == set(Action) - NOT_OVER_HTTP


def test_every_route_has_a_name_of_its_own() -> None:
    names = [route.name for route in ROUTES if route.include_in_schema]

    assert len(set(names)) == len(names)


def test_no_route_keeps_alive_the_application_it_was_made_for() -> None:
    made = ref(application())
    gc.collect()

    assert made() is None, "FastAPI remembers every endpoint as long as the process lives, and all that it closes over"


def test_no_address_has_a_place_for_a_persons_data() -> None:
    for route in ROUTES:
        for word in ("citizen", "name", "phone", "passport"):
            assert f"{{{word}" not in (route.path or "")

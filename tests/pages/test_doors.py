"""Every page for every role: open where the role may do what the page is for, and no form works without its token."""

import re

import pytest

from api.identity import Allowed
from api.pages.rendering import DOORS, TEMPLATES
from api.reference import routes_of, rule_of
from domain.scopes import MAY, Role
from tests.guards.test_routes import APP
from tests.pages.conftest import ACCOUNTS, Pages
from tests.pages.stories import verifying

ACCOUNT_OF = {role: account for account, (_, role) in reversed(ACCOUNTS.items())}
PAGES = [route for route in routes_of(APP) if route.path and not route.include_in_schema]
FORMS = [str(route.path) for route in PAGES if "POST" in (route.methods or ())]
OPENED = [
    (str(route.path), rule.action)
    for route in PAGES
    if "GET" in (route.methods or ()) and isinstance(rule := rule_of(route), Allowed)
]
NOTHING = "00000000-0000-4000-8000-000000000000"
ANY = {
    "case_no": "339901012611230000011",
    "verification_id": NOTHING,
    "grant_id": NOTHING,
    "proof": "birth_record",
    "part": "birth_record",
    "item": "birth_certificate",
    "community": "339901001001",
    "act": "claim",
    "question": "pension",
}


def filled(path: str) -> str:
    """The address with something in its places."""
    return re.sub(r"{(\w+)}", lambda found: ANY[found[1]], path)


def without_streams(path: str) -> bool:
    """Whether the page ends by itself."""
    return not path.endswith("/changes")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.INTEGRATOR])
def test_a_page_opens_for_those_whose_role_may_do_what_it_is_for(pages: Pages, role: Role) -> None:
    browser = pages.by(ACCOUNT_OF[role])

    for path, action in OPENED:
        if without_streams(path):
            status = browser.get(filled(path)).status
            assert (status == 403) is (action not in MAY[role]), (path, status)
            assert status in {200, 303, 403, 404}, (path, status)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.INTEGRATOR])
def test_no_form_works_without_the_sessions_token(pages: Pages, role: Role) -> None:
    story = verifying(pages.store)
    browser = pages.by(ACCOUNT_OF[role])
    before = story.file.version

    for path in FORMS:
        if path not in {"/login", "/v/{token}"}:
            assert browser.post(filled(path), reason="没有令牌").status == 403, path
            assert browser.post(filled(path), reason="别人的令牌", csrf_token="x" * 43).status == 403, path
    assert story.file.version == before


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.INTEGRATOR])
def test_the_navigation_leads_nowhere_that_is_closed(pages: Pages, role: Role) -> None:
    browser = pages.by(ACCOUNT_OF[role])
    led = browser.get("/")
    page = browser.follow(led) if led.status == 303 else led

    nav = re.search(r'<nav class="top-nav".*?</nav>', page.html, re.DOTALL)
    addresses = re.findall(r'href="([^"]+)"', nav[0]) if nav else []

    assert addresses == [address for action, address, _ in DOORS if action in MAY[role]]
    for address in addresses:
        assert browser.get(address).status == 200


@pytest.mark.parametrize("template", sorted(TEMPLATES.list_templates()))
def test_what_stands_in_addresses_is_never_about_a_person(template: str) -> None:
    source = TEMPLATES.loader.get_source(TEMPLATES, template)[0] if TEMPLATES.loader else ""

    for form in re.findall(r'<form\b[^>]*method="get".*?</form>', source, re.DOTALL):
        asked = set(re.findall(r'name="(\w+)"', form))
        if "/watch-list" in form:
            assert asked <= {"occasion", "month", "district"}
        else:
            assert asked <= {"q", "route"}
            assert "/listing" in form or "/rosters" in form or "/verifications/new" in form
    for form in re.findall(r'<form\b[^>]*method="post"[^>]*>.*?</form>', source, re.DOTALL):
        assert "csrf" in form or "hidden|items" in form

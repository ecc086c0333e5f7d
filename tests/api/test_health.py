"""Machines that watch are told the truth, and a database that is away is an answer, not a crash."""

import httpx2 as httpx
import pytest

from store.database import Database
from tests.api.conftest import Api, Clock, Served
from tests.api.test_cases import contested
from tests.desk import family, store_on
from tests.faults.proxy import DatabaseProxy


def test_a_process_that_can_work_says_so(api: Api) -> None:
    assert api.by(None).get("/healthz").json() == {"status": "ok"}
    ready = api.by(None).get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert ready.json()["schema_version"] == ready.json()["schema_needed"]


def test_without_its_tables_it_is_not_ready(postgres: object, empty_database_name: str, another_api: Served) -> None:
    database = Database(postgres.migrator_url(empty_database_name))  # type: ignore[attr-defined]  # the conftest's server
    with another_api(store_on(database), Clock()) as url:
        told = httpx.get(f"{url}/readyz")

    assert (told.status_code, told.json()["ready"]) == (503, False)
    assert told.json()["schema_version"] is None


@pytest.fixture
def nowhere(another_api: Served) -> object:
    """An API whose database nobody answers."""
    database = Database("postgresql+psycopg://nobody@127.0.0.1:9/nothing", pool_size=2, waits_seconds=0.2)
    return another_api(store_on(database), Clock())


def test_without_its_database_it_lives_is_not_ready_and_says_503(nowhere: object) -> None:
    with nowhere as url:  # type: ignore[attr-defined]  # a context manager
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert httpx.get(f"{url}/readyz").status_code == 503
        figures = httpx.get(f"{url}/metrics")
        refused = httpx.get(f"{url}/api/v1/cases", headers={"authorization": "Bearer ot_x"})
        listening = httpx.get(f"{url}/api/v1/events/stream", headers={"authorization": "Bearer ot_x"})

    assert "onething_store_up 0.0" in figures.text
    for answered in (refused, listening):
        assert answered.status_code == 503
        assert answered.json()["code"] == "store.unavailable"
        assert int(answered.headers["retry-after"]) > 0


def test_the_figures_tell_what_waits(api: Api) -> None:
    case_no = api.filed(family(1), key="1")
    contested(api, case_no)
    api.file(family(1) | {"father": None}, key="2")
    api.by("supervisor-1").post("/api/v1/departments/health/pause", json={"reason": "系统升级"})

    told = api.by(None).get("/metrics").text

    for line in (
        'onething_cases{state="open"} 1.0',
        'onething_tasks_waiting{kind="contested"} 1.0',
        'onething_department_paused{service="health"} 1.0',
        'onething_refusals_total{code="application.faulty"} 1.0',
        "onething_outbox_rows 2.0",
        "onething_outbox_oldest_seconds 0.0",
        "onething_store_up 1.0",
        'onething_http_request_seconds_count{method="POST",route="/api/v1/cases",status="201"} 1.0',
    ):
        assert line in told
    assert case_no not in told


def test_a_department_is_paused_and_resumed_by_a_supervisor(api: Api) -> None:
    def health(of: dict[str, list[dict[str, object]]]) -> dict[str, object]:
        return next(one for one in of["services"] if one["code"] == "health")

    paused = api.by("supervisor-1").post("/api/v1/departments/health/pause", json={"reason": "系统升级"}).json()
    assert (paused["paused"], paused["paused_by"], paused["fault"]) == (True, "supervisor-1", "系统升级")
    assert health(api.by("desk-1").get("/api/v1/departments").json())["paused"] is True
    resumed = api.by("supervisor-1").post("/api/v1/departments/health/resumption")
    assert resumed.json()["paused"] is False
    assert health(api.by("desk-1").get("/api/v1/departments").json())["paused"] is False
    unknown = api.by("supervisor-1").post("/api/v1/departments/circus/pause", json={"reason": "没有"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "department.unknown")


def test_the_life_events_are_shown_with_their_form_and_graph(api: Api) -> None:
    (line,) = [one for one in api.by("desk-1").get("/api/v1/bundles").json()["bundles"] if one["code"] == "newborn"]
    shown = api.by("desk-1").get("/api/v1/bundles/newborn").json()
    graph = api.by("desk-1").get("/api/v1/bundles/newborn/graph").json()["mermaid"]

    assert line["items"] == len(shown["contents"]) == 8
    assert shown["form"]["properties"]["children"]["maxItems"] == 6
    assert shown["form"]["properties"]["birth"]["properties"]["parents_married"]["type"] == "boolean"
    assert "birth_certificate --> household_registration" in graph
    assert graph.startswith("flowchart LR\n")
    assert api.by("desk-1").get("/api/v1/bundles/wedding").status_code == 404


def test_a_database_that_goes_and_comes_back_is_lived_through(
    database_url: str, tokens: dict[str, str], another_api: Served
) -> None:
    """A commit whose answer was lost, then a dead wire: the family is told 503, sends it again, and has one case."""
    with DatabaseProxy(database_url) as wire:
        store = store_on(Database(wire.url, pool_size=2, waits_seconds=1))
        with another_api(store, Clock()) as url:
            api = Api(url, store, Clock(), tokens)
            wire.cut_commits(2)
            assert api.file(family(1)).status_code in {200, 201}
            wire.cut_everything()
            assert api.file(family(1)).status_code == 200
            wire.cut_commits(1_000)
            gone = api.file(family(2), key="key-2")
            wire.cut_commits(0)
            again = api.file(family(2), key="key-2")
            api.close()

    assert gone.status_code == 503
    assert again.status_code in {200, 201}

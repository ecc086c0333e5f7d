"""The listing of proofs over HTTP: everybody in the house reads it on any day, the data centre takes files over."""

from datetime import date

import httpx2 as httpx
import pytest

from api.workbooks import CSV, XLSX, read_sheet, write_sheet
from demo.city.listing import listing as city_listing
from domain.listing import COLUMNS, ListedProof, ListedRoute, as_row, read_listing
from tests.api.conftest import Api
from tests.domain.test_listing import proof


def send(
    client: httpx.Client, route: str, *lines: ListedProof, whole: bool = False, although: bool = True
) -> httpx.Response:
    """`although`: a few lines alone allow no life event, and that is meant."""
    sent = write_sheet(COLUMNS, map(as_row, lines), "清单", "xlsx")
    return client.post(
        f"/api/v1/listing{route}",
        content=sent,
        headers={"content-type": XLSX},
        params={"whole": str(whole).lower()} | ({"although_bundles_stop": "true"} if although and not route else {}),
    )


def test_the_citys_listing_is_taken_over_and_read_by_route(api: Api, centre: httpx.Client) -> None:
    lines = city_listing()
    assert send(centre, "/preview", *lines).json()["joined"] == 270
    assert send(centre, "", *lines).json()["joined"] == 270
    assert send(centre, "", *lines).json()["unchanged"] == 270

    told = api.by("desk-1").get("/api/v1/listing").json()
    assert told["on"] == "2026-11-23"
    assert told["counts"] == {"cancelled": 70, "commitment": 57, "shared_data": 84, "department_verification": 59}
    assert len(told["proofs"]) == 270
    only = api.by("desk-1").get("/api/v1/listing", params={"route": "commitment", "on": "2018-06-01"}).json()
    assert only["counts"]["department_verification"] == 0, "that batch came three weeks later"
    assert {one["route_title"] for one in only["proofs"]} == {"告知承诺"}


def test_a_proof_tells_how_it_was_listed_over_time(api: Api, centre: httpx.Client) -> None:
    send(centre, "", proof("parents_marriage"))
    changed = proof("parents_marriage", route="cancelled", effective_from=date(2026, 12, 1))
    (change,) = send(centre, "/diff", changed).json()["changes"]
    route = change["fields"][0]
    assert (route["column"], route["before"], route["after"]) == ("route", "数据查询", "直接取消")
    send(centre, "", changed)

    told = api.by("caseworker-1").get("/api/v1/listing/parents_marriage").json()["lines"]
    assert [(one["line"]["route"], one["kept_by"]) for one in told] == [
        ("shared_data", "data-centre-1"),
        ("cancelled", "data-centre-1"),
    ]
    unknown = api.by("caseworker-1").get("/api/v1/listing/being_beautiful")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "listing.unknown")


def test_a_file_that_would_close_a_life_event_says_so_from_which_day_and_has_to_be_meant(
    api: Api, centre: httpx.Client
) -> None:
    send(centre, "", *city_listing())
    line = next(one for one in city_listing() if one.code == "parents_marriage")
    cancelled = line.model_copy(update={"route": ListedRoute.CANCELLED, "effective_from": date(2026, 12, 1)})

    for route in ("/preview", "/diff"):
        told = send(centre, route, cancelled).json()
        assert told["faults"] == []
        (stop,) = told["stops"]
        assert (stop["bundle"], stop["since"]) == ("newborn", "2026-12-01")
        assert "parents_marriage" in stop["detail_zh"]
        assert "parents_marriage" in stop["detail"]
    refused = send(centre, "", cancelled, although=False)
    assert (refused.status_code, refused.json()["code"]) == (409, "listing.stops_bundles")
    assert "2026-12-01" in refused.json()["detail_zh"]
    assert len(api.by("desk-1").get("/api/v1/listing/parents_marriage").json()["lines"]) == 1, "nothing was written"

    assert send(centre, "", cancelled, although=True).status_code == 200
    other = next(one for one in city_listing() if one.code == "father_child_relation")
    later = other.model_copy(update={"valid_days": 7, "effective_from": date(2026, 12, 1)})
    taken = send(centre, "", later, although=False)
    assert (taken.status_code, taken.json()["stops"]) == (200, []), "what stops anyway needs no second word"


def test_a_whole_listing_without_a_proof_that_is_demanded_has_to_be_meant(centre: httpx.Client) -> None:
    send(centre, "", *city_listing())
    left = [line for line in city_listing() if line.code != "birth_record"]

    refused = send(centre, "", *left, whole=True, although=False)
    assert refused.status_code == 409
    assert "birth_record" in refused.json()["detail"]
    assert send(centre, "", *left, although=False).status_code == 200, "as one batch it says nothing of the others"


def test_the_listing_is_written_out_and_read_back(api: Api, centre: httpx.Client) -> None:
    lines = city_listing()[:30]
    send(centre, "", *lines)
    kinds: list[str] = []
    for asked in ({}, {"format": "csv"}, {"format": "csv", "encoding": "gb18030"}):
        told = api.by("desk-1").get("/api/v1/listing/export", params=asked)
        kinds.append(told.headers["content-type"])
        again = {line.code: line for _, line in read_listing(read_sheet(told.content)).lines}
        assert again == {line.code: line for line in lines}
    assert kinds == [XLSX, f"{CSV}; charset=utf-8", f"{CSV}; charset=gb18030"]


def test_a_whole_listing_lets_the_others_leave(centre: httpx.Client) -> None:
    send(centre, "", proof(), proof("b"))
    assert send(centre, "/preview", proof()).json()["left"] == 0
    assert send(centre, "/preview", proof(), whole=True).json()["left"] == 1


def test_what_is_in_force_is_not_rewritten(centre: httpx.Client) -> None:
    send(centre, "", proof())
    refused = send(centre, "", proof(title="改写"))
    assert refused.status_code == 422
    assert refused.json()["errors"][0] == {
        "pointer": "/2/effective_from",
        "code": "in_force_already",
        "detail": "this line is in force already; follow it by another with a later day",
        "detail_zh": "此行已生效, 不可改写; 请用新的生效日期另起一行",
    }


@pytest.mark.parametrize("who", ["desk-1", "caseworker-1", "supervisor-1", "officer-1", "auditor-1", "health-system"])
def test_only_the_data_centre_takes_files_over(api: Api, who: str) -> None:
    for route in ("", "/preview", "/diff"):
        assert send(api.by(who), route, proof()).status_code == 403
    assert api.by(who).get("/api/v1/listing").status_code == 200

"""Departments and registers (部门) as services that can fail: which are paused, since when and by whom."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from api.house import TheHouse
from api.identity import MayPause, MayReadDepartments
from api.limits import StrictRoute
from api.problems import Trouble
from api.shapes import V1, Because, Moment, Shown, answer
from domain.departments import DEPARTMENTS, REGISTERS
from store.breakers import Breaker, all_breakers, pause_by_hand, resume_by_hand
from store.database import again_if_lost

router = APIRouter(prefix=V1, tags=["departments"], route_class=StrictRoute)

Service = Annotated[
    str, Path(max_length=64, pattern=r"^[a-z][a-z_]*$", description="A department's or register's code.")
]


class ServiceView(Shown):
    """One service that we call."""

    code: str
    title: str
    title_en: str
    kind: str = Field(description="department or register")
    paused: bool
    failures: int
    paused_since: Moment | None
    next_try_at: Moment | None = Field(description="Null while it is paused by hand: then it is resumed by hand.")
    paused_by: str | None
    fault: str | None


class ServiceList(Shown):
    """Every service that we call."""

    services: tuple[ServiceView, ...]


@router.get("/departments", response_model=ServiceList)
def list_of_departments(house: TheHouse, viewer: MayReadDepartments) -> Response:
    """Every department and register, and which of them is paused."""

    def look() -> dict[str, Breaker]:
        with house.store.database.reading() as connection:
            return {breaker.service: breaker for breaker in all_breakers(connection)}

    found = again_if_lost(look)
    codes = (*DEPARTMENTS, *REGISTERS)
    return answer(ServiceList(services=tuple(_view(code, found.get(code)) for code in codes)))


@router.post("/departments/{service}/pause", response_model=ServiceView)
def pause_department(house: TheHouse, viewer: MayPause, service: Service, asked: Because) -> Response:
    """Stop calling it until somebody resumes it; what is due waits and is not lost."""
    _known(service)

    def pause() -> Breaker:
        with house.store.database.begin() as connection:
            return pause_by_hand(connection, service, viewer.actor, house.clock(), asked.reason)

    return answer(_view(service, again_if_lost(pause)))


@router.post("/departments/{service}/resumption", response_model=ServiceView)
def resume_department(house: TheHouse, viewer: MayPause, service: Service) -> Response:
    """Call it again, whoever or whatever paused it."""
    _known(service)

    def resume() -> None:
        with house.store.database.begin() as connection:
            resume_by_hand(connection, service)

    again_if_lost(resume)
    return answer(_view(service, None))


def _known(service: str) -> None:
    if service not in DEPARTMENTS and service not in REGISTERS:
        raise Trouble(404, "department.unknown", "没有这个部门或数据源", "there is no such department or register")


def _view(code: str, breaker: Breaker | None) -> ServiceView:
    named = DEPARTMENTS.get(code) or REGISTERS[code]
    return ServiceView(
        code=code,
        title=named.title,
        title_en=named.title_en,
        kind="department" if code in DEPARTMENTS else "register",
        paused=breaker is not None and breaker.paused_since is not None,
        failures=0 if breaker is None else breaker.failures,
        paused_since=None if breaker is None else breaker.paused_since,
        next_try_at=None if breaker is None else breaker.next_try_at,
        paused_by=None if breaker is None else breaker.paused_by,
        fault=None if breaker is None else breaker.fault,
    )

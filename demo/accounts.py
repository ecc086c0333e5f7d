"""Who may sign in at the demonstration: one account for each role, with a password that is no secret.

The people are made up and the doors are on this machine's own loopback, so the passwords are shown on the screen.
Tokens are real all the same: each account has one in a file of its own that only the owner of the state directory
can read, because a habit learned in a demonstration is kept in production.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from demo.city.places import DIVISIONS
from domain.departments import DEPARTMENTS
from domain.scopes import Role
from store import accounts as kept
from store.tables import accounts as accounts_table
from store.tables import units as units_table

DIVISION = "339901"
"""云澜区 of the simulated city: a division that exists on no map."""
CITY = "339900"
TOKEN_LABEL = "onething demo"


@dataclass(frozen=True)
class Unit:
    """One body of the city that has accounts."""

    code: str
    title: str
    title_en: str
    division: str = DIVISION
    department: str | None = None


@dataclass(frozen=True)
class DemoAccount:
    """One account; a program's has no password."""

    account: str
    unit: str
    role: Role
    title: str
    title_en: str

    @property
    def password(self) -> str | None:
        """Easy to type, the same rule for all, and shown to everybody."""
        return None if self.role is Role.INTEGRATOR else f"{self.account}-demo"


HOSPITAL = Unit("hospital", "云澜区妇幼保健院", "Yunlan maternity hospital", department="delivery_institution")
SERVICE_CENTRE = Unit("service-centre", "云澜区政务服务中心", "Yunlan government service centre")
DATA_CENTRE = Unit("data-centre", "婺川市大数据中心", "Wuchuan data centre", division=CITY)
BANK = Unit("bank", "婺川农商银行", "Wuchuan rural commercial bank")
COMMUNITY = Unit("community-339901001001", "云澜区明月社区", "Mingyue community")
"""The unit that the import of its roster would make; made here, because the roster names its account."""

UNITS = (
    HOSPITAL,
    SERVICE_CENTRE,
    Unit("police", "云澜区公安分局", "Yunlan police", department="public_security"),
    Unit("civil-affairs", "云澜区民政局", "Yunlan civil affairs", department="civil_affairs"),
    Unit("health", "云澜区卫生健康局", "Yunlan health", department="health"),
    Unit("healthcare-security", "云澜区医疗保障局", "Yunlan healthcare security", department="healthcare_security"),
    COMMUNITY,
    Unit("pension-office", "婺川市社会保险中心", "Wuchuan social insurance", CITY, "human_resources"),
    Unit("city-service-centre", "婺川市政务服务中心", "Wuchuan service centre", CITY),
    Unit("audit-office", "婺川市审计局", "Wuchuan audit office", division=CITY),
    DATA_CENTRE,
    BANK,
)

ACCOUNTS = (
    DemoAccount("desk", "hospital", Role.BIRTH_DESK, "出生窗口", "birth desk"),
    DemoAccount("caseworker", "service-centre", Role.CASEWORKER, "经办人", "caseworker"),
    DemoAccount("supervisor", "service-centre", Role.SUPERVISOR, "科长", "supervisor"),
    DemoAccount("city-caseworker", "city-service-centre", Role.CASEWORKER, "市级经办人", "caseworker of the city"),
    DemoAccount("city-supervisor", "city-service-centre", Role.SUPERVISOR, "市级科长", "supervisor of the city"),
    DemoAccount("verifier", "police", Role.VERIFIER, "部门核验员", "verifier"),
    DemoAccount("police-chief", "police", Role.UNIT_CHIEF, "部门负责人", "chief of the unit"),
    DemoAccount("registrar", "civil-affairs", Role.VERIFIER, "婚姻登记核验员", "marriage verifier"),
    DemoAccount("health-officer", "health", Role.VERIFIER, "卫健核验员", "health verifier"),
    DemoAccount("insurance-officer", "healthcare-security", Role.VERIFIER, "医保核验员", "insurance verifier"),
    DemoAccount("pension-verifier", "pension-office", Role.VERIFIER, "社保核验员", "pension verifier"),
    DemoAccount("community", COMMUNITY.code, Role.COMMUNITY_WORKER, "社区工作者", "community worker"),
    DemoAccount("pension", "pension-office", Role.PENSION_OFFICER, "社保经办", "pension officer"),
    DemoAccount("auditor", "audit-office", Role.AUDITOR, "审计", "auditor"),
    DemoAccount("bank", "bank", Role.REQUESTER, "银行柜面", "bank counter"),
    DemoAccount("data-centre", "data-centre", Role.DATA_CENTRE, "数据中心", "data centre"),
    DemoAccount("hospital-system", "hospital", Role.INTEGRATOR, "医院系统", "the hospital's own system"),
)
FILES_APPLICATIONS = "desk"
"""The account that `onething run` files with."""


def district_units() -> Iterator[Unit]:
    """Civil affairs of the districts beyond the first: the senior card is everywhere in the hands of the district's own."""
    for division in DIVISIONS:
        if division.code != DIVISION:
            yield Unit(
                f"civil-affairs-{division.code}",
                f"{division.name}民政局",
                f"civil affairs of {division.code}",
                division.code,
                "civil_affairs",
            )


def district_accounts() -> Iterator[DemoAccount]:
    """One officer in each of them, `registrar-339902` and so on."""
    for unit in district_units():
        yield DemoAccount(f"registrar-{unit.division}", unit.code, Role.VERIFIER, "民政核验员", "civil affairs officer")


def department_units() -> Iterator[Unit]:
    """Each department's system, which calls back when it has decided."""
    for department in DEPARTMENTS.values():
        yield Unit(
            f"system-{_dashed(department.code)}",
            f"{department.title}系统",
            f"{department.title_en}: its system",
            division=CITY,
            department=department.code,
        )


def department_account(department: str) -> str:
    """The account with which that department's system calls back."""
    return f"callback-{_dashed(department)}"


def department_accounts() -> Iterator[DemoAccount]:
    """One integrator for each department: none can answer for another."""
    for unit in department_units():
        assert unit.department is not None
        account = department_account(unit.department)
        yield DemoAccount(account, unit.code, Role.INTEGRATOR, unit.title, unit.title_en)


def provide(connection: Connection, tokens: Path, at: datetime) -> None:
    """Make the units, accounts and token files that are missing; what is there stays as it is."""
    known_units = set(connection.execute(select(units_table.c.code)).scalars())
    for unit in (*UNITS, *district_units(), *department_units()):
        if unit.code not in known_units:
            kept.add_unit(connection, unit.code, title=unit.title, division=unit.division, department=unit.department)
    known_accounts = set(connection.execute(select(accounts_table.c.account)).scalars())
    tokens.mkdir(mode=0o700, exist_ok=True)
    for wanted in (*ACCOUNTS, *district_accounts(), *department_accounts()):
        if wanted.account not in known_accounts:
            kept.add_account(connection, wanted.account, unit=wanted.unit, role=wanted.role, password=wanted.password)
        file = tokens / wanted.account
        if not _opens(connection, file, wanted.account, at):
            write_secret(file, kept.issue_token(connection, wanted.account, label=TOKEN_LABEL, at=at))


def write_secret(file: Path, secret: str) -> None:
    """Write a line that only its owner may read; complete or not there at all, whenever this process is killed."""
    half_written = file.with_name(f"{file.name}.new")
    half_written.unlink(missing_ok=True)
    half_written.touch(mode=0o600)
    half_written.write_text(secret + "\n", encoding="utf-8")
    os.replace(half_written, file)


def _opens(connection: Connection, file: Path, account: str, at: datetime) -> bool:
    """Whether the file holds a token of this account: the database may have been started afresh beside it."""
    if not file.exists():
        return False
    viewer = kept.viewer_of_token(connection, file.read_text(encoding="ascii").strip(), at)
    return viewer is not None and viewer.actor.account == account


def _dashed(code: str) -> str:
    return code.replace("_", "-")

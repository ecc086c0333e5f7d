"""Rows of rosters that tests tell about: four people of two communities, none of whom exists."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from domain.actors import Actor
from domain.columns import Cell, Sheet
from domain.roster import COLUMNS, RosterFile, read_roster

CENTRE = Actor(account="data-centre", unit="data-centre")
TODAY = date(2026, 11, 23)
MINGYUE = "339901001001"
GUIYU = "339901001002"
SECRETARY = {
    "community": MINGYUE,
    "community_title": "云澜区明月社区",
    "subdistrict": "339901001",
    "subdistrict_title": "明溪街道",
    "name": "尉迟㛃",
    "citizen_id": "339901196503120029",
    "phones": "15498000001、15497000001",
    "post": "书记",
    "rank": "1",
    "valid_from": "2024-01-01",
}
DIRECTOR = {**SECRETARY, "name": "欧阳𬭎", "citizen_id": "339901197007020015", "phones": "15498000002", "post": "主任", "rank": "2"}  # fmt: skip
WORKER = {**SECRETARY, "name": "单秀英", "citizen_id": "339901197809080028", "phones": "15498000003", "post": "社工", "rank": "3"}  # fmt: skip
NEIGHBOUR = {
    **SECRETARY,
    "community": GUIYU,
    "community_title": "云澜区桂语社区",
    "name": "仇志远",
    "citizen_id": "339901196801230015",
    "phones": "15498000009",
}


def sheet(*rows: Mapping[str, Any]) -> Sheet:
    """The rows under a header, as a file has them."""
    lines: list[list[Cell]] = [[column.title for column in COLUMNS]]
    lines += [[row.get(column.code) for column in COLUMNS] for row in rows]
    return Sheet(list(enumerate(lines, start=1)))


def file(*rows: Mapping[str, Any]) -> RosterFile:
    return read_roster(sheet(*rows), TODAY)

"""Which cases an account sees, as a condition of SQL: a list is cut in the database, never after reading it.

The same table `domain.scopes.MAY` as for one case; a test asks both about everything and compares.
"""

from typing import assert_never

from sqlalchemy import ColumnElement, and_, exists, false, true

from domain.divisions import CITY_DIGITS, is_city
from domain.scopes import Action, Reach, Viewer, reach
from store.tables import case_items, cases, verifications


def cases_visible_to(viewer: Viewer, action: Action) -> ColumnElement[bool]:
    """A condition over `cases`: those with which the viewer may do this."""
    match reach(viewer, action):
        case None:
            return false()
        case Reach.OWN_UNIT:
            return cases.c.unit == viewer.actor.unit
        case Reach.DIVISION:
            return within(viewer.division, cases.c.division)
        case Reach.ADDRESSED:
            return exists().where(verifications.c.case_id == cases.c.case_id, verifications.c.unit == viewer.actor.unit)
        case Reach.DEPARTMENT if viewer.department is None:
            return false()
        case Reach.DEPARTMENT:
            has_an_item = exists().where(
                case_items.c.case_id == cases.c.case_id, case_items.c.department == viewer.department
            )
            return and_(within(viewer.division, cases.c.division), has_an_item)
        case Reach.EVERYWHERE:
            return true()
        case never:
            assert_never(never)


def within(ours: str, division: ColumnElement[str]) -> ColumnElement[bool]:
    """A condition over a column of divisions: those that an office of ours answers for (`domain.divisions.covers`)."""
    return division.startswith(ours[:CITY_DIGITS], autoescape=True) if is_city(ours) else division == ours


def districts_visible_to(viewer: Viewer, action: Action, district: ColumnElement[str]) -> ColumnElement[bool]:
    """A condition over a column of districts: those that the viewer's division covers; a city's, all of its districts."""
    match reach(viewer, action):
        case None | Reach.OWN_UNIT | Reach.ADDRESSED | Reach.DEPARTMENT:
            return false()
        case Reach.DIVISION:
            return within(viewer.division, district)
        case Reach.EVERYWHERE:
            return true()
        case never:
            assert_never(never)


def verifications_visible_to(viewer: Viewer, action: Action) -> ColumnElement[bool]:
    """A condition over `verifications`: those with which the viewer may do this."""
    match reach(viewer, action):
        case None | Reach.DEPARTMENT | Reach.OWN_UNIT:
            return false()
        case Reach.ADDRESSED:
            return verifications.c.unit == viewer.actor.unit
        case Reach.DIVISION:
            return within(viewer.division, verifications.c.division)
        case Reach.EVERYWHERE:
            return true()
        case never:
            assert_never(never)


def items_visible_to(viewer: Viewer, action: Action) -> ColumnElement[bool]:
    """A condition over `case_items` of a case that `cases_visible_to` lets through: a department's own items only."""
    match reach(viewer, action):
        case None | Reach.ADDRESSED:
            # Who is asked one thing about a person has no business with the items that it is needed for.
            return false()
        case Reach.DEPARTMENT if viewer.department is None:
            return false()
        case Reach.DEPARTMENT:
            return case_items.c.department == viewer.department
        case Reach.OWN_UNIT | Reach.DIVISION | Reach.EVERYWHERE:
            return true()
        case never:
            assert_never(never)

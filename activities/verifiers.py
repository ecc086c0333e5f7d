"""Finding who has to answer (承办人): the unit and person that the duty roster names now, for the rung that is due."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from domain.actors import THE_ENGINE
from domain.bundle import (
    Commitment,
    CommunityCheck,
    Confirmation,
    DepartmentVerification,
    Escalation,
    SharedDataQuery,
)
from domain.commands import OpenVerification
from store.cases import OpenedCase
from store.duty import Holder, community_named, holder_in_community, holder_in_department, silence_rule
from store.facts import fact_value


def find_verifier(
    connection: Connection, case: OpenedCase, proof: str, round: int, rung: int, *, id: UUID, at: datetime
) -> OpenVerification:
    """The command that opens the verification with whom the rosters name, or says why nobody can be asked."""
    route = case.file.declared_proof(proof).routes[rung]
    holder, community, silence, reason = None, None, None, "nobody_on_duty"
    match route:
        case DepartmentVerification():
            holder = holder_in_department(connection, route.department, case.file.opened.division, at)
        case CommunityCheck():
            reason = "no_community"
            for origin in route.community:
                named = fact_value(case, origin)
                if named and (community := community_named(connection, named)):
                    reason = "nobody_on_duty"
                    if holder := holder_in_community(connection, community, at):
                        break
        case Confirmation():
            # The desk that has the case is where the person's answer arrives, by whichever way.
            holder = Holder(case.file.opened.by.unit, None, None)
            silence = silence_rule(connection, holder.unit)
        case SharedDataQuery() | Commitment() | Escalation():
            raise TypeError(f"nobody verifies on a rung of {route.route}")
    return OpenVerification(
        id=id,
        at=at,
        by=THE_ENGINE,
        proof=proof,
        round=round,
        rung=rung,
        unit=holder.unit if holder else None,
        owner=holder.account if holder else None,
        hours=holder.office_hours if holder else None,
        community=community if holder else None,
        silence=silence,
        reason=reason,
    )

"""事项进度: the items and proofs of a case, who has each, since when and until when."""

from collections.abc import Mapping
from typing import Any, Final

from domain.case_file import CaseFile, ItemState
from store.read_models.projection import ReadModel
from store.tables import case_items, case_proofs


def _items(file: CaseFile) -> list[Mapping[str, Any]]:
    return [
        {
            "case_id": file.case_id,
            "item": item,
            "place": place,
            "code": live.planned.item,
            "number": live.planned.number,
            "title": declared.title,
            "title_en": declared.title_en,
            "department": live.planned.department,
            "state": live.state,
            "since": live.since,
            "accepted_at": live.accepted_at,
            "promised_by": live.promised_by,
            "statutory_by": live.statutory_by,
            "attempt": live.attempt,
            "reference": live.reference,
            "products": list(live.products),
            "waits_for": list(file.waits_for(item)) if live.state is ItemState.WAITING else [],
            "open_proofs": list(file.open_proofs(item)) if live.state is ItemState.ACCEPTED else [],
            "reason_code": live.reason_code,
            "note": live.note,
            "because": live.because,
            "overdue_since": live.overdue_since,
            "unreachable_since": live.unreachable_since,
            "fault": live.fault,
        }
        for place, (item, live) in enumerate(file.items.items())
        for declared in (file.bundle.item(live.planned.item),)
    ]


def _proofs(file: CaseFile) -> list[Mapping[str, Any]]:
    declared = file.bundle.proofs()
    return [
        {
            "case_id": file.case_id,
            "proof": proof,
            "place": place,
            "title": declared[proof].title,
            "title_en": declared[proof].title_en,
            "state": live.state,
            "since": live.since,
            "round": live.round,
            "rung": live.rung,
            "asked": live.asked,
            "differing": list(live.differing),
            "exhausted": [f"{route}:{reason}" for route, reason in live.exhausted],
            "note": live.note,
            "settled_by": live.settled_by,
        }
        for place, (proof, live) in enumerate(file.proofs.items())
    ]


ITEMS: Final = ReadModel(case_items, _items)
PROOFS: Final = ReadModel(case_proofs, _proofs)

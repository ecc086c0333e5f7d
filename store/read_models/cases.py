"""办件列表: one line per case, whose it is, and what no two open cases may share."""

from collections.abc import Mapping
from typing import Any, Final

from domain.case_file import ENDED, CaseFile, CaseState, ItemState
from domain.waiting import waits
from store.read_models.projection import ReadModel
from store.tables import case_keys, case_people, cases


def _line(file: CaseFile) -> list[Mapping[str, Any]]:
    items = file.items.values()
    open_items = [item for item in items if item.state not in ENDED]
    waiting = waits(file)
    return [
        {
            "case_id": file.case_id,
            "case_no": file.opened.case_no,
            "bundle": file.bundle.code,
            "title": file.bundle.title,
            "title_en": file.bundle.title_en,
            "state": file.state,
            "outcome": file.outcome,
            "version": file.version,
            "unit": file.opened.by.unit,
            "opened_by": file.opened.by.account,
            "division": file.opened.division,
            "applicant": file.opened.people[file.bundle.applicant][0],
            "circumstances": list(file.circumstances),
            "warnings": list(file.opened.warnings),
            "opened_at": file.opened.at,
            "changed_at": file.changed_at,
            "ended_at": file.ended_at,
            "next_due": min((item.promised_by for item in open_items if item.promised_by is not None), default=None),
            "items_in_play": len(file.items),
            "items_concluded": sum(item.state is ItemState.CONCLUDED for item in items),
            "in_hand": sum(wait.on == "caseworker" for wait in waiting),
            "overdue": sum(item.overdue_since is not None for item in open_items),
            "waits_for": list(dict.fromkeys(wait.on for wait in waiting)),
        }
    ]


def _people(file: CaseFile) -> list[Mapping[str, Any]]:
    return [
        {"case_id": file.case_id, "section": section, "number": number, "person": person}
        for section, people in file.opened.people.items()
        for number, person in enumerate(people, 1)
    ]


def _keys(file: CaseFile) -> list[Mapping[str, Any]]:
    if file.state is CaseState.WITHDRAWN:
        return []
    application = {"key": file.opened.application_key, "kind": "application", "case_id": file.case_id}
    return [
        application,
        *({"key": key, "kind": "event", "case_id": file.case_id} for key in file.opened.event_keys),
    ]


LINES: Final = ReadModel(cases, _line)
PEOPLE: Final = ReadModel(case_people, _people)
KEYS: Final = ReadModel(case_keys, _keys, exclusive=True)

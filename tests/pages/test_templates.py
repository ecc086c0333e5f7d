"""Every template with its smallest and its fullest view, in both languages: a name that a template does not know is an error."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from api.case_view import case_with_content
from api.pages.case_list import TABS, Row, TabView
from api.pages.case_page import DONE, Attempt, Person, Rights, TimeLine, TimeTable, shown, timeline
from api.pages.faults import NEXT
from api.pages.looks import ROLES
from api.pages.rendering import TEMPLATES, words_at
from api.pages.words import Language, Say
from api.problems import Fault, problem
from api.reach import Sight
from domain.actors import Actor
from domain.case_file import CaseFile, evolve
from domain.decisions import decide
from domain.events import Recorded
from domain.form import read_application
from domain.identifiers import grouped_case_no
from domain.listing import ListedRoute
from domain.refusals import CaseMovedOn
from domain.scopes import Role, Viewer
from domain.timeline import Text
from domain.waiting import waits
from store.cases import OpenedCase
from store.vault import Dossier
from tests.domain.telling import (
    MONDAY,
    a_family,
    answers,
    commits,
    concluded,
    department,
    escalates,
    expires,
    given,
    nobody_can_be_asked,
    opening,
    opens,
    overdue,
    proven,
    read,
    register,
    rejected,
    settle,
    suspends,
    unreachable,
)
from tests.domain.telling import withdraw as taken_back
from tests.workflows.officers import PROOF, about, alone

NOW = MONDAY + timedelta(days=3)
HOSTILE = "<script>alert('名')</script>\"&"
VIEWER = Viewer(Actor(account="caseworker-1", unit="bureau"), Role.CASEWORKER, "330782")


def frame(language: Language, viewer: Viewer | None) -> dict[str, Any]:
    return {
        **words_at(language, NOW),
        "csrf_field": "csrf_token",
        "csrf": "token",
        "viewer": viewer,
        "role": ROLES[viewer.role] if viewer else None,
        "doors": [("/cases", "办件", True)] if viewer else [],
        "other_language": "en" if language == "zh" else "zh",
        "other_language_url": "/x?lang=en",
        "fragment": False,
    }


def told(*commands: Any) -> tuple[CaseFile, list[Recorded]]:
    """The case after these commands, and all that was recorded."""
    file: CaseFile | None = None
    recorded: list[Recorded] = []
    for command in commands:
        for event in decide(command, file):
            recorded.append(Recorded(version=len(recorded) + 1, event=event))
            file = evolve(file, event)
    assert file is not None
    return file, recorded


def case(
    language: Language,
    file: CaseFile,
    *,
    rights: Rights = Rights(),  # noqa: B008  # frozen
    events: list[Recorded] | None = None,
    attempt: Attempt = Attempt(),  # noqa: B008  # frozen
    form: Mapping[str, list[dict[str, str]]] | None = None,
    done: str | None = None,
) -> dict[str, Any]:
    sight = Sight.of(VIEWER, "read_case", file)  # type: ignore[arg-type]  # an Action is its word
    view = case_with_content(OpenedCase(file, Dossier({}, frozenset())), sight)
    notes = {f"item:{item}": HOSTILE for item in file.items} | {f"proof:{proof}": HOSTILE for proof in file.proofs}
    products = {item: dict.fromkeys(live.products, HOSTILE) for item, live in file.items.items() if live.products}
    if form is not None:
        asked = {section.code for section in file.bundle.sections}
        form = {section: rows for section, rows in form.items() if section in asked}
        content = view.content.model_copy(
            update={"form": form, "notes": notes, "products": products, "forgotten": True}
        )
        view = view.model_copy(update={"content": content})
    return {
        **frame(language, VIEWER),
        **shown(
            file,
            view.content,
            view.items,
            view.proofs,
            view.waits,
            rights=rights,
            events=events or [],
            whole=True,
            now=NOW,
            attempt=attempt,
            said=SAID if form is not None else {},
            units={},
        ),
        "case": view,
        "done": done,
        "time": TIME if form is not None else TimeTable((), 0),
        "once": "mark",
    }


ALL_RIGHTS = Rights(settle=True, resubmit=True, withdraw=True, reveal=True, escalate=True, commit=True)
TIME = TimeTable((TimeLine(Text(HOSTILE, HOSTILE), HOSTILE, False, 10, "100.00%"),), 10)
SAID = {f"note/{number}": HOSTILE for number in range(9)} | {"letter/1": HOSTILE, "why/1": HOSTILE}
FORM = {
    "birth": [{"born_at": "2026-11-20T08:00:00+08:00", "parents_married": "true", "delivery": "normal"}],
    "children": [{"name": HOSTILE}, {"name": HOSTILE}],
    "mother": [{"name": HOSTILE, "phone": "154****0002"}],
}


def fullest(language: Language, **more: Any) -> dict[str, Any]:
    """Everything that can be told of one case at the same time."""
    opened = a_family("twins")
    file, events = told(opening(read("twins")), register(opened, "prenatal_record"))
    proof = next(proof for proof, live in file.proofs.items() if live.state == "asked")
    for command in (
        rejected("mother_child_handbook"),
        register(file, proof, "contradicts", differing=("mother_citizen_id", "born_on", "children", "state", "never")),
        register(file, "mother_identity", "not_found"),
    ):
        for event in decide(command, file):
            events.append(Recorded(version=len(events) + 1, event=event))
            file = evolve(file, event)
    return case(language, file, rights=ALL_RIGHTS, events=events, form=FORM, **more)


def every_state(language: Language) -> list[dict[str, Any]]:
    """One view for each way an item, a proof or a case can stand."""
    sent = proven()
    due = sent.item("birth_certificate").promised_by
    assert due is not None
    late = told_after(sent, unreachable("birth_certificate"), overdue("birth_certificate", due))
    denied = told_after(sent, department("birth_certificate", "denied", reason_code="no_record"))
    asked = a_family()
    climbing = told_after(asked, register(asked, "birth_record", "unreachable"))
    escalated = nobody_can_be_asked(climbing)
    not_shown = told_after(escalated, settle("birth_record", met=False))
    files = (
        *verified(climbing),
        *committed(),
        asked,
        sent,
        late,
        denied,
        escalated,
        not_shown,
        told_after(sent, taken_back()),
        concluded(),
        concluded("uninsured"),
        concluded("twins"),
    )
    return [case(language, file, rights=rights, form=FORM) for file in files for rights in (Rights(), ALL_RIGHTS)]


def verified(climbing: CaseFile) -> list[CaseFile]:
    """One question to people in each way it can stand."""
    proof = "birth_record"
    opened = told_after(climbing, opens(climbing, proof, owner="officer_01", at=MONDAY))
    stopped = told_after(opened, suspends(opened, proof, at=MONDAY + timedelta(minutes=1)))
    late = told_after(opened, expires(opened, proof, at=MONDAY + timedelta(hours=1)))
    found = [opened, stopped, late, told_after(opened, escalates(proof))]
    for said in ("matches", "contradicts", "no_record", "hand_to_community"):
        found.append(told_after(opened, answers(opened, proof, said, by_phone=True)))
        found.append(told_after(late, answers(late, proof, said, rung=1)))
    return found


def committed() -> list[CaseFile]:
    """A commitment that is offered, signed and declined."""
    offered = given(opening(read_application(alone(ListedRoute.COMMITMENT), about(), at=MONDAY)))
    return [offered, *(told_after(offered, commits(PROOF, signed=signed)) for signed in (True, False))]


def told_after(file: CaseFile, *commands: Any) -> CaseFile:
    for command in commands:
        for event in decide(command, file):
            file = evolve(file, event)
    return file


def row(file: CaseFile, applicant: str | None, **more: Any) -> Row:
    line: Any = SimpleNamespace(
        case_no=file.opened.case_no,
        title="新生儿出生一件事",
        title_en="Newborn",
        version=3,
        state=file.state,
        outcome=None,
    )
    return Row(
        **{
            "line": line,
            "number": grouped_case_no(file.opened.case_no),
            "applicant": applicant,
            "concluded": 3,
            "in_play": 8,
            "waits": waits(file),
            "due": NOW,
            "overdue": 1,
            "in_hand": 1,
            **more,
        }
    )


def case_list(language: Language, *, full: bool, fragment: bool = False) -> dict[str, Any]:
    line: Any = SimpleNamespace(case_no="1", title="x", title_en="x", version=1, state="concluded", outcome="partial")
    rows = [
        row(a_family(), HOSTILE),
        row(proven(), "", waits=(), due=None, overdue=0, in_hand=0),
        replace(row(proven(), None), line=line),
    ]
    tab = TABS[0]
    return {
        **frame(language, VIEWER),
        "fragment": fragment,
        "tabs": [TabView(one.code, one.title, "999+", one is tab) for one in TABS],
        "tab": tab,
        "rows": rows if full else [],
        "cursor": "abc" if full else None,
        "more": "def" if full else None,
        "typed": HOSTILE if full else "",
        "wrong": "没有这个编号的办件, 或您无权查看。请对照回执核对。" if full else None,
    }


def problem_view(language: Language, status: int, viewer: Viewer | None) -> dict[str, Any]:
    faults = [Fault(pointer="", parameter="query.limit", code="range", detail="wrong", detail_zh="错")]
    return {
        **frame(language, viewer),
        "problem": problem("trace" if viewer else "", status, "x", "有误", "wrong", faults if viewer else ()),
        "next": NEXT[status],
        "again": "/cases/1",
    }


@cache
def views(language: Language) -> dict[str, list[dict[str, Any]]]:
    """Template -> its views, the smallest first."""
    smallest = case(language, a_family())
    moved = CaseMovedOn(3, 4)
    part = next(iter(fullest(language)["to_settle"])).proof.code
    wrong = {"reason": "请写明理由, 2 至 500 字。", "met": "请选择认定结果。", "confirmed": "请确认是申请人要求撤回。"}
    unknown = told_after(a_family(), register(a_family(), "birth_record", "not_found"))
    settled = told_after(nobody_can_be_asked(unknown), settle("birth_record", met=True))
    attempts = (
        Attempt(form=f"settle-{part}", met="true", reason=HOSTILE, wrong=wrong),
        Attempt(form="withdraw", reason=HOSTILE, wrong=wrong),
        Attempt(form="reveal", reason=HOSTILE, wrong=wrong),
        Attempt(form="resubmit-mother_child_handbook", reason=HOSTILE, wrong=wrong),
        Attempt(form=f"settle-{part}", met="false", reason=HOSTILE, refusal=moved),
        Attempt(form="settle-gone", met="false", reason=HOSTILE, refusal=moved),
    )
    cases = [
        smallest,
        fullest(language, done=Say(language)(DONE["met"], part=HOSTILE)),
        *(fullest(language, attempt=attempt) for attempt in attempts),
        case(language, settled, attempt=Attempt(form="settle-birth_record", reason=HOSTILE, refusal=moved)),
        *every_state(language),
    ]
    people = (Person(Text("母亲", "Mother"), 2, ((Text("姓名", "Name"), Text(HOSTILE, HOSTILE)),)),)
    _, events = told(opening(read()))
    a_line = SimpleNamespace(case_no="1", title="x", title_en="x", state="open")
    signing_in = {"after": "/", "account": "", "wrong": None, "form_token": "t"}
    return {
        "case.html": cases,
        "case_body.html": [{**one, "fragment": True} for one in cases],
        "case_list.html": [case_list(language, full=full) for full in (False, True)],
        "case_rows.html": [case_list(language, full=full, fragment=True) for full in (False, True)],
        "home.html": [
            {**frame(language, VIEWER), "reads_timelines": reads, "typed": HOSTILE, "wrong": wrong}
            for reads, wrong in (
                (False, None),
                (True, None),
                (True, "这不是办件编号。编号共 21 位数字, 请对照回执核对。"),
            )
        ],
        "sign_in.html": [
            {**frame(language, None), **signing_in},
            {**frame(language, None), **signing_in, "account": HOSTILE, "wrong": "请填写账号和密码。"},
        ],
        "timeline_page.html": [
            {**frame(language, VIEWER), "number": "1", "line": a_line, "happened": happened, "reads_case": reads}
            for happened, reads in (((), False), (timeline(events, read().bundle), True))
        ],
        "revealed.html": [
            {**frame(language, VIEWER), "number": "1", "case_no": "1", "seconds": 60, "people": some, "products": made}
            for some, made in (
                ((), []),
                (people, [(Text("证", "Item"), Text("号", "Number"), HOSTILE)]),
            )
        ],
        "problem.html": [problem_view(language, status, viewer) for status in NEXT for viewer in (None, VIEWER)],
    }


PARTS = frozenset({"base.html", "parts.html", "icons.html", "ladder.html"})
"""Rendered as part of the others."""
OVER_HTTP = frozenset(
    {
        "inbox.html",
        "inbox_rows.html",
        "question.html",
        "question_parts.html",
        "link.html",
        "link_closed.html",
        "link_bad.html",
        "confirmations.html",
        "asking.html",
        "new_verification.html",
        "new_verification_form.html",
        "requested.html",
        "requested_body.html",
        "requested_parts.html",
        "result.html",
        "listing.html",
        "listed_proof.html",
        "rosters.html",
        "roster.html",
        "sheet_parts.html",
        "grants.html",
        "watch_list.html",
        "explain.html",
    }
)
"""Seen in both languages by tests of their own, with what people typed in them."""


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("template", sorted(set(TEMPLATES.list_templates()) - PARTS - OVER_HTTP))
def test_a_template_renders_whatever_it_is_given(template: str, language: Language) -> None:
    for view in views(language)[template]:
        html = TEMPLATES.get_template(template).render(view)

        assert "<script>alert" not in html
        assert "None" not in html


def test_what_people_typed_is_shown_and_never_obeyed() -> None:
    html = TEMPLATES.get_template("case.html").render(fullest("zh"))

    assert "&lt;script&gt;alert(&#39;名&#39;)&lt;/script&gt;&#34;&amp;" in html

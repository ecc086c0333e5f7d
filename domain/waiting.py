"""为什么还在等: who has the case now, since when, and what would unblock it.

The same sentence for officer, chief and applicant; computed from the case file, so that it can
never tell anything else than what the engine itself goes by.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.case_file import CaseFile, ItemState, LiveProof, ProofState
from domain.departments import DEPARTMENTS, REGISTERS
from domain.time_limits import in_shanghai
from domain.timeline import asked_title


@dataclass(frozen=True, slots=True)
class Wait:
    """One thing that is waited for; `on` is "department:x", "register:x", "unit:x", "applicant", "calendar" or "caseworker"."""

    what: str
    on: str
    since: datetime | None
    zh: str
    en: str
    due: datetime | None = None


def waits(file: CaseFile) -> tuple[Wait, ...]:
    """Everything the case waits for now; items that wait for other items are not repeated."""
    if file.over and not file.in_hand:
        return ()
    found: list[Wait] = []
    needed = file.needed_proofs()
    for proof, live in file.proofs.items():
        declared = file.declared_proof(proof)
        match live.state:
            case ProofState.PLANNED if proof in needed and (day := file.waits_for_day(declared.not_before)):
                found.append(
                    Wait(
                        proof,
                        "calendar",
                        live.since,
                        f"“{declared.title}”自 {in_shanghai(day):%Y-%m-%d} 起核实",
                        f"{declared.title_en} is asked on {in_shanghai(day):%Y-%m-%d}",
                        day,
                    )
                )
            case ProofState.ASKED:
                asked = asked_title(live.asked or "")
                kind = "register" if live.asked in REGISTERS else "department"
                found.append(
                    Wait(
                        proof,
                        f"{kind}:{live.asked}",
                        live.since,
                        f"正在向{asked.zh}查询“{declared.title}”",
                        f"asking {asked.en} about {declared.title_en}",
                    )
                )
            case ProofState.VERIFYING:
                found.append(_verifying(file, proof, live))
            case ProofState.OFFERED:
                found.append(
                    Wait(
                        proof,
                        "applicant",
                        live.since,
                        f"等待申请人决定是否就“{declared.title}”作出承诺",
                        f"waiting for the applicant to sign or decline a commitment on {declared.title_en}",
                    )
                )
            case ProofState.ESCALATED:
                found.append(
                    Wait(
                        proof,
                        "caseworker",
                        live.since,
                        f"“{declared.title}”无从核实, 待经办人认定",
                        f"a caseworker has to decide on {declared.title_en}: nobody else could show it",
                    )
                )
            case ProofState.CONTESTED:
                found.append(
                    Wait(
                        proof,
                        "caseworker",
                        live.since,
                        f"“{declared.title}”核对不一致, 待经办人认定",
                        f"a caseworker has to decide on {declared.title_en}: whoever was asked says otherwise",
                    )
                )
            case _:
                pass
    for item, progress in file.items.items():
        department = DEPARTMENTS[progress.planned.department]
        named = file.declared_item(item)
        match progress.state:
            case ItemState.WAITING if not file.waits_for(item) and (
                day := file.waits_for_day(file.declared_item(item).not_before)
            ):
                found.append(
                    Wait(
                        item,
                        "calendar",
                        progress.since,
                        f"“{named.title}”自 {in_shanghai(day):%Y-%m-%d} 起办理",
                        f"{named.title_en} begins on {in_shanghai(day):%Y-%m-%d}",
                        day,
                    )
                )
            case ItemState.SUBMITTED if progress.unreachable_since is not None:
                found.append(
                    Wait(
                        item,
                        f"department:{department.code}",
                        progress.unreachable_since,
                        f"等待{department.title}办理“{named.title}”: 自该时起联系不上, 系统持续重试",
                        f"waiting for {department.title_en} ({named.title_en}): unreachable, trying again",
                    )
                )
            case ItemState.SUBMITTED | ItemState.ACKNOWLEDGED:
                found.append(
                    Wait(
                        item,
                        f"department:{department.code}",
                        progress.since,
                        f"等待{department.title}办理“{named.title}”",
                        f"waiting for {department.title_en}: {named.title_en}",
                    )
                )
            case ItemState.REJECTED:
                found.append(
                    Wait(
                        item,
                        "caseworker",
                        progress.since,
                        f"{department.title}无法接收“{named.title}”的材料, 待经办人处理",
                        f"{department.title_en} could not accept the submission of {named.title_en}; a caseworker has it",
                    )
                )
            case _:
                pass
    return tuple(found)


def _verifying(file: CaseFile, proof: str, live: LiveProof) -> Wait:
    verification = file.verifications[proof, live.round, live.rung]
    declared, asked = file.declared_proof(proof), asked_title(live.asked or "")
    on = f"unit:{verification.opened.unit}"
    if verification.due is None:
        return Wait(
            proof,
            on,
            live.since,
            f"等待{asked.zh}核实“{declared.title}”, 时限已说明理由中止",
            f"waiting for {asked.en} to verify {declared.title_en}; the clock was stopped with a reason",
        )
    due = in_shanghai(verification.due)
    return Wait(
        proof,
        on,
        live.since,
        f"等待{asked.zh}核实“{declared.title}”, {due:%m-%d %H:%M} 前答复",
        f"waiting for {asked.en} to verify {declared.title_en} by {due:%m-%d %H:%M}",
        due,
    )

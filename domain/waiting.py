"""为什么还在等: who has the case now, since when, and what would unblock it.

The same sentence for officer, chief and applicant; computed from the case file, so that it can
never tell anything else than what the engine itself goes by.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.case_file import CaseFile, ItemState, ProofState
from domain.departments import DEPARTMENTS, REGISTERS


@dataclass(frozen=True, slots=True)
class Wait:
    """One thing that is waited for; `on` is "department:x", "register:x" or "caseworker"."""

    what: str
    on: str
    since: datetime | None
    zh: str
    en: str


def waits(file: CaseFile) -> tuple[Wait, ...]:
    """Everything the case waits for now; items that wait for other items are not repeated."""
    if file.over:
        return ()
    found: list[Wait] = []
    for proof, live in file.proofs.items():
        declared = file.declared_proof(proof)
        match live.state:
            case ProofState.ASKED:
                source = live.asked or ""
                register = REGISTERS.get(source)
                zh, en = (register.title, register.title_en) if register else (source, source)
                found.append(
                    Wait(
                        proof,
                        f"register:{source}",
                        live.since,
                        f"正在向“{zh}”查询“{declared.title}”",
                        f"asking {en} about {declared.title_en}",
                    )
                )
            case ProofState.ESCALATED:
                found.append(
                    Wait(
                        proof,
                        "caseworker",
                        live.since,
                        f"“{declared.title}”共享数据无法证明, 待经办人认定",
                        f"a caseworker has to decide on {declared.title_en}: no register could show it",
                    )
                )
            case ProofState.CONTESTED:
                found.append(
                    Wait(
                        proof,
                        "caseworker",
                        live.since,
                        f"“{declared.title}”与登记信息不一致, 待经办人认定",
                        f"a caseworker has to decide on {declared.title_en}: the register says otherwise",
                    )
                )
            case _:
                pass
    for item, progress in file.items.items():
        department = DEPARTMENTS[progress.planned.department]
        named = file.declared_item(item)
        match progress.state:
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

"""How a command ends: a number for programs, a sentence with the next step for people.

    0 ok · 1 failed · 2 wrongly called · 3 not found · 4 conflict · 5 unavailable

A fault that has a name here becomes one sentence. Any other is a mistake of ours and keeps its trace.
"""

import sys
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What the shell sees."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNAVAILABLE = 5


class Leave(Exception):
    """The command ends here; the sentence says why and what to do."""

    def __init__(self, code: Exit, sentence: str) -> None:
        self.code = code
        self.sentence = sentence
        super().__init__(sentence)


def explained(fault: Exception) -> Leave | None:
    """The fault as an end of the command; None for one that nobody foresaw.

    Its class is looked for among the modules that were imported: what was not cannot have raised it.
    """
    if isinstance(fault, Leave):
        return fault
    for module, name, code in _KNOWN:
        known: Any = getattr(sys.modules.get(module), name, None)
        if known is not None and isinstance(fault, known):
            return Leave(code, _sentence(fault))
    return None


_KNOWN = (
    ("domain.refusals", "NotFound", Exit.NOT_FOUND),
    ("domain.refusals", "Conflict", Exit.CONFLICT),
    ("domain.refusals", "Refusal", Exit.FAILED),
    ("domain.catalogue", "BundleContradictsItself", Exit.FAILED),
    ("demo.processes", "ServiceInUse", Exit.CONFLICT),
    ("demo.processes", "ServiceError", Exit.UNAVAILABLE),
    ("store.database", "StoreUnavailable", Exit.UNAVAILABLE),
    ("store.schema", "SchemaBusy", Exit.CONFLICT),
    ("store.schema", "RoleUnfit", Exit.FAILED),
    ("store.keys", "KeyRingFaulty", Exit.FAILED),
    ("store.vault", "VaultTampered", Exit.FAILED),
    ("sqlalchemy.exc", "ProgrammingError", Exit.FAILED),
    ("pydantic_settings", "SettingsError", Exit.USAGE),
    ("pydantic", "ValidationError", Exit.USAGE),
)
"""Special before general: the first that fits decides."""


def _sentence(fault: Any) -> str:
    match type(fault).__name__:
        case "ValidationError":
            wrong = "\n".join(
                f"  ONETHING_{'.'.join(map(str, error['loc'])).upper()}: {error['msg']}"
                for error in fault.errors(include_input=False, include_url=False)
            )
            return f"设置有误 These settings are wrong:\n{wrong}\n查看全部设置 See all: onething config show"
        case "ProgrammingError":
            first = next(iter(str(fault.orig).splitlines()), "")
            return (
                f"数据库与程序版本不符 The database does not fit this version: {first}\n请运行 Run: onething db upgrade"
            )
        case "CannotConnect":
            return (
                f"连接不上数据库 The database cannot be reached: {fault}\n"
                "演示环境请运行 For a demonstration run: onething demo · 其他 otherwise see: onething doctor"
            )
        case "KeyRingFaulty" | "SchemaBusy":
            return f"{fault}\n诊断 Diagnose with: onething doctor"
        case _ if hasattr(fault, "zh"):
            return f"{fault.zh}\n{fault.en}"
        case _:
            return str(fault)

"""Filing an application from a file, so that the same file is the same case however often it is filed.

The body that is sent is the file's content in one canonical spelling, and the Idempotency-Key is a digest of that
body: spaces and the order of fields do not matter, any other change is another application. The API remembers a key
for seven days; after that it still knows the whole application again, and answers with its case.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.leaving import Exit, Leave

if TYPE_CHECKING:
    from cli.service import Service


@dataclass(frozen=True)
class Filed:
    """The case of an application; `new` is false when it was filed before."""

    told: dict[str, Any]
    new: bool

    @property
    def case_no(self) -> str:
        """办件编号."""
        number: str = self.told["case_no"]
        return number


def read_application_file(file: Path) -> bytes:
    """The application in its canonical spelling; "-" is standard input. Raises Leave naming the place of a fault."""
    try:
        text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as fault:
        raise Leave(Exit.NOT_FOUND, f"{file}: 无法读取 cannot be read: {fault.strerror}") from None
    try:
        read = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_no_field_twice)
    except UnicodeDecodeError as fault:
        raise Leave(Exit.USAGE, f"{file}: 不是 UTF-8 · is not UTF-8 (byte {fault.start})") from None
    except json.JSONDecodeError as fault:
        raise Leave(Exit.USAGE, f"{file}:{fault.lineno}:{fault.colno}: 不是 JSON · is not JSON: {fault.msg}") from None
    except _Twice as fault:
        raise Leave(Exit.USAGE, f"{file}: 字段重复 a field is given twice: {fault}") from None
    return json.dumps(read, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def file_application(service: "Service", application: bytes) -> Filed:
    """File it, or find the case that it has already; raises Problem."""
    answered = service.post("/cases", application, key=f"file-{hashlib.sha256(application).hexdigest()}")
    return Filed(answered.json(), answered.status_code == 201)


class _Twice(ValueError):
    """A field that is given twice would be read in two ways by two readers."""


def _no_field_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return read

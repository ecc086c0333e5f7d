"""导入 (上传、核对、生效): a file is looked at first, with every faulty row named and every change shown; then taken over.

The file travels in the page between the two steps, so that nothing of it is kept anywhere before somebody
has said yes. A file for which that would be too much goes through the API or the command line.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fastapi import UploadFile

from api.sheets import SheetChanges
from api.workbooks import SheetUnreadable, read_sheet
from domain.columns import Sheet, SheetFaulty
from domain.refusals import Conflict, NotAcceptable

BYTES_AT_MOST: Final = 600_000
"""Written as text it is a third longer, and must still fit into one request."""

NO_FILE: Final = "请选择一个 .xlsx 或 CSV 文件。"
TOO_LARGE: Final = "文件超过 600 KB, 请改用接口或命令行导入。"
WRONG: Final = (NO_FILE, TOO_LARGE)


@dataclass(frozen=True)
class Upload:
    """A file that was looked at: what it would change, and the file itself for the second step."""

    changes: SheetChanges | None = None
    content: str = ""
    name: str = ""
    wrong: str | None = None
    """A sentence of `words`."""
    refusal: NotAcceptable | Conflict | None = None
    whole: bool = False

    @property
    def may_apply(self) -> bool:
        """Whether it can be taken over, and anything would change by that."""
        found = self.changes
        return found is not None and not found.faults and bool(found.joined or found.left or found.changed)


def looked_at(file: UploadFile | None, compare: Callable[[Sheet], SheetChanges], *, whole: bool = False) -> Upload:
    """What the chosen file would change; a file that cannot be read says why."""
    content = b"" if file is None else file.file.read(BYTES_AT_MOST + 1)
    name = "" if file is None or file.filename is None else file.filename
    if not content:
        return Upload(wrong=NO_FILE)
    if len(content) > BYTES_AT_MOST:
        return Upload(wrong=TOO_LARGE, name=name)
    try:
        return Upload(compare(read_sheet(content)), b64encode(content).decode("ascii"), name, whole=whole)
    except (SheetUnreadable, SheetFaulty) as refusal:
        return Upload(name=name, refusal=refusal)


def sheet_of(content: str) -> Sheet:
    """The file as the first step put it into the page; raises SheetUnreadable."""
    try:
        return read_sheet(b64decode(content, validate=True))
    except ValueError:
        raise SheetUnreadable(
            "not_ours", "文件内容不完整, 请重新选择", "the file is not complete; choose it again"
        ) from None

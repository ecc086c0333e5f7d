"""Files of rows (导入导出) over HTTP: the body is the file itself, and what is wrong with it is told row by row.

A file is looked at three times with the same eyes: to see whether it can be read, what it would change,
and to take it over. Only the last changes anything, and the same file twice changes nothing more.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Request, Response
from pydantic import Field

from api.problems import Trouble
from api.shapes import Shown
from api.workbooks import CSV, TAKES, XLSX, Encoding, Format, read_sheet
from domain.columns import Change, Comparison, Remark, Sheet

SHOWN_AT_MOST: Final = 2_000
"""Changes in one answer; a city's whole listing has 270."""

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


async def _content(request: Request) -> bytes:
    # The media type only says that a file is meant; what it is shows in its bytes.
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TAKES:
        raise Trouble(
            415,
            "request.media_type",
            "请求内容应为 .xlsx 或 CSV 文件本身",
            "the body must be an .xlsx or CSV file itself",
            headers={"accept": ", ".join(TAKES)},
        )
    return await request.body()


def _sheet(content: Annotated[bytes, Depends(_content)]) -> Sheet:
    # In a thread: others are answered while a long file is unpacked.
    return read_sheet(content)


UploadedSheet = Annotated[Sheet, Depends(_sheet)]
"""The rows of the file that is the request's body; raises 415, and SheetUnreadable."""

FILE_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": dict.fromkeys(TAKES, _BINARY)},
}
"""For `openapi_extra` of a route that takes `UploadedSheet`."""


def file_answer(title: str) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route that answers with a file."""
    return {200: {"description": title, "content": dict.fromkeys((CSV, XLSX), _BINARY)}}


class RemarkView(Shown):
    """Something wrong or doubtful in one cell; never the cell itself."""

    row: int = Field(description="As the spreadsheet counts; the header is mostly row 1.")
    column: str = Field(description="The column's code; empty where the whole row or header is meant.")
    column_title: str
    rule: str
    detail: str
    detail_zh: str


class FieldChangeView(Shown):
    """One field before and after; masked where it is personal."""

    column: str
    column_title: str
    before: str
    after: str


class ChangeView(Shown):
    """What happens to one entry."""

    kind: Literal["joined", "left", "changed"]
    what: str = Field(description="community, person or proof")
    entry: str = Field(description="Masked where it is personal.")
    row: int | None = Field(description="Null for an entry that the file does not have.")
    fields: tuple[FieldChangeView, ...]


class StopView(Shown):
    """A life event of which no case could be filed any more."""

    bundle: str
    since: date = Field(description="The first such day, in Shanghai.")
    detail: str
    detail_zh: str


class SheetPreview(Shown):
    """Whether a file can be taken over, and how much it would change."""

    joined: int
    left: int
    changed: int
    unchanged: int
    faults: tuple[RemarkView, ...] = Field(description="Any of them keeps the whole file out.")
    warnings: tuple[RemarkView, ...] = Field(description="Taken over all the same.")
    stops: tuple[StopView, ...] = Field(
        description="What a listing's file would close: taken over only when it is said that this is meant."
    )


class SheetChanges(SheetPreview):
    """The same, entry by entry."""

    changes: tuple[ChangeView, ...] = Field(description=f"At most {SHOWN_AT_MOST}; the numbers count all.")


def preview_of(told: Comparison) -> SheetPreview:
    """The numbers and remarks."""
    return SheetPreview(
        **_counts(told), faults=_remarks(told.faults), warnings=_remarks(told.warnings), stops=_stops(told)
    )


def changes_of(told: Comparison) -> SheetChanges:
    """The numbers, remarks and entries."""
    return SheetChanges(
        **_counts(told),
        faults=_remarks(told.faults),
        warnings=_remarks(told.warnings),
        stops=_stops(told),
        changes=tuple(_change(change) for change in told.changes[:SHOWN_AT_MOST]),
    )


def as_file(content: bytes, name: str, format: Format, encoding: Encoding) -> Response:
    """A file to be saved under that name."""
    kind = XLSX if format == "xlsx" else f"{CSV}; charset={'gb18030' if encoding == 'gb18030' else 'utf-8'}"
    return Response(
        content,
        headers={"content-type": kind, "content-disposition": f'attachment; filename="{name}.{format}"'},
    )


def _counts(told: Comparison) -> Mapping[str, int]:
    return told.counts()


def _remarks(remarks: Sequence[Remark]) -> tuple[RemarkView, ...]:
    return tuple(
        RemarkView(
            row=one.row, column=one.column, column_title=one.title, rule=one.rule, detail=one.en, detail_zh=one.zh
        )
        for one in remarks
    )


def _stops(told: Comparison) -> tuple[StopView, ...]:
    return tuple(StopView(bundle=one.code, since=one.since, detail=one.en, detail_zh=one.zh) for one in told.stops)


def _change(change: Change) -> ChangeView:
    return ChangeView(
        kind=change.kind,
        what=change.what,
        entry=change.entry,
        row=change.row,
        fields=tuple(
            FieldChangeView(column=one.column, column_title=one.title, before=one.before, after=one.after)
            for one in change.fields
        ),
    )

"""`/api/v1/imports/{job_id}/rejects`: rows that were left out, to be read, taken along, corrected and added."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from server.datasets.correction_orders import MOST_ROWS
from server.datasets.reject_file_names import JSON_LINES, file_facts
from server.datasets.reject_lists import Reject, described
from server.datasets.work import MEDIA_TYPES
from server.errors import FieldError, InvalidInput, NotFound
from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.files import send_made
from server.http.made_files import head_of_made_file, send_made_file
from server.http.values import DigitText, Limit
from server.http.values import described as described_value
from server.storage.pages import Listing
from views.api.imports import ImportStarted, started
from views.context import formats_for
from views.formats import ReaderFormats

_REJECT_FILES = {"csv": "text/csv", "json": "application/json"}
_LARGEST_LINE = 10**12


class RejectFileQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`exact`: every byte as it stood in the file. Else cells of a CSV that begin like a formula get an apostrophe."""

    exact: bool = False


class RejectQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`code`: only rejects for this reason."""

    limit: Limit = 50
    cursor: DigitText | None = None
    code: str | None = None


class RejectItem(msgspec.Struct, frozen=True, kw_only=True):
    """`line` is the physical line where the record starts; `raw` is its text as it stands in the file."""

    line: int
    column: str | None
    code: str
    message: str
    raw: str | None


class RejectList(Listing[RejectItem], frozen=True, kw_only=True):
    """`by_code` counts the whole list by reason."""

    by_code: dict[str, int]


class LeftQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A cursor holds until rows are added from the list."""

    limit: Limit = 50
    cursor: Annotated[str, described_value(pattern="^[0-9]{1,18}[.][0-9]{1,18}$")] | None = None


class CellReason(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a row; `column` is that of the dataset, null where it is the whole row."""

    column: str | None
    code: str
    message: str


class LeftRow(msgspec.Struct, frozen=True, kw_only=True):
    """`cells` are one for each of the `columns`, as text; what an overlong row has too many stands in the last one."""

    line: int
    cells: list[str | None]
    reasons: list[CellReason]
    raw: str | None


class LeftRowList(Listing[LeftRow], frozen=True, kw_only=True):
    """The rows that are left out still. `columns` are those of the file, `corrected_count` rows were added from it."""

    columns: list[str]
    dataset: str
    corrected_count: int


class CorrectedRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row by its `line`, with a cell for each column of the file."""

    line: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST_LINE)]
    cells: list[str | None]


class Corrections(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each row once; all others stay in the list."""

    rows: Annotated[list[CorrectedRow], msgspec.Meta(min_length=1, max_length=MOST_ROWS)]


async def list_rejects(call: Call[None, RejectQuery]) -> RejectList:
    page = await call.operations.rejects.list(
        call.principal,
        call.path["job_id"],
        limit=call.query.limit,
        cursor=call.query.cursor,
        code=call.query.code,
    )
    text_of = reject_text(formats_for(call.request))
    return RejectList(
        items=[RejectItem(**described(reject, text_of)) for reject in page.items],
        next_cursor=None if page.next_offset is None else str(page.next_offset),
        total=page.total,
        by_code=page.by_code,
    )


async def download_rejects(call: Call[None, RejectFileQuery]) -> web.StreamResponse:
    file_format, job_id = call.path["format"], call.path["job_id"]
    if file_format not in _REJECT_FILES:
        raise NotFound("Rejects come as csv or json, not as {format}.", format=file_format)
    rejects = call.operations.rejects.all(
        call.principal, job_id, file_format, reject_text(formats_for(call.request)), exact=call.query.exact
    )
    async with rejects as pieces:
        return await send_made(
            call.request, pieces, name=f"rejects-{job_id}.{file_format}", media_type=_REJECT_FILES[file_format]
        )


async def list_left(call: Call[None, LeftQuery]) -> LeftRowList:
    found = await call.operations.rejects.rows(
        call.principal, call.path["job_id"], limit=call.query.limit, cursor=call.query.cursor
    )
    text_of = reject_text(formats_for(call.request))
    return LeftRowList(
        items=[
            LeftRow(
                line=row.line,
                cells=row.cells,
                reasons=[CellReason(column=each.column, code=each.code, message=text_of(each)) for each in row.reasons],
                raw=row.raw,
            )
            for row in found.page.items
        ],
        next_cursor=found.next_cursor,
        total=found.left.count,
        columns=found.layout.names,
        dataset=found.left.of_import.dataset,
        corrected_count=found.left.corrected,
    )


async def correct_rows(call: Call[Corrections, NoQuery]) -> web.Response:
    rows = {row.line: row.cells for row in call.body.rows}
    if len(rows) < len(call.body.rows):
        raise InvalidInput(errors=[FieldError(field="rows", message="Send each line once.")])
    job = await call.operations.rejects.correct(
        call.principal, call.path["job_id"], rows, idempotency_key=call.request.headers.get("Idempotency-Key")
    )
    return started(job)


async def download_left(call: Call[None, NoQuery]) -> web.StreamResponse:
    if call.request.method == "HEAD":
        return head_of_made_file(*file_facts(await call.operations.rejects.left(call.principal, call.path["job_id"])))
    translate = formats_for(call.request).gettext
    file = await call.operations.rejects.own_layout(call.principal, call.path["job_id"], translate)
    return await send_made_file(call.request, file, disposition="attachment")


def reject_text(formats: ReaderFormats) -> Any:
    """A reject's message in the reader's language."""

    def text_of(reject: Reject) -> str:
        return formats.error_text({"message": reject.message, "parameters": reject.parameters})

    return text_of


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/imports/{job_id}/rejects",
        name="api_rejects",
        handler=list_rejects,
        summary="Rows that were left out, with line, column and reason",
        query=RejectQuery,
        answer=RejectList,
        errors=(404, 410),
    ),
    Endpoint(
        method="GET",
        path="/imports/{job_id}/rejects.{format}",
        name="api_rejects_file",
        handler=download_rejects,
        summary="The whole list as csv or json",
        query=RejectFileQuery,
        places={"format": Literal["csv", "json"]},
        answer_type=tuple(_REJECT_FILES.values()),
        errors=(404, 410),
    ),
    Endpoint(
        method="GET",
        path="/imports/{job_id}/rejects/rows",
        name="api_left_rows",
        handler=list_left,
        summary="The rows that are left out still, with all their cells, to be corrected",
        query=LeftQuery,
        answer=LeftRowList,
        errors=(404, 409, 410),
    ),
    Endpoint(
        method="POST",
        path="/imports/{job_id}/rejects/rows",
        name="api_correct_rows",
        handler=correct_rows,
        summary="Judge corrected rows as the import would, and add those that fit as a new version",
        access="write",
        body=Corrections,
        answer=ImportStarted,
        status=202,
        errors=(404, 409, 410, 422),
    ),
    Endpoint(
        method="GET",
        path="/imports/{job_id}/rejects/file",
        name="api_left_file",
        handler=download_left,
        summary="The rows that are left out still, as a file like the imported one, with a last column of reasons",
        answer_type=(MEDIA_TYPES["csv"], JSON_LINES, MEDIA_TYPES["xlsx"]),
        errors=(404, 409, 410),
    ),
]

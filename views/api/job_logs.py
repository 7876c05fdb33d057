"""`/api/v1/jobs/{id}/log`: what a job logged, page by page or as a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from server.clock import rfc3339
from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.files import send_made
from server.http.values import DigitText
from server.jobs.job_log import LogLine
from server.operations.jobs import MOST_LINES
from views.context import formats_for
from views.formats import ReaderFormats

LogLevel = Literal["info", "warning", "error", "gap"]


class JobLogLine(Struct, frozen=True, kw_only=True):
    """`left_out`: this one (its level is `gap`) stands in the place of so many that are not kept.

    `message` is in the caller's language where the server said it; it is searched in English.
    """

    attempt: int
    at: str
    level: str
    message: str
    left_out: int


class JobLog(Struct, frozen=True, kw_only=True):
    """Oldest line first. `truncated`: there are older lines than these; `next_cursor` asks for them."""

    items: list[JobLogLine]
    truncated: bool
    next_cursor: str | None
    total: int


class LogQuery(Struct, frozen=True, kw_only=True):
    """The newest lines, or those before the ones that `cursor` came with.

    Only those of `level` that have `q` in them.
    """

    cursor: DigitText | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_LINES)] = MOST_LINES
    level: tuple[LogLevel, ...] = ()
    q: Annotated[str, Meta(max_length=200)] = ""


async def get_job_log(call: Call[None, LogQuery]) -> JobLog:
    cursor = call.query.cursor
    log = await call.operations.jobs.log(
        call.principal,
        call.path["id"],
        limit=call.query.limit,
        before=None if cursor is None else int(cursor),
        text=call.query.q,
        levels=call.query.level,
    )
    formats = formats_for(call.request)
    return JobLog(
        items=[
            JobLogLine(
                attempt=line.attempt,
                at=rfc3339(line.at),
                level=line.level,
                message=formats.error_text(line.text),
                left_out=line.left_out,
            )
            for line in log.lines
        ],
        truncated=log.older is not None,
        next_cursor=None if log.older is None else str(log.older),
        total=log.total,
    )


async def download_job_log(call: Call[None, NoQuery]) -> web.StreamResponse:
    job, pieces = await call.operations.jobs.whole_log(call.principal, call.path["id"])
    return await send_made(
        call.request, log_text(pieces, formats_for(call.request)), name=f"log-{job.id}.txt", media_type="text/plain"
    )


async def log_text(
    pieces: AsyncGenerator[Sequence[LogLine], None], formats: ReaderFormats
) -> AsyncGenerator[bytes, None]:
    """As lines of text, each attempt under a heading."""
    attempt = None
    async for lines in pieces:
        texts: list[str] = []
        for line in lines:
            if line.attempt != attempt:
                attempt = line.attempt
                texts.append(f"--- {formats.gettext('Attempt {number}').format(number=attempt)} ---")
            texts.append(f"{rfc3339(line.at)} {line.level:<7} {formats.error_text(line.text)}")
        yield "".join(f"{text}\n" for text in texts).encode(errors="replace")


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/jobs/{id}/log",
        name="get_job_log",
        handler=get_job_log,
        summary="What a job logged, oldest line first.",
        query=LogQuery,
        answer=JobLog,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/jobs/{id}/log.txt",
        name="download_job_log",
        handler=download_job_log,
        summary="All that a job logged, as a file",
        answer=bytes,
        answer_type="text/plain",
        errors=(404,),
    ),
]

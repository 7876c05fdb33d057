"""What jobs noted, line by line. Where lines are missing a mark stands in their place; beginnings and ends stay."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import utc_now
from server.jobs.job import Job, JobError
from server.storage.database import Database
from server.storage.searching import mentions
from server.storage.tables import job_log
from server.texts import Phrase, phrase, plain, told

GAP = "gap"  # the level of a mark
_ONE_LEFT_OUT, _LEFT_OUT = phrase("… one message left out …"), phrase("… {count} messages left out …")
FIRST, NEWEST = 1_000, 4_000  # lines of a job that stay: one that runs for weeks must not fill the database
_CUT_EVERY = 500  # new lines of a job: so many more than the above there may be
_CUT_AT_ONCE = 2_000
_WRITTEN_AT_ONCE = 200  # a few milliseconds on the event loop, where PostgreSQL's driver encodes them
_MOST_COUNTED = 10_000  # jobs
_NO_VALUES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line; with `left_out`, a mark in the place of so many that are missing.

    `message` is English and whole, as it is searched; `said` is what it was made of, where values fill it.
    """

    job_id: str
    attempt: int
    at: datetime
    level: str
    message: str
    left_out: int = 0
    said: Phrase | None = None

    @property
    def text(self) -> Phrase:
        """What it says, as `Formats.error_text` takes it."""
        if not self.left_out:
            return self.said or {"message": self.message, "parameters": {}}
        mark = _ONE_LEFT_OUT if self.left_out == 1 else _LEFT_OUT
        return {"message": str(mark["phrase"]), "parameters": {"count": self.left_out}}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Lines in their order; `older` is where those before them are asked for, None when these are the first."""

    lines: Sequence[LogLine]
    older: int | None
    total: int


def line_now(job: Job, message: str, level: str, values: Mapping[str, Any] = _NO_VALUES) -> LogLine:
    """`message` is a constant whose placeholders `values` fill, or what somebody else said as it is."""
    return LogLine(
        job_id=job.id,
        attempt=job.attempt,
        at=utc_now(),
        level=level,
        message=told(message, values, str),
        said={"message": message, "parameters": plain(values)} if values else None,
    )


def error_line(job: Job, error: JobError, level: str) -> LogLine:
    """Why it failed, in the words of its reader."""
    return line_now(job, error.message, level, error.parameters)


def gap_now(job: Job, left_out: int) -> LogLine:
    """The mark for what was not even written."""
    return LogLine(job_id=job.id, attempt=job.attempt, at=utc_now(), level=GAP, message="", left_out=left_out)


def without_middle(lines: Sequence[LogLine], *, keep: int) -> list[LogLine]:
    """The first and last of a job's lines, with a mark for what is missing between them."""
    if len(lines) <= keep + 1:
        return list(lines)
    first, last = keep // 2, len(lines) - (keep - keep // 2)
    middle = lines[first:last]
    left_out = sum(max(1, line.left_out) for line in middle)
    mark = LogLine(
        job_id=middle[0].job_id, attempt=middle[0].attempt, at=middle[0].at, level=GAP, message="", left_out=left_out
    )
    return [*lines[:first], mark, *lines[last:]]


class JobLogStore:
    """The table of lines. `add` takes part in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._since_cut: OrderedDict[str, int] = OrderedDict()  # new lines, by job

    async def add(self, connection: AsyncConnection, lines: Sequence[LogLine]) -> None:
        """Store lines, and cut out the middle of logs that became too long with them."""
        fields = ("job_id", "attempt", "at", "level", "message", "left_out", "said")
        rows = [{name: getattr(line, name) for name in fields} for line in lines]
        for start in range(0, len(rows), _WRITTEN_AT_ONCE):
            await connection.execute(insert(job_log), rows[start : start + _WRITTEN_AT_ONCE])
        for job_id in self._counted(lines):
            await _cut(connection, job_id)

    async def page(
        self, job_id: str, *, limit: int, before: int | None = None, text: str = "", levels: Sequence[str] = ()
    ) -> LogPage:
        """The newest lines, or those before `older` of another page; only those of `levels` with `text` in them."""
        mine = job_log.c.job_id == job_id
        if text:
            mine &= mentions(job_log.c.message, text)
        if levels:
            mine &= job_log.c.level.in_(levels)
        newest = select(job_log).where(mine).order_by(job_log.c.id.desc()).limit(limit + 1)
        if before is not None:
            newest = newest.where(job_log.c.id < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(newest)).all()
            total = (await connection.execute(select(func.count()).select_from(job_log).where(mine))).scalar_one()
        shown = rows[:limit]
        return LogPage(
            lines=[_line(row) for row in reversed(shown)],
            older=shown[-1].id if len(rows) > limit else None,
            total=total,
        )

    async def following(self, job_id: str, *, after: int, limit: int) -> tuple[list[LogLine], int]:
        """Lines from the beginning, or after the last one of such a piece; and the number of the last of them."""
        some = select(job_log).where(job_log.c.job_id == job_id, job_log.c.id > after)
        async with self._database.read() as connection:
            rows = (await connection.execute(some.order_by(job_log.c.id).limit(limit))).all()
        return [_line(row) for row in rows], rows[-1].id if rows else after

    def _counted(self, lines: Sequence[LogLine]) -> list[str]:
        """Jobs whose logs may be too long by now."""
        for line in lines:
            self._since_cut[line.job_id] = self._since_cut.pop(line.job_id, 0) + 1
        long = [job_id for job_id in {line.job_id for line in lines} if self._since_cut[job_id] >= _CUT_EVERY]
        for job_id in long:
            del self._since_cut[job_id]
        while len(self._since_cut) > _MOST_COUNTED:
            self._since_cut.popitem(last=False)
        return long


async def _cut(connection: AsyncConnection, job_id: str) -> None:
    """Put a mark in the place of what lies between the first and the newest lines of a log."""
    ids = select(job_log.c.id).where(job_log.c.job_id == job_id)
    mark = await connection.scalar(ids.order_by(job_log.c.id).limit(1).offset(FIRST))
    last = await connection.scalar(ids.order_by(job_log.c.id.desc()).limit(1).offset(NEWEST))
    if mark is None or last is None or last <= mark:
        return
    middle = ids.where(job_log.c.id.between(mark, last)).order_by(job_log.c.id).limit(_CUT_AT_ONCE)
    counted = func.sum(case((job_log.c.left_out > 0, job_log.c.left_out), else_=1))
    left_out = await connection.scalar(select(counted).where(job_log.c.id.in_(middle)))
    await connection.execute(delete(job_log).where(job_log.c.id.in_(middle), job_log.c.id > mark))
    values = {"level": GAP, "message": "", "left_out": left_out, "said": None}
    await connection.execute(update(job_log).where(job_log.c.id == mark).values(**values))


def _line(row: Row[Any]) -> LogLine:
    return LogLine(**{name: getattr(row, name) for name in LogLine.__slots__})

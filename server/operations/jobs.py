"""What a user can ask about jobs: find, look, read the log, cancel, start again."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import ThingAccess
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.auth.users import name_key
from server.errors import InvalidInput, NotFound, StorageFull
from server.jobs import demonstration
from server.jobs.external import ExternalJobs
from server.jobs.external_kind import KIND as EXTERNAL_KIND
from server.jobs.job import Completeness, Job, State
from server.jobs.job_filter import JobFilter
from server.jobs.job_log import LogLine, LogPage
from server.jobs.keys import Asked
from server.jobs.past_attempts import PastAttempt
from server.jobs.runner import JobRunner
from server.jobs.store import FailureReason, JobStore
from server.jobs.table import JobTable
from server.storage.database import Database
from server.storage.pages import Listing
from server.storage.tables import users

MOST_LINES = 1_000  # of a log, at once
_LINES_AT_ONCE = 500  # of a whole one: a few milliseconds of the event loop
_MAX_DEMONSTRATION_SECONDS = 600.0
_MAX_DEMONSTRATION_TOTAL = 1_000_000_000


class JobOperations:
    """Everybody sees their own jobs, admins all of them. What is not theirs is not found."""

    def __init__(
        self,
        *,
        database: Database,
        access: ThingAccess,
        runner: JobRunner,
        external: ExternalJobs,
        table: JobTable,
        store: JobStore,
    ) -> None:
        self._database = database
        self._access = access
        self._runner = runner
        self._external = external
        self._table = table
        self._store = store

    async def list(self, principal: Principal, wanted: JobFilter) -> Listing[Job]:
        """One page, newest first, as fresh as the live messages. Without an owner, admins get everybody's."""
        page = await self._store.search(self.allowed(principal, wanted))
        return msgspec.structs.replace(page, items=[self._table.newest(job) for job in page.items])

    async def count_by_state(
        self, principal: Principal, wanted: JobFilter
    ) -> dict[tuple[State, Completeness | None], int]:
        """Of those that `list` would give page by page."""
        return await self._store.count_by_state(self.allowed(principal, wanted))

    async def failure_reasons(self, principal: Principal, wanted: JobFilter) -> Sequence[FailureReason]:
        """Why those that `list` would give have failed, the most frequent reason first."""
        return await self._store.failure_reasons(self.allowed(principal, wanted))

    def allowed(self, principal: Principal, wanted: JobFilter) -> JobFilter:
        """`wanted`, as far as the caller may see it; raises `Forbidden` for the jobs of somebody else."""
        if principal.is_admin:
            return wanted
        if wanted.owner_id not in (None, principal.user_id):
            principal.require_admin()
        return dataclasses.replace(wanted, owner_id=principal.user_id)

    def live(self, principal: Principal) -> Sequence[Job]:
        """The user's jobs that are not over, and those that ended within the last minute."""
        return self._table.live_of(principal.user_id)

    async def owner_named(self, principal: Principal, name: str) -> str:
        """The id of a user by name, for admins' filters; raises `NotFound`."""
        principal.require_admin()
        query = sa.select(users.c.id).where(users.c.name_key == name_key(name))
        async with self._database.read() as connection:
            user_id: str | None = (await connection.execute(query)).scalar_one_or_none()
        if user_id is None:
            raise NotFound
        return user_id

    async def get(self, principal: Principal, job_id: str) -> Job:
        """Raises `NotFound`, also for other people's jobs."""
        job = await self.anybodys(job_id)
        principal.require_sight(job.owner_id)
        return job

    async def anybodys(self, job_id: str) -> Job:
        """Whosever it is, for those who know by another right that it may be seen. Raises `NotFound`."""
        job = self._table.own(job_id)
        if job is None:
            stored = await self._store.get(job_id)
            if stored is None:
                raise NotFound
            return self._table.newest(stored)
        return job

    async def looked_into(self, principal: Principal, job_id: str) -> Job:
        """As `get`, for those who are shown what it read or wrote: administrators leave a line in the audit log."""
        job = await self.get(principal, job_id)
        await self._access.note_look_at(principal, "job", job.id, job.title, owner_id=job.owner_id)
        return job

    async def log(
        self,
        principal: Principal,
        job_id: str,
        *,
        limit: int = MOST_LINES,
        before: int | None = None,
        text: str = "",
        levels: Sequence[str] = (),
    ) -> LogPage:
        """The newest lines, or those before `older` of another page; only those of `levels` with `text` in them."""
        await self.looked_into(principal, job_id)
        return await self._store.lines.page(job_id, limit=limit, before=before, text=text, levels=levels)

    async def attempts(self, principal: Principal, job_id: str) -> tuple[Sequence[PastAttempt], int]:
        """Those that are over, the last one first and at most `MOST_ATTEMPTS`; and how many there were."""
        await self.get(principal, job_id)
        return await self._store.attempts.of_job(job_id)

    async def whole_log(self, principal: Principal, job_id: str) -> tuple[Job, AsyncGenerator[Sequence[LogLine], None]]:
        """All lines of a job in their order, piece by piece."""
        job = await self.looked_into(principal, job_id)
        return job, self._all_lines(job_id)

    async def _all_lines(self, job_id: str) -> AsyncGenerator[Sequence[LogLine], None]:
        last = 0
        while True:
            lines, last = await self._store.lines.following(job_id, after=last, limit=_LINES_AT_ONCE)
            if not lines:
                return
            yield lines

    async def cancel(self, principal: Principal, job_id: str) -> Job:
        """A job that is over already stays as it is."""
        principal.require_write()
        job = await self.get(principal, job_id)
        with suppress(StorageFull):  # what is stopped may be what makes room; its line in the audit log has none
            async with self._database.write() as connection:
                await _record(connection, principal, "job.cancel", job)
        if job.kind == EXTERNAL_KIND.name:
            return await self._external.cancel(job_id)
        return await self._runner.cancel(job_id)

    async def retry(self, principal: Principal, job_id: str, *, idempotency_key: str | None = None) -> Job:
        """Raises `Conflict` unless it failed or was cancelled. The same key again: the job as it is now."""
        principal.require_write()
        await self.get(principal, job_id)  # whose it is; whether it may begin again is asked once its turn has come

        async def record(connection: AsyncConnection, job: Job) -> None:
            await _record(connection, principal, "job.retry", job)

        asked = Asked.under(idempotency_key, by=principal.user_id, what={"job_id": job_id})
        return await self._runner.retry(job_id, asked=asked, also=record)

    async def demonstrate(
        self, principal: Principal, *, seconds: float, total: int, fail_at: int | None, idempotency_key: str | None
    ) -> Job:
        """Start a job that only counts."""
        principal.require_write()
        if not 0 <= seconds <= _MAX_DEMONSTRATION_SECONDS or not 1 <= total <= _MAX_DEMONSTRATION_TOTAL:
            raise InvalidInput(
                "A demonstration takes 0 to {seconds} seconds, and counts to a number from 1 to {total}.",
                seconds=int(_MAX_DEMONSTRATION_SECONDS),
                total=_MAX_DEMONSTRATION_TOTAL,
            )
        parameters = {"seconds": seconds, "total": total, "fail_at": fail_at}

        async def record(connection: AsyncConnection, job: Job) -> None:
            await _record(connection, principal, "job.demonstrate", job)

        return await self._runner.start(
            demonstration.KIND,
            owner_id=principal.user_id,
            title="Demonstration",
            parameters=parameters,
            total=total,
            asked=Asked.under(idempotency_key, by=principal.user_id, what=parameters),
            also=record,
        )


async def _record(connection: AsyncConnection, principal: Principal, action: str, job: Job) -> None:
    await Audit.record(connection, principal, action, job.title, {"kind": job.kind}, subject_id=job.id)

"""Deleting jobs: their rows, logs and lists of rejects. What they made stays."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.datasets.old_rejects import forget_rejects, size_of_rejects
from server.datasets.version_rows import rejects_key
from server.errors import Conflict, NotFound
from server.jobs.job import Job, State
from server.jobs.old_jobs import HAS_REJECTS, forget_jobs
from server.live.removals import Removals
from server.operations.jobs import JobOperations
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.deleting import delete_whole
from server.storage.rows import lock
from server.storage.tables import batches, dataset_versions, jobs


class NotOver(Conflict):
    """This job is not over; cancel it first, then delete it."""

    code = "job_not_over"


class JobRemoval:
    """What is not theirs is not found."""

    def __init__(
        self, *, database: Database, jobs: JobOperations, blobs: BlobStore, audit: Audit, removals: Removals
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._blobs = blobs
        self._audit = audit
        self._removals = removals

    async def is_possible(self, job: Job) -> bool:
        """Whether `delete` would remove it now; for who may see it."""
        if not job.state.is_final:
            return False
        async with self._database.read() as connection:
            return await _batch_of(connection, job.id) is None

    async def delete(self, principal: Principal, job_id: str) -> None:
        """Raises `Conflict` while it is not over (`job_not_over`), and for what a batch is made by (`job_of_batch`)."""
        principal.require_write()
        job = await self._jobs.get(principal, job_id)
        if not job.state.is_final:
            raise NotOver

        async def forget() -> None:
            async with self._database.write() as connection:
                await _require_free(connection, job_id)
                # The list first: it is found by the job, which its version forgets with it.
                await self._forget_rejects(connection, job_id)
                await forget_jobs(connection, [job_id])
                await self._audit.record(
                    connection, principal, "job.delete", job.title, {"kind": job.kind}, subject_id=job_id
                )

        await delete_whole(forget=forget, remove=lambda: self._blobs.delete(rejects_key(job_id)))
        self._removals.tell(job.owner_id, "job", job_id)

    async def _forget_rejects(self, connection: AsyncConnection, job_id: str) -> None:
        wanted = select(dataset_versions.c.rejects_bytes).where(dataset_versions.c.job_id == job_id, HAS_REJECTS)
        row = (await connection.execute(wanted)).one_or_none()
        if row is not None:
            size = await size_of_rejects(self._blobs, job_id, row.rejects_bytes)
            await forget_rejects(connection, job_id, size)


async def _require_free(connection: AsyncConnection, job_id: str) -> None:
    """Asked of the row itself, which somebody may have begun again at this moment."""
    state = await connection.scalar(lock(select(jobs.c.state).where(jobs.c.id == job_id)))
    if state is None:
        raise NotFound
    if not State(state).is_final:
        raise NotOver
    batch = await _batch_of(connection, job_id)
    if batch is not None:
        raise Conflict(
            "The reports of “{name}” were made by this job; delete them, and it can be deleted as well.",
            code="job_of_batch",
            name=batch,
        )


async def _batch_of(connection: AsyncConnection, job_id: str) -> str | None:
    """The name of the batch that is made by this job."""
    name: str | None = await connection.scalar(select(batches.c.name).where(batches.c.job_id == job_id))
    return name

"""What a job goes on from, and what went on from it: a file comes in by one job and is imported by others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Principal
from server.datasets.import_checking import CHECK_KIND
from server.datasets.importing import KIND as IMPORT_KIND
from server.jobs.job import Job, State
from server.jobs.table import JobTable
from server.storage.database import Database
from server.storage.tables import jobs, uploads
from server.uploads.fetching import KIND as FETCH_KIND
from server.uploads.upload import KIND as UPLOAD_KIND

MOST_AFTER = 5  # imports of one file that are told
PLANNED_DATASET = "dataset"  # in the metadata of an upload: what its sender will import it into
_BRINGS = (UPLOAD_KIND, FETCH_KIND)
_IMPORTS = (IMPORT_KIND, CHECK_KIND)
_UPLOAD_ID = jobs.c.parameters["upload_id"].as_string()


class LinkState(StrEnum):
    """How a part of a chain stands: as its job does, or there is none."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REMOVED = "removed"  # the file was, since it was imported
    PLANNED = "planned"  # whoever sends the file has said what comes next


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPart:
    """`name` is the file's, or of the dataset; without `job_id` there is no job, or none any more."""

    kind: str
    name: str
    state: LinkState
    job_id: str | None = None
    upload_id: str | None = None
    size_bytes: int | None = None
    at: datetime | None = None  # when it ended, or else began


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChain:
    before: ChainPart | None = None
    after: tuple[ChainPart, ...] = ()  # in their order


NO_CHAIN = JobChain()


class JobChains:
    def __init__(self, *, database: Database, table: JobTable) -> None:
        self._database = database
        self._table = table

    async def of(self, principal: Principal, shown: Sequence[Job]) -> Mapping[str, JobChain]:
        """By the ids of the jobs that have a part in one. `shown` are jobs that the caller may see."""
        principal.require_read()
        imported = {job.id: str(job.parameters["upload_id"]) for job in shown if job.parameters.get("upload_id")}
        brought = {job.id: upload_id for job in shown if job.kind in _BRINGS and (upload_id := _brought(job))}
        if not imported and not brought:
            return {}
        async with self._database.read() as connection:
            files = await _files(connection, {*imported.values(), *brought.values()})
            states = await _states(connection, {file.job_id for file in files.values() if file.job_id})
            after = await _imports(connection, [job for job in shown if job.id in brought], brought)
        files = {key: file for key, file in files.items() if principal.may_see(file.owner_id)}
        return {
            job.id: JobChain(after=self._after(job, files.get(brought[job.id]), after[brought[job.id]]))
            if job.id in brought
            else JobChain(before=self._before(job, files.get(imported[job.id]), states))
            for job in shown
            if job.id in brought or (job.id in imported and job.kind not in _BRINGS)
        }

    def _before(self, job: Job, file: _File | None, jobs_of_files: Mapping[str, _Bringing]) -> ChainPart:
        if file is None:
            name = job.title.rpartition(" → ")[0] or job.title
            size = job.parameters.get("bytes")
            return ChainPart(kind=UPLOAD_KIND, name=name, state=LinkState.REMOVED, size_bytes=size)
        known = jobs_of_files.get(file.job_id or "")
        live = self._table.get(file.job_id) if file.job_id else None
        state = live.state if live else known.state if known else None
        # Without a job there is still its file, which is whole or is on its way.
        found = LinkState(state.value) if state else LinkState.SUCCEEDED if file.completed_at else LinkState.RUNNING
        return ChainPart(
            kind=known.kind if known else UPLOAD_KIND,
            name=file.name,
            state=found,
            job_id=file.job_id if known else None,
            upload_id=file.id,
            size_bytes=file.size,
            at=file.completed_at or file.created_at,
        )

    def _after(self, job: Job, file: _File | None, found: Sequence[_Import]) -> tuple[ChainPart, ...]:
        if not found and file is not None and file.planned and not job.state.is_final:
            return (ChainPart(kind=IMPORT_KIND, name=file.planned, state=LinkState.PLANNED, upload_id=file.id),)
        return tuple(self._import(each) for each in found)

    def _import(self, found: _Import) -> ChainPart:
        live = self._table.get(found.job_id)
        return ChainPart(
            kind=found.kind,
            name=found.dataset,
            state=LinkState((live.state if live else found.state).value),
            job_id=found.job_id,
            upload_id=found.upload_id,
            at=found.at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    id: str
    owner_id: str
    name: str
    size: int | None
    job_id: str | None
    planned: str
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bringing:
    kind: str
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    job_id: str
    kind: str
    upload_id: str
    dataset: str
    state: State
    at: datetime


def _brought(job: Job) -> str | None:
    """The upload that a job brings; of one that is fetched, once it is here."""
    given = job.parameters.get("upload_id") or (job.result or {}).get("upload_id")
    return str(given) if given else None


async def _files(connection: AsyncConnection, ids: Collection[str]) -> dict[str, _File]:
    c = uploads.c
    columns = (c.id, c.owner_id, c.name, c.size, c.job_id, c.metadata, c.created_at, c.completed_at)
    rows = await connection.execute(select(*columns).where(c.id.in_(ids)))
    return {
        row.id: _File(
            id=row.id,
            owner_id=row.owner_id,
            name=row.name,
            size=row.size,
            job_id=row.job_id,
            planned=str(row.metadata.get(PLANNED_DATASET, ""))[:64],
            created_at=row.created_at,
            completed_at=row.completed_at,
        )
        for row in rows
    }


async def _states(connection: AsyncConnection, ids: Collection[str]) -> dict[str, _Bringing]:
    rows = await connection.execute(select(jobs.c.id, jobs.c.kind, jobs.c.state).where(jobs.c.id.in_(ids)))
    return {row.id: _Bringing(kind=row.kind, state=State(row.state)) for row in rows}


async def _imports(
    connection: AsyncConnection, bringing: Iterable[Job], upload_of: Mapping[str, str]
) -> defaultdict[str, list[_Import]]:
    """Of each file its owner's newest imports, which came after it: an index finds those of one owner."""
    first: dict[str, int] = {}
    for job in bringing:
        first[job.owner_id] = min(job.sequence, first.get(job.owner_id, job.sequence))
    found: defaultdict[str, list[_Import]] = defaultdict(list)
    if not first:
        return found
    theirs = or_(*(and_(jobs.c.owner_id == owner, jobs.c.sequence > since) for owner, since in first.items()))
    dataset = jobs.c.parameters["dataset"].as_string()
    newest_first = (
        select(jobs.c.id, jobs.c.kind, jobs.c.state, jobs.c.created_at, jobs.c.finished_at)
        .add_columns(_UPLOAD_ID.label("upload_id"), dataset.label("dataset"))
        .where(theirs, jobs.c.kind.in_(_IMPORTS), _UPLOAD_ID.in_(set(upload_of.values())))
        .order_by(jobs.c.sequence.desc())
        .limit(MOST_AFTER * len(upload_of))
    )
    for row in await connection.execute(newest_first):
        if len(found[row.upload_id]) < MOST_AFTER:
            found[row.upload_id].insert(
                0,
                _Import(
                    job_id=row.id,
                    kind=row.kind,
                    upload_id=row.upload_id,
                    dataset=row.dataset,
                    state=State(row.state),
                    at=row.finished_at or row.created_at,
                ),
            )
    return found

"""Schedules that import a file of a folder or of an address, as often as there is a new one."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from server.auth.access import Right
from server.auth.permissions import Principal
from server.clock import Clock
from server.datasets.dataset import Dataset
from server.datasets.import_orders import ImportOrder, ImportRequest
from server.datasets.importing import KIND as IMPORT_KIND
from server.datasets.schema import ColumnSpec, ReadOptions
from server.errors import FieldError, InvalidInput, NotFetched, NotFound
from server.jobs.context import JobContext
from server.jobs.job import Job
from server.jobs.kinds import JobKind, JobLink
from server.jobs.outcomes import Outcome
from server.operations.dataset_access import DatasetAccess
from server.operations.imports import ImportOperations
from server.operations.schedule_runs.kind import PlannedRuns
from server.operations.schedule_runs.run_jobs import RunJobs, ScheduledRun
from server.operations.schedule_wishes import ScheduleWish, wrong_field
from server.schedules.files import TakenFile, TakenFiles, forget_files, hand_over_file, take_file
from server.schedules.plans import ImportPlan, ImportResult, Plans, ReadAs, Takes
from server.schedules.run_store import add_run_behind, end_run
from server.schedules.running import StartedRun, key_of
from server.schedules.schedule import Ordered, RunCause, Schedule, ScheduleRun
from server.storage.database import Database
from server.storage.quotas import Stored
from server.uploads.elsewhere import Elsewhere, Place
from server.uploads.fetching import FetchedFile, FileFetch
from server.uploads.files import UploadStore
from server.uploads.folders import Folders

KIND = "scheduled_import"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Brought:
    """A file that is here and that nobody else takes."""

    name: str
    upload_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """A place to bring a file from, `more` files behind it, and `growing` ones that still are on their way."""

    place: Place | None
    more: int = 0
    growing: int = 0


class ImportRuns:
    """`elsewhere`: by the field of a place that says which it is (`url`, `folder`)."""

    def __init__(
        self,
        *,
        database: Database,
        jobs: RunJobs,
        imports: ImportOperations,
        access: DatasetAccess,
        uploads: UploadStore,
        fetch: FileFetch,
        folders: Folders,
        elsewhere: Mapping[str, Elsewhere],
        clock: Clock,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._imports = imports
        self._access = access
        self._uploads = uploads
        self._fetch = fetch
        self._folders = folders
        self._elsewhere = elsewhere
        self._taken = TakenFiles(database)
        self._clock = clock

    @property
    def job_kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            label="Scheduled import",
            icon="calendar-days",
            unit="bytes",
            links=_links,
            lost="What has arrived so far is removed; the file itself stays where it is.",
            function=self.run,
            heavy=False,
            stores=Stored.UPLOADS,
        )

    async def planned(self, principal: Principal, wish: ScheduleWish) -> PlannedRuns:
        plan = wish.import_
        assert plan is not None  # `require_right` has seen to it
        try:
            await self._require(principal, plan)
        except InvalidInput as error:
            raise _below("import", error) from None
        return PlannedRuns(name=f"{plan.source} → {plan.dataset}"[:300], plans=Plans(import_=plan))

    async def begin(self, owner: Principal, schedule: Schedule, run: ScheduleRun) -> StartedRun:
        await self._require(owner, _plan_of(run.ordered))
        return await self._jobs.begin(KIND, owner, schedule, run)

    async def run(self, context: JobContext) -> Outcome:
        """The job: it brings the file here, and hands over to an import like any other."""
        scheduled = await self._jobs.of(context.job)
        plan = _plan_of(scheduled.run.ordered)
        await self._require(scheduled.owner, plan)
        result, brought = ImportResult(), await self._brought_before(scheduled, plan)
        while brought is None:
            choice = await self._choice(scheduled, plan)
            result = ImportResult(more=choice.more, growing=choice.growing)
            found = None if choice.place is None else await self._fetch.bring(context, choice.place)
            if found is None:
                return await self._nothing_new(context, scheduled, result)
            brought = await self._claimed(context, scheduled, plan, found)
            if brought is None and plan.take is Takes.NEWEST:
                return await self._nothing_new(context, scheduled, msgspec.structs.replace(result, is_same=True))
        return await self._import(context, scheduled, brought, msgspec.structs.replace(result, file=brought.name))

    async def _require(self, principal: Principal, plan: ImportPlan) -> None:
        principal.require_write()
        if (plan.url is None) == (plan.folder is None):
            raise wrong_field("url", "Say where the file is: a url, or a folder and a file.")
        if plan.url is not None and plan.take is Takes.EACH:
            raise wrong_field("take", "At an address there is one file; only folders have each.")
        self._elsewhere["url" if plan.url else "folder"].require(plan.place)
        await self._imports.check(principal, plan.order())

    async def _brought_before(self, scheduled: ScheduledRun, plan: ImportPlan) -> _Brought | None:
        """By an attempt that was cut short."""
        for taken in await self._taken.of(scheduled.schedule.id, plan):
            upload = await self._uploads.get(taken.upload_id) if taken.run_id == scheduled.run.id else None
            if upload is not None and upload.is_whole:
                return _Brought(name=taken.name, upload_id=upload.id)
        return None

    async def _choice(self, scheduled: ScheduledRun, plan: ImportPlan) -> _Choice:
        taken = [each for each in await self._taken.of(scheduled.schedule.id, plan) if not _is_free(each, scheduled)]
        if plan.take is Takes.NEWEST:
            place = msgspec.structs.replace(plan.place, unless=taken[0].version or None if taken else None)
            return _Choice(place=None if taken and await self._is_away(plan) else place)
        known = {each.version for each in taken}
        ready, growing = await self._folders.settled(plan.folder or "", plan.file or "")
        new = [file for file in ready if file.version not in known]
        growing = [file for file in growing if file.version not in known]
        if not (ready or growing or taken):  # the pattern may be wrong, which bringing it says
            return _Choice(place=plan.place)
        if not new:
            return _Choice(place=None, growing=len(growing))
        exactly = Place(folder=plan.folder, file=glob.escape(new[0].name))
        return _Choice(place=exactly, more=len(new) - 1, growing=len(growing))

    async def _is_away(self, plan: ImportPlan) -> bool:
        """A folder whose files were taken, and put aside by whoever keeps it, has nothing new."""
        return plan.folder is not None and not await self._folders.files(plan.folder, plan.file or "")

    async def _claimed(
        self, context: JobContext, scheduled: ScheduledRun, plan: ImportPlan, found: FetchedFile
    ) -> _Brought | None:
        """None for one that holds what was taken before, or that another run took in this very moment."""
        upload = await self._uploads.get(found.upload_id)
        if upload is None or upload.sha256 is None:
            raise NotFetched("“{file}” was removed again while it was brought here.", file=found.name)
        before = await self._taken.of(scheduled.schedule.id, plan)
        free = frozenset(each.id for each in before if _is_free(each, scheduled))
        version = found.version or ""
        is_same = _is_known([each for each in before if each.id not in free], plan, found.name, version, upload.sha256)
        async with self._database.write() as connection:
            await context.fence(connection)
            is_ours = await take_file(
                connection,
                schedule_id=scheduled.schedule.id,
                run_id=scheduled.run.id,
                plan=plan,
                name=found.name,
                version=version,
                sha256=upload.sha256,
                upload_id="" if is_same else upload.id,
                job_id=context.job.id,
                free=free,
                now=self._clock(),
            )
        if is_same or not is_ours:
            await self._fetch.discard(upload.id)
            return None
        return _Brought(name=found.name, upload_id=upload.id)

    async def _import(
        self, context: JobContext, scheduled: ScheduledRun, brought: _Brought, result: ImportResult
    ) -> Outcome:
        run, plan = scheduled.run, _plan_of(scheduled.run.ordered)
        order = plan.order(await self._options(scheduled.owner, plan))
        request = ImportRequest(
            upload_id=brought.upload_id,
            **{name: getattr(order, name) for name in ImportOrder.__struct_fields__},
        )
        job = await self._imports.start(scheduled.owner, request, idempotency_key=f"import of {key_of(run)}")
        async with self._database.write() as connection:
            await context.fence(connection)
            await hand_over_file(connection, run.id, job.id)
            await end_run(connection, run.id, result, now=self._clock(), job_id=job.id)
            if result.more:
                await add_run_behind(connection, scheduled.schedule, run, RunCause.FILES, now=self._clock())
            await forget_files(connection, scheduled.schedule.id, self._clock())
        return Outcome(result={"file": brought.name, "import_id": job.id})

    async def _nothing_new(self, context: JobContext, scheduled: ScheduledRun, result: ImportResult) -> Outcome:
        result = msgspec.structs.replace(result, nothing_new=True)
        async with self._database.write() as connection:
            await context.fence(connection)
            await end_run(connection, scheduled.run.id, result, now=self._clock())
        return Outcome(result={"nothing_new": True})

    async def _options(self, owner: Principal, plan: ImportPlan) -> ReadOptions:
        if plan.profile is ReadAs.FOUND or plan.options.columns is not None:
            return plan.options
        try:
            dataset = await self._access.get(owner, plan.dataset, plan.owner, Right.EDIT)
        except NotFound:
            return plan.options  # the first import makes it
        return msgspec.structs.replace(plan.options, columns=_last_columns(dataset))


def _last_columns(dataset: Dataset) -> list[ColumnSpec] | None:
    """None where its rows did not come from a file."""
    told = dataset.current.source.get("options")
    return msgspec.convert(told, ReadOptions).columns if told else None


def _plan_of(ordered: Ordered) -> ImportPlan:
    assert ordered.import_ is not None
    return ordered.import_


def _is_free(taken: TakenFile, scheduled: ScheduledRun) -> bool:
    return taken.is_free(IMPORT_KIND, by_hand=scheduled.run.cause is RunCause.HAND)


def _is_known(taken: list[TakenFile], plan: ImportPlan, name: str, version: str, sha256: str) -> bool:
    """Whether a file holds what was taken before.

    Of one place with one file, the last one counts: what was there before that may well come back.
    """
    if plan.take is Takes.NEWEST:
        return bool(taken) and taken[0].sha256 == sha256
    mark = version.removeprefix(f"{name}:")
    return any(each.sha256 == sha256 and (each.name == name or each.mark == mark) for each in taken)


def _below(field: str, error: InvalidInput) -> InvalidInput:
    """The same with its fields where they stand in what was written."""
    if not error.errors:
        return error
    errors = [
        FieldError(field=f"{field}.{each.field}", message=each.message, parameters=dict(each.parameters))
        for each in error.errors
    ]
    return InvalidInput(errors=errors)


def _links(job: Job) -> list[JobLink]:
    import_id = (job.result or {}).get("import_id")
    return [JobLink(url=f"/imports/{import_id}", label="Open the import", icon="table-2")] if import_id else []

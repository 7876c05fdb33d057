"""The job that adds corrected rows of an import's list of rejects to the dataset that came of it.

Each correction is a version that says which import it corrects, and whose own list is what is left of the rejects. So
the newest one has the list to go on with, and a row that was added once is in no list that anybody can add from.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, Right, user_may
from server.datasets.catalog import MISSING, Catalog
from server.datasets.catalog_rows import lock_dataset
from server.datasets.correction_orders import (
    CORRECTION_KIND,
    CorrectionParameters,
    links_of_correction,
    result_of_correction,
)
from server.datasets.dataset import Dataset, Version
from server.datasets.file_work import Corrected, CorrectRequest, Upsert, correct_rows
from server.datasets.import_reading import ImportReading, told_warnings
from server.datasets.publishing import Made, VersionPublisher
from server.datasets.references import fetched_references, find_references
from server.datasets.rejects_left import RejectsGone, RejectsLeft, rejects_left
from server.datasets.version_rows import data_key, rejects_key
from server.errors import Conflict, FileProblem, NotFound
from server.jobs.context import JobContext
from server.jobs.job import FINISHING
from server.jobs.kinds import JobKind, Missing
from server.jobs.lanes import Lane
from server.jobs.outcomes import Notice, Outcome
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.quotas import Stored
from server.storage.scratch import Scratch

_TRIES = 5  # while others add to the same dataset
_OF_THE_FILE = frozenset({"read", "takes", "upserted"})  # what a version says of the file that its own import read


class AlreadyCorrected(Conflict):
    """These rows are no longer in the list: they were corrected and added already, perhaps in another tab."""

    code = "already_corrected"


class _Changed(Conflict):
    """The dataset was changed at this moment; try again."""


class ImportCorrection:
    """Adds corrected rows. An attempt that is repeated after a crash finds what an earlier one published."""

    def __init__(
        self,
        reading: ImportReading,
        publisher: VersionPublisher,
        *,
        catalog: Catalog,
        blobs: BlobStore,
        scratch: Scratch,
        database: Database,
        seconds: float,
    ) -> None:
        """`seconds` is the time limit of one attempt to add them."""
        self._reading = reading
        self._publisher = publisher
        self._catalog = catalog
        self._blobs = blobs
        self._scratch = scratch
        self._database = database
        self._seconds = seconds

    def kind(self) -> JobKind:
        return JobKind(
            name=CORRECTION_KIND,
            label="Correction of rejected rows",
            icon="pencil",
            unit="rows",
            missing=Missing(names=("wrong_count",), label="Done · {count} do not fit yet", is_counted=False),
            links=links_of_correction,
            lost="Nothing is added. The rows stay in the list.",
            kept="The corrected rows are judged again.",
            noun="import",
            step_noun="import",
            function=self.process_import_correction,
            lane=lambda job: Lane.SHORT if CorrectionParameters.of(job).mode != "upsert" else Lane.LONG,
            step_seconds=self._seconds,
            stores=Stored.DATASETS,
        )

    async def process_import_correction(self, context: JobContext) -> Outcome:
        version = await self._catalog.version_of_job(context.job.id)
        if version is None:
            version = await self._added(context)
            self._catalog.announce_change(version)
        told = version.source["corrects"]
        context.advance(told["rows"], total=told["rows"], stage=FINISHING)
        return Outcome(
            result=result_of_correction(context.job, version),
            is_partial=told["wrong"] > 0,
            notice=Notice(
                title="“{dataset}” has version {version}",
                body="{rows} corrected rows were added to version {before}."
                if told["rows"] != 1
                else "One corrected row was added to version {before}.",
                level="success",
                url=f"/imports/{told['import_id']}",
                parameters={
                    "dataset": version.dataset,
                    "version": version.number,
                    "rows": told["rows"],
                    "before": version.number - 1,
                },
            ),
        )

    async def _added(self, context: JobContext) -> Version:
        for _ in range(_TRIES - 1):
            try:
                return await self._added_once(context)
            except _Changed:
                context.log("The dataset was changed meanwhile; judging the rows again.")
        return await self._added_once(context)

    async def _added_once(self, context: JobContext) -> Version:
        wanted = CorrectionParameters.of(context.job)
        of_import = await self._catalog.version_of_job(wanted.import_id)
        if of_import is None:
            raise NotFound("The version of this import is no longer kept; import the file again.")
        async with self._database.read() as connection:
            left = await rejects_left(connection, of_import)
        seen = await self._catalog.get(of_import.owner_id, of_import.dataset)
        async with self._scratch.workplace() as directory:
            corrected = await self._judged(context, wanted, left, seen, directory)
            if not corrected.row_count:
                await self._refuse(context, corrected, directory)
            return await self._publish(context, wanted, left, seen, corrected, directory)

    async def _judged(
        self, context: JobContext, wanted: CorrectionParameters, left: RejectsLeft, seen: Dataset, directory: Path
    ) -> Corrected:
        options = left.options
        referred = await find_references(self._catalog, context.job.owner_id, options.columns or ())
        key = tuple(left.of_import.source.get("key", ()))
        is_merged = wanted.mode == "upsert"
        before = await self._files_before(left.of_import) if is_merged else None
        if not left.has_list:
            raise AlreadyCorrected
        async with (
            self._list(left) as rejects,
            self._catalog.fetched(seen.current.files if is_merged else _parts_of(left, seen)) as parts,
            self._catalog.fetched(before or ()) as before_parts,
            fetched_references(self._catalog, referred) as references,
        ):
            if not rejects.exists():
                raise RejectsGone
            corrected: Corrected = await context.run_in_worker(
                correct_rows,
                CorrectRequest(
                    rejects=rejects,
                    rows=wanted.rows,
                    taken=left.taken,
                    layout=left.layout,
                    options=options,
                    columns=list(seen.columns),
                    parts=() if is_merged else parts,
                    references=references,
                    upsert=Upsert(paths=parts, columns=list(seen.columns), key=key) if is_merged else None,
                    before=None if before is None else before_parts,
                    target=directory / "data.parquet",
                    left=directory / "left.jsonl",
                    wrong=directory / "wrong.jsonl",
                ),
                is_short=not is_merged,
            )
        return corrected

    async def _files_before(self, of_import: Version) -> Sequence[str] | None:
        """Of the dataset as it was before the import; None where that version is no longer kept."""
        try:
            before = await self._catalog.version(of_import.owner_id, of_import.dataset, of_import.number - 1)
        except NotFound:
            return None
        return before.files if before.dataset_id == of_import.dataset_id else None

    @asynccontextmanager
    async def _list(self, left: RejectsLeft) -> AsyncIterator[Path]:
        async with AsyncExitStack() as fetched:
            try:
                (path,) = await fetched.enter_async_context(self._blobs.fetch([rejects_key(left.job_id)]))
            except NotFound:
                raise RejectsGone from None
            yield path

    async def _refuse(self, context: JobContext, corrected: Corrected, directory: Path) -> None:
        if not corrected.wrong_count:
            raise AlreadyCorrected
        await self._reading.keep_list(context, directory / "wrong.jsonl")
        raise FileProblem(
            "None of the {count} rows fits yet; each says why. Nothing was added."
            if corrected.wrong_count > 1
            else "The row does not fit yet; it says why. Nothing was added.",
            code="none_corrected",
            count=corrected.wrong_count,
        )

    async def _publish(
        self,
        context: JobContext,
        wanted: CorrectionParameters,
        left: RejectsLeft,
        seen: Dataset,
        corrected: Corrected,
        directory: Path,
    ) -> Version:
        told: dict[str, Any] = {
            "import_id": wanted.import_id,
            "rows": corrected.row_count,
            "wrong": corrected.wrong_count,
        }
        if corrected.warnings:
            told["warnings"] = told_warnings(corrected.warnings)
        source = {name: value for name, value in left.of_import.source.items() if name not in _OF_THE_FILE}
        made = Made(
            dataset=seen.name,
            owner_id=seen.owner_id,
            mode="upsert" if corrected.upserted is not None else "append",
            written=corrected,
            file=directory / "data.parquet",
            rejects=directory / "left.jsonl" if corrected.left_count else None,
            rejected_count=corrected.left_count,
            source=source | {"corrects": told | {"missing": corrected.missing}},
        )
        is_unchanged = partial(_require_unchanged, left=left, seen=seen, corrected_by=context.job.owner_id)
        return await self._publisher.publish(context, made, require_unchanged=is_unchanged)


async def _require_unchanged(
    connection: AsyncConnection, *, left: RejectsLeft, seen: Dataset, corrected_by: str
) -> None:
    """The rows were judged against this version, and nobody took others from the same list. Until the commit.

    And whoever corrects rows of another's dataset may do so still.
    """
    now = await lock_dataset(connection, seen.owner_id, seen.name)
    if now is None or now.id != seen.id or now.version != seen.version:
        raise _Changed
    if seen.owner_id != corrected_by and not await user_may(connection, corrected_by, DATASETS, seen.id, Right.EDIT):
        raise NotFound(MISSING, name=seen.name)
    if (await rejects_left(connection, left.of_import)).state != left.state:
        raise _Changed


def _parts_of(left: RejectsLeft, seen: Dataset) -> Sequence[str]:
    """The parts that hold the rows of the import, for the values that must be unique among them; or all there are."""
    held = seen.current.files
    jobs = (left.of_import.job_id, *(version.job_id for version in left.corrections))
    ours = {data_key(job_id or "") for job_id in jobs}
    return [key for key in held if key in ours] if ours <= set(held) else held

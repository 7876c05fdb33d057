"""The job that turns an uploaded file into a version of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, Right, user_may
from server.datasets.catalog import MISSING, Catalog
from server.datasets.catalog_rows import lock_dataset
from server.datasets.dataset import Dataset, Version, address_of, page_of
from server.datasets.doubts import doubt_count
from server.datasets.import_reading import UPSERTED, ImportParameters, ImportReading, ReadFile, lane_of, told_warnings
from server.datasets.publishing import Made, VersionPublisher
from server.datasets.schema import Column
from server.errors import Conflict, NotFound
from server.jobs.context import JobContext
from server.jobs.job import FINISHING, Job, State
from server.jobs.kinds import JobKind, JobLink, Missing
from server.jobs.outcomes import Notice, Outcome
from server.storage.quotas import Stored
from server.storage.scratch import Scratch

KIND = "data_import"
FIGURES = {"rejected": "Rejected rows"}


class DataImport:
    """Imports files. An attempt that is repeated after a crash finds what an earlier one published."""

    def __init__(
        self,
        reading: ImportReading,
        publisher: VersionPublisher,
        *,
        catalog: Catalog,
        scratch: Scratch,
        seconds: float,
    ) -> None:
        """`seconds` is the time limit of reading one file."""
        self._reading = reading
        self._publisher = publisher
        self._catalog = catalog
        self._scratch = scratch
        self._seconds = seconds

    def kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            label="Import",
            icon="table-2",
            unit="rows",
            message="data_import_progress",
            figures=FIGURES,
            missing=Missing(names=("rejected_count", "rejected"), label="Done · {count} left out", is_counted=False),
            page="/imports/{id}",
            links=_links,
            lost="The rows read so far are given up. The dataset stays as it was before.",
            kept="The file is read again from the beginning. The dataset stays as it is until all is done.",
            noun="import",
            step_noun="import",
            function=self.process_data_import,
            lane=lane_of,
            step_seconds=self._seconds,
            stores=Stored.DATASETS,
        )

    async def process_data_import(self, context: JobContext) -> Outcome:
        version = await self._catalog.version_of_job(context.job.id)
        if version is None:
            async with self._scratch.workplace() as directory:
                version = await self._publish(context, await self._reading.read(context, directory))
            self._catalog.announce_change(version)
        elif read := version.source.get("read"):  # the server was killed once this was stored, and before the job was
            context.advance(detail={"rejected": version.rejected_count, "named": read["named"]})
        imported = _rows_of_import(context, version)
        context.advance(imported, total=imported, stage=FINISHING)
        job_id = context.job.id
        return Outcome(
            result=_result(context.job, version, imported),
            is_partial=version.rejected_count > 0,
            notice=_notice(job_id, version, imported, context.job.owner_id),
        )

    async def _publish(self, context: JobContext, read: ReadFile) -> Version:
        wanted, upload, converted = ImportParameters.of(context.job), read.upload, read.converted
        source = {
            "upload_id": upload.id,
            "name": upload.name,
            "size": upload.size,
            "sha256": upload.sha256,
            "options": msgspec.to_builtins(converted.options),
            "layout": msgspec.to_builtins(converted.layout),
            "key": list(wanted.key),
            "read": {"rows": converted.row_count, "named": converted.named},
        }
        if converted.warnings:
            source["warnings"] = told_warnings(converted.warnings)
        if converted.corrections.count:
            source["corrections"] = msgspec.to_builtins(converted.corrections)
        if converted.taken and wanted.adds:
            source["takes"] = converted.taken
        made = Made(
            dataset=wanted.dataset,
            owner_id=wanted.owner_id or context.job.owner_id,
            mode=wanted.mode,
            written=converted,
            file=read.request.target,
            rejects=converted.rejects_path,
            rejected_count=converted.rejected_count,
            source=source,
        )
        is_unchanged = partial(require_unchanged, wanted=wanted, job_owner_id=context.job.owner_id, seen=read.seen)
        return await self._publisher.publish(context, made, require_unchanged=is_unchanged)


async def require_unchanged(
    connection: AsyncConnection, *, wanted: ImportParameters, job_owner_id: str, seen: Dataset | None
) -> None:
    """Appended rows were fitted to the columns that the dataset had, merged ones to its rows: it has them still.

    And whoever imports into another's dataset may do so still.
    """
    owner_id = wanted.owner_id or job_owner_id
    if owner_id != job_owner_id:
        theirs = await lock_dataset(connection, owner_id, wanted.dataset)
        is_same = theirs is not None and seen is not None and theirs.id == seen.id
        if not is_same or not await user_may(
            connection, job_owner_id, DATASETS, theirs.id if theirs else "", Right.EDIT
        ):
            raise NotFound(MISSING, name=wanted.dataset)
    if not wanted.adds or seen is None:
        return
    now = await lock_dataset(connection, owner_id, wanted.dataset)
    if now is not None and now.id == seen.id and wanted.mode == "upsert" and now.version != seen.version:
        raise Conflict("“{name}” was changed meanwhile; import again.", name=wanted.dataset)
    if now is None or now.id != seen.id or _fitted_to(now) != _fitted_to(seen):
        raise Conflict("The columns of “{name}” were changed meanwhile; import again.", name=wanted.dataset)


def _fitted_to(dataset: Dataset) -> list[Column]:
    """Its columns, but for what the rows of another import may change of them."""
    return [msgspec.structs.replace(column, nullable=None) for column in dataset.columns]


def _rows_of_import(context: JobContext, version: Version) -> int:
    """Rows of the import alone: an appended version counts those before as well."""
    if upserted := version.source.get("upserted"):
        return sum(int(upserted[name]) for name in UPSERTED)
    if read := version.source.get("read"):
        return int(read["rows"])
    progress = int(context.job.progress)  # of a version that an older program stored
    return progress if version.mode == "append" and progress else version.row_count


def _notice(job_id: str, version: Version, rows: int, reader_id: str) -> Notice:
    doubts = doubt_count(warning["code"] for warning in version.source.get("warnings", ()))
    parameters = {"dataset": version.dataset, "rows": rows, "rejected": version.rejected_count, "doubts": doubts}
    if version.rejected_count:
        return Notice(
            title="“{dataset}” was imported, but not every row",
            body="Rows imported: {rows}. Left out: {rejected}; a list says why."
            if not doubts
            else "Rows imported: {rows}. Left out: {rejected}; a list says why. To look at: {doubts}.",
            level="warning",
            url=f"/imports/{job_id}",
            parameters=parameters,
        )
    if doubts:
        return Notice(
            title="“{dataset}” was imported; look at it once more",
            body="Rows imported: {rows}. To look at: {doubts}.",
            level="warning",
            url=f"/imports/{job_id}",
            parameters=parameters,
        )
    return Notice(
        title="“{dataset}” was imported",
        body="{rows} rows." if rows != 1 else "One row.",
        level="success",
        url=page_of(version, reader_id),
        parameters=parameters,
    )


def _links(job: Job) -> Sequence[JobLink]:
    result, links = job.result or {}, []
    if result.get("dataset"):
        page = (result.get("links") or {}).get("page") or f"/datasets/{quote(result['dataset'])}"
        links.append(JobLink(url=page, label="Open the dataset", icon="table-2"))
    if result.get("rejected_count") or (job.state is State.FAILED and job.detail.get("rejects_bytes")):
        links.append(JobLink(url=f"/imports/{job.id}", label="Look at the rejected rows", icon="file-x"))
    elif result.get("warnings"):
        links.append(JobLink(url=f"/imports/{job.id}", label="Look at the warnings", icon="triangle-alert"))
    return links


def _result(job: Job, version: Version, imported: int) -> dict[str, Any]:
    job_id = job.id
    links = {
        "dataset": address_of(version, job.owner_id),
        "import": f"/api/v1/imports/{job_id}",
        "page": page_of(version, job.owner_id),
    }
    if version.rejected_count:
        links["rejects"] = f"/api/v1/imports/{job_id}/rejects"
    return {
        "dataset": version.dataset,
        "version": version.number,
        "row_count": version.row_count,
        "imported_count": imported,
        "rejected_count": version.rejected_count,
        "named": job.detail.get("named", {}),
        "warnings": version.source.get("warnings", []),
        **version.source.get("upserted", {}),
        "links": links,
    }

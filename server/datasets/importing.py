"""The job that turns an uploaded file into a version of a dataset."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.datasets.catalog import Catalog, data_key, rejects_key, require_mode_fits
from server.datasets.catalog_rows import lock_dataset
from server.datasets.dataset import Dataset, Mode, Version
from server.datasets.references import fetched_references, find_references
from server.datasets.schema import FileLimits, ReadOptions
from server.datasets.work import Converted, ConvertRequest, Upsert, convert_file
from server.errors import Conflict, FileProblem
from server.jobs.context import JobContext
from server.jobs.job import FINISHING, Job, State
from server.jobs.kinds import JobKind, Link, Missing
from server.jobs.lanes import Lane
from server.jobs.outcomes import Notice, Outcome
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.quotas import Quotas, Stored
from server.storage.room import Room
from server.storage.scratch import Scratch
from server.uploads.files import Upload, UploadStore
from server.uploads.pieces import Pieces, UploadGone

KIND = "data_import"
_SHORT_BYTES = 1024 * 1024  # some ten thousand rows: a second or two
_FIGURES = {"rejected": "Rejected rows"}
_ADDING = ("append", "upsert")
_UPSERTED = ("inserted", "updated", "unchanged")
_STAGES_WITHOUT_ROWS = ("checking", "merging", "measuring")  # all are counted by then


class ImportParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a `data_import` job, as `operations.imports` stores them."""

    upload_id: str
    dataset: str
    mode: Mode
    options: ReadOptions = ReadOptions()
    reject_limit: int = 100_000
    reject_share: float | None = None
    key: tuple[str, ...] = ()  # of an upsert
    bytes: int | None = None  # of the file

    @property
    def is_short(self) -> bool:
        return self.bytes is not None and self.bytes <= _SHORT_BYTES


class DataImport:
    """Imports files. An attempt that is repeated after a crash finds what an earlier one published."""

    def __init__(
        self,
        *,
        uploads: UploadStore,
        pieces: Pieces,
        catalog: Catalog,
        blobs: BlobStore,
        scratch: Scratch,
        database: Database,
        limits: FileLimits,
        room: Room,
        quotas: Quotas,
        seconds: float,
    ) -> None:
        """`seconds` is the time limit of reading one file."""
        self._uploads = uploads
        self._pieces = pieces
        self._catalog = catalog
        self._blobs = blobs
        self._scratch = scratch
        self._database = database
        self._limits = limits
        self._room = room
        self._quotas = quotas
        self._seconds = seconds

    def kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            label="Import",
            icon="table-2",
            unit="rows",
            message="data_import_progress",
            figures=_FIGURES,
            missing=Missing(names=("rejected_count", "rejected"), label="Done · {count} left out", is_counted=False),
            links=_links,
            lost="The rows read so far are given up. The dataset stays as it was before.",
            kept="The file is read again from the beginning. The dataset stays as it is until all is done.",
            noun="import",
            step_noun="import",
            function=self.process_data_import,
            lane=lambda job: Lane.SHORT if _wanted(job).is_short else Lane.LONG,
            step_seconds=self._seconds,
            stores=Stored.DATASETS,
        )

    async def process_data_import(self, context: JobContext) -> Outcome:
        wanted = _wanted(context.job)
        version = await self._catalog.version_of_job(context.job.id)
        if version is None:
            version = await self._import(context, wanted)
            self._catalog.announce_change(version)
        imported = _rows_of_import(context, version)
        context.advance(imported, total=imported, stage=FINISHING)
        job_id = context.job.id
        return Outcome(
            result=_result(context.job, version, imported),
            is_partial=version.rejected_count > 0,
            notice=_notice(job_id, version, imported),
        )

    async def _import(self, context: JobContext, wanted: ImportParameters) -> Version:
        owner_id = context.job.owner_id
        upload = await self._upload(wanted.upload_id, owner_id)
        current = await self._catalog.find(owner_id, wanted.dataset)
        require_mode_fits(wanted.dataset, wanted.mode, current)
        referred = await find_references(self._catalog, owner_id, wanted.options.columns or ())
        async with self._scratch.workplace() as directory:
            async with (
                self._pieces.whole(upload.id) as source,
                self._merged_into(wanted, current) as upsert,
                fetched_references(self._catalog, referred) as references,
            ):
                request = ConvertRequest(
                    source=source,
                    name=upload.name,
                    target=directory / "data.parquet",
                    rejects=directory / "rejects.jsonl",
                    options=wanted.options,
                    reject_limit=wanted.reject_limit,
                    limits=self._limits,
                    existing_columns=current.columns if current and wanted.mode in _ADDING else None,
                    upsert=upsert,
                    reject_share=wanted.reject_share,
                    references=references,
                )
                converted = await self._read(context, request)
            for warning in converted.warnings:
                context.log(warning.text, level="warning")
            context.advance(stage=FINISHING, detail={"rejected": converted.rejected_count, "named": converted.named})
            return await self._publish(context, wanted, upload, current, request, converted)

    @asynccontextmanager
    async def _merged_into(self, wanted: ImportParameters, current: Dataset | None) -> AsyncIterator[Upsert | None]:
        if wanted.mode != "upsert" or current is None:
            yield None
            return
        async with self._blobs.fetch(current.current.files) as paths:
            yield Upsert(paths=tuple(paths), columns=list(current.columns), key=wanted.key)

    async def _read(self, context: JobContext, request: ConvertRequest) -> Converted:
        try:
            return await self._room.within(self._convert(context, request))
        except FileProblem:
            if request.rejects.exists():  # what is wrong with each row is needed most where nothing was imported
                size = request.rejects.stat().st_size
                await self._blobs.publish(request.rejects, rejects_key(context.job.id))
                context.advance(detail={"rejects_bytes": size})
            raise

    async def _upload(self, upload_id: str, owner_id: str) -> Upload:
        upload = await self._uploads.get(upload_id)
        if upload is None or upload.owner_id != owner_id:
            raise UploadGone
        if not upload.is_whole:
            raise FileProblem("The upload is not complete; wait for it, then try again.", code="upload_incomplete")
        return upload

    async def _convert(self, context: JobContext, request: ConvertRequest) -> Converted:
        converted: Converted = await context.run_in_worker(
            convert_file,
            request,
            on_report=lambda report: _advance(context, report),
            is_short=_wanted(context.job).is_short,
        )
        return converted

    async def _publish(
        self,
        context: JobContext,
        wanted: ImportParameters,
        upload: Upload,
        seen: Dataset | None,
        request: ConvertRequest,
        converted: Converted,
    ) -> Version:
        """Files first, then the one transaction that names them: a crash between leaves the old version whole."""
        job = context.job
        rejects_bytes = 0 if converted.rejects_path is None else converted.rejects_path.stat().st_size
        own_bytes = converted.bytes + rejects_bytes
        source = {
            "upload_id": upload.id,
            "name": upload.name,
            "size": upload.size,
            "sha256": upload.sha256,
            "options": msgspec.to_builtins(converted.options),
        }
        if converted.warnings:
            source["warnings"] = [{"code": each.code, "message": each.text} for each in converted.warnings]
        if converted.corrections.count:
            source["corrections"] = msgspec.to_builtins(converted.corrections)
        upserted = converted.upserted
        if upserted is not None:
            source["upserted"] = {name: getattr(upserted, name) for name in _UPSERTED}
        try:
            await self._blobs.publish(request.target, data_key(job.id))
            if converted.rejects_path is not None:
                await self._blobs.publish(converted.rejects_path, rejects_key(job.id))
            elif job.attempt > 1:  # one that failed may have left its own
                await self._blobs.delete(rejects_key(job.id))
            async with self._database.write() as connection:
                await context.fence(connection)
                await require_unchanged(connection, wanted, job.owner_id, seen)
                await self._quotas.require(connection, job.owner_id, Stored.DATASETS, own_bytes)
                return await self._catalog.publish(
                    connection,
                    owner_id=job.owner_id,
                    name=wanted.dataset,
                    mode=wanted.mode,
                    job_id=job.id,
                    files=[data_key(job.id)],
                    row_count=converted.row_count if upserted is None else upserted.row_count,
                    rejected_count=converted.rejected_count,
                    bytes=converted.bytes,
                    own_bytes=own_bytes,
                    rejects_bytes=rejects_bytes,
                    columns=converted.columns,
                    statistics=converted.statistics,
                    source=source,
                )
        except BaseException:
            # Cancelled at the very end it may yet have been committed: what a version names must stay.
            await asyncio.shield(self._remove_unpublished(job.id))
            raise

    async def _remove_unpublished(self, job_id: str) -> None:
        if await self._catalog.version_of_job(job_id) is None:
            await self._blobs.delete(data_key(job_id), rejects_key(job_id))


async def require_unchanged(
    connection: AsyncConnection, wanted: ImportParameters, owner_id: str, seen: Dataset | None
) -> None:
    """Appended rows were fitted to the columns that the dataset had, merged ones to its rows: it has them still."""
    if wanted.mode not in _ADDING or seen is None:
        return
    now = await lock_dataset(connection, owner_id, wanted.dataset)
    if now is not None and now.id == seen.id and wanted.mode == "upsert" and now.version != seen.version:
        raise Conflict("“{name}” was changed meanwhile; import again.", name=wanted.dataset)
    if now is None or now.id != seen.id or now.columns != seen.columns:
        raise Conflict("The columns of “{name}” were changed meanwhile; import again.", name=wanted.dataset)


def _wanted(job: Job) -> ImportParameters:
    return msgspec.convert(job.parameters, ImportParameters)


def _advance(context: JobContext, report: dict[str, Any]) -> None:
    context.advance(
        report["rows"],
        total=report["total"],
        stage=FINISHING if report["stage"] in _STAGES_WITHOUT_ROWS else report["stage"],
        detail={name: report[name] for name in ("rejected", "named", "bytes", "bytes_total")},
    )


def _rows_of_import(context: JobContext, version: Version) -> int:
    """Rows of the import alone: an appended version counts those before as well."""
    if upserted := version.source.get("upserted"):
        return sum(int(upserted[name]) for name in _UPSERTED)
    read = int(context.job.progress)
    return read if version.mode == "append" and read else version.row_count


def _notice(job_id: str, version: Version, rows: int) -> Notice:
    parameters = {"dataset": version.dataset, "rows": rows, "rejected": version.rejected_count}
    if version.rejected_count:
        return Notice(
            title="“{dataset}” was imported, but not every row",
            body="Rows imported: {rows}. Left out: {rejected}; a list says why.",
            level="warning",
            url=f"/imports/{job_id}",
            parameters=parameters,
        )
    return Notice(
        title="“{dataset}” was imported",
        body="{rows} rows." if rows != 1 else "One row.",
        level="success",
        url=f"/datasets/{quote(version.dataset)}",
        parameters=parameters,
    )


def _links(job: Job) -> Sequence[Link]:
    result, links = job.result or {}, []
    if result.get("dataset"):
        links.append(Link(url=f"/datasets/{quote(result['dataset'])}", label="Open the dataset", icon="table-2"))
    if result.get("rejected_count") or (job.state is State.FAILED and job.detail.get("rejects_bytes")):
        links.append(Link(url=f"/imports/{job.id}", label="Look at the rejected rows", icon="file-x"))
    return links


def _result(job: Job, version: Version, imported: int) -> dict[str, Any]:
    name, job_id = quote(version.dataset), job.id
    links = {
        "dataset": f"/api/v1/datasets/{name}",
        "import": f"/api/v1/imports/{job_id}",
        "page": f"/datasets/{name}",
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

"""What jobs that read an uploaded file have in common: what was ordered, and the worker that reads it to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from server.datasets.catalog import Catalog
from server.datasets.dataset import Dataset, Mode
from server.datasets.file_work import Converted, ConvertRequest, Upsert, convert_file
from server.datasets.references import fetched_references, find_references
from server.datasets.schema import FileLimits, FileWarning, ReadOptions
from server.datasets.version_rows import rejects_key, require_mode_fits
from server.errors import FileProblem
from server.jobs.context import JobContext
from server.jobs.job import FINISHING, Job
from server.jobs.lanes import Lane
from server.storage.blob_store import BlobStore
from server.storage.room import Room
from server.texts import plain
from server.uploads.files import Upload, UploadStore
from server.uploads.pieces import Pieces, UploadGone

UPSERTED = ("inserted", "updated", "unchanged")
_SHORT_BYTES = 1024 * 1024  # some ten thousand rows: a second or two
_ADDING = ("append", "upsert")
_STAGES_WITHOUT_ROWS = ("checking", "merging", "measuring")  # all are counted by then


class ImportParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of such a job, as `operations.imports` stores them."""

    upload_id: str
    dataset: str
    owner_id: str | None = None  # whose dataset it is, when it is not that of whoever imports
    mode: Mode
    options: ReadOptions = ReadOptions()
    reject_limit: int = 100_000
    reject_share: float | None = None
    key: tuple[str, ...] = ()  # of an upsert
    bytes: int | None = None  # of the file

    @classmethod
    def of(cls, job: Job) -> ImportParameters:
        return msgspec.convert(job.parameters, cls)

    @property
    def is_short(self) -> bool:
        return self.bytes is not None and self.bytes <= _SHORT_BYTES

    @property
    def adds(self) -> bool:
        return self.mode in _ADDING


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """A file that was read to its end. `seen` is the dataset as it was before."""

    upload: Upload
    seen: Dataset | None
    request: ConvertRequest
    converted: Converted


class ImportReading:
    """Reads files as their imports want it. What comes of them lies in a directory of the caller's."""

    def __init__(
        self,
        *,
        uploads: UploadStore,
        pieces: Pieces,
        catalog: Catalog,
        blobs: BlobStore,
        limits: FileLimits,
        room: Room,
    ) -> None:
        self._uploads = uploads
        self._pieces = pieces
        self._catalog = catalog
        self._blobs = blobs
        self._limits = limits
        self._room = room

    async def read(self, context: JobContext, directory: Path) -> ReadFile:
        """Raises `FileProblem`, and keeps the list of rejects of a file that failed for its rows."""
        owner_id, wanted = context.job.owner_id, ImportParameters.of(context.job)
        upload = await self._upload(wanted.upload_id, owner_id)
        current = await self._catalog.find(wanted.owner_id or owner_id, wanted.dataset)
        require_mode_fits(wanted.dataset, wanted.mode, current)
        referred = await find_references(self._catalog, owner_id, wanted.options.columns or ())
        async with (
            self._pieces.whole(upload.id, size=upload.offset) as source,
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
                existing_columns=current.columns if current and wanted.adds else None,
                upsert=upsert,
                reject_share=wanted.reject_share,
                references=references,
            )
            converted = await self._converted(context, request)
        for warning in converted.warnings:
            context.log(warning.message, level="warning", values=warning.parameters)
        context.advance(stage=FINISHING, detail={"rejected": converted.rejected_count, "named": converted.named})
        return ReadFile(upload=upload, seen=current, request=request, converted=converted)

    async def keep_list(self, context: JobContext, rejects: Path) -> None:
        """The rejects of a file that becomes no version: they are found, counted and removed with the job."""
        size = (await asyncio.to_thread(rejects.stat)).st_size
        await self._blobs.publish(rejects, rejects_key(context.job.id))
        context.advance(detail={"rejects_bytes": size})

    async def forget_list(self, context: JobContext) -> None:
        """That of an attempt before, which failed."""
        if context.job.attempt > 1:
            await self._blobs.delete(rejects_key(context.job.id))

    async def _converted(self, context: JobContext, request: ConvertRequest) -> Converted:
        try:
            return await self._room.within(self._in_worker(context, request))
        except FileProblem:
            if request.rejects.exists():  # what is wrong with each row is needed most where nothing was imported
                await self.keep_list(context, request.rejects)
            raise

    async def _in_worker(self, context: JobContext, request: ConvertRequest) -> Converted:
        converted: Converted = await context.run_in_worker(
            convert_file,
            request,
            on_report=lambda report: _advance(context, report),
            is_short=ImportParameters.of(context.job).is_short,
        )
        return converted

    @asynccontextmanager
    async def _merged_into(self, wanted: ImportParameters, current: Dataset | None) -> AsyncIterator[Upsert | None]:
        if wanted.mode != "upsert" or current is None:
            yield None
            return
        async with self._blobs.fetch(current.current.files) as paths:
            yield Upsert(paths=tuple(paths), columns=list(current.columns), key=wanted.key)

    async def _upload(self, upload_id: str, owner_id: str) -> Upload:
        upload = await self._uploads.get(upload_id)
        if upload is None or upload.owner_id != owner_id:
            raise UploadGone
        if not upload.is_whole:
            raise FileProblem("The upload is not complete; wait for it, then try again.", code="upload_incomplete")
        return upload


def lane_of(job: Job) -> Lane:
    return Lane.SHORT if ImportParameters.of(job).is_short else Lane.LONG


def told_warnings(warnings: Sequence[FileWarning]) -> list[dict[str, Any]]:
    """As results of jobs have them: in English, and to be told in another language."""
    return [
        {"code": each.code, "message": each.text, "template": each.message, "parameters": plain(each.parameters)}
        for each in warnings
    ]


def _advance(context: JobContext, report: dict[str, Any]) -> None:
    context.advance(
        report["rows"],
        total=report["total"],
        stage=FINISHING if report["stage"] in _STAGES_WITHOUT_ROWS else report["stage"],
        detail={name: report[name] for name in ("rejected", "named", "bytes", "bytes_total")},
    )

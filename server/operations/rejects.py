"""What people do with the rows that an import left out: read why, take them along, correct and add them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, Right, ThingAccess
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.datasets import reject_lists, reject_rows
from server.datasets.catalog import Catalog
from server.datasets.correction_orders import CORRECTION_KIND, MOST_ROWS, CorrectionParameters
from server.datasets.file_work import RejectsFileRequest, write_rejects
from server.datasets.import_correction import AlreadyCorrected
from server.datasets.reject_file_names import file_facts, file_kind
from server.datasets.reject_lists import Reject, RejectPage
from server.datasets.reject_rows import Cells, RejectedRow, RejectedRows, RejectLayout
from server.datasets.rejects import HINT, REASONS
from server.datasets.rejects_left import RejectsGone, RejectsLeft, rejects_left
from server.datasets.schema import ReadOptions
from server.datasets.version_rows import rejects_key
from server.errors import Conflict, FieldError, InvalidInput, NotFound
from server.jobs.job import Job, State
from server.jobs.keys import Asked
from server.jobs.runner import JobRunner
from server.numerals import whole_number
from server.operations.data_reading import DataReading
from server.operations.imports import ImportOperations
from server.operations.made_files import MadeFile
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.file_pieces import in_thread
from server.texts import Translate

_WRONG_CURSOR = "This cursor is not one of ours; start again without it."


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftRows:
    """A page of the rows of an import that are left out still, and where they stand."""

    left: RejectsLeft
    layout: RejectLayout
    page: RejectedRows

    @property
    def next_cursor(self) -> str | None:
        offset = self.page.next_offset
        return None if offset is None else f"{self.left.version.number}.{offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A correction as it stands: its job, the cells that were sent by line, and what is wrong with them still."""

    job: Job
    cells: Mapping[int, Cells]
    wrong: Mapping[int, RejectedRow]

    @property
    def taken(self) -> Mapping[int, Cells]:
        """What was sent for rows that somebody had added before."""
        code = self.job.error.code if self.job.error is not None else None
        lines = set((self.job.result or {}).get("missing_lines", ()))
        if code == AlreadyCorrected.code:
            lines = set(self.cells)
        elif code == "none_corrected":
            lines = self.cells.keys() - self.wrong.keys()
        return {line: cells for line, cells in self.cells.items() if line in lines}


class RejectOperations:
    """Every method takes who asks first; what they may not see is not found."""

    def __init__(
        self,
        imports: ImportOperations,
        reading: DataReading,
        *,
        access: ThingAccess,
        runner: JobRunner,
        catalog: Catalog,
        database: Database,
        blobs: BlobStore,
        audit: Audit,
    ) -> None:
        self._imports = imports
        self._reading = reading
        self._access = access
        self._runner = runner
        self._catalog = catalog
        self._database = database
        self._blobs = blobs
        self._audit = audit

    async def list(
        self, principal: Principal, job_id: str, *, limit: int = 50, cursor: str | None = None, code: str | None = None
    ) -> RejectPage:
        """What was left out and why; empty while the import has not ended."""
        offset = 0 if cursor is None else whole_number(cursor)
        async with self._file(principal, job_id) as path:
            # Cursors are places in a file: one in the middle of a line would show half of a row.
            if offset is None or not await asyncio.to_thread(reject_lists.is_page_start, path, offset):
                raise InvalidInput(_WRONG_CURSOR)
            return await asyncio.to_thread(reject_lists.read_page, path, offset=offset, limit=limit, code=code)

    @asynccontextmanager
    async def all(
        self,
        principal: Principal,
        job_id: str,
        file_format: str,
        text_of: Callable[[Reject], str],
        *,
        exact: bool = False,
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The whole list as `csv` or `json`, piece by piece, inside the block."""
        async with self._file(principal, job_id) as path:
            if file_format == "json":
                yield in_thread(reject_lists.json_pieces(path, text_of))
            else:
                yield in_thread(reject_lists.csv_pieces(path, text_of, exact=exact))

    async def left(self, principal: Principal, job_id: str) -> RejectsLeft:
        """What of an import's rejects can be corrected; raises `Conflict` where nothing can be added any more."""
        state = await self._imports.looked_into(principal, job_id)
        version = state.version
        if state.job.kind == CORRECTION_KIND:
            version = await self._catalog.version_of_job(CorrectionParameters.of(state.job).import_id)
        if version is None:
            raise Conflict(
                "Nothing was imported that rows could be added to, or it is no longer kept. Import the file again.",
                code="nothing_imported",
            )
        async with self._database.read() as connection:
            return await rejects_left(connection, version)

    async def rows(
        self,
        principal: Principal,
        job_id: str,
        *,
        limit: int = 50,
        cursor: str | None = None,
        from_line: int | None = None,
    ) -> LeftRows:
        """The rows that are left out still, with all their cells. A cursor holds until somebody adds some of them;
        `from_line` of the file holds also then."""
        left = await self.left(principal, job_id)
        layout, offset = left.layout, _offset(cursor, left)
        async with self._fetched(left.job_id if left.has_list else None) as path:
            if not await asyncio.to_thread(reject_lists.is_page_start, path, offset):
                raise InvalidInput(_WRONG_CURSOR)
            page = RejectedRows(items=[], next_offset=None)
            if path is not None and from_line is not None:
                offset = await asyncio.to_thread(reject_rows.place_of, path, from_line)
            if path is not None:
                page = await asyncio.to_thread(
                    reject_rows.read_rows, path, layout, offset=offset, limit=limit, without=left.taken
                )
        return LeftRows(left=left, layout=layout, page=page)

    async def rows_at(
        self, principal: Principal, job_id: str, lines: Collection[int]
    ) -> tuple[RejectLayout, Mapping[int, RejectedRow]]:
        """Those of the rows in these lines that are left out still."""
        left = await self.left(principal, job_id)
        wanted = {*lines} - left.taken
        async with self._fetched(left.job_id if left.has_list else None) as path:
            if path is None:
                return left.layout, {}
            return left.layout, await asyncio.to_thread(reject_rows.rows_at, path, left.layout, wanted)

    async def correct(
        self,
        principal: Principal,
        job_id: str,
        rows: Mapping[int, Cells],
        *,
        idempotency_key: str | None = None,
    ) -> Job:
        """Judge `rows`, cells by line, once more, and add those that fit to the dataset, as a version."""
        principal.require_write()
        left = await self.left(principal, job_id)
        of_import = left.of_import
        if not await self._access.is_given(principal, DATASETS, of_import.dataset_id, Right.EDIT):
            raise NotFound  # an administrator sees them, but does not say for others what is right
        _require_rows(rows, width=len(left.layout.names))

        async def check(connection: AsyncConnection, job: Job) -> None:
            detail = {"dataset": of_import.dataset, "rows": len(rows)}
            await self._audit.record(connection, principal, "import.correct", job.title, detail, subject_id=job.id)

        parameters = {
            "import_id": of_import.job_id,
            # It counts as a use of the file, which stays the longer for it (uploads/old_uploads.py).
            "upload_id": str(of_import.source.get("upload_id", "")),
            "dataset": of_import.dataset,
            # The queue goes by it: to append a few rows is short work, to merge them reads the whole dataset.
            "mode": "upsert" if of_import.mode == "upsert" else "append",
            "rows": {str(line): list(cells) for line, cells in rows.items()},
        }
        return await self._runner.start(
            CORRECTION_KIND,
            owner_id=principal.user_id,
            title=f"{of_import.source.get('name', '')} → {of_import.dataset}",
            parameters=parameters,
            total=len(rows),
            asked=Asked.under(idempotency_key, by=principal.user_id, what=parameters),
            also=check,
        )

    async def tried(self, principal: Principal, import_id: str, job_id: str) -> Tried:
        """How a correction of this import stands. Raises `NotFound`."""
        state = await self._imports.get(principal, job_id)
        if state.job.kind != CORRECTION_KIND:
            raise NotFound
        wanted = CorrectionParameters.of(state.job)
        left = await self.left(principal, import_id)
        if wanted.import_id != left.of_import.job_id:
            raise NotFound  # its cells would stand beside rows of another file
        wrong: dict[int, RejectedRow] = {}
        if state.job.state is State.FAILED and state.has_reject_list:
            async with self._fetched(job_id) as path:
                if path is not None:
                    found = await asyncio.to_thread(reject_rows.read_rows, path, left.layout, limit=MOST_ROWS)
                    wrong = {row.line: row for row in found.items}
        return Tried(job=state.job, cells=wanted.rows, wrong=wrong)

    async def own_layout(self, principal: Principal, job_id: str, translate: Translate) -> MadeFile:
        """What is left, as a file like the one that was imported, with the reasons in a last column."""
        left = await self.left(principal, job_id)
        layout, kind = left.layout, file_kind(left)
        name, media_type = file_facts(left)
        suffix = Path(name).suffix
        async with (
            self._fetched(left.job_id if left.has_list else None) as path,
            self._reading.scratch.workplace() as directory,
            self._reading.scratch.place(suffix) as target,
        ):
            if path is None:
                raise NotFound("No row is left out any more.")
            request = RejectsFileRequest(
                import_id=left.of_import.job_id or "",
                rejects=path,
                taken=left.taken,
                target=directory / f"rejects{suffix}",
                kind=kind,
                layout=layout,
                options=left.options if layout.format == "csv" else ReadOptions(columns=left.options.columns),
                title=left.of_import.dataset,
                messages={message: translate(message) for message in (*REASONS.values(), HINT)},
            )
            await self._reading.in_worker(principal, write_rejects, request)
            await asyncio.to_thread(request.target.rename, target)
        return MadeFile(content=target, name=name, media_type=media_type)

    @asynccontextmanager
    async def _file(self, principal: Principal, job_id: str) -> AsyncIterator[Path | None]:
        """None when nothing was rejected, or nothing yet. Raises `Gone` when the list was removed for its age."""
        state = await self._imports.looked_into(principal, job_id)
        async with self._fetched(job_id if state.has_reject_list else None) as path:
            yield path

    @asynccontextmanager
    async def _fetched(self, job_id: str | None) -> AsyncIterator[Path | None]:
        if job_id is None:
            yield None
            return
        async with AsyncExitStack() as fetched:
            try:
                (path,) = await fetched.enter_async_context(self._blobs.fetch([rejects_key(job_id)]))
            except NotFound:
                raise RejectsGone from None
            yield path


def _offset(cursor: str | None, left: RejectsLeft) -> int:
    if cursor is None:
        return 0
    number, _, offset = cursor.partition(".")
    if number != str(left.version.number) or (place := whole_number(offset)) is None:
        raise InvalidInput("The list has changed since, or this cursor is not one of ours; start again without it.")
    return place


def _require_rows(rows: Mapping[int, Cells], *, width: int) -> None:
    errors = []
    if not 1 <= len(rows) <= MOST_ROWS:
        errors.append(FieldError(field="rows", message="Between 1 and {limit} rows.", parameters={"limit": MOST_ROWS}))
    errors += [
        FieldError(
            field=f"rows[{place}].cells",
            message="The file has {count} columns; give a cell for each of them.",
            parameters={"count": width},
        )
        for place, cells in enumerate(rows.values())
        if len(cells) != width
    ]
    if errors:
        raise InvalidInput(errors=errors)

"""A dataset, or rows of it, as one file for other programs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from server.auth.permissions import Principal
from server.datasets.dataset import Dataset
from server.datasets.excel_texts import require_fits_excel
from server.datasets.row_filters import check_request
from server.datasets.work import MEDIA_TYPES, ExportFormat, ExportRequest, QueryLimits, RowsRequest, export_dataset
from server.jobs.shared_workers import SharedWorkers
from server.operations.data_reading import DataReading
from server.operations.dataset_access import DatasetAccess
from server.operations.dataset_rows import RowsQuery
from server.operations.made_files import MadeFile
from server.storage.blob_store import BlobStore, StoredBlob

_SECONDS = 1800.0


class ExportOperations:
    """Takes who asks first. An `owner` is the name of a user who shared theirs."""

    def __init__(
        self, reading: DataReading, access: DatasetAccess, *, workers: SharedWorkers, blobs: BlobStore
    ) -> None:
        """`workers` are of their own: whole datasets take long."""
        self._reading = reading
        self._access = access
        self._workers = workers
        self._blobs = blobs

    async def export(
        self,
        principal: Principal,
        name: str,
        file_format: ExportFormat,
        *,
        owner: str | None = None,
        exact: bool = False,
        selection: RowsQuery | None = None,
    ) -> MadeFile:
        """The current version as one file; raises `InvalidInput` when Excel cannot hold it.

        `exact`: see `ExportRequest`. `selection`: only the rows that it finds, in its order; all of them, not a page.
        """
        dataset = await self._access.get(principal, name, owner)
        files = dataset.current.files
        selection = selection if selection and selection.chooses else None
        if selection is not None:
            check_request(selection.filters, selection.order, dataset.columns)
        elif file_format == "xlsx":  # how many rows a selection has, only its worker knows
            require_fits_excel(dataset.row_count, len(dataset.columns))
        media_type = MEDIA_TYPES[file_format]
        file_name = f"{dataset.name}{'-rows' if selection else ''}.{file_format}"
        if file_format == "parquet" and len(files) == 1 and selection is None:
            # As it lies: this is the format that we keep, so nothing is read or written.
            stored = StoredBlob(store=self._blobs, key=files[0])
            return MadeFile(content=stored, name=file_name, media_type=media_type)
        scratch = self._reading.scratch
        # Excel files are written in many pieces beside each other: a directory of their own goes as a whole.
        async with (
            self._reading.catalog.fetched(files) as paths,
            scratch.workplace() as directory,
            scratch.place(f".{file_format}") as target,
        ):
            request = ExportRequest(
                paths=paths,
                columns=tuple(dataset.columns),
                row_count=dataset.row_count,
                format=file_format,
                target=directory / file_name,
                title=dataset.name,
                exact=exact,
                language=principal.language,
                rows=None if selection is None else _all_rows(selection, dataset, paths, self._reading.limits),
            )
            work = self._workers.run(principal.user_id, export_dataset, request, timeout_seconds=_SECONDS)
            await self._reading.room.within(work, needed=dataset.current.bytes)
            # Out of the directory, which goes with the block.
            await asyncio.to_thread(request.target.rename, target)
        return MadeFile(content=target, name=file_name, media_type=media_type)


def _all_rows(selection: RowsQuery, dataset: Dataset, paths: tuple[Path, ...], limits: QueryLimits) -> RowsRequest:
    return RowsRequest(
        paths=paths,
        columns=tuple(dataset.columns),
        row_count=dataset.row_count,
        limits=msgspec.structs.replace(limits, seconds=_SECONDS),
        filters=selection.filters,
        order=selection.order,
        q=selection.q,
        limit=None,
    )

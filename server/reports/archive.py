"""Many reports as one zip, made while it is sent: no temporary file, the same bytes every time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from server.reports.archive_index import INDEX_NAMES, Listed, index_files
from server.reports.batches import BatchHead, BatchReport
from server.reports.file_names import unique_names
from server.reports.zip_writing import ZipEntry, written
from server.storage.blob_store import BlobStore
from server.texts import Translate

_MOST_WITHOUT_ZIP64 = 2**31 - 1  # zipfile writes other headers beyond; how long those are is not worth knowing


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """`size` in bytes is None when only writing it would tell."""

    entries: Sequence[ZipEntry]
    moment: datetime
    size: int | None

    def pieces(self) -> Iterator[bytes]:
        """About 1 MiB each: one hop to a thread and one write to the client."""
        return written(self.entries, self.moment)


@asynccontextmanager
async def archive_of(
    batch: BatchHead,
    reports: Iterable[BatchReport],
    blobs: BlobStore,
    formats: Collection[str] | None = None,
    *,
    gettext: Translate,
) -> AsyncIterator[Archive]:
    """An index of all reports, then one entry a report and format, of `formats` only when given.

    To be read inside the block. Names are UTF-8 and say so, which Windows Explorer, macOS and 7-Zip all honour.
    Entries have the time of the batch's clock: the same order as of the same moment gives the same bytes.
    """
    kept = [(report, [a for a in report.artifacts if formats is None or a.format in formats]) for report in reports]
    artifacts = [artifact for _, files in kept for artifact in files]
    names = list(unique_names([*INDEX_NAMES, *(artifact.file for artifact in artifacts)]))[len(INDEX_NAMES) :]
    remaining = iter(names)
    listed = [Listed(report=report, files={a.format: next(remaining) for a in files}) for report, files in kept]
    index = await asyncio.to_thread(index_files, batch, listed, gettext=gettext)
    async with blobs.fetch([artifact.blob for artifact in artifacts]) as paths:
        entries = [ZipEntry(name=name, content=content, is_compressed=False) for name, content in index.items()]
        entries += [
            # Only HTML gains from compression. Without it the length is known before: the browser shows a bar.
            ZipEntry(name=name, content=path, is_compressed=artifact.format == "html")
            for name, artifact, path in zip(names, artifacts, paths, strict=True)
        ]
        size = await asyncio.to_thread(_size, entries, batch.clock)
        yield Archive(entries=entries, moment=batch.clock, size=size)


def _size(entries: Sequence[ZipEntry], moment: datetime) -> int | None:
    """Headers are as long whatever they stand before: written once without the files."""
    if any(entry.is_compressed for entry in entries):
        return None
    empty = [ZipEntry(name=entry.name, content=b"", is_compressed=False) for entry in entries]
    size = sum(map(len, written(empty, moment))) + sum(entry.size for entry in entries)
    return size if size <= _MOST_WITHOUT_ZIP64 else None

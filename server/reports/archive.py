"""Many finished reports as one zip, made while it is sent: no temporary file, the same bytes every time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from server.reports.batches import BatchReport, StoredArtifact
from server.reports.file_names import unique_names
from server.storage.blob_store import BlobStore

_PIECE_BYTES = 1024 * 1024


@asynccontextmanager
async def archive_of(
    reports: Iterable[BatchReport], blobs: BlobStore, formats: Collection[str] | None = None
) -> AsyncIterator[ZipStream]:
    """One entry a report and format, in the batch's order; of `formats` only when given. To be read inside the block.

    Names are UTF-8 and say so, which Windows Explorer, macOS and 7-Zip all honour.
    """
    artifacts = [a for report in reports for a in report.artifacts if formats is None or a.format in formats]
    async with blobs.fetch([artifact.blob for artifact in artifacts]) as paths:
        yield await asyncio.to_thread(_zipped, artifacts, paths)


def _zipped(artifacts: Sequence[StoredArtifact], paths: Sequence[Path]) -> ZipStream:
    # Only HTML gains from compression. Without it the length is known before the first byte: the browser shows a bar.
    archive = ZipStream(sized=not any(artifact.format == "html" for artifact in artifacts))
    names = unique_names(artifact.file for artifact in artifacts)
    for artifact, path, name in zip(artifacts, paths, names, strict=True):
        compression = ZIP_DEFLATED if artifact.format == "html" else ZIP_STORED
        archive.add_path(path, name, recurse=False, compress_type=compression)
    return archive


def pieces(archive: ZipStream) -> Iterator[bytes]:
    """The archive in pieces of about 1 MiB: each is one hop to a thread and one write to the client."""
    waiting = bytearray()
    for chunk in archive:
        waiting += chunk
        if len(waiting) >= _PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)

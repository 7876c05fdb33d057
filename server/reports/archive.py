"""Many reports as one zip, made while it is sent: no temporary file, the same bytes every time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from server.reports.archive_index import INDEX_NAMES, Listed, index_files
from server.reports.batches import BatchHead, BatchReport
from server.reports.file_names import unique_names
from server.storage.blob_store import BlobStore
from server.texts import Translate

_PIECE_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024
_MOST_WITHOUT_ZIP64 = 2**31 - 1  # zipfile writes other headers beyond; how long those are is not worth knowing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One file of the zip: what it holds, or where that lies."""

    name: str
    content: bytes | Path
    is_compressed: bool

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """`size` in bytes is None when only writing it would tell."""

    entries: Sequence[_Entry]
    moment: datetime
    size: int | None

    def pieces(self) -> Iterator[bytes]:
        """About 1 MiB each: one hop to a thread and one write to the client."""
        return _written(self.entries, self.moment)


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
        entries = [_Entry(name=name, content=content, is_compressed=False) for name, content in index.items()]
        entries += [
            # Only HTML gains from compression. Without it the length is known before: the browser shows a bar.
            _Entry(name=name, content=path, is_compressed=artifact.format == "html")
            for name, artifact, path in zip(names, artifacts, paths, strict=True)
        ]
        size = await asyncio.to_thread(_size, entries, batch.clock)
        yield Archive(entries=entries, moment=batch.clock, size=size)


def _size(entries: Sequence[_Entry], moment: datetime) -> int | None:
    """Headers are as long whatever they stand before: written once without the files."""
    if any(entry.is_compressed for entry in entries):
        return None
    empty = [_Entry(name=entry.name, content=b"", is_compressed=False) for entry in entries]
    size = sum(map(len, _written(empty, moment))) + sum(entry.size for entry in entries)
    return size if size <= _MOST_WITHOUT_ZIP64 else None


def _written(entries: Iterable[_Entry], moment: datetime) -> Iterator[bytes]:
    sink = _Sink()
    with ZipFile(sink, "w") as archive:
        for entry in entries:
            info = ZipInfo(entry.name, moment.timetuple()[:6])
            info.compress_type = ZIP_DEFLATED if entry.is_compressed else ZIP_STORED
            with archive.open(info, "w") as target:
                for piece in _content(entry):
                    target.write(piece)
                    if sink.is_full:
                        yield sink.taken()
    if rest := sink.taken():
        yield rest


def _content(entry: _Entry) -> Iterator[bytes]:
    if isinstance(entry.content, bytes):
        yield entry.content
        return
    with entry.content.open("rb") as source:
        while piece := source.read(_READ_BYTES):
            yield piece


class _Sink:
    """What was written and not taken yet; it cannot seek, so that zipfile writes sizes behind each file."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        """Nothing is open."""

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= _PIECE_BYTES

    def taken(self) -> bytes:
        piece = bytes(self._waiting)
        self._waiting.clear()
        return piece

"""A zip that is written piece by piece while it is sent: it cannot go back, so sizes stand behind each file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

_PIECE_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipEntry:
    """One file of the zip: what it holds, or where that lies."""

    name: str
    content: bytes | Path
    is_compressed: bool

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


class ZipWriter:
    """Pieces of about 1 MiB: one hop to a thread and one write to the client."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment
        self._sink = _Sink()
        self._zip = ZipFile(self._sink, "w")

    def add(self, entries: Iterable[ZipEntry]) -> Iterator[bytes]:
        for entry in entries:
            info = ZipInfo(entry.name, self._moment.timetuple()[:6])
            info.compress_type = ZIP_DEFLATED if entry.is_compressed else ZIP_STORED
            with self._zip.open(info, "w") as target:
                for piece in _content(entry):
                    target.write(piece)
                    if self._sink.is_full:
                        yield self._sink.taken()

    def end(self) -> Iterator[bytes]:
        """What is left to send, the list of the files last."""
        self._zip.close()
        if rest := self._sink.taken():
            yield rest


def written(entries: Iterable[ZipEntry], moment: datetime) -> Iterator[bytes]:
    """All of it."""
    writer = ZipWriter(moment)
    yield from writer.add(entries)
    yield from writer.end()


def _content(entry: ZipEntry) -> Iterator[bytes]:
    if isinstance(entry.content, bytes):
        yield entry.content
        return
    with entry.content.open("rb") as source:
        while piece := source.read(_READ_BYTES):
            yield piece


class _Sink:
    """What was written and not taken yet."""

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

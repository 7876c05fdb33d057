"""Files as browsers load them, kept with what brotli and gzip make of them, so that each is packed once and not again.

They are kept by their content: what an upgrade leaves alone is there already, and several servers may share the folder.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import brotli

from server.storage.privacy import make_directory

_PACKED = frozenset({".css", ".html", ".js", ".json", ".md", ".svg", ".txt"})
_SMALLEST_BYTES = 256  # below, it would not fit into fewer packets
_DAYS_KEPT = 90  # after another version was begun; servers of the old one may still run


class StaticCache:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def place(self, name: str, content: bytes) -> Path:
        """Where it lies once it is kept."""
        return self.directory / (hashlib.sha256(content).hexdigest()[:32] + Path(name).suffix)

    def keep(self, name: str, content: bytes) -> Path:
        """Where it lies from now on. Raises `OSError`."""
        make_directory(self.directory)
        path = self.place(name, content)
        if not path.exists():
            write_whole(path, content)
        return path

    def unpacked(self, places: Mapping[Path, Path]) -> list[Path]:
        """Of the places those that have no packed forms yet; `places` says where each is to be read.

        The small ones first: these are what most pages load. Raises `OSError`.
        """
        there = {path.name for path in self.directory.glob("*.gz")}  # which is written last
        left = [(source.stat().st_size, place) for place, source in places.items() if f"{place.name}.gz" not in there]
        return [place for _, place in sorted(left)]

    def pack(self, place: Path, source: Path) -> None:
        """For browsers that take brotli, which are nearly all, and for programs that take gzip. Raises `OSError`.

        What was written at since the place was found out belongs to another, which the next look finds.
        """
        content = source.read_bytes()
        if place != self.place(place.name, content):
            return
        if place != source:
            write_whole(place, content)
        write_whole(place.with_name(f"{place.name}.br"), _brotli(content))
        write_whole(place.with_name(f"{place.name}.gz"), gzip.compress(content, 9, mtime=0))

    def sweep(self, kept: Iterable[Path]) -> None:
        """What belongs to no file of ours and is old."""
        ours = {path.name for path in kept}
        oldest = time.time() - _DAYS_KEPT * 86_400  # as the file system counts
        for path in self.directory.iterdir():
            if path.name.removesuffix(".br").removesuffix(".gz") not in ours and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


def can_be_packed(name: str) -> bool:
    """Whether files of that name are packed; pictures and fonts are already."""
    return Path(name).suffix in _PACKED


def is_worth_it(name: str, content: bytes) -> bool:
    return len(content) >= _SMALLEST_BYTES and can_be_packed(name)


def _brotli(content: bytes) -> bytes:
    packed: bytes = brotli.compress(content, mode=brotli.MODE_TEXT, quality=11)
    return packed


def write_whole(path: Path, content: bytes) -> None:
    """Whole or not at all, also when several servers do it at once."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

"""The one file that a backup is: a zip of rows and files with a manifest, which any unzip can look into.

Written from front to back and read the same way. A member is what the manifest says, or the archive is damaged; its
name is never a place to write to before it was looked at.
"""

from __future__ import annotations

import errno
import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

import msgspec

from server.care.manifest import KEY, MANIFEST, FileNote, Manifest, TableNote, read_manifest, table_member
from server.care.problem import CareRefused, damaged
from server.care.row_lines import values_of

PIECE_BYTES = 1024 * 1024
_MOST_MANIFEST_BYTES = 1024 * PIECE_BYTES
_FIRST_YEAR = 1980  # zips know no earlier one
_FILE_MODE = 0o600 << 16
# Below `blobs` and `uploads`, with names as we make them: nothing that could lie anywhere else.
_PLACE = re.compile(r"(?:blobs|uploads)(?:/[a-z0-9][a-z0-9._-]*)+")
_NO_TABLE = re.compile(r"[^a-z_]")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class MemberWriter:
    """One that is being written."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._hash.update(data)
        self.bytes += len(data)

    @property
    def note(self) -> FileNote:
        return FileNote(bytes=self.bytes, sha256=self._hash.hexdigest())


class ArchiveWriter:
    def __init__(self, stream: BinaryIO, *, made_at: datetime) -> None:
        self._zip = zipfile.ZipFile(stream, "w")
        self._moment = (max(made_at.year, _FIRST_YEAR), *made_at.timetuple()[1:6])

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(self, *_: object) -> None:
        """What was not finished has no manifest, and is thrown away by whoever made its file."""
        with suppress(OSError, ValueError):
            self._zip.close()

    @contextmanager
    def member(self, name: str, *, is_packed: bool = False) -> Iterator[MemberWriter]:
        """Rows shrink to a fifth when they are packed; most files are packed already."""
        info = zipfile.ZipInfo(name, self._moment)
        info.external_attr = _FILE_MODE
        info.compress_type = zipfile.ZIP_DEFLATED if is_packed else zipfile.ZIP_STORED
        with self._zip.open(info, "w", force_zip64=True) as stream:
            yield MemberWriter(stream)

    def drop(self, name: str) -> None:
        """What was written under it stays in the file, and nothing leads to it any more: the name is free again."""
        self._zip.filelist.remove(self._zip.NameToInfo.pop(name))

    def finish(self, manifest: Manifest) -> None:
        with self.member(MANIFEST, is_packed=True) as member:
            member.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        self._zip.close()


class ArchiveReader:
    """An archive whose manifest was read and whose members are those it names; what they hold is looked at as they
    are read. Raises `CareRefused`."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise CareRefused("archive_missing", f"There is no backup {path}.") from None
        except OSError as error:
            if error.errno == errno.EINVAL:  # it says that it begins before its beginning
                raise damaged("it is cut short, or no backup at all") from None
            raise CareRefused("archive_unreadable", f"The backup {path} cannot be read: {error.strerror}.") from None
        except _UNREADABLE:
            raise damaged("it is cut short, or no backup at all") from None
        try:
            self.manifest = self._read_manifest()
            self._require_members()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> ArchiveReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def rows(self, name: str) -> Iterator[list[Any]]:
        """Of one table; when all are drawn, they are known to be what was written."""
        note, count = self.manifest.tables[name], 0
        for line in _lines(self.pieces(table_member(name), note)):
            count += 1
            try:
                yield values_of(line, note.columns)
            except (ValueError, TypeError):
                raise damaged(f"row {count} of the table {name} cannot be read") from None
        if count != note.rows:
            raise damaged(f"the table {name} has {count} rows, and its manifest says {note.rows}")

    def file(self, name: str) -> Iterator[bytes]:
        return self.pieces(name, self.manifest.files[name])

    def key(self) -> bytes | None:
        """The key of the session cookie, if it is inside."""
        if not self.manifest.key.is_inside:
            return None
        content = b"".join(self.pieces(KEY, None))
        if key_id(content) != self.manifest.key.id:
            raise damaged("its secret key is not the one its manifest names")
        return content

    def pieces(self, member: str, note: FileNote | TableNote | None) -> Iterator[bytes]:
        """Never more than the manifest says, however much a zip can be made to give."""
        running, size = hashlib.sha256(), 0
        most = PIECE_BYTES if note is None else note.bytes
        for piece in self._read(member):
            size += len(piece)
            if size > most:
                raise damaged(f"{member} is longer than its manifest says")
            running.update(piece)
            yield piece
        if note is not None and (size, running.hexdigest()) != (note.bytes, note.sha256):
            raise damaged(f"{member} is not what was backed up (its checksum differs)")

    def _read(self, member: str) -> Iterator[bytes]:
        try:
            with self._zip.open(member) as stream:
                while piece := stream.read(PIECE_BYTES):
                    yield piece
        except _UNREADABLE as error:
            raise damaged(f"{member} cannot be read ({error})") from None
        except OSError as error:
            if error.errno == errno.EINVAL:  # its list leads to before its beginning
                raise damaged(f"{member} is not where it should be") from None
            raise CareRefused("archive_unreadable", f"The backup cannot be read: {error.strerror}.") from None

    def _read_manifest(self) -> Manifest:
        found = [each for each in self._zip.infolist() if each.filename == MANIFEST]
        if not found:
            raise damaged("it has no manifest, so it was never finished")
        if found[0].file_size > _MOST_MANIFEST_BYTES:
            raise damaged("its manifest is too large")
        return read_manifest(b"".join(self._read(MANIFEST)))

    def _require_members(self) -> None:
        expected = [*self.manifest.members(), MANIFEST]
        if odd := next((name for name in self.manifest.files if not is_place(name)), None):
            raise damaged(f"it has a file of the name {odd!r}, which no data directory has")
        if odd := next((name for name in self.manifest.tables if _NO_TABLE.search(name)), None):
            raise damaged(f"it has a table of the name {odd!r}")
        found = [each.filename for each in self._zip.infolist()]
        if absent := _first(set(expected) - set(found)):
            raise damaged(f"{absent} is missing from it")
        if strange := _first(set(found) - set(expected)):
            raise damaged(f"it holds {strange!r}, which its manifest does not name")
        if len(found) != len(expected):
            raise damaged("it holds something twice")


def is_place(name: str) -> bool:
    """Whether a file of this name can be in an archive: what people put into the directory by hand is not ours."""
    return _PLACE.fullmatch(name) is not None


def key_id(content: bytes) -> str:
    """Names a key without telling anything of it."""
    return hashlib.sha256(b"jindu key " + content.strip()).hexdigest()[:16]


def _first(names: Iterable[str]) -> str | None:
    return min(names, default=None)


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest

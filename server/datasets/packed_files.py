"""Unpack what a file was packed with for its way here: gzip, bzip2, xz, zstd, or a zip with a table in it."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyarrow as pa

from server.datasets.file_kinds import file_kind
from server.datasets.schema import FileLimits, FileWarning, ReadOptions
from server.datasets.workbooks import is_workbook
from server.errors import FileProblem, InvalidInput
from server.storage.full_disk import full_disk_named
from server.texts import phrase

_BLOCK = 1024 * 1024
_PREVIEWED_BYTES = 16 * 1024 * 1024  # of a text; a preview looks at its beginning alone
_MOST_LAYERS = 3  # a .gz in a .zip; nobody packs more often by mistake
# Tables shrink to a tenth; those of one repeated value to a hundredth.
_MAX_RATIO = 400
_RATIO_MATTERS_FROM = 50 * 1024 * 1024
_NAMES_TOLD = 5
_MEMBERS_LISTED = 200
_PACKED_KINDS = ("gzip", "bzip2", "xz", "zstd")
_SUFFIXES = {"gzip": (".gz", ".gzip"), "bzip2": (".bz2",), "xz": (".xz",), "zstd": (".zst", ".zstd")}
_TABLES = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".json", ".jsonl", ".ndjson",
           ".parquet", ".arrow", ".feather", ".html", ".htm", ".gz", ".zst", ".bz2", ".xz")  # fmt: skip
_PERHAPS = (".txt", ".html", ".htm")  # as often a text about the tables beside it
_PROSE = ("readme", "read_me", "licen", "changelog", "copying", "liesmich", "lisezmoi", "leeme", "说明", "自述")
_DAMAGE = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError,
    pa.ArrowException,
)  # fmt: skip
_AS_IT_IS_NO_TABLE = ("not_a_table", "empty_file")

OnUnpacked = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedFile:
    """Where the table is now. `kinds` are the layers that were taken off; `share` is how much of it is there."""

    path: Path
    name: str
    kinds: tuple[str, ...] = ()
    member: str | None = None
    members: tuple[str, ...] = ()
    share: float = 1.0
    warnings: tuple[FileWarning, ...] = ()


@contextmanager
def unpacked(
    path: Path,
    name: str,
    options: ReadOptions,
    limits: FileLimits,
    *,
    directory: Path | None = None,
    on_progress: OnUnpacked = lambda _done, _total: None,
) -> Iterator[UnpackedFile]:
    """The file itself when it is not packed. Without a `directory` for it, of a text only the beginning is unpacked.

    Raises `FileProblem` for what is damaged, or becomes larger than is accepted.
    """
    file = UnpackedFile(path=path, name=name)
    if _layer(file) is None:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="unpacked-", dir=directory) as place:
        work = _Unpacking(Path(place), options, limits, is_whole=directory is not None, on_progress=on_progress)
        for number in range(_MOST_LAYERS):
            kind = _layer(file)
            if kind is None:
                break
            file = work.zip(file, number) if kind == "zip" else work.stream(file, kind, number)
        with _named_as_packed(file):
            yield file


def _layer(file: UnpackedFile) -> str | None:
    with _named_as_packed(file):
        kind = file_kind(file.path)
    return kind if kind in _PACKED_KINDS or (kind == "zip" and not is_workbook(file.path)) else None


@contextmanager
def _named_as_packed(file: UnpackedFile) -> Iterator[None]:
    """Whoever packed a picture is told that it is packed, and that it is a picture."""
    try:
        yield
    except FileProblem as problem:
        if not file.kinds or problem.specific_code not in _AS_IT_IS_NO_TABLE:
            raise
        raise FileProblem(
            "The file is packed ({kind}), and no table is in it: {reason}",
            code=problem.specific_code,
            kind=file.kinds[0],
            reason=phrase(problem.message, **problem.parameters),
        ) from problem


class _Unpacking:
    def __init__(
        self, place: Path, options: ReadOptions, limits: FileLimits, *, is_whole: bool, on_progress: OnUnpacked
    ) -> None:
        self._place = place
        self._wanted = options.member
        self._limit = limits.max_unpacked_bytes
        self._is_whole = is_whole
        self._on_progress = on_progress

    def stream(self, file: UnpackedFile, kind: str, number: int) -> UnpackedFile:
        size = file.path.stat().st_size
        with _damage_named(kind), file.path.open("rb") as packed, _opened(packed, kind) as plain:
            target, share = self._written(plain, lambda: packed.tell(), size, number)
        name = next((file.name[: -len(end)] for end in _SUFFIXES[kind] if file.name.lower().endswith(end)), file.name)
        return replace(file, path=target, name=name, kinds=(*file.kinds, kind), share=file.share * share)

    def zip(self, file: UnpackedFile, number: int) -> UnpackedFile:
        with _damage_named("zip"), zipfile.ZipFile(file.path) as archive:
            members = [member for member in archive.infolist() if _could_be_table(member)]
            chosen = self._chosen(members)
            if chosen.flag_bits & 1:
                raise FileProblem(
                    "The archive is protected by a password; unpack it and upload the table.", code="encrypted_archive"
                )
            self._require_small(chosen.file_size, chosen.compress_size)
            with archive.open(chosen) as plain:
                done = _Counted(plain)
                size = max(1, chosen.file_size)
                target, share = self._written(
                    done, lambda: chosen.compress_size * min(done.count, size) // size, chosen.compress_size, number
                )
        others = [member.filename for member in members if member is not chosen]
        return replace(
            file,
            path=target,
            name=PurePosixPath(chosen.filename).name,
            kinds=(*file.kinds, "zip"),
            member=chosen.filename,
            members=tuple(member.filename for member in members[:_MEMBERS_LISTED]),
            share=file.share * share,
            warnings=(*file.warnings, *_other_members(chosen.filename, others)),
        )

    def _chosen(self, members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
        if self._wanted is not None:
            found = next((member for member in members if member.filename == self._wanted), None)
            if found is None:
                raise InvalidInput("The archive has no file “{name}”.", code="unknown_member", name=self._wanted)
            return found
        tables = [member for member in members if member.filename.lower().endswith(_TABLES)]
        if not members:
            raise FileProblem("The archive holds no files.", code="empty_file")
        if not tables and len(members) > 1:
            raise FileProblem(
                "The file is an archive or a document, not a table. Unpack it, and upload the CSV or Excel file that "
                "is in it.",
                code="not_a_table",
            )
        return max(tables or members, key=lambda member: (-_doubts_about(member.filename), member.file_size))

    def _written(
        self, plain: IO[bytes] | _Counted, position: Callable[[], int], size: int, number: int
    ) -> tuple[Path, float]:
        """Where it was written, and how much of it: a preview takes the beginning of a text alone."""
        target, done = self._place / f"{number}", 0
        with target.open("wb") as out:
            while block := plain.read(_BLOCK):
                done += len(block)
                self._require_small(done, position())
                with full_disk_named():
                    out.write(block)
                self._on_progress(min(position(), size), size)
                if not self._is_whole and done >= _PREVIEWED_BYTES and _can_be_cut(target):
                    return target, min(1.0, max(position(), 1) / max(size, 1))
        return target, 1.0

    def _require_small(self, done: int, read: int) -> None:
        is_bomb = done > _RATIO_MATTERS_FROM and done > _MAX_RATIO * max(1, read)
        if done > self._limit or is_bomb:
            raise FileProblem(
                "The packed file unpacks to {size} MB and more, which is more than is accepted; import it in parts.",
                code="unpacks_too_large",
                size=done // 1_000_000,
            )


class _Counted:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int) -> bytes:
        block = self._stream.read(size)
        self.count += len(block)
        return block


def _opened(packed: IO[bytes], kind: str) -> Any:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=packed)
    if kind == "bzip2":
        return bz2.BZ2File(packed)
    if kind == "xz":
        return lzma.LZMAFile(packed)
    return pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")


@contextmanager
def _damage_named(kind: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # of the disk, not of the file
        raise FileProblem(
            "The file is packed ({kind}), but damaged or cut off. Unpack it and upload the table.",
            code="damaged_archive",
            kind=kind,
        ) from error


def _can_be_cut(path: Path) -> bool:
    return file_kind(path) in ("text", "json")


def _could_be_table(member: zipfile.ZipInfo) -> bool:
    """Not what a Mac or Windows puts beside the files."""
    path = PurePosixPath(member.filename)
    return not member.is_dir() and "__MACOSX" not in path.parts and not path.name.startswith((".", "Thumbs.db"))


def _doubts_about(name: str) -> int:
    """The more, the likelier it is no table, however large."""
    own = PurePosixPath(name.lower()).name
    return own.endswith(_PERHAPS) + own.startswith(_PROSE)


def _other_members(chosen: str, others: list[str]) -> Iterator[FileWarning]:
    if others:
        yield FileWarning(
            code="other_members",
            message="The archive holds several files. “{chosen}” is read, the largest of its kind unless you chose it; "
            "left out: {others}.",
            parameters={"chosen": chosen, "others": ", ".join(others[:_NAMES_TOLD])},
        )

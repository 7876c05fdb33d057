"""What an archive says of itself: written last, so that one without it was never finished."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from server.care.problem import CareRefused, damaged

FORMAT = 1
MANIFEST, KEY = "manifest.json", "secret.key"
FieldKind = Literal["plain", "json", "moment", "bytes", "truth"]


class TableNote(msgspec.Struct, frozen=True, kw_only=True):
    """One table: its rows stand in `database/<name>.jsonl`, an array a line, in the order of `columns`."""

    rows: int
    columns: list[tuple[str, FieldKind]]
    bytes: int
    sha256: str


class FileNote(msgspec.Struct, frozen=True, kw_only=True):
    bytes: int
    sha256: str


class KeyNote(msgspec.Struct, frozen=True, kw_only=True):
    """The key of the session cookie. `id` tells two of them apart and nothing of what they are; "" is none at all."""

    is_inside: bool
    id: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`tables` stand in an order in which each row comes after those it refers to; `files` by their place in the data.

    `missing`: files that rows named and that were not there when the backup was made.
    """

    format: int
    program: str
    schema: str
    engine: str
    made_at: str
    key: KeyNote
    tables: dict[str, TableNote]
    files: dict[str, FileNote]
    missing: list[str]

    @property
    def row_count(self) -> int:
        return sum(note.rows for note in self.tables.values())

    @property
    def file_bytes(self) -> int:
        return sum(note.bytes for note in self.files.values())

    @property
    def rows_bytes(self) -> int:
        """Room that rows take once restored: about twice as much, with their indexes."""
        return 2 * sum(note.bytes for note in self.tables.values())

    def members(self) -> Iterator[str]:
        """Everything that has to be in the archive beside the manifest itself."""
        yield from (table_member(name) for name in self.tables)
        yield from self.files
        if self.key.is_inside:
            yield KEY


class _Version(msgspec.Struct):
    format: int
    program: str = "unknown"


def table_member(name: str) -> str:
    return f"database/{name}.jsonl"


def read_manifest(content: bytes) -> Manifest:
    """Raises `CareRefused`; one of a later format is told from one that is damaged."""
    try:
        version = msgspec.json.decode(content, type=_Version)
    except msgspec.DecodeError as error:
        raise damaged(f"its manifest cannot be read ({error})") from None
    if version.format > FORMAT:
        raise CareRefused(
            "archive_too_new",
            f"The backup has format {version.format}, made by version {version.program}; this program reads up to "
            f"{FORMAT}. Install version {version.program} or newer.",
        )
    try:
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise damaged(f"its manifest cannot be read ({error})") from None

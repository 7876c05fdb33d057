"""Reads a whole archive as a restore would: every checksum, every row, and that each refers to rows that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.care.archive import ArchiveReader
from server.care.manifest import Manifest
from server.care.problem import damaged
from server.storage.tables import metadata


class References:
    """Keys that other rows refer to, and whether each reference leads to one. Tables come after those they refer to."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], set[Any]] = {}
        for table in metadata.sorted_tables:
            for key in table.foreign_keys:
                self._known[key.column.table.name, key.column.name] = set()

    def check(self, name: str, columns: list[str], row: list[Any]) -> None:
        """Raises `CareRefused`."""
        values = dict(zip(columns, row, strict=True))
        for column in columns:
            if (known := self._known.get((name, column))) is not None:
                known.add(values[column])
        table = metadata.tables.get(name)
        for key in () if table is None else table.foreign_keys:
            value = values.get(key.parent.name)
            if value is not None and value not in self._known[key.column.table.name, key.column.name]:
                raise damaged(f"a row of {name} refers to a row of {key.column.table.name} that it lacks")


def verify(path: Path) -> Manifest:
    """Raises `CareRefused` that says what is wrong with it."""
    references = References()
    with ArchiveReader(path) as archive:
        for name, note in archive.manifest.tables.items():
            columns = [column for column, _ in note.columns]
            for row in archive.rows(name):
                references.check(name, columns, row)
        for name in archive.manifest.files:
            for _ in archive.file(name):
                pass
        archive.key()
        return archive.manifest

"""Convert a file as a worker does, and look at what came of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from server.datasets.conversion import convert_file
from server.datasets.file_work import Converted, ConvertRequest, FilePreviewRequest, Preview, ReferenceFiles
from server.datasets.previewing import preview_file
from server.datasets.schema import Column, FileLimits, ReadOptions


@dataclass(frozen=True, slots=True)
class Imported:
    """`rows` as lists of values in file order; `rejects` as they stand in the list."""

    converted: Converted
    columns: list[str]
    types: dict[str, str]
    rows: list[list[Any]]
    rejects: list[dict[str, Any]]
    reports: list[dict[str, Any]]

    @property
    def reasons(self) -> list[tuple[int, str | None, str]]:
        return [(reject["line"], reject["column"], reject["code"]) for reject in self.rejects]

    def column(self, name: str) -> list[Any]:
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


class Importer:
    """Imports bytes or files in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(
        self,
        content: bytes | str | Path,
        *,
        name: str = "data.csv",
        limits: FileLimits | None = None,
        reject_limit: int = 100_000,
        reject_share: float | None = None,
        existing: list[dict[str, Any]] | None = None,
        references: dict[str, ReferenceFiles] | None = None,
        **options: Any,
    ) -> Imported:
        reports: list[dict[str, Any]] = []
        request = ConvertRequest(
            source=self.place(content),
            name=name,
            target=self.directory / "data.parquet",
            rejects=self.directory / "rejects.jsonl",
            options=msgspec.convert(options, ReadOptions),
            reject_limit=reject_limit,
            limits=limits or FileLimits(),
            existing_columns=existing,
            reject_share=reject_share,
            references=references or {},
        )
        converted = convert_file(request, reports.append)
        table = pq.read_table(request.target)
        rejects = []
        if converted.rejects_path is not None:
            rejects = [msgspec.json.decode(line) for line in converted.rejects_path.read_bytes().splitlines()]
        return Imported(
            converted=converted,
            columns=table.column_names,
            types={column.name: column.type for column in converted.columns},
            rows=[list(row.values()) for row in table.to_pylist()],
            rejects=rejects,
            reports=reports,
        )

    def preview(
        self, content: bytes | str | Path, *, name: str = "data.csv", beside: Sequence[Column] = (), **options: Any
    ) -> Preview:
        request = FilePreviewRequest(
            source=self.place(content), name=name, options=msgspec.convert(options, ReadOptions), beside=list(beside)
        )
        return preview_file(request, lambda _report: None)

    def place(self, content: bytes | str | Path) -> Path:
        if isinstance(content, Path):
            return content
        path = self.directory / "upload"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


def csv_text(rows: Iterable[Sequence[object]], **dialect: Any) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, **({"lineterminator": "\n"} | dialect)).writerows(rows)
    return stream.getvalue()

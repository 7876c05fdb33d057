"""What a list of reports is taken away as: a table of them, and a zip of their files with that table in it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from server.clock import rfc3339
from server.datasets.formula_like import harmless
from server.reports.batches import BatchHead, BatchReport
from server.reports.file_names import served_name, unique_names
from server.reports.parameter_texts import value_text
from server.reports.zip_writing import ZipEntry, ZipWriter
from server.storage.blob_store import BlobStore
from server.storage.file_pieces import in_thread
from server.texts import Translate, told

HEADS = (
    *("report", "state", "batch", "template", "owner", "ordered_at", "finished_at"),
    *("error_code", "error", "files", "address"),
)
_BYTES_OF_BOM = "\ufeff".encode()
OfBatches = AsyncIterator[tuple[BatchHead, Sequence[BatchReport]]]


class ReportTable:
    """As CSV, some reports at a time. `address` is that of a report's page, by its id."""

    def __init__(self, parameters: Sequence[str], *, gettext: Translate, address: Callable[[str], str]) -> None:
        self._parameters = parameters
        self._gettext = gettext
        self._address = address

    def head(self) -> bytes:
        names = [f"parameters.{name}" for name in self._parameters]
        return _BYTES_OF_BOM + _lines([[*HEADS, *names]])

    def rows(self, batch: BatchHead, reports: Sequence[BatchReport], folder: str = "") -> bytes:
        return _lines([self._row(batch, report, folder) for report in reports])

    def _row(self, batch: BatchHead, report: BatchReport, folder: str) -> list[str]:
        error = report.error
        known = [
            report.title,
            report.state.value,
            batch.name,
            batch.template_name,
            batch.owner,
            rfc3339(batch.created_at),
            rfc3339(report.finished_at) if report.finished_at else "",
            error.code if error else "",
            told(error.message, error.parameters, self._gettext) if error else "",
            ", ".join(folder + artifact.file for artifact in report.artifacts),
            self._address(report.id),
        ]
        values = (report.parameters.get(name) for name in self._parameters)
        return [*known, *("" if value is None else value_text(value) for value in values)]


async def table_pieces(found: OfBatches, table: ReportTable) -> AsyncIterator[bytes]:
    yield table.head()
    async for batch, reports in found:
        if rows := table.rows(batch, reports):
            yield rows


async def zip_pieces(
    found: OfBatches, table: ReportTable, blobs: BlobStore, *, folders: Sequence[str], moment: datetime
) -> AsyncIterator[bytes]:
    """A folder a batch, named in the order of `folders`; files are brought as it is their turn. The table comes last,
    since it names what is there."""
    writer, lines, names = ZipWriter(moment), [table.head()], iter(folder_names(folders))
    async for batch, reports in found:
        folder = next(names)
        lines.append(table.rows(batch, reports, folder))
        artifacts = [artifact for report in reports for artifact in report.artifacts]
        files = list(unique_names(folder + artifact.file for artifact in artifacts))
        async with blobs.fetch([artifact.blob for artifact in artifacts]) as paths:
            entries = [
                ZipEntry(name=name, content=path, is_compressed=artifact.format == "html")
                for name, artifact, path in zip(files, artifacts, paths, strict=True)
            ]
            async for piece in in_thread(writer.add(entries)):
                yield piece
    whole = ZipEntry(name="index.csv", content=b"".join(lines), is_compressed=True)
    async for piece in in_thread(writer.add([whole])):
        yield piece
    async for piece in in_thread(writer.end()):
        yield piece


def folder_names(names: Sequence[str]) -> list[str]:
    """`October/`, `October (2)/`."""
    return [f"{name.removesuffix('.zip')}/" for name in unique_names(served_name(each, "zip") for each in names)]


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows([harmless(cell) for cell in row] for row in rows)
    return target.getvalue().encode()

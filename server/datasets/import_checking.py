"""The job that reads an uploaded file to its end to say what importing it would do, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from server.datasets.catalog import Catalog
from server.datasets.difference import Difference, difference
from server.datasets.doubts import doubt_count
from server.datasets.file_work import PreviewColumn
from server.datasets.import_reading import UPSERTED, ImportParameters, ImportReading, ReadFile, lane_of, told_warnings
from server.datasets.importing import FIGURES
from server.jobs.context import JobContext
from server.jobs.job import FINISHING, Job
from server.jobs.kinds import JobKind, JobLink, Missing
from server.jobs.outcomes import Notice, Outcome
from server.storage.scratch import Scratch

CHECK_KIND = "import_check"


class ImportCheck:
    """Reads files as an import would, with all its checks. Only the list of rejects is kept."""

    def __init__(self, reading: ImportReading, *, catalog: Catalog, scratch: Scratch, seconds: float) -> None:
        """`seconds` is the time limit of reading one file."""
        self._reading = reading
        self._catalog = catalog
        self._scratch = scratch
        self._seconds = seconds

    def kind(self) -> JobKind:
        return JobKind(
            name=CHECK_KIND,
            label="Import check",
            icon="file-check",
            unit="rows",
            message="data_import_progress",
            figures=FIGURES,
            missing=Missing(
                names=("rejected_count", "rejected"), label="Checked · {count} would be left out", is_counted=False
            ),
            page="/imports/{id}",
            links=_links,
            lost="Nothing is lost: a check changes nothing.",
            kept="The file is read again from the beginning.",
            noun="import",
            step_noun="import",
            function=self.process_import_check,
            lane=lane_of,
            step_seconds=self._seconds,
        )

    async def process_import_check(self, context: JobContext) -> Outcome:
        async with self._scratch.workplace() as directory:
            read = await self._reading.read(context, directory)
            if read.converted.rejects_path is not None:
                await self._reading.keep_list(context, read.converted.rejects_path)
            else:
                await self._reading.forget_list(context)
        rows = read.converted.row_count
        context.advance(rows, total=rows, stage=FINISHING)
        rejected = read.converted.rejected_count
        doubts = doubt_count(warning.code for warning in read.converted.warnings)
        return Outcome(
            result=_result(context.job, read),
            is_partial=rejected > 0,
            notice=Notice(
                title="“{name}” was checked",
                body="Rows that would be imported into “{dataset}”: {rows}, left out: {rejected}. Nothing was changed."
                if not doubts
                else "Rows that would be imported into “{dataset}”: {rows}, left out: {rejected}. To look at: "
                "{doubts}. Nothing was changed.",
                level="warning" if rejected or doubts else "success",
                url=f"/imports/{context.job.id}",
                parameters={
                    "name": read.upload.name,
                    "dataset": ImportParameters.of(context.job).dataset,
                    "rows": rows,
                    "rejected": rejected,
                    "doubts": doubts,
                },
            ),
        )


def _result(job: Job, read: ReadFile) -> dict[str, Any]:
    """What would be there: `version` with `row_count` rows, `imported_count` of them from this file."""
    wanted, converted, seen = ImportParameters.of(job), read.converted, read.seen
    specs = converted.options.columns or []
    upserted = converted.upserted
    row_count = converted.row_count if upserted is None else upserted.row_count
    if wanted.mode == "append" and seen is not None:
        row_count += seen.row_count
    links = {"import": f"/api/v1/imports/{job.id}", "page": f"/imports/{job.id}"}
    if converted.rejected_count:
        links["rejects"] = f"/api/v1/imports/{job.id}/rejects"
    if seen is not None:
        links["dataset"] = f"/api/v1/datasets/{quote(wanted.dataset)}"
    return {
        "dataset": wanted.dataset,
        "version": 1 if seen is None else seen.version + 1,
        "row_count": row_count,
        "imported_count": converted.row_count,
        "rejected_count": converted.rejected_count,
        "rejected_by": converted.rejected_by,
        "named": converted.named,
        "warnings": told_warnings(converted.warnings),
        "columns": {spec.name: spec.type for spec in specs},
        "difference": msgspec.to_builtins(_difference(read)),
        **({name: getattr(upserted, name) for name in UPSERTED} if upserted is not None else {}),
        "links": links,
    }


def _difference(read: ReadFile) -> Difference | None:
    """Of the columns that the file is read into from those that the dataset has; None without one."""
    if read.seen is None:
        return None
    found = [
        PreviewColumn(
            name=spec.name,
            source=spec.source or spec.name,
            type=spec.type,
            notations=read.converted.notations.get(spec.name, []),
        )
        for spec in read.converted.options.columns or ()
        if spec.type is not None
    ]
    return difference(read.seen.columns, found)


def _links(job: Job) -> Sequence[JobLink]:
    links = [JobLink(url=f"/imports/{job.id}", label="What importing it would do", icon="table-2")]
    if job.detail.get("rejects_bytes"):
        links.append(JobLink(url=f"/imports/{job.id}/rejects", label="Look at the rejected rows", icon="file-x"))
    return links

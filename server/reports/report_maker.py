"""Makes one report of a batch in a worker, and publishes its files."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from server.datasets.work import QueryLimits
from server.errors import JinduError, StorageFull
from server.jobs.away import stage_of
from server.jobs.context import JobContext
from server.jobs.job import State
from server.reports.batches import Batch, BatchReport, ReportError, StoredArtifact
from server.reports.requests import LaidOut, render_request
from server.reports.work import Rendered, render_report
from server.storage.blob_store import BlobStore
from server.storage.scratch import Scratch

_LOG = logging.getLogger(__name__)
_UNEXPECTED = ReportError(
    code="internal_error",
    message="Something unexpected went wrong while making this report; the server's log has the details.",
)


class ReportMaker:
    def __init__(self, *, blobs: BlobStore, scratch: Scratch, limits: QueryLimits) -> None:
        self._blobs = blobs
        self._scratch = scratch
        self._limits = limits

    async def outcome(self, context: JobContext, batch: Batch, report: BatchReport, laid_out: LaidOut) -> BatchReport:
        """The report as it came out, with its files published; one that fails does so alone."""
        try:
            async with self._scratch.workplace() as output:
                async with render_request(
                    batch, report, self._blobs, self._limits, output=output, laid_out=laid_out
                ) as request:
                    rendered: Rendered = await context.run_in_worker(render_report, request)
                artifacts = await self._publish(batch, report, rendered)
        except StorageFull:
            raise  # no report after it would fare better: the job stops, and a retry goes on from here
        except JinduError as error:
            if stage_of(error) is not None:
                raise  # nor would it then: the job waits
            return msgspec.structs.replace(report, state=State.FAILED, error=ReportError.of(error))
        except Exception:
            _LOG.exception("report %s of batch %s could not be made", report.id, batch.id)
            return msgspec.structs.replace(report, state=State.FAILED, error=_UNEXPECTED)
        return msgspec.structs.replace(
            report,
            state=State.SUCCEEDED,
            title=rendered.title,
            artifacts=artifacts,
            warnings=[{"message": str(warning)} for warning in rendered.warnings],
            figures=list(rendered.figures),
            is_empty=rendered.is_empty,
        )

    async def _publish(self, batch: Batch, report: BatchReport, rendered: Rendered) -> list[StoredArtifact]:
        """All the files or none: a full disk may take one and refuse the next."""
        stored = [
            StoredArtifact(
                file=artifact.file,
                format=artifact.format,
                type=artifact.media_type,
                size=artifact.size,
                sha256=artifact.sha256,
                blob=f"reports/{batch.id}/{report.id}.{artifact.format}",
            )
            for artifact in rendered.artifacts
        ]
        paths = [Path(artifact.path) for artifact in rendered.artifacts]
        await self._blobs.publish_together({file.blob: path for file, path in zip(stored, paths, strict=True)})
        return stored

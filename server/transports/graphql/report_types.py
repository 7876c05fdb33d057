"""The types of the schema that batches and their reports are told by."""

from __future__ import annotations

from urllib.parse import quote

import strawberry
from strawberry.scalars import JSON

from server.clock import rfc3339
from server.http.based_requests import outside
from server.reports.batches import BatchHead, BatchReport, StoredArtifact
from server.storage.pages import Listing
from server.transports.graphql.types import JobState, ProblemType, as_scalar, moment


@strawberry.type(name="Tally", description="How many reports of a batch are in which state.")
class TallyType:
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


@strawberry.type(name="Artifact", description="One file of a report. Its `url` takes the same cookie or token.")
class ArtifactType:
    file: str
    format: str
    type: str
    size: float
    sha256: str
    url: str

    @classmethod
    def of_artifact(cls, report_id: str, artifact: StoredArtifact) -> ArtifactType:
        return cls(
            file=artifact.file,
            format=artifact.format,
            type=artifact.type,
            size=artifact.size,
            sha256=artifact.sha256,
            url=outside(f"/api/v1/reports/{report_id}/{quote(artifact.file, safe='')}"),
        )


@strawberry.type(name="Report", description="One report of a batch, with its files once it is made.")
class ReportType:
    id: strawberry.ID
    batch_id: strawberry.ID
    position: int
    title: str
    parameters: JSON
    state: JobState
    error: ProblemType | None
    artifacts: list[ArtifactType]
    is_empty: bool
    comment_count: int
    started_at: str | None
    finished_at: str | None

    @classmethod
    def of_report(cls, report: BatchReport) -> ReportType:
        error = report.error
        return cls(
            id=strawberry.ID(report.id),
            batch_id=strawberry.ID(report.batch_id),
            position=report.position,
            title=report.title,
            parameters=as_scalar(report.parameters),
            state=JobState(report.state.value),
            error=ProblemType(code=error.code, message=error.text) if error else None,
            artifacts=[ArtifactType.of_artifact(report.id, each) for each in report.artifacts],
            is_empty=report.is_empty,
            comment_count=report.comment_count,
            started_at=moment(report.started_at),
            finished_at=moment(report.finished_at),
        )


@strawberry.type(name="Batch", description="An order of reports. `state` and `outcome` are those of its newest job.")
class BatchType:
    id: strawberry.ID
    owner: str
    job_id: strawberry.ID
    name: str
    template: str
    template_version: int
    formats: list[str]
    state: JobState
    outcome: str | None
    tally: TallyType
    total: int
    as_of: str | None
    created_at: str

    @classmethod
    def of_head(cls, batch: BatchHead) -> BatchType:
        tally = batch.tally
        return cls(
            id=strawberry.ID(batch.id),
            owner=batch.owner,
            job_id=strawberry.ID(batch.job_id),
            name=batch.name,
            template=batch.template_name,
            template_version=batch.template_version,
            formats=list(batch.formats),
            state=JobState(batch.job_state.value),
            outcome=batch.job_outcome.value if batch.job_outcome else None,
            tally=TallyType(**{name: getattr(tally, name) for name in tally.__struct_fields__}),
            total=batch.report_count,
            as_of=moment(batch.as_of),
            created_at=rfc3339(batch.created_at),
        )


@strawberry.type(name="BatchPage", description="`nextCursor` is the `after` of the next page, null on the last.")
class BatchPageType:
    items: list[BatchType]
    next_cursor: str | None
    total: int

    @classmethod
    def of_page(cls, page: Listing[BatchHead]) -> BatchPageType:
        return cls(
            items=[BatchType.of_head(each) for each in page.items], next_cursor=page.next_cursor, total=page.total
        )


@strawberry.type(name="ReportPage", description="`nextCursor` is the `after` of the next page, null on the last.")
class ReportPageType:
    items: list[ReportType]
    next_cursor: str | None
    total: int

    @classmethod
    def of_page(cls, page: Listing[BatchReport]) -> ReportPageType:
        return cls(
            items=[ReportType.of_report(each) for each in page.items], next_cursor=page.next_cursor, total=page.total
        )

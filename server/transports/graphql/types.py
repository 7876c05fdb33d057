"""The types of the schema: what jobs, datasets, batches and reports are to whoever asks by GraphQL."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from urllib.parse import quote

import strawberry
from strawberry.scalars import JSON

from server.auth.permissions import Principal
from server.auth.users import User
from server.clock import rfc3339
from server.datasets.dataset import Dataset
from server.errors import InvalidInput
from server.http.based_requests import outside
from server.operations.notifications import NotificationPage
from server.realtime.protocol import JobFields
from server.reports.batches import BatchHead, BatchReport, StoredArtifact
from server.storage.pages import Listing

MOST_ON_PAGE = 100
PAGE = 20


@strawberry.enum(name="JobState", description="Where a job or a report is in its life.")
class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@strawberry.type(name="Problem", description="Why something failed: a stable code, and a sentence in your language.")
class ProblemType:
    code: str
    message: str


@strawberry.type(name="Job", description="One job at one moment. Of two, the one with the higher `revision` is newer.")
class JobType:
    job_id: strawberry.ID
    kind: str
    title: str
    state: JobState
    attempt: int
    revision: int
    progress: float
    total: float | None
    unit: str
    percent: float | None
    rate: float | None
    eta_seconds: float | None
    stage: str
    message: str
    error: ProblemType | None
    result: JSON | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    detail: JSON
    outcome: str | None
    stalled_since: str | None
    shown_state: str
    state_text: str
    missing: float
    missing_percent: float
    took_seconds: float | None
    last_seconds: float | None
    priority: str
    place: int | None
    waiting_for: str | None

    @classmethod
    def of_fields(cls, fields: JobFields) -> JobType:
        return cls.of_values({name: getattr(fields, name) for name in JobFields.__struct_fields__})

    @classmethod
    def of_values(cls, values: dict[str, Any]) -> JobType:
        """Those of a job, as live messages have them."""
        error = values["error"]
        if error is not None:
            error = ProblemType(code=_get(error, "code"), message=_get(error, "message"))
        own = {name: values[name] for name in JobFields.__struct_fields__}
        return cls(**own | {"error": error, "state": JobState(values["state"])})


@strawberry.type(name="Me", description="Who you are to this server.")
class MeType:
    id: strawberry.ID
    name: str
    role: str
    scopes: list[str]
    language: str | None
    time_zone: str | None
    created_at: str

    @classmethod
    def of_user(cls, user: User, principal: Principal) -> MeType:
        return cls(
            id=strawberry.ID(user.id),
            name=user.name,
            role=user.role.value,
            scopes=sorted(principal.scopes),
            language=user.language,
            time_zone=user.time_zone,
            created_at=rfc3339(user.created_at),
        )


@strawberry.type(name="Column", description="One column of a dataset.")
class ColumnField:
    name: str
    type: str


@strawberry.type(name="Dataset", description="A table at its current version. `owner` is the name of a user.")
class DatasetType:
    id: strawberry.ID
    owner: str
    name: str
    description: str
    version: int
    row_count: float = strawberry.field(description="A whole number; GraphQL's `Int` ends at 2³¹.")
    rejected_count: float
    bytes: float
    column_count: int
    all_columns: strawberry.Private[list[ColumnField]]
    tags: list[str]
    created_at: str
    updated_at: str

    @strawberry.field(description="The first of them, in order.")
    def columns(self, first: int = PAGE) -> list[ColumnField]:
        return self.all_columns[: page_size(first)]

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> DatasetType:
        return cls(
            id=strawberry.ID(dataset.id),
            owner=dataset.owner,
            name=dataset.name,
            description=dataset.description,
            version=dataset.version,
            row_count=dataset.row_count,
            rejected_count=dataset.current.rejected_count,
            bytes=dataset.current.bytes,
            column_count=len(dataset.columns),
            all_columns=[ColumnField(name=column.name, type=column.type) for column in dataset.columns],
            tags=dataset.tags,
            created_at=rfc3339(dataset.created_at),
            updated_at=rfc3339(dataset.updated_at),
        )


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
            started_at=_moment(report.started_at),
            finished_at=_moment(report.finished_at),
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
            as_of=_moment(batch.as_of),
            created_at=rfc3339(batch.created_at),
        )


@strawberry.type(name="KeptNotification", description="A notification as the bell has it.")
class KeptNotificationType:
    offset: int
    title: str
    body: str
    level: str
    url: str
    at: str
    is_unread: bool


@strawberry.type(name="JobPage", description="`nextCursor` is the `after` of the next page, null on the last.")
class JobPageType:
    items: list[JobType]
    next_cursor: str | None
    total: int


@strawberry.type(name="DatasetPage", description="`nextCursor` is the `after` of the next page, null on the last.")
class DatasetPageType:
    items: list[DatasetType]
    next_cursor: str | None
    total: int

    @classmethod
    def of_page(cls, page: Listing[Dataset]) -> DatasetPageType:
        return cls(
            items=[DatasetType.of_dataset(each) for each in page.items], next_cursor=page.next_cursor, total=page.total
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


@strawberry.type(name="NotificationPage", description="The newest first; `before` is where older ones go on.")
class NotificationPageType:
    items: list[KeptNotificationType]
    unread: int
    before: int | None

    @classmethod
    def of_page(cls, page: NotificationPage) -> NotificationPageType:
        items = [
            KeptNotificationType(
                offset=each.offset,
                title=each.title,
                body=each.body,
                level=each.level,
                url=outside(each.url),
                at=rfc3339(each.at),
                is_unread=each.is_unread,
            )
            for each in page.items
        ]
        return cls(items=items, unread=page.unread, before=page.before)


def page_size(first: int) -> int:
    """Raises `InvalidInput`."""
    if not 1 <= first <= MOST_ON_PAGE:
        raise InvalidInput("Ask for 1 to {limit} at once, and for more with “after”.", limit=MOST_ON_PAGE)
    return first


def as_scalar(value: Any) -> JSON:
    """Strawberry knows JSON by a class of its own; any value will do."""
    return cast("JSON", value)


def _moment(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None


def _get(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, dict) else getattr(value, name)

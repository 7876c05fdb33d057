"""The types of the schema: what jobs, datasets, batches and reports are to whoever asks by GraphQL."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from server.auth.permissions import Principal
from server.auth.users import User
from server.clock import rfc3339
from server.datasets.dataset import Dataset
from server.errors import InvalidInput
from server.http.based_requests import outside
from server.operations.notifications import NotificationPage
from server.realtime.job_fields import JobFields
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


def moment(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None


def _get(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, dict) else getattr(value, name)

"""What can be asked: each field is one operation, which says who may see what."""

from __future__ import annotations

from typing import Annotated

import strawberry

from server.jobs.job import Job, State
from server.jobs.job_filter import JobFilter
from server.reports.batch_filter import BatchFilter
from server.reports.batches import ReportFilter
from server.storage.pages import place_of
from server.transports.graphql.call import GraphQlCall
from server.transports.graphql.report_types import BatchPageType, BatchType, ReportPageType, ReportType
from server.transports.graphql.types import (
    MOST_ON_PAGE,
    PAGE,
    DatasetPageType,
    DatasetType,
    JobPageType,
    JobState,
    JobType,
    MeType,
    NotificationPageType,
    page_size,
)

Info = strawberry.Info[GraphQlCall, None]
First = Annotated[int, strawberry.argument(description=f"How many, at most {MOST_ON_PAGE}.")]
After = Annotated[str | None, strawberry.argument(description="`nextCursor` of the page before.")]
OwnerName = Annotated[
    str | None, strawberry.argument(description="The name of the user whose it is, when it is another's.")
]


@strawberry.type(name="Query")
class QueryRoot:
    @strawberry.field(description="Who you are.")
    async def me(self, info: Info) -> MeType | None:
        call = asking(info)
        return MeType.of_user(await call.operations.accounts.me(call.principal), call.principal)

    @strawberry.field(description="One job of yours; administrators see everybody's.")
    async def job(self, info: Info, id: strawberry.ID) -> JobType | None:  # noqa: A002 – as the schema has it
        call = asking(info)
        return job_of(call, await call.operations.jobs.get(call.principal, id))

    @strawberry.field(description="Your jobs, newest first; administrators see everybody's.")
    async def jobs(
        self,
        info: Info,
        first: First = PAGE,
        after: After = None,
        state: list[JobState] | None = None,
        kind: list[str] | None = None,
        q: str = "",
    ) -> JobPageType | None:
        call = asking(info)
        wanted = JobFilter(
            states=[State(each.value) for each in state or ()],
            kinds=kind or (),
            text=q,
            limit=page_size(first),
            cursor=after,
        )
        page = await call.operations.jobs.list(call.principal, wanted)
        return JobPageType(
            items=[job_of(call, each) for each in page.items], next_cursor=page.next_cursor, total=page.total
        )

    @strawberry.field(description="One dataset of yours, or one that was shared with you.")
    async def dataset(self, info: Info, name: str, owner: OwnerName = None) -> DatasetType | None:
        call = asking(info)
        return DatasetType.of_dataset(await call.operations.datasets.get(call.principal, name, owner=owner))

    @strawberry.field(description="Your datasets and those that were shared with you, by name.")
    async def datasets(
        self, info: Info, first: First = PAGE, after: After = None, owner: OwnerName = None, q: str = ""
    ) -> DatasetPageType | None:
        call = asking(info)
        page = await call.operations.datasets.list(
            call.principal, owner=owner, q=q, limit=page_size(first), cursor=after
        )
        return DatasetPageType.of_page(page)

    @strawberry.field(description="One batch of yours, or one that was shared with you.")
    async def batch(self, info: Info, id: strawberry.ID) -> BatchType | None:  # noqa: A002
        call = asking(info)
        return BatchType.of_head(await call.operations.batches.get(call.principal, id))

    @strawberry.field(description="Your batches and those that were shared with you, newest first.")
    async def batches(
        self,
        info: Info,
        first: First = PAGE,
        after: After = None,
        template: list[str] | None = None,
        q: str = "",
    ) -> BatchPageType | None:
        call = asking(info)
        page = await call.operations.batch_lists.batches(
            call.principal, BatchFilter(templates=template or (), text=q), limit=page_size(first), cursor=after
        )
        return BatchPageType.of_page(page)

    @strawberry.field(description="The reports of a batch, in order.")
    async def reports(
        self,
        info: Info,
        batch_id: strawberry.ID,
        first: First = PAGE,
        after: After = None,
        state: JobState | None = None,
        q: str = "",
    ) -> ReportPageType | None:
        call = asking(info)
        wanted = ReportFilter(
            state=State(state.value) if state else None,
            q=q,
            after=place_of(after) if after is not None else None,
            limit=page_size(first),
        )
        return ReportPageType.of_page(await call.operations.batches.reports(call.principal, batch_id, wanted))

    @strawberry.field(description="One report.")
    async def report(self, info: Info, id: strawberry.ID) -> ReportType | None:  # noqa: A002
        call = asking(info)
        report, _ = await call.operations.batches.report(call.principal, id)
        return ReportType.of_report(report)

    @strawberry.field(description="Your notifications, newest first, and how many of all are unread.")
    async def notifications(
        self, info: Info, first: First = PAGE, before: int | None = None
    ) -> NotificationPageType | None:
        call = asking(info)
        page = await call.operations.notifications.latest(call.principal, limit=page_size(first), before=before)
        return NotificationPageType.of_page(page)


def asking(info: Info) -> GraphQlCall:
    """Whoever asks, who may read. Raises `Forbidden`."""
    info.context.principal.require_read()
    return info.context


def job_of(call: GraphQlCall, job: Job) -> JobType:
    return JobType.of_fields(call.parts.job_fields(job, call.language, call.principal.user_id))

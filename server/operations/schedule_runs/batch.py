"""Schedules that make reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from server.auth.permissions import Principal
from server.clock import rfc3339
from server.jobs.job import Job
from server.jobs.kinds import JobKind
from server.operations.schedule_runs.kind import PlannedRuns
from server.operations.schedule_wishes import MOST_NAME, ScheduleWish
from server.reports.batch_orders import BatchOrder, ParameterQuery, asked_parameters
from server.reports.template_store import TemplateHead, kept_summary
from server.schedules.running import CannotRun, StartedRun, asked_of, key_of
from server.schedules.schedule import Schedule, ScheduleRun, StopReason


class OrderedBatch(Protocol):
    """What an order gives."""

    @property
    def job(self) -> Job: ...

    @property
    def batch_id(self) -> str: ...


class OrderBatch(Protocol):
    """`operations.batch_orders.start`."""

    def __call__(
        self, principal: Principal, order: BatchOrder, *, idempotency_key: str | None, asked: dict[str, Any] | None
    ) -> Awaitable[OrderedBatch]: ...


class BatchRuns:
    """`start` and `check` are those of `operations.batch_orders`."""

    def __init__(self, *, start: OrderBatch, check: Callable[[Principal, BatchOrder], Awaitable[TemplateHead]]) -> None:
        self.start = start
        self._check = check

    @property
    def job_kind(self) -> JobKind | None:
        return None

    async def planned(self, principal: Principal, wish: ScheduleWish) -> PlannedRuns:
        template = await self._check(principal, wish.order)
        return PlannedRuns(
            name=_title(template),
            template_id=template.id,
            template_name=template.name,
            parameters=asked_parameters(wish.order),
            formats=wish.order.formats or (),
        )

    async def begin(self, owner: Principal, schedule: Schedule, run: ScheduleRun) -> StartedRun:
        if schedule.template_id is None or schedule.template_owner_id is None:
            raise CannotRun(StopReason.TEMPLATE)
        start = await self.start(owner, _order_of(schedule, run), idempotency_key=key_of(run), asked=asked_of(run))
        return StartedRun(job_id=start.job.id, batch_id=start.batch_id)


def _order_of(schedule: Schedule, run: ScheduleRun) -> BatchOrder:
    wanted = run.ordered.parameters
    parameters = ParameterQuery(query=wanted["query"]) if isinstance(wanted, dict) else wanted
    return BatchOrder(
        template=schedule.template_name,
        owner=schedule.template_owner_id,
        parameters=parameters,
        formats=run.ordered.formats or None,
        deliveries=run.ordered.deliveries,
        schedule_id=schedule.id,
        as_of=rfc3339(run.planned_at.replace(microsecond=0)),  # what `last_month` means is of then, however late it is
    )


def _title(template: TemplateHead) -> str:
    """As lists and forms call it: its `name`, or its title with labels where a report has values."""
    title = kept_summary(template).plain_title[:MOST_NAME]
    return title if title and "{" not in title else template.name

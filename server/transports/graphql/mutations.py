"""What can be done: each field is one operation, which says who may and leaves the line in the audit log."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from server.errors import FieldError, InvalidInput
from server.jobs.job import Priority
from server.jobs.keys import require_key
from server.operations.batches import BatchStart
from server.reports.batch_orders import BatchOrder, ParameterQuery
from server.transports.graphql.call import GraphQlCall
from server.transports.graphql.queries import Info, job_of
from server.transports.graphql.report_types import BatchType
from server.transports.graphql.types import JobType

_TEXT_CHARACTERS = {"name": 300, "as_of": 40}
IdempotencyKey = Annotated[
    str | None,
    strawberry.argument(description="The same key again starts nothing and answers with the job of then."),
]


@strawberry.enum(name="Format", description="What a report is made as.")
class WantedFormat(StrEnum):
    """A kind of file that a report is made as."""

    PDF = "pdf"
    XLSX = "xlsx"
    HTML = "html"


@strawberry.enum(name="Priority", description="Orders what you have waiting yourself.")
class WantedPriority(StrEnum):
    """Orders what somebody has waiting; nobody else waits longer for it."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@strawberry.input(
    name="BatchOrder",
    description="Which reports to make. Leave `parameters` out when the template has `each`; `parameterQuery` is SQL "
    "over your datasets, of which each row is one report.",
)
class BatchOrderInput:
    template: str
    owner: str | None = strawberry.field(default=None, description="Whose template it is, when it is another's.")
    parameters: JSON | None = strawberry.field(default=None, description="A list of objects, one a report.")
    parameter_query: str | None = None
    formats: list[WantedFormat] | None = None
    name: str = ""
    as_of: str = strawberry.field(default="", description="The moment that they speak of: RFC 3339, or a day.")
    priority: WantedPriority = WantedPriority.NORMAL

    def order(self) -> BatchOrder:
        """Raises `InvalidInput`."""
        for field, most in _TEXT_CHARACTERS.items():
            if len(getattr(self, field)) > most:
                raise _wrong(field, "It may have at most {count} characters.", count=most)
        return BatchOrder(
            template=self.template,
            owner=self.owner,
            parameters=self._parameters(),
            formats=[each.value for each in self.formats] if self.formats is not None else None,
            name=self.name.strip(),
            as_of=self.as_of,
        )

    def _parameters(self) -> list[dict[str, Any]] | ParameterQuery | None:
        given: Any = self.parameters
        if self.parameter_query is not None:
            if given is not None:
                raise _wrong("parameterQuery", "Give either parameters or parameterQuery.")
            return ParameterQuery(self.parameter_query)
        if given is not None and not (isinstance(given, list) and all(isinstance(each, dict) for each in given)):
            raise _wrong("parameters", "Give a list of objects, one for each report.")
        return given


@strawberry.type(name="BatchStarted", description="The work has begun: follow the job, then look at the batch.")
class BatchStartedType:
    batch_id: strawberry.ID
    job: JobType


@strawberry.type(name="Mutation")
class MutationRoot:
    @strawberry.mutation(description="Start a job that counts to `total` within `seconds`, to see how jobs move.")
    async def start_demonstration(
        self,
        info: Info,
        seconds: float = 10.0,
        total: int = 100,
        fail_at: int | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> JobType | None:
        call = info.context
        if fail_at is not None and fail_at < 0:
            raise _wrong("failAt", "It must be at least {least}.", least=0)
        job = await call.operations.jobs.demonstrate(
            call.principal, seconds=seconds, total=total, fail_at=fail_at, idempotency_key=_checked(idempotency_key)
        )
        return job_of(call, job)

    @strawberry.mutation(description="Stop a job; one that is over already stays as it is.")
    async def cancel_job(self, info: Info, id: strawberry.ID) -> JobType | None:  # noqa: A002 – as the schema has it
        return job_of(info.context, await info.context.operations.jobs.cancel(info.context.principal, id))

    @strawberry.mutation(description="Start a failed or cancelled job again from the beginning.")
    async def retry_job(self, info: Info, id: strawberry.ID, idempotency_key: IdempotencyKey = None) -> JobType | None:  # noqa: A002
        call = info.context
        job = await call.operations.jobs.retry(call.principal, id, idempotency_key=_checked(idempotency_key))
        return job_of(call, job)

    @strawberry.mutation(description="Have reports made.")
    async def order_batch(
        self, info: Info, order: BatchOrderInput, idempotency_key: IdempotencyKey = None
    ) -> BatchStartedType | None:
        call = info.context
        start = await call.operations.batch_orders.start(
            call.principal,
            order.order(),
            idempotency_key=_checked(idempotency_key),
            priority=Priority(order.priority.value),
        )
        return _started(call, start)

    @strawberry.mutation(description="Make the failed reports of a batch again; finished ones stay as they are.")
    async def retry_batch(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        idempotency_key: IdempotencyKey = None,
    ) -> BatchStartedType | None:
        call = info.context
        key = _checked(idempotency_key)
        return _started(call, await call.operations.batches.retry(call.principal, id, idempotency_key=key))

    @strawberry.mutation(description="Stop making the reports of a batch; finished ones stay.")
    async def cancel_batch(self, info: Info, id: strawberry.ID) -> BatchType | None:  # noqa: A002
        call = info.context
        await call.operations.batches.cancel(call.principal, id)
        return BatchType.of_head(await call.operations.batches.get(call.principal, id))


def _started(call: GraphQlCall, start: BatchStart) -> BatchStartedType:
    return BatchStartedType(batch_id=strawberry.ID(start.batch_id), job=job_of(call, start.job))


def _checked(key: str | None) -> str | None:
    if key is not None:
        require_key(key)
    return key


def _wrong(field: str, message: str, **parameters: object) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field=field, message=message, parameters=parameters)])

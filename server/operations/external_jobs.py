"""What scripts can ask for: begin a job of their own, and tell how it goes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Principal
from server.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound, RateLimited
from server.jobs import external_limits as limits
from server.jobs.external import ExternalJobs
from server.jobs.external_kind import KIND
from server.jobs.external_told import NewExternalJob, Update
from server.jobs.job import Job
from server.jobs.keys import Asked
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.realtime.limits import RateLimit, RateVerdict

_MOST_LIMITS = 1_000  # tokens whose pace is remembered


class ExternalJobOperations:
    """Only whoever began a job pushes its progress. What is not theirs is not found."""

    def __init__(
        self,
        *,
        external: ExternalJobs,
        table: JobTable,
        store: JobStore,
        jobs_per_user: int,
        updates_per_second: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._external = external
        self._table = table
        self._store = store
        self._jobs_per_user = jobs_per_user
        self._updates_per_second = updates_per_second
        self._clock = clock
        self._limits: OrderedDict[str, RateLimit] = OrderedDict()

    @property
    def silence_seconds(self) -> float:
        """How long a script may say nothing."""
        return self._external.silence_seconds

    async def begin(self, principal: Principal, new: NewExternalJob, *, idempotency_key: str | None = None) -> Job:
        """A job that runs from now on, elsewhere."""
        principal.require_write()
        self._require_patience(principal)
        _require_small(new.detail)

        async def check(connection: AsyncConnection, job: Job) -> None:
            # One at a time comes here: many requests at once count each other. No line of the audit log: the job itself
            # says who began it and when, and scripts begin them by the thousand.
            if await self._external.running_of(connection, principal.user_id) >= self._jobs_per_user:
                raise Conflict(
                    "{count} jobs that you push yourself are running already; end some of them first.",
                    code="too_many_external_jobs",
                    count=self._jobs_per_user,
                )

        asked = Asked.under(idempotency_key, by=principal.user_id, what=new)
        return await self._external.begin(principal.user_id, new, asked=asked, also=check)

    async def update(self, principal: Principal, job_id: str, update: Update) -> Job:
        """What a script says of its job. Raises `Conflict` when that is over: `job_cancelled` or `job_over`."""
        principal.require_write()
        self._require_patience(principal)
        job = self._table.get(job_id) or await self._store.get(job_id)
        if job is None:
            raise NotFound
        principal.require_sight(job.owner_id)  # first: a stranger learns nothing of what kind it is or whose
        if job.owner_id != principal.user_id:
            raise Forbidden("Only whoever began this job can say how far it is; you may cancel it.")
        if job.kind != KIND.name:
            raise Conflict("This job runs on the server, which knows itself how far it is.", code="job_not_external")
        if update.detail is not None:
            _require_small(job.detail | update.detail)
        return await self._external.update(job_id, update)

    def _require_patience(self, principal: Principal) -> None:
        """Raises `RateLimited` when this token, or this person in the browser, asks too fast."""
        key = principal.token_id or principal.user_id
        limit = self._limits.pop(key, None) or RateLimit(
            per_second=self._updates_per_second, burst=round(2 * self._updates_per_second) or 1, clock=self._clock
        )
        self._limits[key] = limit  # the newest stands last
        if len(self._limits) > _MOST_LIMITS:
            self._limits.popitem(last=False)
        if limit.take() is not RateVerdict.PASS:
            raise RateLimited("This is more than {count} updates a second; send fewer.", count=self._updates_per_second)


def _require_small(detail: dict[str, Any]) -> None:
    if len(detail) <= limits.DETAIL_VALUES and len(msgspec.json.encode(detail)) <= limits.DETAIL_BYTES_IN_ALL:
        return
    told = FieldError(
        field="detail",  # named, so that a client can leave it out and say the rest
        message="A job's detail holds at most {count} values and {limit} bytes.",
        parameters={"count": limits.DETAIL_VALUES, "limit": limits.DETAIL_BYTES_IN_ALL},
    )
    raise InvalidInput(errors=[told])

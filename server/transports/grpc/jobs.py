"""`jindu.v1.Jobs`: each method is one operation, which says who may and leaves the line in the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, get_args

from server.errors import InvalidInput, RateLimited
from server.http.external_bodies import ExternalJobChange, ExternalJobRequest, new_job, update_of
from server.jobs.external_told import Update
from server.jobs.job import Job, State
from server.jobs.job_filter import JobFilter
from server.reports.batch_orders import BatchOrder, ParameterQuery, formats_of
from server.reports.work import FileFormat
from server.transports.grpc.made import jindu_pb2 as pb
from server.transports.grpc.messages import in_fields, job_message, json_of, key_of, state_name, told_as, wrong
from server.transports.grpc.methods import Caller

_PAGE = 20
_MOST_ON_PAGE = 100
_MOST_LISTED = 100  # of states and kinds
_TEXT_CHARACTERS = {"name": 300, "as_of": 40}
_AGAIN_SECONDS = 0.05  # until an update that came too fast is told
_IN_JSON = {"detail": "detail_json", "result": "result_json"}
_TOLD = ("progress", "total", "stage", "message")


class JobService:
    """Answers for all callers."""

    async def list(self, caller: Caller, asked: pb.JobsListRequest) -> pb.JobsListResponse:
        caller.principal.require_read()
        if len(asked.states) > _MOST_LISTED or len(asked.kinds) > _MOST_LISTED:
            raise InvalidInput("Ask for at most {limit} states and kinds.", limit=_MOST_LISTED)
        wanted = JobFilter(
            states=[State(state_name(each, "states")) for each in asked.states],
            kinds=list(asked.kinds),
            text=asked.text,
            limit=_page_size(asked.page_size),
            cursor=asked.page_token or None,
        )
        page = await caller.operations.jobs.list(caller.principal, wanted)
        jobs = [shown(caller, each) for each in page.items]
        return pb.JobsListResponse(jobs=jobs, next_page_token=page.next_cursor or "", total=page.total)

    async def get(self, caller: Caller, asked: pb.JobsGetRequest) -> pb.JobsGetResponse:
        caller.principal.require_read()
        return pb.JobsGetResponse(job=shown(caller, await caller.operations.jobs.get(caller.principal, asked.job_id)))

    async def start(self, caller: Caller, asked: pb.JobsStartRequest) -> pb.JobsStartResponse:
        named = asked.WhichOneof("work")
        if named is None:
            raise InvalidInput("Say what is to be started: external, batch or demonstration.")
        work, key = getattr(asked, named), key_of(asked.idempotency_key)
        if isinstance(work, pb.ExternalJob):
            return await self._begin(caller, work, key)
        if isinstance(work, pb.BatchOrder):
            return await self._order(caller, work, key)
        return await self._demonstrate(caller, work, key)

    async def report(self, caller: Caller, told: AsyncIterator[pb.JobsReportRequest]) -> pb.JobsReportResponse:
        job: Job | None = None
        job_id = ""
        async for each in told:
            if each.job_id not in ("", job_id) and job_id:
                raise wrong("job_id", "One call reports of one job; begin another for another.")
            job_id = job_id or each.job_id
            if not job_id:
                raise wrong("job_id", "Say in the first message which job it is.")
            job = await self._update(caller, job_id, _update_of(each))
        if job is None:
            raise InvalidInput("Say at least once how far the job is.")
        return pb.JobsReportResponse(job=shown(caller, job))

    async def cancel(self, caller: Caller, asked: pb.JobsCancelRequest) -> pb.JobsCancelResponse:
        job = await caller.operations.jobs.cancel(caller.principal, asked.job_id)
        return pb.JobsCancelResponse(job=shown(caller, job))

    async def retry(self, caller: Caller, asked: pb.JobsRetryRequest) -> pb.JobsRetryResponse:
        key = key_of(asked.idempotency_key)
        job = await caller.operations.jobs.retry(caller.principal, asked.job_id, idempotency_key=key)
        return pb.JobsRetryResponse(job=shown(caller, job))

    async def _begin(self, caller: Caller, asked: pb.ExternalJob, key: str | None) -> pb.JobsStartResponse:
        values: dict[str, Any] = {"title": asked.title, "stage": asked.stage, "message": asked.message}
        values |= {name: getattr(asked, name) for name in ("total", "unit") if asked.HasField(name)}
        with in_fields(_IN_JSON):
            new = new_job(told_as(ExternalJobRequest, values, detail=asked.detail_json))
        operations = caller.operations.external_jobs
        job = await operations.begin(caller.principal, new, idempotency_key=key)
        return pb.JobsStartResponse(job=shown(caller, job), silence_seconds=operations.silence_seconds)

    async def _order(self, caller: Caller, asked: pb.BatchOrder, key: str | None) -> pb.JobsStartResponse:
        start = await caller.operations.batch_orders.start(caller.principal, _batch_order(asked), idempotency_key=key)
        return pb.JobsStartResponse(job=shown(caller, start.job), batch_id=start.batch_id)

    async def _demonstrate(self, caller: Caller, asked: pb.Demonstration, key: str | None) -> pb.JobsStartResponse:
        if asked.HasField("fail_at") and asked.fail_at < 0:
            raise wrong("fail_at", "It must be at least {least}.", least=0)
        job = await caller.operations.jobs.demonstrate(
            caller.principal,
            seconds=asked.seconds if asked.HasField("seconds") else 10.0,
            total=asked.total if asked.HasField("total") else 100,
            fail_at=asked.fail_at if asked.HasField("fail_at") else None,
            idempotency_key=key,
        )
        return pb.JobsStartResponse(job=shown(caller, job))

    async def _update(self, caller: Caller, job_id: str, update: Update) -> Job:
        """What comes too fast waits, and its sender with it: nothing more of theirs is read meanwhile."""
        while True:
            try:
                return await caller.operations.external_jobs.update(caller.principal, job_id, update)
            except RateLimited:
                await asyncio.sleep(_AGAIN_SECONDS)


def shown(caller: Caller, job: Job) -> pb.Job:
    return job_message(caller.parts.job_fields(job, caller.language, caller.principal.user_id))


def _update_of(told: pb.JobsReportRequest) -> Update:
    values: dict[str, Any] = {name: getattr(told, name) for name in _TOLD if told.HasField(name)}
    values["messages_left_out"] = told.messages_left_out
    if told.state != pb.JOB_STATE_UNSPECIFIED:
        values["state"] = state_name(told.state, "state")
    if told.HasField("error"):
        values["error"] = {"message": told.error.message} | ({"code": told.error.code} if told.error.code else {})
    with in_fields(_IN_JSON):
        return update_of(told_as(ExternalJobChange, values, detail=told.detail_json, result=told.result_json))


def _batch_order(asked: pb.BatchOrder) -> BatchOrder:
    """Raises `InvalidInput`."""
    for field, most in _TEXT_CHARACTERS.items():
        if len(getattr(asked, field)) > most:
            raise wrong(field, "It may have at most {count} characters.", count=most)
    return BatchOrder(
        template=asked.template,
        owner=asked.owner if asked.HasField("owner") else None,
        parameters=_parameters(asked),
        formats=_formats(asked) or None,
        name=asked.name.strip(),
        as_of=asked.as_of,
    )


def _parameters(asked: pb.BatchOrder) -> list[dict[str, Any]] | ParameterQuery | None:
    if asked.HasField("parameter_query"):
        if asked.parameters_json:
            raise wrong("parameter_query", "Give either parameters_json or parameter_query.")
        return ParameterQuery(asked.parameter_query)
    if not asked.parameters_json:
        return None
    given = json_of(asked.parameters_json, "parameters_json")
    if not (isinstance(given, list) and all(isinstance(each, dict) for each in given)):
        raise wrong("parameters_json", "Give a list of objects, one for each report.")
    return given


def _formats(asked: pb.BatchOrder) -> list[FileFormat]:
    if unknown := set(asked.formats) - set(get_args(FileFormat)):
        raise wrong("formats", "There is no format {name}.", name=min(unknown))
    return formats_of(asked.formats)


def _page_size(asked: int) -> int:
    """Raises `InvalidInput`."""
    if not 0 <= asked <= _MOST_ON_PAGE:
        raise wrong("page_size", "Ask for 0 to {limit} at once, and for more with page_token.", limit=_MOST_ON_PAGE)
    return asked or _PAGE

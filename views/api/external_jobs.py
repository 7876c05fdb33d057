"""`POST /api/v1/jobs` and `PATCH /api/v1/jobs/{id}`: jobs that run in anybody's script and are only shown here."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from server.errors import FieldError, InvalidInput
from server.http.endpoint import Call, Endpoint, NoQuery, encoded
from server.http.values import Quantity, described
from server.jobs import external_limits as limits
from server.jobs.external_kind import KIND
from server.jobs.external_told import Ending, NewExternalJob, Update
from server.jobs.job import Job, JobError, State
from views.api.jobs import JobAnswer, JobLinks, job_answer, job_links

_MAX_BODY_BYTES = 64 * 1024
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_VISIBLE = described(pattern=r"[^\x00-\x20\x7f-\xa0\s]")
Title = Annotated[str, Meta(min_length=1, max_length=limits.TITLE_CHARACTERS), _VISIBLE]
_Unit = Annotated[str, Meta(min_length=1, max_length=limits.UNIT_CHARACTERS), _VISIBLE]
_Stage = Annotated[str, Meta(max_length=limits.STAGE_CHARACTERS)]
_Message = Annotated[str, Meta(max_length=limits.MESSAGE_CHARACTERS)]
_Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class ExternalJobRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job of yours that begins now. `total` counts `unit`s; leave it out while it is unknown.

    `messages_left_out` is how many messages came before this one and are not sent: the job's log marks the gap.
    """

    title: Title
    kind: Literal["external"] = "external"
    total: Quantity | None = None
    unit: _Unit = KIND.unit
    stage: _Stage = ""
    message: _Message = ""
    messages_left_out: _Count = 0
    detail: dict[str, Any] = {}


class ScriptError(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it failed: a sentence for people, and a code of yours for programs."""

    message: Annotated[str, Meta(min_length=1, max_length=limits.ERROR_CHARACTERS)]
    code: Annotated[str, Meta(pattern="^[a-z0-9_]{1,64}$")] = "script_failed"


class ExternalJobChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is; nothing at all only says that the script is alive.

    `progress` counts from the beginning; less than before changes nothing, so late requests do no harm. `detail` is
    merged into what is there. `messages_left_out` is how many messages came between the last one that was sent and this
    one: the job's log marks the gap. `state` ends the job: `error` belongs to `failed`, `result` to `succeeded`.
    """

    progress: Quantity | UnsetType = UNSET
    total: Quantity | UnsetType = UNSET
    stage: _Stage | UnsetType = UNSET
    message: _Message | UnsetType = UNSET
    messages_left_out: _Count = 0
    detail: dict[str, Any] | UnsetType = UNSET
    state: Literal["succeeded", "failed", "cancelled"] | UnsetType = UNSET
    error: ScriptError | Annotated[str, Meta(min_length=1, max_length=limits.ERROR_CHARACTERS)] | UnsetType = UNSET
    result: dict[str, Any] | UnsetType = UNSET


def _only_with(state: str) -> dict[str, Any]:
    return {"required": ["state"], "properties": {"state": {"const": state}}}


_Change = Annotated[
    ExternalJobChange,
    described(dependentSchemas={"error": _only_with("failed"), "result": _only_with("succeeded")}),
]


class ExternalJobStarted(Struct, frozen=True, kw_only=True):
    """`silence_seconds`: send something at least so often, be it `{}`; else the job counts as failed."""

    job_id: str
    kind: str
    state: str
    silence_seconds: float
    links: JobLinks


async def begin_job(call: Call[ExternalJobRequest, NoQuery]) -> web.Response:
    """It counts as running at once. Tell how far it is with `PATCH /api/v1/jobs/{id}`."""
    operations, wanted = call.operations.external_jobs, call.body
    job = await operations.begin(
        call.principal,
        NewExternalJob(
            title=_visible(wanted.title, "title"),
            unit=_visible(wanted.unit, "unit"),
            total=wanted.total,
            stage=_one_line(wanted.stage),
            message=_one_line(wanted.message),
            messages_left_out=wanted.messages_left_out,
            detail=_small(wanted.detail, "detail", limits.DETAIL_BYTES),
        ),
        idempotency_key=call.request.headers.get("Idempotency-Key"),
    )
    links = _links(call, job)
    answer = ExternalJobStarted(
        job_id=job.id, kind=job.kind, state=job.state.value, silence_seconds=operations.silence_seconds, links=links
    )
    return encoded(answer, status=202, headers={"Location": links.self})


async def change_job(call: Call[ExternalJobChange, NoQuery]) -> JobAnswer:
    """Only for jobs of the kind `external`, only by whoever began them.

    409 with the code `job_cancelled` says that somebody pressed *Cancel*: stop. `job_over`: it ended already. Asking
    again for the end it has is answered by 200. A job that failed because nothing was heard of its script for too long
    goes on with whatever the script says next, be it its end.
    """
    told = call.body
    update = Update(
        progress=_given(told.progress),
        total=_given(told.total),
        stage=None if told.stage is UNSET else _one_line(told.stage),
        message=None if told.message is UNSET else _one_line(told.message),
        messages_left_out=told.messages_left_out,
        detail=None if told.detail is UNSET else _small(told.detail, "detail", limits.DETAIL_BYTES),
        ending=_ending(told),
    )
    return await job_answer(call, await call.operations.external_jobs.update(call.principal, call.path["id"], update))


def _ending(told: ExternalJobChange) -> Ending | None:
    if told.error is not UNSET and told.state != "failed":
        raise _field_error("error", "An error belongs to the state “failed”.")
    if told.result is not UNSET and told.state != "succeeded":
        raise _field_error("result", "A result belongs to the state “succeeded”.")
    if told.state is UNSET:
        return None
    result = None if told.result is UNSET else _small(told.result, "result", limits.RESULT_BYTES)
    return Ending(state=State(told.state), error=_error(told.error), result=result)


def _error(told: ScriptError | str | UnsetType) -> JobError | None:
    if told is UNSET:
        return None
    error = ScriptError(message=told) if isinstance(told, str) else told
    return JobError(code=error.code, message=_visible(error.message, "error"))


def _given(value: float | UnsetType) -> float | None:
    return None if value is UNSET else value


def _one_line(text: str) -> str:
    return _INVISIBLE.sub(" ", text).strip()


def _visible(text: str, field: str) -> str:
    line = _one_line(text)
    if not line:
        raise _field_error(field, "This must not be empty.")
    return line


def _small(values: dict[str, Any], field: str, limit_bytes: int) -> dict[str, Any]:
    if len(msgspec.json.encode(values)) > limit_bytes:
        raise InvalidInput(
            errors=[
                FieldError(field=field, message="This is larger than {limit} bytes.", parameters={"limit": limit_bytes})
            ]
        )
    return values


def _field_error(field: str, message: str) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field=field, message=message)])


def _links(call: Call[Any, Any], job: Job) -> JobLinks:
    return job_links(job, call.parts.job_kinds)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/jobs",
        name="begin_job",
        handler=begin_job,
        summary="Begin a job that runs in your own script.",
        access="write",
        body=ExternalJobRequest,
        answer=ExternalJobStarted,
        status=202,
        max_body_bytes=_MAX_BODY_BYTES,
        errors=(409, 429),
    ),
    Endpoint(
        method="PATCH",
        path="/jobs/{id}",
        name="change_job",
        handler=change_job,
        summary="Say how far your own script is, or that it ended.",
        access="write",
        body=_Change,
        answer=JobAnswer,
        max_body_bytes=_MAX_BODY_BYTES,
        errors=(404, 409, 429),
    ),
]

"""What scripts send of their jobs, read as strictly at every door: bodies as they come, as operations take them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from server.errors import FieldError, InvalidInput
from server.http.values import Quantity, described
from server.jobs import external_limits as limits
from server.jobs.external_kind import KIND
from server.jobs.external_told import Ending, NewExternalJob, Update
from server.jobs.job import JobError, State

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


def new_job(wanted: ExternalJobRequest) -> NewExternalJob:
    """Raises `InvalidInput`."""
    return NewExternalJob(
        title=_visible(wanted.title, "title"),
        unit=_visible(wanted.unit, "unit"),
        total=wanted.total,
        stage=_one_line(wanted.stage),
        message=_one_line(wanted.message),
        messages_left_out=wanted.messages_left_out,
        detail=_small(wanted.detail, "detail", limits.DETAIL_BYTES),
    )


def update_of(told: ExternalJobChange) -> Update:
    """Raises `InvalidInput`."""
    return Update(
        progress=_given(told.progress),
        total=_given(told.total),
        stage=None if told.stage is UNSET else _one_line(told.stage),
        message=None if told.message is UNSET else _one_line(told.message),
        messages_left_out=told.messages_left_out,
        detail=None if told.detail is UNSET else _small(told.detail, "detail", limits.DETAIL_BYTES),
        ending=_ending(told),
    )


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

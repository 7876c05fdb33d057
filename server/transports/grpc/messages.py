"""Jobs, uploads and live messages as the .proto has them, and requests as operations take them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp

from server.errors import FieldError, InvalidInput, MalformedRequest
from server.http.decoding import decoded
from server.jobs.keys import require_key
from server.realtime.job_fields import JobFields
from server.transports.grpc.made import jindu_pb2 as pb
from server.uploads.files import Upload

T = TypeVar("T")
_STATES: Mapping[str, pb.JobState] = {
    "queued": pb.JOB_STATE_QUEUED,
    "running": pb.JOB_STATE_RUNNING,
    "succeeded": pb.JOB_STATE_SUCCEEDED,
    "failed": pb.JOB_STATE_FAILED,
    "cancelled": pb.JOB_STATE_CANCELLED,
}
_NAMES: Mapping[int, str] = {number: name for name, number in _STATES.items()}
_AS_THEY_ARE = (
    *("job_id", "kind", "title", "attempt", "revision", "progress", "total", "unit", "percent", "rate", "eta_seconds"),
    *("stage", "message", "outcome", "shown_state", "state_text", "priority", "place", "waiting_for"),
)
_MOMENTS = ("created_at", "started_at", "finished_at", "stalled_since")


def job_message(fields: JobFields) -> pb.Job:
    """What is null there is not there."""
    job = pb.Job(state=_STATES[fields.state], detail_json=_json(fields.detail))
    for name in _AS_THEY_ARE:
        if (value := getattr(fields, name)) is not None:
            setattr(job, name, value)
    for name in _MOMENTS:
        if (moment := getattr(fields, name)) is not None:
            getattr(job, name).FromJsonString(moment)
    if fields.error is not None:
        job.error.code, job.error.message = fields.error.code, fields.error.message
    if fields.result is not None:
        job.result_json = _json(fields.result)
    return job


def upload_message(upload: Upload) -> pb.Upload:
    return pb.Upload(
        upload_id=upload.id,
        name=upload.name,
        size=upload.size,
        offset=upload.offset,
        media_type=upload.media_type,
        sha256=upload.sha256 or "",
        job_id=upload.job_id or "",
        expires_at=_timestamp(upload.expires_at),
        created_at=_timestamp(upload.created_at),
        completed_at=_timestamp(upload.completed_at),
    )


def state_name(state: int, field: str) -> str:
    """As jobs have it. Raises `InvalidInput` for none."""
    if state not in _NAMES:
        raise wrong(field, "Say which state.")
    return _NAMES[state]


def told_as(kind: type[T], values: dict[str, Any], **texts: str) -> T:
    """`values` as a body of the HTTP API would be read; `texts` are such that are JSON themselves, empty for none.

    Raises `InvalidInput` naming the field.
    """
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise wrong(name, "Give a number that is finite.")
    for name, text in texts.items():
        if text:
            values[name] = json_of(text, f"{name}_json")
    told: T = decoded(msgspec.json.encode(values), kind)
    return told


@contextmanager
def in_fields(names: Mapping[str, str]) -> Iterator[None]:
    """What is wrong inside, told of the fields that it came in: by the names of the .proto."""
    try:
        yield
    except InvalidInput as error:
        errors = [replace(each, field=_renamed(each.field, names)) for each in error.errors]
        raise type(error)(error.message, code=error.specific_code, errors=errors, **error.parameters) from None


def _renamed(field: str, names: Mapping[str, str]) -> str:
    first = re.split(r"[.\[]", field, maxsplit=1)[0]
    return names.get(first, first) + field[len(first) :]


def key_of(text: str) -> str | None:
    """None where none is given. Raises `InvalidInput`."""
    if text:
        require_key(text, field="idempotency_key")
    return text or None


def json_of(text: str, field: str) -> Any:
    """Raises `InvalidInput`."""
    try:
        return decoded(text.encode(), Any)
    except MalformedRequest as error:
        raise wrong(field, error.message, **error.parameters) from None
    except InvalidInput as error:
        errors = [replace(each, field=f"{field}.{each.field}".rstrip(".")) for each in error.errors]
        raise InvalidInput(error.message, code=error.specific_code, errors=errors, **error.parameters) from None


def wrong(field: str, message: str, **parameters: object) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field=field, message=message, parameters=parameters)])


def _json(values: Mapping[str, Any]) -> str:
    return msgspec.json.encode(values).decode()


def _timestamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    made = Timestamp()
    made.FromDatetime(at.astimezone(UTC))
    return made

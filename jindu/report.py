"""What one job has to tell the server: which request is next, and what its answer means. Does no input or output."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jindu.errors import ClientError, Problem, Unreachable
from jindu.pauses import full_jitter

_HEARTBEAT_SECONDS = 30.0  # at the most; the server says how much silence it bears
_HEARTBEATS_PER_SILENCE = 3
_LARGEST = 2**53 - 1
_TITLE, _UNIT, _STAGE, _MESSAGE, _ERROR, _DETAIL = 300, 32, 64, 500, 2000, 200  # characters the server takes
_MOST_DETAILS = 20
_PASSING = frozenset({408, 423, 425, 429})  # and all from 500: the same request may succeed later


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is what the JSON held, or empty."""

    status: int
    body: Mapping[str, Any]
    retry_after_seconds: float = 0.0


class Report:
    """The script writes what is so; `next_request` is the difference to what the server knows.

    However often the script writes, only the newest is sent. The owner of the clock passes `now`, in seconds.
    """

    def __init__(self, title: str, *, total: float | None, unit: str) -> None:
        self.title = title
        self.unit = unit
        self.progress: float = 0
        self.total = total
        self.stage = ""
        self.message = ""
        self.detail: dict[str, Any] = {}
        self.ending: dict[str, Any] | None = None
        self.job_id = ""
        self.is_over = False  # nothing more will be sent
        self.is_cancelled = False  # by a person, on the server
        self.problem: ClientError | None = None  # why nothing more will be sent
        self.trouble: ClientError | None = None  # why nothing is sent at this moment
        self._key = uuid.uuid4().hex
        self._told: dict[str, Any] = {"progress": 0, "stage": "", "message": ""}  # what a new job has
        self._told_at = -math.inf
        self._heartbeat_seconds = _HEARTBEAT_SECONDS
        self._failures = 0
        self._not_before = -math.inf
        self.trouble_since = math.inf

    def end(self, state: str, *, error: str = "", result: Mapping[str, Any] | None = None) -> None:
        """The last thing to tell; `state` is succeeded, failed or cancelled. Only the first end counts."""
        if self.ending is not None:
            return
        ending: dict[str, Any] = {"state": state}
        if state == "failed":
            ending["error"] = _text(error, _ERROR) or "The script failed."
        elif state == "succeeded":
            if result:
                ending["result"] = _plain(result)
            if self.total is not None and 0 < self.progress < self.total:
                self.total = self.progress  # it was an estimate: what was done is all there was
        self._not_before = -math.inf  # whatever went wrong before: try at once, the script waits for us
        self.ending = ending

    def give_up(self) -> None:
        """Send nothing more."""
        if not self.is_over:
            self.problem = self.problem or self.trouble or Unreachable("The server did not answer in time.")
        self.is_over = True

    def next_request(self, now: float) -> Request | None:
        """What to send at this moment, if anything."""
        if self.is_over or now < self._not_before:
            return None
        if not self.job_id:
            first = {"title": _text(self.title, _TITLE) or "Script", "unit": _text(self.unit, _UNIT) or "steps"}
            values = {name: value for name, value in self._values().items() if name != "progress" and value != ""}
            return Request("POST", "/api/v1/jobs", first | values, {"Idempotency-Key": self._key})
        ending = self.ending
        changes = {name: value for name, value in self._values().items() if self._told.get(name) != value}
        if not changes and not ending and now < self._told_at + self._heartbeat_seconds:
            return None
        return Request("PATCH", f"/api/v1/jobs/{self.job_id}", changes | (ending or {}))

    def answered(self, request: Request, answer: Answer, now: float) -> None:
        """Take in what came back."""
        if answer.status < 300:
            self._done(request, answer.body, now)
        elif answer.status >= 500 or answer.status in _PASSING:
            self._try_later(_problem(answer), now, answer.retry_after_seconds)
        else:
            self.is_cancelled = answer.body.get("code") == "job_cancelled"
            self.problem = None if self.is_cancelled else _problem(answer)
            self.is_over = True

    def unreachable(self, url: str, error: Exception, now: float) -> None:
        """No answer came."""
        reason = str(error) or type(error).__name__
        self._try_later(Unreachable(f"{url} cannot be reached ({reason}). Is the server running?"), now, 0.0)

    def _done(self, request: Request, body: Mapping[str, Any], now: float) -> None:
        if request.method == "POST":
            self.job_id = str(body.get("job_id", ""))
            if not self.job_id:
                self.problem = Problem(0, "", "This is no Jindu server, or one too old for jobs of your own.")
                self.is_over = True
                return
            silence = body.get("silence_seconds")
            if isinstance(silence, int | float) and silence > 0:
                self._heartbeat_seconds = min(_HEARTBEAT_SECONDS, silence / _HEARTBEATS_PER_SILENCE)
        self._told.update(request.body)
        self._told_at = now
        self._failures = 0
        self.trouble = None
        self.trouble_since = math.inf
        self.is_over = "state" in request.body

    def _try_later(self, trouble: ClientError, now: float, seconds: float) -> None:
        self.trouble = trouble
        self.trouble_since = min(self.trouble_since, now)
        self._not_before = now + max(seconds, full_jitter(self._failures))
        self._failures += 1
        if self.ending is not None and not self.job_id:
            self.give_up()  # the server never knew of it: nothing there waits for an end

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "progress": _count(self.progress) or 0,
            "stage": _text(self.stage, _STAGE),
            "message": _text(self.message, _MESSAGE),
        }
        total = _count(self.total)
        if total is not None:
            values["total"] = total
        if self.detail:
            values["detail"] = _plain(self.detail)
        return values


def _count(value: float | None) -> int | None:
    if value is None or not math.isfinite(value):
        return None
    return min(_LARGEST, max(0, int(value)))


def _text(value: object, longest: int) -> str:
    """As UTF-8 can carry it: half a surrogate pair, as file names may hold, cannot be sent."""
    text = " ".join(str(value).encode("utf-8", "replace").decode().split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {_text(name, _UNIT): _plain_value(value) for name, value in list(values.items())[:_MOST_DETAILS]}


def _plain_value(value: object) -> bool | int | float | str | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _text(value, _DETAIL)


def _problem(answer: Answer) -> Problem:
    body = answer.body
    if 300 <= answer.status < 400:
        return Problem(answer.status, "redirected", "The server is somewhere else; correct JINDU_URL.")
    told = str(body.get("detail") or body.get("title") or f"The server answered {answer.status}.")
    errors = body.get("errors")
    fields = [
        f"{error.get('field', '')}: {error.get('message', '')}" for error in errors or () if isinstance(error, dict)
    ]
    return Problem(answer.status, str(body.get("code", "")), "\n".join([told, *fields]))

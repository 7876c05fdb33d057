"""What one job has to tell the server: which request is next, and what its answer means. Does no input or output."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jindu import fitting, limits
from jindu.errors import ClientError, Problem, Unreachable
from jindu.pauses import full_jitter

_HEARTBEAT_SECONDS = 30.0  # at the most; the server says how much silence it bears
_HEARTBEATS_PER_SILENCE = 3
_PASSING = frozenset({408, 423, 425, 429})  # and all from 500: the same request may succeed later
_PASSING_CODES = frozenset({"too_many_external_jobs"})  # until another one ends
_SLOWEST = 16.0
_STRANGER_SECONDS = 3.0  # where nobody answered ever, more of the script's time is not worth it

SAYS_NOTHING = "The script failed."
# What stands in for a part that the server does not take, where there must be something.
_INSTEAD = {"title": "Script", "unit": "steps", "error": SAYS_NOTHING}
# In this order they are given up when the server does not say what was wrong.
_WORTH = (("detail", "result"), ("error", "message", "stage"), ("progress", "total"), ("title", "unit"))


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    said: int = 0  # how many messages the script had said when it was made


@dataclass(frozen=True)
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
        self.key = uuid.uuid4().hex
        self.progress: float = 0
        self.counted_elsewhere: Callable[[], float] = _nothing  # by child processes, besides `progress`
        self.total = None if total is None else fitting.amount(total)
        self.stage = ""
        self.detail: dict[str, Any] = {}
        self.ending: dict[str, Any] | None = None
        self.job_id = ""
        self.is_over = False  # nothing more will be sent
        self.is_cancelled = False  # by a person, on the server
        self.problem: ClientError | None = None  # why nothing more will be sent
        self.trouble: ClientError | None = None  # why nothing is sent at this moment
        self.trouble_since = math.inf
        self.left_out: dict[str, str] = {}  # parts that the server did not take, and why
        self._told: dict[str, Any] = {"progress": 0, "stage": ""}  # what a new job has
        self._message = ""
        self._said = self._said_and_told = 0  # messages
        self._told_at = -math.inf
        self._refused: dict[str, Any] = {}  # part → its value
        self._takes_fractions = self._takes_gaps = True
        self._heartbeat_seconds = _HEARTBEAT_SECONDS
        self._failures = 0
        self._slowness = 1.0  # how many times as long as wished it waits between updates: the server has many to hear
        self._not_before = -math.inf
        self._heard_at = -math.inf
        self._is_stranger = True
        self._is_under_way = False  # a request, to which somebody may yet answer
        self._ended_at = math.inf
        self._sure_at = -math.inf  # until then, `end` may still say better how it ended
        self._ask: Callable[[], None] = lambda: None

    @property
    def done(self) -> float:
        """Units, those of child processes included."""
        return self.progress + self.counted_elsewhere()

    @property
    def message(self) -> str:
        """The newest; those that another one follows before they could be sent are counted."""
        return self._message

    @message.setter
    def message(self, text: str) -> None:
        if text != self._message:
            self._message = text
            self._said += 1

    @property
    def is_unsure(self) -> bool:
        """Whether it ended in a way about which more may become known."""
        return self.ending is not None and self._sure_at > -math.inf

    def end(self, state: str, *, error: str = "", result: Mapping[str, Any] | None = None) -> None:
        """The last thing to tell; `state` is succeeded, failed or cancelled. Only the first end counts."""
        if self.ending is not None and not self.is_unsure:
            return
        self._sure_at = -math.inf
        self._end(state, error, result)

    def end_unless(self, state: str, *, error: str = "", sure_at: float, ask: Callable[[], None]) -> None:
        """So it ended, unless `end` says better until then, or `ask`, called last, makes it say so."""
        if self.ending is None:
            self._sure_at = sure_at
            self._ask = ask
            self._end(state, error, None)

    def be_sure(self) -> None:
        """Nothing better will become known."""
        if self.is_unsure:
            self._ask()
            self._sure_at = -math.inf

    def _end(self, state: str, error: str, result: Mapping[str, Any] | None) -> None:
        ending: dict[str, Any] = {"state": state}
        if state == "failed":
            ending["error"] = fitting.text(error, limits.ERROR_CHARACTERS) or _INSTEAD["error"]
        elif state == "succeeded":
            if result:
                ending["result"] = fitting.result(result)
            if self.total is not None and 0 < self.done < self.total and not math.isclose(self.done, self.total):
                self.total = self.done  # it was an estimate: what was done is all there was
        self._not_before = -math.inf  # whatever went wrong before: try at once, the script waits for us
        self.ending = ending

    def give_up(self) -> None:
        """Send nothing more."""
        if not self.is_over:
            self.problem = self.problem or self.trouble or Unreachable("The server did not answer in time.")
        self.is_over = True

    def is_worth_waiting(self, now: float, patience_seconds: float) -> bool:
        """Whether the end may still be told. A server that answers, be it “later”, is waited for."""
        if self.is_over or self.ending is None:
            return False
        self._ended_at = min(self._ended_at, now)
        if self._is_stranger and not self._is_under_way:
            patience_seconds = min(patience_seconds, _STRANGER_SECONDS)
        return now < max(self._ended_at, self._heard_at) + patience_seconds

    def due_at(self, now: float, interval_seconds: float) -> float:
        """When to ask for `next_request` again."""
        if self.ending is not None:
            return max(now, self._not_before, self._sure_at)
        return max(now + interval_seconds * self._slowness, self._not_before)

    def next_request(self, now: float) -> Request | None:
        """What to send at this moment, if anything; `answered` or `unreachable` has to follow."""
        request = self._next_request(now)
        self._is_under_way = request is not None
        return request

    def _next_request(self, now: float) -> Request | None:
        if self.is_over or now < self._not_before:
            return None
        if now >= self._sure_at:
            self.be_sure()
        if not self.job_id:
            body = {"title": fitting.text(self.title, limits.TITLE_CHARACTERS) or _INSTEAD["title"]}
            body["unit"] = fitting.text(self.unit, limits.UNIT_CHARACTERS) or _INSTEAD["unit"]
            body |= {name: value for name, value in self._values().items() if name != "progress" and value != ""}
            return Request("POST", "/api/v1/jobs", self._taken(body), {"Idempotency-Key": self.key}, self._said)
        ending = None if self.is_unsure else self.ending
        changes = {name: value for name, value in self._values().items() if self._told.get(name) != value}
        body = self._taken({**changes, **(ending or {})})
        if not body and now < self._told_at + self._heartbeat_seconds:
            return None
        return Request("PATCH", f"/api/v1/jobs/{self.job_id}", body, said=self._said)

    def somebody_is_there(self) -> None:
        """Another report had an answer from the same server."""
        self._is_stranger = False

    def answered(self, request: Request, answer: Answer, now: float) -> None:
        """Take in what came back."""
        self._heard_at = now
        self._is_stranger = self._is_under_way = False
        code = answer.body.get("code")
        if answer.status < 300:
            self._done(request, answer.body, now)
        elif answer.status >= 500:
            self._try_later(_problem(answer), now, max(answer.retry_after_seconds, self._grown_pause()))
        elif answer.status in _PASSING or code in _PASSING_CODES:
            # Somebody is there who counts requests: the same pause for all would bring all back at once.
            self._slowness = min(_SLOWEST, 2 * self._slowness)
            pause = max(1.0, answer.retry_after_seconds) * random.uniform(1.0, 2.0)  # noqa: S311 - no secret
            self._try_later(_problem(answer), now, pause)
        elif answer.status == 422 and self._leave_out(request, answer.body):
            self._not_before = -math.inf
        else:
            self.is_cancelled = code == "job_cancelled"
            self.problem = None if self.is_cancelled else _problem(answer)
            self.is_over = True

    def unreachable(self, url: str, error: Exception, now: float, *, pause_seconds: float | None = None) -> None:
        """No answer came; wait so long, or longer with each failure."""
        self._is_under_way = False
        pause = self._grown_pause() if pause_seconds is None else pause_seconds
        if is_slow(error):
            self._is_stranger = False  # somebody is there, who has much to do
        self._try_later(Unreachable(_reason(url, error)), now, pause)

    def _done(self, request: Request, body: Mapping[str, Any], now: float) -> None:
        if request.method == "POST":
            self.job_id = str(body.get("job_id", ""))
            if not self.job_id:
                self.problem = Problem(0, "", "This is no Jindu server, or one too old for jobs of your own.")
                self.is_over = True
                return
            silence = body.get("silence_seconds")
            if isinstance(silence, (int, float)) and silence > 0:
                self._heartbeat_seconds = min(_HEARTBEAT_SECONDS, silence / _HEARTBEATS_PER_SILENCE)
        told = dict(request.body)
        if told.pop("message", None) is not None:
            self._said_and_told = request.said
        self._told.update(told)
        self._told_at = now
        self._failures = 0
        self._slowness = max(1.0, 0.9 * self._slowness)
        self.trouble = None
        self.trouble_since = math.inf
        self.is_over = "state" in request.body

    def _grown_pause(self) -> float:
        self._failures += 1
        return full_jitter(self._failures - 1)

    def _try_later(self, trouble: ClientError, now: float, pause_seconds: float) -> None:
        self.trouble = trouble
        self.trouble_since = min(self.trouble_since, now)
        self._not_before = now + pause_seconds

    def _leave_out(self, request: Request, problem: Mapping[str, Any]) -> bool:
        """Go on without the parts that are wrong; False when nothing is left that could be left out."""
        reasons = {str(error.get("field", "")): str(error.get("message", "")) for error in _errors(problem)}
        named = {field.partition(".")[0].partition("[")[0]: reason for field, reason in reasons.items()}
        wrong = {part: reason for part, reason in named.items() if part in request.body and part != "state"}
        if not wrong:
            told = str(problem.get("detail") or "")
            groups = [{part: told for part in group if part in request.body} for group in _WORTH]
            wrong = next((group for group in groups if group), {})
        if self._takes_gaps and "messages_left_out" in request.body and (not named or "messages_left_out" in named):
            self._takes_gaps = False  # an older server
            return True
        if self._takes_fractions and any(isinstance(request.body[part], float) for part in wrong):
            self._takes_fractions = False  # an older server
            return True
        for part, reason in wrong.items():
            self._refused[part] = request.body[part]
            self.left_out.setdefault(part, reason)
        return bool(wrong)

    def _taken(self, body: dict[str, Any]) -> dict[str, Any]:
        """`body` without what the server refused before; what changed since is tried again."""
        taken = dict(body)
        for part, value in body.items():
            if part in self._refused and self._refused[part] == value:
                del taken[part]
                if _INSTEAD.get(part, value) != value:
                    taken[part] = _INSTEAD[part]
        if "message" not in taken:
            taken.pop("messages_left_out", None)
        return taken

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "progress": self._number(self.done) or 0,
            "stage": fitting.text(self.stage, limits.STAGE_CHARACTERS),
            **self._news(),
        }
        total = self._number(self.total)
        if total is not None:
            values["total"] = total
        if self.detail:
            values["detail"] = fitting.detail(self.detail)
        return values

    def _news(self) -> dict[str, Any]:
        """What it said last, and how much it said before that in vain: the job's log shows a gap there."""
        untold = self._said - self._said_and_told
        if untold == 0:
            return {}
        news: dict[str, Any] = {"message": fitting.text(self._message, limits.MESSAGE_CHARACTERS)}
        if untold > 1 and self._takes_gaps:
            news["messages_left_out"] = untold - 1
        return news

    def _number(self, value: float | None) -> float | None:
        fit = fitting.number(value)
        return fit if fit is None or self._takes_fractions else int(fit)


def _nothing() -> float:
    return 0.0


def is_slow(error: Exception) -> bool:
    """Whether somebody may be there, only not in time."""
    return "timeout" in type(error).__name__.lower() or "timed out" in str(error)


def _reason(url: str, error: Exception) -> str:
    if is_slow(error):
        return f"{url} does not answer in time. Is it overloaded, or is something else there than Jindu?"
    return f"{url} cannot be reached ({str(error) or type(error).__name__}). Is the server running?"


def _errors(problem: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [error for error in problem.get("errors") or () if isinstance(error, dict)]


def _problem(answer: Answer) -> Problem:
    body = answer.body
    if 300 <= answer.status < 400:
        return Problem(answer.status, "redirected", "The server is somewhere else; correct JINDU_URL.")
    told = str(body.get("detail") or body.get("title") or f"The server answered {answer.status}.")
    fields = [f"{error.get('field', '')}: {error.get('message', '')}" for error in _errors(body)]
    return Problem(answer.status, str(body.get("code", "")), "\n".join([told, *fields]))

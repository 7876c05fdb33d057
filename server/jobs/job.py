"""A job as a value: its fields, its states, and the one table of moves between them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from server.jobs.waiting import Waiting
from server.texts import told

OF_SCRIPTS = "external"
"""The kind of jobs that run elsewhere, in scripts of people."""


class State(StrEnum):
    QUEUED = "queued"  # waiting for its turn
    RUNNING = "running"  # an attempt is under way
    SUCCEEDED = "succeeded"  # done; `result` says where to find what it made
    FAILED = "failed"  # ended by an error; `error` says why, and it can be retried
    CANCELLED = "cancelled"  # ended by a person; it can be retried

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


LEGAL_MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED, State.FAILED}),
    # back to queued: its process or server went away in the middle
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.QUEUED}),
    State.SUCCEEDED: frozenset(),
    # retry; or back to running: the script of which nothing was heard for too long speaks again
    State.FAILED: frozenset({State.QUEUED, State.RUNNING}),
    State.CANCELLED: frozenset({State.QUEUED}),  # retry
}
FINAL_STATES = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


class Completeness(StrEnum):
    """How a job that succeeded did: `outcome` in the protocol."""

    COMPLETE = "complete"
    PARTIAL = "partial"  # some of it failed or was left out


FINISHING = "finishing"  # the stage in which nothing is left to count, and something to be done
PAUSED = "paused"  # the stage of what waits because a person wants it to
_MOST_UNFINISHED_PERCENT = 99.9


class Priority(StrEnum):
    """Orders the jobs of one owner; nobody else waits longer for it."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"

    @property
    def rank(self) -> int:
        return list(Priority).index(self)


class JobError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a job or report failed: a stable code, and the English text with `{placeholders}` to translate and fill."""

    code: str
    message: str
    parameters: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """The message in English."""
        return self.translated(str)

    def translated(self, gettext: Callable[[str], str]) -> str:
        return told(self.message, self.parameters, gettext)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One job at one moment. `revision` grows by one with every change, so the newer of two is always known.

    `progress` and `total` count `unit`s, and may be fractions; `total` is None while unknown. `rate` is in units a
    second. `stalled_since` is when a running one last moved, once that is longer ago than its steps usually take;
    `is_stalled`: longer than any of its kind should. `sequence` is its place among all jobs, whatever clocks say.
    """

    id: str
    kind: str
    owner_id: str
    title: str
    unit: str
    created_at: datetime
    state: State = State.QUEUED
    attempt: int = 0
    interruptions: int = 0  # attempts since the last retry that ended because the server went away
    failures: int = 0  # and those that ended for a reason that may pass
    not_before: datetime | None = None  # when the next of these may begin
    priority: Priority = Priority.NORMAL
    waiting: Waiting | None = None  # why it does not move; known while it waits, and not stored
    revision: int = 0
    progress: float = 0
    total: float | None = None
    rate: float | None = None
    stage: str = ""
    message: str = ""
    detail: dict[str, Any] = {}
    error: JobError | None = None
    result: dict[str, Any] | None = None
    parameters: dict[str, Any] = {}
    cancel_requested: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    sequence: int = 0
    outcome: Completeness | None = None
    took_seconds: float | None = None
    stalled_since: datetime | None = None
    is_stalled: bool = False
    last_seconds: float | None = None  # how long the owner's last one of this kind and title took
    unit_seconds: float | None = None  # how long a unit usually takes, while its own pace is not known

    @property
    def percent(self) -> float | None:
        """0 to 100, None while there is nothing to tell; 100 only once it is done."""
        if self.state is State.SUCCEEDED:
            return 100.0
        if not self.total or (self.state is State.QUEUED and not self.progress):
            return None
        return min(_MOST_UNFINISHED_PERCENT, round(100 * self.progress / self.total, 1))

    @property
    def is_finishing(self) -> bool:
        """Whether all is counted, and it is not done yet."""
        is_counted = bool(self.total) and self.total is not None and self.progress >= self.total
        return self.state is State.RUNNING and (is_counted or self.stage == FINISHING)

    @property
    def pace(self) -> float | None:
        """Units a second at this moment: what it did before says nothing of one that waits for a worker."""
        return self.rate if self.state is State.RUNNING and self.waiting is None else None

    @property
    def eta_seconds(self) -> float | None:
        """By its own pace, or else by how long such jobs usually take."""
        is_standing = self.stalled_since is not None or self.waiting is not None or self.stage == PAUSED
        if self.state is not State.RUNNING or is_standing or self.is_finishing or not self.total:
            return None
        left = max(0, self.total - self.progress)
        if self.pace:
            return round(left / self.pace, 1)
        return None if self.unit_seconds is None else round(left * self.unit_seconds, 1)

    def evolve(self, **changes: Any) -> Job:
        """The job after a change, one revision later; raises `ValueError` on an illegal move."""
        target = changes.get("state", self.state)
        if target is not self.state and target not in LEGAL_MOVES[self.state]:
            raise ValueError(f"job {self.id}: {self.state} → {target} is not a legal move")
        if target is not self.state:
            changes.setdefault("waiting", None)
        return msgspec.structs.replace(self, revision=self.revision + 1, **changes)


def whole(value: float) -> float:
    """The same number, as an integer where it is one: nobody counts `3.0` rows."""
    return int(value) if isinstance(value, float) and value.is_integer() else value

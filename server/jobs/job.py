"""A job as a value: its fields, its states, and the one table of moves between them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from server.jobs.waiting import Waiting
from server.texts import told


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
    State.FAILED: frozenset({State.QUEUED}),  # retry
    State.CANCELLED: frozenset({State.QUEUED}),  # retry
}
FINAL_STATES = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


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

    `progress` and `total` count `unit`s; `total` is None while unknown. `rate` is in units a second.
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
    progress: int = 0
    total: int | None = None
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

    @property
    def percent(self) -> float | None:
        """0 to 100, None while the total is unknown; 100 only once everything is done."""
        if self.total is None:
            return 100.0 if self.state is State.SUCCEEDED else None
        if self.total == 0:
            return 100.0
        return min(100.0, round(100 * self.progress / self.total, 1))

    @property
    def eta_seconds(self) -> float | None:
        if self.state is not State.RUNNING or self.total is None or not self.rate:
            return None
        return round(max(0, self.total - self.progress) / self.rate, 1)

    def evolve(self, **changes: Any) -> Job:
        """The job after a change, one revision later; raises `ValueError` on an illegal move."""
        target = changes.get("state", self.state)
        if target is not self.state and target not in LEGAL_MOVES[self.state]:
            raise ValueError(f"job {self.id}: {self.state} → {target} is not a legal move")
        if target is not self.state:
            changes.setdefault("waiting", None)
        return msgspec.structs.replace(self, revision=self.revision + 1, **changes)

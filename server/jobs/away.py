"""Jobs that wait for what all nodes share, the store of files or the database: how that stands in their rows.

It is none of their failures. They go on by themselves, soon after it is back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.clock import utc_now
from server.jobs.job import Job, State
from server.jobs.waiting import WaitingFor
from server.storage.blob_store import FileDamaged, StorageAway
from server.storage.database import DatabaseAway

FILES_AWAY, DATABASE_AWAY = "files_away", "database_away"
"""Stages of a queued job that waits for one of them; `stalled_since` is since when."""

_WAITS_FOR = {FILES_AWAY: WaitingFor.FILES, DATABASE_AWAY: WaitingFor.DATABASE}
_SAYS = {
    FILES_AWAY: "The store of files did not answer. This goes on by itself once it is back.",
    DATABASE_AWAY: "The database did not answer. This goes on by itself once it is back.",
}
_LEAST_PAUSE_SECONDS, _MOST_PAUSE_SECONDS = 5.0, 120.0
_PAUSE_SHARE = 0.25  # of how long it has waited by then
_SAME_OUTAGE_SECONDS = 90.0  # an attempt that ran for longer had what it needs meanwhile


def is_held_up(job: Job) -> bool:
    """Whether it waits, or waited until its attempt began, for what is away."""
    return job.stage in _WAITS_FOR


def waits_for(job: Job) -> WaitingFor | None:
    return _WAITS_FOR.get(job.stage) if job.state is State.QUEUED else None


def stage_of(error: BaseException) -> str | None:
    """None when it is of another kind: of a file that is damaged nobody can say that it will be whole."""
    if isinstance(error, StorageAway) and not isinstance(error, FileDamaged):
        return FILES_AWAY
    return DATABASE_AWAY if isinstance(error, DatabaseAway) else None


def held_up_since(job: Job, stage: str, now: datetime) -> datetime:
    """`job` as its attempt began; an outage may last for many of these."""
    began = job.started_at or now
    is_the_same = job.stage == stage and now - began <= timedelta(seconds=_SAME_OUTAGE_SECONDS)
    return job.stalled_since if is_the_same and job.stalled_since is not None else now


def pause_seconds(since: datetime, now: datetime) -> float:
    """Until it is tried again, where it does not look as if it were away (`Patience.holds_up`)."""
    return min(_MOST_PAUSE_SECONDS, max(_LEAST_PAUSE_SECONDS, _PAUSE_SHARE * (now - since).total_seconds()))


def said_of(stage: str) -> str:
    return _SAYS[stage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how long jobs wait, and whether files can be had at this node at the moment."""

    seconds: float
    files_away: Callable[[], bool]

    def ended_before(self) -> datetime:
        """What waited since then or longer has its last attempt."""
        return utc_now() - timedelta(seconds=self.seconds)

    def holds_up(self, job: Job) -> bool:
        """Whether to begin it would be in vain."""
        is_waiting = job.stage == FILES_AWAY and self.files_away()
        return is_waiting and job.stalled_since is not None and job.stalled_since > self.ended_before()


IMPATIENT = Patience(seconds=0.0, files_away=lambda: False)

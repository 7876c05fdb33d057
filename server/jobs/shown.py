"""How a job's state is told to people: one word more than the protocol's five states, and its text."""

from __future__ import annotations

from collections.abc import Callable

from babel import Locale

from server.jobs.job import PAUSED, Completeness, Job, State
from server.jobs.kinds import JobKind
from server.texts import phrase, told

STALLED, FINISHING, WAITING_FOR_SENDER, PARTIAL = "stalled", "finishing", "waiting_for_sender", "partial"
_LEAST_MISSING_PERCENT = 1.5  # one of a million must be seen, too
_TEXTS = {
    State.QUEUED.value: phrase("Waiting"),
    State.RUNNING.value: phrase("Running"),
    State.SUCCEEDED.value: phrase("Done"),
    State.FAILED.value: phrase("Failed"),
    State.CANCELLED.value: phrase("Cancelled"),
    STALLED: phrase("Stalled"),
    FINISHING: phrase("Finishing"),
    PAUSED: phrase("Paused"),
    WAITING_FOR_SENDER: phrase("Waiting for the browser"),
    PARTIAL: phrase("Done, but not all of it"),
}


def shown_state(job: Job, kind: JobKind) -> str:
    """`job.state`, or more exactly: how it stands while it runs, and whether all of it succeeded."""
    if job.outcome is Completeness.PARTIAL:
        return PARTIAL
    if job.state is not State.RUNNING:
        return job.state.value
    if job.stage == PAUSED:
        return PAUSED
    if job.is_stalled:
        return kind.stands_still_as
    return FINISHING if job.is_finishing else job.state.value


def missing_count(job: Job, kind: JobKind) -> int:
    """How many of what it counts failed or were left out, so far or for good."""
    return kind.missing.count(job) if kind.missing is not None else 0


def missing_percent(job: Job, kind: JobKind) -> float:
    """The part of its bar, at the end of what is done, that failed or was left out."""
    count = missing_count(job, kind)
    if kind.missing is None or not count or job.percent is None:
        return 0.0
    done = job.progress if kind.missing.is_counted else job.progress + count
    share = job.percent * min(1.0, count / done) if done else job.percent
    return round(min(job.percent, max(_LEAST_MISSING_PERCENT, share)), 1)


def state_text(job: Job, kind: JobKind, translate: Callable[[str], str], locale: Locale) -> str:
    """`Running`, `Stalled`, `Done · 1,200 left out`."""
    count = missing_count(job, kind)
    if job.outcome is Completeness.PARTIAL and kind.missing is not None and count:
        return told(kind.missing.label, {"count": count}, translate, locale=locale)
    return told("{text}", {"text": _TEXTS[shown_state(job, kind)]}, translate)

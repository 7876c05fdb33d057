"""How a job's state is told to people: one word more than the protocol's five states, and its text."""

from __future__ import annotations

from collections.abc import Callable

from server.jobs.job import PAUSED, Completeness, Job, State
from server.jobs.kinds import JobKind
from server.texts import phrase, told

STALLED, FINISHING, WAITING_FOR_SENDER, PARTIAL = "stalled", "finishing", "waiting_for_sender", "partial"
_TEXTS = {
    State.QUEUED.value: phrase("Waiting"),
    State.RUNNING.value: phrase("Running"),
    State.SUCCEEDED.value: phrase("Done"),
    State.FAILED.value: phrase("Failed"),
    State.CANCELLED.value: phrase("Cancelled"),
    STALLED: phrase("Stalled"),
    FINISHING: phrase("Finishing"),
    PAUSED: phrase("Paused"),
    WAITING_FOR_SENDER: phrase("Waiting for the browser that sends it"),
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


def state_text(job: Job, kind: JobKind, translate: Callable[[str], str]) -> str:
    """`Running`, `Stalled`, `Done · 1 failed`."""
    count = missing_count(job, kind)
    if job.outcome is Completeness.PARTIAL and kind.missing is not None and count:
        return told(kind.missing.label, {"count": count}, translate)
    return told("{text}", {"text": _TEXTS[shown_state(job, kind)]}, translate)

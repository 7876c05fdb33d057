"""Jobs as people see them, in their language: in messages while they move, and in snapshots."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from server.auth.permissions import Principal
from server.base_path import BasePath
from server.clock import rfc3339, rfc3339_now
from server.jobs.job import Job, JobError, whole
from server.jobs.kinds import JobKinds
from server.jobs.shown import missing_count, missing_percent, shown_state, state_text
from server.jobs.table import JobTable
from server.languages import Languages, babel_locale
from server.live.waiting_words import waiting_words
from server.realtime import protocol
from server.realtime.broker import Publication, event_topic, user_topic
from server.realtime.job_fields import JobFields, JobProblem
from server.realtime.manager import ConnectionManager
from server.realtime.wording import Wording

ALL_JOBS = "jobs:*"
_MESSAGES: dict[str, type[protocol.JobMessage]] = {
    str(message.__struct_config__.tag): message
    for message in protocol.SERVER_MESSAGES
    if issubclass(message, protocol.JobMessage)
}
"""By which a kind's jobs are told (`JobKind.message`)."""


class JobMoved(Publication, frozen=True, kw_only=True):
    """A job is at a newer revision. It comes without its parameters: these may be large, and only its function's."""

    job: Job
    is_life_change: bool

    @property
    def topics(self) -> tuple[str, ...]:
        return (user_topic(self.job.owner_id), event_topic(f"job:{self.job.id}"), event_topic(ALL_JOBS))


_ANYBODY = ""  # as a reader


class JobMessages:
    def __init__(
        self,
        *,
        manager: ConnectionManager,
        table: JobTable,
        kinds: JobKinds,
        languages: Languages,
        base_path: BasePath,
    ) -> None:
        self._manager = manager
        self._table = table
        self._kinds = kinds
        self._languages = languages
        self._base_path = base_path

    def snapshot(self, principal: Principal, language: str) -> list[JobFields]:
        """The live jobs of a user, as the `jobs` command answers."""
        return [self.fields(job, language, principal.user_id) for job in self._table.live_of(principal.user_id)]

    def fields(self, job: Job, language: str, reader_id: str) -> JobFields:
        return JobFields(**self._values(job, language, reader_id))

    def changed(self, job: Job, language: str, *, timestamp: str) -> protocol.JobChanged:
        """The `job` message."""
        return protocol.JobChanged(**self._values(job, language, job.owner_id), timestamp=timestamp)

    def know(self, job: Job) -> None:
        """As something that was kept tells: what was said of it when it moved may be lost."""
        self._table.take(job)

    def deliver(self, moved: JobMoved) -> None:
        """To the job's owner and to whoever watches it; to nobody when it comes late."""
        if not self._table.take(moved.job):
            return
        job, now = moved.job, rfc3339_now()
        self._tell_owner(job, now, is_life_change=moved.is_life_change)
        for event in (f"job:{job.id}", ALL_JOBS):
            self._tell_watchers(event, job, now)

    def _tell_owner(self, job: Job, now: str, *, is_life_change: bool) -> None:
        message = _MESSAGES[self._kinds.shown(job.kind).message]
        if message is protocol.JobChanged and is_life_change:
            return  # its kept `job` message follows at once
        wording = Wording(lambda language: message(**self._values(job, language, job.owner_id), timestamp=now))
        # By the key, a newer one takes the place of one that could not be sent yet: who reads slowly skips, not queues.
        self._manager.send_json_to_user(job.owner_id, wording, key=("progress", job.id))

    def _tell_watchers(self, event: str, job: Job, now: str) -> None:
        # One text for all who watch: nothing in it may depend on who reads.
        fields = functools.partial(self.fields, job, reader_id=_ANYBODY)
        wording = Wording(lambda language: protocol.Event(timestamp=now, event=event, data=fields(language)))
        self._manager.publish(event, wording, owner_id=job.owner_id, key=(event, job.id))

    def _values(self, job: Job, language: str, reader_id: str) -> dict[str, Any]:
        translations, kind = self._languages.of(language), self._kinds.shown(job.kind)
        gettext, waiting = translations.gettext, job.waiting
        return {
            "job_id": job.id,
            "kind": job.kind,
            "title": job.title,
            "state": job.state.value,
            "attempt": job.attempt,
            "revision": job.revision,
            "progress": whole(job.progress),
            "total": None if job.total is None else whole(job.total),
            "unit": job.unit,
            "percent": job.percent,
            "rate": job.pace,
            "eta_seconds": job.eta_seconds,
            "stage": job.stage,
            "message": gettext(job.message) if job.message else "",
            "error": problem(job.error, gettext) if job.error else None,
            "result": self._result(job),
            "created_at": rfc3339(job.created_at),
            "started_at": rfc3339(job.started_at) if job.started_at else None,
            "finished_at": rfc3339(job.finished_at) if job.finished_at else None,
            "detail": job.detail,
            "outcome": job.outcome.value if job.outcome else None,
            "stalled_since": rfc3339(job.stalled_since) if job.stalled_since else None,
            "shown_state": shown_state(job, kind),
            "state_text": state_text(job, kind, gettext, babel_locale(language)),
            "missing": missing_count(job, kind),
            "missing_percent": missing_percent(job, kind),
            "took_seconds": job.took_seconds,
            "last_seconds": job.last_seconds,
            "priority": job.priority.value,
            "place": waiting.place if waiting else None,
            "waiting_for": waiting_words(waiting, self._kinds, translations, is_readers=job.owner_id == reader_id)
            if waiting
            else None,
        }

    def _result(self, job: Job) -> dict[str, Any] | None:
        """Its links as they lead there from outside; what a script pushed stays as it is."""
        result, kind = job.result, self._kinds.find(job.kind)
        links = (result or {}).get("links")
        if kind is None or kind.is_external or not isinstance(links, dict):
            return result
        return {**(result or {}), "links": {name: self._base_path.outside(link) for name, link in links.items()}}


def problem(error: JobError, gettext: Callable[[str], str]) -> JobProblem:
    """Why a job failed, in the reader's language."""
    return JobProblem(code=error.code, message=error.translated(gettext))

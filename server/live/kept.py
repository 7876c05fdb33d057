"""Kept messages: how they are stored, in nobody's language yet, and what they say in somebody's."""

from __future__ import annotations

from typing import Any

import msgspec

from server.base_path import BasePath
from server.clock import rfc3339
from server.jobs.job import Job, State
from server.jobs.outcomes import Notice
from server.languages import Languages, babel_locale
from server.live.job_messages import JobMessages
from server.realtime import protocol
from server.realtime.broker import KeptTold
from server.realtime.catching_up import CatchUp
from server.realtime.history import History, KeptMessage
from server.realtime.history_rules import JOB
from server.realtime.manager import ConnectionManager
from server.realtime.positions import KeptArrival
from server.realtime.wording import Wording
from server.texts import told

_LEVELS = ("info", "success", "warning", "error")


class _KeptJob(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    state: State
    job: Job


class _KeptNotice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    title: str
    body: str = ""
    level: str = "info"
    url: str = ""
    parameters: dict[str, Any] = {}


def job_body(job: Job) -> bytes:
    kept = _KeptJob(job_id=job.id, state=job.state, job=msgspec.structs.replace(job, parameters={}))
    return msgspec.json.encode(kept)


def notice_body(notice: Notice) -> bytes:
    kept = _KeptNotice(
        title=notice.title, body=notice.body, level=notice.level, url=notice.url, parameters=notice.parameters
    )
    return msgspec.json.encode(kept)


class KeptMessages:
    def __init__(
        self,
        *,
        manager: ConnectionManager,
        history: History,
        job_messages: JobMessages,
        languages: Languages,
        base_path: BasePath,
        catch_up: CatchUp,
    ) -> None:
        self._catch_up = catch_up
        catch_up.told_by(self._tell)
        self._manager = manager
        self._history = history
        self._job_messages = job_messages
        self._languages = languages
        self._base_path = base_path

    def render(self, kept: KeptMessage, language: str) -> bytes:
        """One that somebody comes back for, as JSON."""
        return self._wording(kept.as_told()).frame(language, kept.offset)

    def deliver(self, kept: KeptTold) -> None:
        """Move the positions and send it, in one piece: whoever joins in between would miss it or have it twice."""
        offsets = {}
        for user_id, position in kept.positions.items():
            match self._history.arrives(user_id, position):
                case KeptArrival.NEXT:
                    offsets[user_id] = position.offset
                case KeptArrival.GAP:
                    self._catch_up.is_behind(user_id)
        self._send(kept, offsets)

    def _tell(self, kept: KeptMessage) -> None:
        """One that was missed."""
        if kept.type == JOB:
            self._job_messages.know(msgspec.json.decode(kept.body, type=_KeptJob).job)
        self._send(kept.as_told(), {kept.user_id: kept.offset})

    def _send(self, kept: KeptTold, offsets: dict[str, int]) -> None:
        if not offsets:
            return
        self._manager.broadcast_json(self._wording(kept), offsets=offsets)

    def _wording(self, kept: KeptTold) -> Wording:
        return Wording(lambda language: self._message(kept, language))

    def _message(self, kept: KeptTold, language: str) -> protocol.JobChanged | protocol.Notification:
        """Without its offset, which differs between those it is for."""
        timestamp = rfc3339(kept.at)
        if kept.type == JOB:
            job = msgspec.json.decode(kept.body, type=_KeptJob).job
            return self._job_messages.changed(job, language, timestamp=timestamp)
        notice = msgspec.json.decode(kept.body, type=_KeptNotice)
        gettext, locale = self._languages.of(language).gettext, babel_locale(language)
        return protocol.Notification(
            timestamp=timestamp,
            title=told(notice.title, notice.parameters, gettext, locale=locale),
            body=told(notice.body, notice.parameters, gettext, locale=locale) if notice.body else "",
            level=notice.level if notice.level in _LEVELS else "info",  # type: ignore[arg-type]
            url=self._base_path.outside(notice.url),
        )

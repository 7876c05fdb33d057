"""Joins jobs to the live layer: what happens to a job becomes messages to its owner and to whoever watches it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import msgspec
from sqlalchemy import exists, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Principal
from server.clock import rfc3339
from server.errors import InvalidInput, NotFound, StorageFull
from server.jobs.context import Notice
from server.jobs.job import Job, JobError, State
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.realtime import protocol
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.history import History, Kept
from server.realtime.manager import ConnectionManager
from server.realtime.presence_board import ADMIN_PRESENCE, OWN_PRESENCE
from server.storage.database import Database
from server.storage.tables import batches, datasets, users
from server.texts import phrase, told

_LOG = logging.getLogger("jindu.live")

PROGRESS_MESSAGES: dict[str, type[protocol.JobMessage]] = {
    "file_upload": protocol.FileUploadProgress,
    "data_import": protocol.DataImportProgress,
    "batch_report": protocol.BatchReportProgress,
}
FREE_NAME = re.compile(r"[a-z0-9_.-]{1,64}")
ALL_JOBS = "jobs:*"
STATISTICS = "admin:statistics"
_FULL_DISK_SECONDS = 5.0  # what a full disk did not take is tried again so often
_LEVELS = ("info", "success", "warning", "error")


class Live:
    """Listens to the job table, keeps what must not be missed, and sends it all through the connection manager."""

    def __init__(
        self,
        *,
        manager: ConnectionManager,
        history: History,
        database: Database,
        table: JobTable,
        store: JobStore,
        languages: Languages,
    ) -> None:
        self._manager = manager
        self._history = history
        self._database = database
        self._table = table
        self._store = store
        self._languages = languages
        self._storing: set[asyncio.Task[None]] = set()
        table.listen(self._job_changed)

    # publishing

    def publish(self, event: str, data: Any, owner_id: str | None = None) -> int:
        """Tell the subscribers of `event`; with an owner, only the owner and admins. To how many connections."""
        message = protocol.Event(timestamp=protocol.now(), event=event, data=data)
        frame = protocol.encode(message)
        return self._manager.publish(event, lambda language: frame, owner_id=owner_id)

    def notify(self, job: Job, notice: Notice) -> None:
        """Tell a job's owner something, from a plain function; it is kept for them."""
        self._keep_soon(self._notify(self.notify_user, job.owner_id, notice))

    def warn(self, user_id: str, notice: Notice) -> None:
        """Tell a user what they must know, whatever they chose to be told of; from a plain function."""
        self._keep_soon(self._notify(self.notify_who_asked, user_id, notice))

    async def notify_user(self, user_id: str, notice: Notice) -> None:
        """Keep a notification for a user who wants to be told such things, then send it."""
        async with self._database.write() as connection:
            kept = await self._keep_wanted(connection, user_id, notice)
        self._tell_all(kept)

    async def notify_who_asked(self, user_id: str, notice: Notice) -> None:
        """Like `notify_user`, whatever they chose to be told of: this one they asked for."""
        async with self._database.write() as connection:
            kept = await self._keep_notice(connection, user_id, notice)
        self._tell_all([kept])

    async def notify_everybody(self, notice: Notice) -> int:
        """Keep a notification for every user, then send it; for how many."""
        async with self._database.write() as connection:
            kept = await self._history.append_for_all(connection, type="notification", body=_kept_notice(notice))
        self._tell_all(kept)
        return len(kept)

    def notifications_read(self, user_id: str, unread: int) -> None:
        """Tell the user's other tabs that they need not point at it any more."""
        self._manager.send_json_to_user(user_id, protocol.NotificationsRead(timestamp=protocol.now(), unread=unread))

    async def on_life_change(self, connection: AsyncConnection, job: Job) -> Callable[[], None]:
        """Keep the `job` message in the transaction that changes the job; the result sends it after the commit."""
        change = _KeptJob(job_id=job.id, state=job.state, job=msgspec.structs.replace(job, parameters={}))
        body = msgspec.json.encode(change)
        kept = [await self._history.append(connection, job.owner_id, type="job", body=body)]
        if job.state is State.FAILED:
            kept += await self._keep_wanted(connection, job.owner_id, _failure(job))
        return lambda: self._tell_all(kept)

    async def close(self) -> None:
        """Wait for notifications that are being stored, but not for room on the disk."""
        if not self._storing:
            return
        _, left = await asyncio.wait(set(self._storing), timeout=_FULL_DISK_SECONDS)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    # what connections ask

    def snapshot(self, principal: Principal, language: str) -> list[protocol.JobFields]:
        """The live jobs of a user, as the `jobs` command answers."""
        return [self.fields(job, language) for job in self._table.live_of(principal.user_id)]

    def fields(self, job: Job, language: str) -> protocol.JobFields:
        """A job as people see it, in their language."""
        return protocol.JobFields(**self._values(job, language))

    def render(self, kept: Kept, language: str) -> bytes:
        """A kept message as JSON."""
        if kept.type == "job":
            values = self._values(msgspec.json.decode(kept.body, type=_KeptJob).job, language)
            return protocol.encode(protocol.JobChanged(**values, timestamp=rfc3339(kept.at), offset=kept.offset))
        notice = msgspec.json.decode(kept.body, type=_KeptNotice)
        gettext = self._languages.of(language).gettext
        message = protocol.Notification(
            timestamp=rfc3339(kept.at),
            offset=kept.offset,
            title=told(notice.title, notice.parameters, gettext),
            body=told(notice.body, notice.parameters, gettext) if notice.body else "",
            level=notice.level if notice.level in _LEVELS else "info",  # type: ignore[arg-type]
            url=notice.url,
        )
        return protocol.encode(message)

    async def authorise(self, principal: Principal, event: str) -> None:
        """Whether `principal` may subscribe to `event`; raises `NotFound`, `Forbidden` or `InvalidInput`."""
        prefix, colon, rest = event.partition(":")
        if not colon:
            _require_free_name(event)
        elif event == ALL_JOBS:
            return  # each job is shown to those who may see it
        elif event == OWN_PRESENCE:
            return
        elif event in (STATISTICS, ADMIN_PRESENCE):
            principal.require_admin()
        elif prefix == "job":
            job = self._table.get(rest) or await self._store.get(rest)
            _require_sight(principal, job.owner_id if job else None)
        elif prefix == "batch":
            _require_sight(principal, await self._owner_of_batch(rest))
        elif prefix == "dataset":
            await self._require_dataset(principal, rest)
        else:
            _require_free_name(event)

    def credential_ended(
        self, *, session_id: str | None = None, token_id: str | None = None, user_id: str | None = None
    ) -> None:
        """Close what rests on a session, token or user that is no more."""

        def rests_on_it(connection: Connection) -> bool:
            principal = connection.principal
            return (
                (session_id is not None and principal.session_id == session_id)
                or (token_id is not None and principal.token_id == token_id)
                or (user_id is not None and principal.user_id == user_id)
            )

        self._manager.close_where(rests_on_it, CloseCode.SIGNED_OUT)

    def rights_changed(self, user_id: str) -> None:
        """Close what was opened with other rights; clients come back by themselves and are asked anew."""
        self._manager.close_where(lambda connection: connection.user_id == user_id, CloseCode.RIGHTS_CHANGED)

    # jobs

    def _job_changed(self, job: Job, before: Job | None) -> None:
        now = protocol.now()
        self._send_progress(job, now, is_life_change=before is None or before.state is not job.state)
        key = ("event", job.id)
        for event in (f"job:{job.id}", ALL_JOBS):
            self._manager.publish(
                event,
                lambda language, event=event: protocol.encode(  # type: ignore[misc]
                    protocol.Event(timestamp=now, event=event, data=self.fields(job, language))
                ),
                owner_id=job.owner_id,
                key=(event, key),
            )

    def _send_progress(self, job: Job, now: str, *, is_life_change: bool) -> None:
        message = PROGRESS_MESSAGES.get(job.kind)
        if message is None:
            if is_life_change:
                return  # its kept `job` message follows at once
            message = protocol.JobChanged
        self._manager.send_to_user(
            job.owner_id,
            lambda language: protocol.encode(message(**self._values(job, language), timestamp=now)),
            key=("progress", job.id),
        )

    def _values(self, job: Job, language: str) -> dict[str, Any]:
        gettext = self._languages.of(language).gettext
        return {
            "job_id": job.id,
            "kind": job.kind,
            "title": job.title,
            "state": job.state.value,
            "attempt": job.attempt,
            "revision": job.revision,
            "progress": job.progress,
            "total": job.total,
            "unit": job.unit,
            "percent": job.percent,
            "rate": job.rate,
            "eta_seconds": job.eta_seconds,
            "stage": job.stage,
            "message": gettext(job.message) if job.message else "",
            "error": problem(job.error, gettext) if job.error else None,
            "result": job.result,
            "created_at": rfc3339(job.created_at),
            "started_at": rfc3339(job.started_at) if job.started_at else None,
            "finished_at": rfc3339(job.finished_at) if job.finished_at else None,
            "detail": job.detail,
        }

    # kept messages

    def _keep_soon(self, keeping: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(keeping, name="notify")
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)

    async def _notify(self, how: Callable[[str, Notice], Awaitable[None]], user_id: str, notice: Notice) -> None:
        while True:
            try:
                await how(user_id, notice)
            except StorageFull:  # said in the log already
                await asyncio.sleep(_FULL_DISK_SECONDS)
                continue
            except SQLAlchemyError:
                _LOG.exception("notification could not be kept", extra={"action": "notify", "user": user_id})
            return

    async def _keep_wanted(self, connection: AsyncConnection, user_id: str, notice: Notice) -> list[Kept]:
        """Nothing when the user chose not to be told of what ended like this."""
        found = await connection.execute(select(users.c.notifications).where(users.c.id == user_id))
        choices = found.scalar_one_or_none() or {}
        if not choices.get("failed" if notice.level in ("error", "warning") else "finished", True):
            return []
        return [await self._keep_notice(connection, user_id, notice)]

    async def _keep_notice(self, connection: AsyncConnection, user_id: str, notice: Notice) -> Kept:
        return await self._history.append(connection, user_id, type="notification", body=_kept_notice(notice))

    def _tell_all(self, messages: Sequence[Kept]) -> None:
        for kept in messages:
            self._history.told(kept)
            self._manager.send_to_user(kept.user_id, lambda language, kept=kept: self.render(kept, language))  # type: ignore[misc]

    # who may watch what

    async def _owner_of_batch(self, batch_id: str) -> str | None:
        async with self._database.read() as connection:
            found = await connection.execute(select(batches.c.owner_id).where(batches.c.id == batch_id))
            return found.scalar_one_or_none()

    async def _require_dataset(self, principal: Principal, name: str) -> None:
        wanted = datasets.c.name == name
        if not principal.is_admin:
            wanted &= datasets.c.owner_id == principal.user_id
        async with self._database.read() as connection:
            if not (await connection.execute(select(exists().where(wanted)))).scalar_one():
                raise NotFound


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


def _failure(job: Job) -> Notice:
    reason = phrase(job.error.message, **job.error.parameters) if job.error else ""
    return Notice(
        title="“{title}” failed",
        body="{reason}",
        level="error",
        url=f"/jobs/{job.id}",
        parameters={"title": job.title, "reason": reason},
    )


def _kept_notice(notice: Notice) -> bytes:
    return msgspec.json.encode(
        _KeptNotice(
            title=notice.title, body=notice.body, level=notice.level, url=notice.url, parameters=notice.parameters
        )
    )


def problem(error: JobError, gettext: Callable[[str], str]) -> protocol.Problem:
    """Why a job failed, in the reader's language."""
    return protocol.Problem(code=error.code, message=error.translated(gettext))


def _require_sight(principal: Principal, owner_id: str | None) -> None:
    if owner_id is None:
        raise NotFound
    principal.require_sight(owner_id)


def _require_free_name(event: str) -> None:
    if not FREE_NAME.fullmatch(event):
        raise InvalidInput(
            "There is no such event; free names are up to 64 of a–z, 0–9, “_”, “.” and “-”.", code="invalid_event"
        )

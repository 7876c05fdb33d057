"""What happens becomes publications: jobs that move, events, credentials that end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.jobs.job import Completeness, Job, State
from server.jobs.outcomes import Notice
from server.jobs.table import JobTable
from server.live.job_messages import JobMoved
from server.live.kept import job_body
from server.live.notices import Notices, failure
from server.realtime.broker import Broker, Close, Ended, EventPublished
from server.realtime.close_codes import CloseCode
from server.realtime.history import History
from server.realtime.history_rules import JOB

Announce = Callable[[str, dict[str, Any], str | None], object]
"""Tells whoever watches: event name, data, owner id. It is `Announcing.publish`."""


class Announcing:
    """Listens to the job table, and is what others call to have something told."""

    def __init__(self, *, broker: Broker, table: JobTable, history: History, notices: Notices) -> None:
        self._broker = broker
        self._history = history
        self._notices = notices
        table.listen(self._job_changed)

    def publish(self, event: str, data: Any, owner_id: str | None = None) -> None:
        """Tell the subscribers of `event`; with an owner, only the owner and admins."""
        self._broker.send(EventPublished(event=event, data=data, owner_id=owner_id))

    async def on_life_change(
        self, connection: AsyncConnection, job: Job, notice: Notice | None = None
    ) -> Callable[[], None]:
        """Keep the `job` message in the transaction that changes the job, and what its owner is told besides.

        The result sends both after the commit.
        """
        kept = [await self._history.append(connection, job.owner_id, type=JOB, body=job_body(job))]
        if job.state is State.FAILED:
            notice = failure(job)
        elif notice is not None and job.outcome is Completeness.PARTIAL and notice.level != "error":
            notice = replace(notice, level="warning")  # so that whoever wants to hear of trouble alone does
        if notice is not None:
            kept += await self._notices.keep_wanted(connection, job.owner_id, notice)

        def tell() -> None:
            for each in kept:
                self._broker.send(each.as_told())

        return tell

    def credential_ended(
        self, *, session_id: str | None = None, token_id: str | None = None, user_id: str | None = None
    ) -> None:
        """Close what rests on a session, token or user that is no more."""
        self._broker.send(Ended(session_id=session_id, token_id=token_id, user_id=user_id))

    def rights_changed(self, user_id: str) -> None:
        """Close what was opened with other rights; clients come back by themselves and are asked anew."""
        self._broker.send(Ended(user_id=user_id, code=CloseCode.RIGHTS_CHANGED))

    def close_connection(self, connection_id: str, code: CloseCode, reason: str) -> None:
        self._broker.send(Close(connection_id=connection_id, code=code, reason=reason))

    def _job_changed(self, job: Job, before: Job | None) -> None:
        is_life_change = before is None or before.state is not job.state
        told = msgspec.structs.replace(job, parameters={})
        self._broker.send(JobMoved(job=told, is_life_change=is_life_change))

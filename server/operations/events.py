"""Publishing on free event names: what a program tells whoever subscribed; and a notification to try things out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.errors import InvalidInput
from server.jobs.outcomes import Notice
from server.live.announcing import Announcing
from server.live.notices import Notices
from server.live.subscriptions import FREE_NAME
from server.realtime.manager import ConnectionManager
from server.storage.database import Database
from server.storage.growth import Growth


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """To how many connections an event went; where there are other nodes, `at_least` so many: those of this one."""

    receivers: int
    at_least: bool


class EventOperations:
    """Editors and admins publish; anybody who is signed in may subscribe."""

    def __init__(
        self,
        *,
        database: Database,
        manager: ConnectionManager,
        announcing: Announcing,
        notices: Notices,
        growth: Growth,
        has_others: bool,
    ) -> None:
        """`has_others`: other nodes may have subscribers, too."""
        self._has_others = has_others
        self._growth = growth
        self._database = database
        self._manager = manager
        self._announcing = announcing
        self._notices = notices

    async def publish(self, principal: Principal, name: str, data: Any) -> Reach:
        principal.require_write()
        if not FREE_NAME.fullmatch(name):
            raise InvalidInput("An event name is up to 64 of a–z, 0–9, “_”, “.” and “-”.", code="invalid_event")
        self._growth.charge(principal.user_id, name)  # each leaves a line of the audit log, which nothing else bounds
        async with self._database.write() as connection:
            await Audit.record(connection, principal, "event.publish", name)
        receivers = self._manager.count_subscribers(name)
        self._announcing.publish(name, data)
        return Reach(receivers=receivers, at_least=self._has_others)

    async def notify_myself(self, principal: Principal) -> None:
        """A notification that tells nothing, kept and sent like any other: to oneself alone, so viewers may, too."""
        principal.require_own_change()
        notice = Notice(title="This is a test", body="Somebody tries out the live connection.", url="/websocket-test")
        self._growth.charge(principal.user_id, notice.title, notice.body)
        await self._notices.notify_who_asked(principal.user_id, notice)

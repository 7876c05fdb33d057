"""Events of what is shared, `batch:<id>`, `report:<id>`, `dataset:<id>`, `template:<id>`: who watches is asked anew."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select

from server.auth.access import BATCHES, DATASETS, TEMPLATES, Shareable, may
from server.auth.permissions import Principal
from server.clock import rfc3339_now
from server.languages import Languages
from server.realtime import protocol
from server.realtime.broker import Broker, Publication
from server.realtime.connection import Connection
from server.realtime.manager import ConnectionManager
from server.storage.database import NOT_NOW, Database
from server.storage.tables import batches, reports

_LOG = logging.getLogger("jindu.live")
_KINDS: Mapping[str, Shareable] = {each.kind: each for each in (BATCHES, DATASETS, TEMPLATES)}
_REPORT = "report:"  # each is shared as its batch is
_TRIED_AGAIN_SECONDS = 1.0
EVERYTHING = ""


class RightsMoved(Publication, frozen=True, kw_only=True):
    """Rights of what is watched as `event` are others now; of everything, when it is empty."""

    event: str


class SharedEvents:
    """Nothing is remembered: whoever watches may do so as long as the rows say that they may."""

    def __init__(self, *, manager: ConnectionManager, broker: Broker, database: Database, languages: Languages) -> None:
        self._manager = manager
        self._broker = broker
        self._database = database
        self._languages = languages
        self._moved: set[str] = set()
        self._soon = asyncio.Event()

    def changed(self, kind: str, thing_id: str) -> None:
        """Right after the commit."""
        self._broker.send(RightsMoved(event=f"{kind}:{thing_id}"))

    def changed_everywhere(self) -> None:
        """Such as of a group, or a role."""
        self._broker.send(RightsMoved(event=EVERYTHING))

    def deliver(self, moved: RightsMoved) -> None:
        self._moved.add(moved.event)
        self._soon.set()

    def may_have_lost(self) -> None:
        self._moved.add(EVERYTHING)
        self._soon.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._soon.wait()
            self._soon.clear()
            moved, self._moved = self._moved, set()
            try:
                await self.check(None if EVERYTHING in moved else moved)
            except NOT_NOW:  # said in the log already: who may no more must not go on watching
                self._moved |= moved
                self._soon.set()
                await asyncio.sleep(_TRIED_AGAIN_SECONDS)
            except Exception:
                _LOG.exception("could not ask anew who may watch", extra={"action": "rights"})

    async def check(self, events: set[str] | None = None) -> None:
        """Close what may be watched no more, of these events or of all; and say to the rest that rights moved."""
        watched: defaultdict[Principal, set[str]] = defaultdict(set)
        for connection in self._manager.everybody():
            watched[connection.principal] |= {
                event for event in connection.events if is_shared(event) and (events is None or _moves(event, events))
            }
        lost = {
            principal: names - await self.allowed(principal, names) for principal, names in watched.items() if names
        }
        for connection in self._manager.everybody():
            if gone := lost.get(connection.principal, set()) & connection.events:
                self._close(connection, sorted(gone))
        for event in events or ():
            data = {"access": "changed"}
            self._manager.publish(event, protocol.Event(timestamp=rfc3339_now(), event=event, data=data))

    async def allowed(self, principal: Principal, events: set[str]) -> set[str]:
        """Those of `events` that they may watch."""
        found: set[str] = set()
        async with self._database.read() as connection:
            for kind, of in _KINDS.items():
                ids = [event.partition(":")[2] for event in events if event.startswith(f"{kind}:")]
                if ids:
                    query = select(of.table.c.id).where(of.table.c.id.in_(ids), may(principal, of))
                    found |= {f"{kind}:{thing_id}" for thing_id in await connection.scalars(query)}
            if ids := [event.removeprefix(_REPORT) for event in events if event.startswith(_REPORT)]:
                of_batches = select(reports.c.id).join(batches, batches.c.id == reports.c.batch_id)
                query = of_batches.where(reports.c.id.in_(ids), may(principal, BATCHES))
                found |= {f"{_REPORT}{report_id}" for report_id in await connection.scalars(query)}
        return found

    def _close(self, connection: Connection, events: list[str]) -> None:
        gettext = self._languages.of(connection.language).gettext
        self._manager.unsubscribe(connection, events)
        for event in events:  # so that a page which shows it asks for it once more
            connection.send(protocol.Event(timestamp=rfc3339_now(), event=event, data={"access": "ended"}))
        text = gettext("Unsubscribed from {events}").format(events=", ".join(events))
        connection.send(
            protocol.Subscription(timestamp=rfc3339_now(), status="unsubscribed", events=events, message=text)
        )


def _moves(event: str, moved: set[str]) -> bool:
    """Which batch a watched report is of is not known here: all of them are asked when rights of a batch move."""
    return event in moved or (event.startswith(_REPORT) and any(each.startswith("batch:") for each in moved))


def is_shared(event: str) -> bool:
    """Whether it is of something that can be shared, named by its id. Names of datasets begin with no digit."""
    kind, _, rest = event.partition(":")
    return kind in ("batch", "report", "template") or (kind == "dataset" and rest[:1].isdigit())

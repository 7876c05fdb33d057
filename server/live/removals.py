"""Tells whoever shows a job or an upload that it is no more."""

from __future__ import annotations

from typing import Literal

from server.clock import rfc3339_now
from server.jobs.table import JobTable
from server.live.job_messages import ALL_JOBS
from server.realtime import protocol
from server.realtime.broker import Broker, Publication, event_topic, user_topic
from server.realtime.manager import ConnectionManager

Thing = Literal["job", "upload"]


class ThingRemoved(Publication, frozen=True, kw_only=True):
    """Somebody deleted something of `owner_id`."""

    owner_id: str
    thing: Thing
    id: str

    @property
    def topics(self) -> tuple[str, ...]:
        return (user_topic(self.owner_id), *map(event_topic, self.events))

    @property
    def events(self) -> tuple[str, ...]:
        """By which others may watch it."""
        return (f"job:{self.id}", ALL_JOBS) if self.thing == "job" else ()


class Removals:
    def __init__(self, *, manager: ConnectionManager, broker: Broker, table: JobTable) -> None:
        self._manager = manager
        self._broker = broker
        self._table = table

    def tell(self, owner_id: str, thing: Thing, id: str) -> None:  # noqa: A002 - the field's name
        """Right after the commit."""
        self._forget(thing, id)  # also when nobody listens
        self._broker.send(ThingRemoved(owner_id=owner_id, thing=thing, id=id))

    def deliver(self, removed: ThingRemoved) -> None:
        self._forget(removed.thing, removed.id)  # on other nodes, too: each has a table of its own
        now = rfc3339_now()
        message = protocol.Removed(timestamp=now, thing=removed.thing, id=removed.id)
        self._manager.send_json_to_user(removed.owner_id, message)
        data = {"job_id": removed.id, "removed": True}
        for event in removed.events:
            told = protocol.Event(timestamp=now, event=event, data=data)
            self._manager.publish(event, told, owner_id=removed.owner_id)

    def _forget(self, thing: Thing, id: str) -> None:  # noqa: A002 - the field's name
        if thing == "job":
            self._table.forget(id)

"""What becomes of a publication at the node where the sockets are: whom it reaches, in whose words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from server.auth.endings import Endings, Validity
from server.clock import rfc3339_now
from server.realtime import protocol
from server.realtime.broker import Close, Ended, EventPublished, Publication
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.manager import ConnectionManager

_LOG = logging.getLogger("jindu.realtime")

Deliver = Callable[[Any], None]
"""Queues what is to be said of one publication; a plain function, on the event loop."""


class Delivery:
    """Listens to the broker. `also` says how publications are delivered that are not told of here, by their type."""

    def __init__(
        self, manager: ConnectionManager, also: Mapping[type[Publication], Deliver], *, endings: Endings | None = None
    ) -> None:
        """`endings` learn of what ended at other nodes: whoever is on the way in here rests on it, too."""
        self._manager = manager
        self._endings = endings or Endings()
        self._by_type: dict[type[Publication], Deliver] = {
            EventPublished: self._event,
            Ended: self._ended,
            Close: self._close,
            **also,
        }

    def add(self, kind: type[Publication], deliver: Deliver) -> None:
        """Before anything is heard: of a part that is made later."""
        self._by_type[kind] = deliver

    @property
    def kinds(self) -> tuple[type[Publication], ...]:
        return tuple(self._by_type)

    def receive(self, publication: Publication) -> None:
        """Whoever sent it is in the middle of something else, which must not fail because nobody could be told."""
        try:
            self._by_type[type(publication)](publication)
        except Exception:
            kind = type(publication).__name__
            _LOG.exception("could not be delivered: %s", kind, extra={"action": "deliver"})

    def _event(self, event: EventPublished) -> None:
        message = protocol.Event(timestamp=rfc3339_now(), event=event.event, data=event.data)
        self._manager.publish(event.event, message, owner_id=event.owner_id)

    def _ended(self, ended: Ended) -> None:
        standing = Validity.CHANGED if ended.code is CloseCode.RIGHTS_CHANGED else Validity.ENDED
        self._endings.heard(ended.session_id, ended.token_id, ended.user_id, standing=standing)

        def rests_on_it(connection: Connection) -> bool:
            principal = connection.principal
            return (
                (ended.session_id is not None and principal.session_id == ended.session_id)
                or (ended.token_id is not None and principal.token_id == ended.token_id)
                or (ended.user_id is not None and principal.user_id == ended.user_id)
            )

        self._manager.close_where(rests_on_it, ended.code)

    def _close(self, close: Close) -> None:
        self._manager.close_where(lambda connection: connection.id == close.connection_id, close.code, close.reason)

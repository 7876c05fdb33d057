"""Who wants to know that a credential ended or means less, so that nothing opened with it outlives it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from server.auth.permissions import Principal

_LOG = logging.getLogger(__name__)
_REMEMBERED_SECONDS = 600.0  # longer than anybody takes from being recognised to being let in


class OnEnd(Protocol):
    """Called with exactly one of the three: what ended. A plain function; it must not wait."""

    def __call__(
        self, *, session_id: str | None = None, token_id: str | None = None, user_id: str | None = None
    ) -> None: ...


OnRightsChange = Callable[[str], None]
"""Called with the id of a user whose role is another one now. It must not wait either."""


class Validity(Enum):
    """Whether what is known of somebody is still so."""

    GOOD = auto()
    CHANGED = auto()  # they may do more or less than it says: recognise them again
    ENDED = auto()


class Endings:
    """Sessions, tokens and users report here once it is stored that they ended or changed."""

    def __init__(self) -> None:
        self._listeners: list[OnEnd] = []
        self._rights_listeners: list[OnRightsChange] = []
        self._recent: dict[str, tuple[Validity, float]] = {}  # id → what became of it, when; the oldest first

    def on_end(self, listener: OnEnd) -> None:
        self._listeners.append(listener)

    def on_rights_change(self, listener: OnRightsChange) -> None:
        self._rights_listeners.append(listener)

    def session_ended(self, session_id: str) -> None:
        self._tell(session_id=session_id)

    def token_ended(self, token_id: str) -> None:
        self._tell(token_id=token_id)

    def user_ended(self, user_id: str) -> None:
        self._tell(user_id=user_id)

    def rights_changed(self, user_id: str) -> None:
        self._remember(user_id, Validity.CHANGED)
        for listener in self._rights_listeners:
            try:
                listener(user_id)
            except Exception:
                _LOG.exception("a listener failed", extra={"action": "rights_changed"})

    def heard(self, *ended_ids: str | None, standing: Validity = Validity.ENDED) -> None:
        """Another node has stored it, and told us."""
        for ended_id in ended_ids:
            if ended_id is not None:
                self._remember(ended_id, standing)

    def standing(self, principal: Principal) -> Validity:
        """What became of a principal since it was read: what is opened just now was not there to be closed."""
        found = Validity.GOOD
        for each in (principal.user_id, principal.session_id, principal.token_id):
            standing, at = self._recent.get(each or "", (Validity.GOOD, 0.0))
            if standing is Validity.ENDED and at >= principal.known_at:
                return standing
            if standing is Validity.CHANGED and at >= principal.known_at:
                found = standing
        return found

    def _tell(self, **ended: str) -> None:
        for ended_id in ended.values():
            self._remember(ended_id, Validity.ENDED)
        for listener in self._listeners:
            try:
                listener(**ended)
            except Exception:
                _LOG.exception("a listener failed", extra={"action": "credential_ended"})

    def _remember(self, changed_id: str, standing: Validity) -> None:
        now = time.monotonic()
        self._recent.pop(changed_id, None)
        self._recent[changed_id] = (standing, now)
        while self._recent:
            oldest = next(iter(self._recent))
            if now - self._recent[oldest][1] < _REMEMBERED_SECONDS:
                break
            del self._recent[oldest]

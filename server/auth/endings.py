"""Who wants to know that a credential ended, so that nothing opened with it outlives it."""

from __future__ import annotations

import logging
from typing import Protocol

_LOG = logging.getLogger(__name__)


class OnEnd(Protocol):
    """Called with exactly one of the three: what ended. A plain function; it must not wait."""

    def __call__(
        self, *, session_id: str | None = None, token_id: str | None = None, user_id: str | None = None
    ) -> None: ...


class Endings:
    """Sessions, tokens and users report here once it is stored that they ended."""

    def __init__(self) -> None:
        self._listeners: list[OnEnd] = []

    def on_end(self, listener: OnEnd) -> None:
        self._listeners.append(listener)

    def session_ended(self, session_id: str) -> None:
        self._tell(session_id=session_id)

    def token_ended(self, token_id: str) -> None:
        self._tell(token_id=token_id)

    def user_ended(self, user_id: str) -> None:
        self._tell(user_id=user_id)

    def _tell(self, **ended: str) -> None:
        for listener in self._listeners:
            try:
                listener(**ended)
            except Exception:
                _LOG.exception("a listener failed", extra={"action": "credential_ended"})

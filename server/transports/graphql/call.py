"""Who asks for an operation, and what its resolvers are answered from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from server.auth.permissions import Principal
from server.http.parts import WebParts
from server.operations.offered import Operations


class OpenLive(Protocol):
    """Opens a live connection for a subscription; see `live.LiveDoor`."""

    def __call__(
        self, *, since: str | None, client_id: str | None, events: Sequence[str] = ()
    ) -> AbstractAsyncContextManager[AsyncIterator[dict[str, Any]]]: ...


@dataclass(slots=True, kw_only=True)
class GraphQlCall:
    """One operation. `language` is that of the texts for people."""

    principal: Principal
    language: str
    parts: WebParts
    open_live: OpenLive

    @property
    def operations(self) -> Operations:
        return self.parts.operations

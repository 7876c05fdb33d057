"""How live connections are carried: each transport is one module here, and one line in the wiring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from server.auth.endings import Validity
from server.auth.permissions import Principal
from server.http.asyncapi import LiveChannels
from server.realtime.commands import Commands
from server.realtime.elsewhere import OtherNodes
from server.realtime.joining import Joiner
from server.realtime.manager import ConnectionManager
from server.settings import Settings
from server.transports.admission import Admission

if TYPE_CHECKING:
    from aiohttp import web

    from server.http.parts import WebParts

Authenticate = Callable[[str, str], Awaitable[Principal | None]]
"""From a token and the client's address to whose it is."""
StandingsOf = Callable[[Collection[Principal]], Awaitable[Mapping[Principal, Validity]]]
"""What has become of what they were recognised by, perhaps days ago: of those who are not what they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """What every transport lets its clients in by: visitor → `Admission` → `Joiner` → `Commands`."""

    manager: ConnectionManager
    admission: Admission
    joiner: Joiner
    commands: Commands
    elsewhere: OtherNodes
    authenticate: Authenticate
    standings_of: StandingsOf
    settings: Settings


class Host(Protocol):
    """The server that a transport is set up in."""

    @property
    def router(self) -> web.UrlDispatcher: ...

    @property
    def parts(self) -> WebParts:
        """What is answered from, for what comes by no request of `router`."""

    def while_open(self, opened: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        """Entered when the server starts, left when it has stopped."""

    def when_draining(self, begin: Callable[[], None]) -> None:
        """Called when the server begins to stop, for clients that have not joined; the others are sent away for all."""


class Transport(Protocol):
    """Made of an `Entrance`. Its clients' connections are written to by the `Link` that it gives each."""

    def setup(self, host: Host) -> None: ...

    def channels(self) -> LiveChannels:
        """How it stands in the AsyncAPI document."""

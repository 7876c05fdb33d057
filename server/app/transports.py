"""How clients reach the live layer: the one list of transports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

from aiohttp import web

from server.app.monitoring import node_name
from server.app.parts import Parts
from server.auth.authenticator import Authenticator, Visit
from server.auth.permissions import Principal
from server.auth.still_valid import StillValid
from server.errors import ConfigurationError, NotSignedIn
from server.http.parts import PARTS, WebParts
from server.http.readiness import Readiness, ServerPhase
from server.realtime import protocol
from server.realtime.commands import Commands
from server.realtime.drain import Drain
from server.realtime.joining import Joiner
from server.realtime.replay import Replay
from server.settings import Settings
from server.transports import Entrance, Transport
from server.transports.admission import Admission
from server.transports.sse import EventTransport
from server.transports.websocket import WebSocketTransport

TRANSPORTS: tuple[Callable[[Entrance], Transport], ...] = (WebSocketTransport, EventTransport)
"""Those of every server: a transport is its module and its place here."""
_OF_GRPC = ("grpclib", "h2", "google")
_OF_GRAPHQL = ("strawberry", "graphql", "cross_web")


def build_transports(parts: Parts, readiness: Readiness) -> list[Transport]:
    replay = Replay(parts.live.kept.render)
    entrance = Entrance(
        manager=parts.realtime.manager,
        admission=Admission(
            manager=parts.realtime.manager,
            languages=parts.languages,
            readiness=readiness,
            allowed_origins=parts.settings.allowed_origins,
            refused_origins=parts.auth.refused_origins,
        ),
        joiner=_joiner(parts, replay),
        commands=_commands(parts, replay),
        elsewhere=parts.realtime.elsewhere,
        authenticate=partial(_by_token, parts.auth.authenticator),
        standings_of=StillValid(parts.storage.database).of,
        settings=parts.settings,
    )
    return [build(entrance) for build in wanted_transports(parts.settings)]


def wanted_transports(settings: Settings) -> Sequence[Callable[[Entrance], Transport]]:
    """Raises `ConfigurationError` when the packages of one that is asked for are missing."""
    return [*TRANSPORTS, *([_graphql()] if settings.graphql else []), *([_grpc()] if settings.grpc_port else [])]


def _graphql() -> Callable[[Entrance], Transport]:
    """Not loaded where nobody wants it: 23 MB, and a second of each start."""
    try:
        from server.transports.graphql.door import GraphQlTransport
    except ImportError as error:
        if not (error.name or "").startswith(_OF_GRAPHQL):
            raise
        raise ConfigurationError(
            "GraphQL (JINDU_GRAPHQL) needs packages that are not installed here: pip install "
            "'jindu-server[graphql]', or unset it.",
            code="graphql_missing",
        ) from error
    return GraphQlTransport


def _grpc() -> Callable[[Entrance], Transport]:
    """Not loaded where nobody wants it: 14 MB."""
    try:
        from server.transports.grpc.door import GrpcTransport
    except ImportError as error:
        if not (error.name or "").startswith(_OF_GRPC):
            raise
        raise ConfigurationError(
            "gRPC (JINDU_GRPC_PORT) needs packages that are not installed here: pip install "
            "'jindu-server[grpc]', or unset it.",
            code="grpc_missing",
        ) from error
    return GrpcTransport


async def _by_token(authenticator: Authenticator, token: str, address: str) -> Principal | None:
    try:
        return await authenticator.by_token(token, Visit(address=address))
    except NotSignedIn:
        return None


def add_transports(app: web.Application, parts: Parts, transports: Sequence[Transport], readiness: Readiness) -> None:
    """Routes to each transport, and what happens to those who are connected when the server stops."""
    host = _Host(app)
    for transport in transports:
        transport.setup(host)
    drain = Drain(parts.realtime.manager, reconnects_per_second=parts.settings.reconnects_per_second, hurry=parts.hurry)

    async def send_everybody_away(_app: web.Application) -> None:
        readiness.phase = ServerPhase.DRAINING
        host.drain()
        await drain.run()

    app.on_shutdown.append(send_everybody_away)


class _Host:
    """The web application as transports see it."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._draining: list[Callable[[], None]] = []

    @property
    def router(self) -> web.UrlDispatcher:
        return self._app.router

    @property
    def parts(self) -> WebParts:
        return self._app[PARTS]

    def while_open(self, opened: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        async def run(_app: web.Application) -> AsyncIterator[None]:
            async with opened():
                yield

        self._app.cleanup_ctx.append(run)

    def when_draining(self, begin: Callable[[], None]) -> None:
        self._draining.append(begin)

    def drain(self) -> None:
        for begin in self._draining:
            begin()


def _joiner(parts: Parts, replay: Replay) -> Joiner:
    return Joiner(
        manager=parts.realtime.manager,
        history=parts.realtime.history,
        catch_up=parts.realtime.catch_up,
        topics=parts.realtime.topics,
        presences=parts.realtime.presences,
        replacing=parts.realtime.replacing,
        prepare=parts.watched_jobs.load,
        languages=parts.languages,
        endings=parts.auth.credentials.endings,
        replay=replay,
        node=node_name(parts.settings),
    )


def _commands(parts: Parts, replay: Replay) -> Commands:
    return Commands(
        manager=parts.realtime.manager,
        history=parts.realtime.history,
        topics=parts.realtime.topics,
        languages=parts.languages,
        authorise=parts.live.subscriptions.authorise,
        snapshot=parts.live.job_messages.snapshot,
        replay=replay,
        also={protocol.Peer: parts.operations.peers.answer} if parts.settings.peer else {},
    )

"""How clients reach the live layer: the one list of transports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from socket import gethostname

from aiohttp import web

from server.app.parts import Parts
from server.app.resources import meanwhile
from server.http.readiness import Phase, Readiness
from server.realtime.commands import Commands
from server.realtime.drain import Drain
from server.realtime.joining import Joiner
from server.transports import sse, websocket
from server.transports.admission import Admission
from server.transports.mass_writer import MassWriter
from server.transports.socket_crowd import SocketCrowd
from server.transports.sse import EventTransport
from server.transports.websocket import WebSocketTransport


def add_transports(app: web.Application, parts: Parts, readiness: Readiness) -> None:
    """Routes to each transport, and what happens to those who are connected when the server stops."""
    manager, authenticator = parts.realtime.manager, parts.auth.authenticator
    admission = Admission(manager=manager, languages=parts.languages)
    joiner, commands = _joiner(parts), _commands(parts)
    crowd = SocketCrowd(MassWriter.open(is_ring_wanted=parts.settings.io_uring))
    sockets = WebSocketTransport(
        manager=manager,
        admission=admission,
        joiner=joiner,
        commands=commands,
        authenticate=lambda token, address: authenticator.by_token(token, address=address),
        crowd=crowd,
    )
    streams = EventTransport(manager=manager, admission=admission, joiner=joiner, commands=commands)
    app.router.add_get(websocket.PATH, sockets.handle, name="websocket", allow_head=False)
    app.router.add_get(sse.PATH, streams.handle, name="events")
    app.router.add_post(sse.COMMAND_PATH, streams.command, name="events_command")
    drain = Drain(manager, reconnects_per_second=parts.settings.reconnects_per_second, hurry=parts.hurry)

    async def send_everybody_away(_app: web.Application) -> None:
        readiness.phase = Phase.DRAINING
        await sockets.drain()
        await drain.run()

    app.on_shutdown.append(send_everybody_away)
    app.cleanup_ctx.append(_open_transports(streams, crowd))


def _joiner(parts: Parts) -> Joiner:
    return Joiner(
        manager=parts.realtime.manager,
        history=parts.realtime.history,
        languages=parts.languages,
        endings=parts.auth.credentials.endings,
        render=parts.live.render,
        node=gethostname(),
    )


def _commands(parts: Parts) -> Commands:
    return Commands(
        manager=parts.realtime.manager,
        history=parts.realtime.history,
        languages=parts.languages,
        authorise=parts.live.authorise,
        snapshot=parts.live.snapshot,
        render=parts.live.render,
    )


def _open_transports(streams: EventTransport, crowd: SocketCrowd) -> Callable[[web.Application], AsyncIterator[None]]:
    async def opened(_app: web.Application) -> AsyncIterator[None]:
        async with meanwhile(streams.watch()):
            yield
        crowd.close()

    return opened

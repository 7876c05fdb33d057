"""How clients reach the live layer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import gethostname

from aiohttp import web

from server.app.resources import meanwhile, resource
from server.http import keys
from server.http.readiness import Phase
from server.realtime.commands import Commands
from server.realtime.drain import Drain
from server.realtime.joining import Joiner
from server.realtime.presence_board import PresenceBoard
from server.realtime.upkeep import Upkeep
from server.transports import sse, websocket
from server.transports.admission import Admission
from server.transports.mass_writer import MassWriter
from server.transports.socket_crowd import SocketCrowd
from server.transports.sse import EventTransport
from server.transports.websocket import WebSocketTransport


def add_live_connections(app: web.Application) -> None:
    """How clients reach the live layer."""
    manager, history, live, languages = (
        app[keys.CONNECTIONS],
        app[keys.HISTORY],
        app[keys.LIVE],
        app[keys.LANGUAGES],
    )
    endings = app[keys.CREDENTIALS].endings
    admission = Admission(manager=manager, languages=languages)
    joiner = Joiner(
        manager=manager,
        history=history,
        languages=languages,
        endings=endings,
        render=live.render,
        node=gethostname(),
    )
    commands = Commands(
        manager=manager,
        history=history,
        languages=languages,
        authorise=live.authorise,
        snapshot=live.snapshot,
        render=live.render,
    )
    crowd = SocketCrowd(MassWriter.open(is_ring_wanted=app[keys.SETTINGS].io_uring))
    sockets = WebSocketTransport(
        manager=manager,
        admission=admission,
        joiner=joiner,
        commands=commands,
        authenticate=lambda token, address: app[keys.AUTHENTICATOR].by_token(token, address=address),
        crowd=crowd,
    )
    streams = EventTransport(manager=manager, admission=admission, joiner=joiner, commands=commands)
    endings.on_end(live.credential_ended)
    endings.on_rights_change(live.rights_changed)
    app[keys.STATISTICS]["connections"] = manager.statistics
    board = PresenceBoard(manager)
    statistics = app[keys.STATISTICS]
    upkeep = Upkeep(manager=manager, history=history, publish=live.publish, parts=statistics)
    app.router.add_get(websocket.PATH, sockets.handle, name="websocket", allow_head=False)
    app.router.add_get(sse.PATH, streams.handle, name="events")
    app.router.add_post(sse.COMMAND_PATH, streams.command, name="events_command")
    drain = Drain(
        manager, reconnects_per_second=app[keys.SETTINGS].reconnects_per_second, hurry=app[keys.READINESS].hurry
    )

    async def send_everybody_away(_app: web.Application) -> None:
        app[keys.READINESS].phase = Phase.DRAINING
        await sockets.drain()
        await drain.run()

    app.on_shutdown.append(send_everybody_away)
    app.cleanup_ctx.append(resource(lambda: meanwhile(upkeep.run())))
    app.cleanup_ctx.append(resource(lambda: meanwhile(streams.watch())))
    app.cleanup_ctx.append(resource(lambda: _closing(board)))
    app.cleanup_ctx.append(resource(lambda: _closing(crowd)))


@asynccontextmanager
async def _closing(thing: PresenceBoard | SocketCrowd) -> AsyncIterator[None]:
    yield
    thing.close()

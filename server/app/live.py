"""How clients reach the live layer."""

from __future__ import annotations

from socket import gethostname

from aiohttp import web

from server.app.resources import meanwhile, resource
from server.http import keys
from server.realtime.commands import Commands
from server.realtime.joining import Joiner
from server.realtime.upkeep import Upkeep
from server.transports import websocket
from server.transports.admission import Admission
from server.transports.websocket import WebSocketTransport


def add_live_connections(app: web.Application) -> None:
    """How clients reach the live layer."""
    manager, history, live, languages = (
        app[keys.CONNECTIONS],
        app[keys.HISTORY],
        app[keys.LIVE],
        app[keys.LANGUAGES],
    )
    admission = Admission(manager=manager, languages=languages)
    transport = WebSocketTransport(
        manager=manager,
        admission=admission,
        joiner=Joiner(manager=manager, history=history, languages=languages, render=live.render, node=gethostname()),
        commands=Commands(
            manager=manager,
            history=history,
            languages=languages,
            authorise=live.authorise,
            snapshot=live.snapshot,
            render=live.render,
        ),
        authenticate=lambda token, address: app[keys.AUTHENTICATOR].by_token(token, address=address),
    )
    app[keys.CREDENTIALS].endings.on_end(live.credential_ended)
    app[keys.STATISTICS]["connections"] = manager.statistics
    statistics = app[keys.STATISTICS]
    upkeep = Upkeep(manager=manager, history=history, publish=live.publish, parts=statistics)
    app.router.add_get(websocket.PATH, transport.handle, name="websocket")
    app.on_shutdown.append(lambda _app: admission.drain())
    app.cleanup_ctx.append(resource(lambda: meanwhile(upkeep.run())))

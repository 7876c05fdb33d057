"""The web application around the parts: pages, API, live connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware
from aiohttp_session import session_middleware

from server import late
from server.app.lacks import lacks_of
from server.app.parts import Parts
from server.app.resources import meanwhile
from server.app.transports import add_transports, build_transports
from server.base_path import BasePath
from server.http.answers_under_way import AnswersUnderWay
from server.http.asyncapi import LiveChannels
from server.http.based_requests import base_path_middleware, require_apart, say_location
from server.http.bodies import Bodies
from server.http.cors import add_cors_headers, preflight_middleware
from server.http.drawing import Drawing
from server.http.endpoint import add_endpoints
from server.http.forms import packed_body_middleware
from server.http.open_sockets import OpenSockets
from server.http.openapi import document_on_demand
from server.http.parts import PARTS, WebParts
from server.http.problems import mark_prepared, problem_middleware
from server.http.readiness import Readiness, ServerPhase
from server.http.request_lines import request_lines
from server.http.response_headers import add_headers
from server.http.same_origin import same_origin_middleware
from server.http.sessions import SessionCookies, identity_middleware
from server.http.socket_limits import SocketLimits
from server.http.static_files import StaticFiles
from server.http.storable import address_middleware
from server.http.traced_requests import trace_requests
from server.http.traffic import HttpTraffic
from server.http.turns import RequestTurns, end_turns
from server.places import STATIC, TEMPLATES
from server.settings import Settings
from server.storage.database_watch import DatabaseWatch
from views.api import ENDPOINTS
from views.api.tus_answers import add_tus_headers
from views.context import setup_templates
from views.errors import error_page
from views.routes import PAGES

_FIRST_PAGES_SECONDS = 2.0


def build_app(parts: Parts) -> web.Application:
    """An application that is ready to start once `parts` are open."""
    traffic, turns = HttpTraffic(), RequestTurns()
    app = web.Application(middlewares=_middlewares(parts, traffic, turns))
    app.on_response_prepare.extend(
        (mark_prepared, end_turns, say_location, add_headers, add_cors_headers, add_tus_headers)
    )
    readiness = Readiness()
    transports = build_transports(parts, readiness)
    channels = tuple(transport.channels() for transport in transports)
    app[PARTS] = _web_parts(parts, readiness, channels, traffic, turns)
    setup_templates(app)
    add_transports(app, parts, transports, readiness)
    add_endpoints(app, ENDPOINTS)
    app.router.add_routes(PAGES)
    app.router.add_routes([app[PARTS].static_files.route()])
    app.cleanup_ctx.append(_static_files)
    require_apart(app[PARTS].base_path, app)
    app.cleanup_ctx.append(_ready)  # last: everything else is open
    return app


def _middlewares(parts: Parts, traffic: HttpTraffic, turns: RequestTurns) -> list[Middleware]:
    """From the outside in: count; name the request; answer errors; browsers' questions; who asks; from where."""
    settings, base = parts.settings, BasePath(parts.settings.base_path)
    cookies = SessionCookies(parts.auth.secret_key, days=settings.session_days, base=base)
    return [
        base_path_middleware(base),
        traffic.middleware(),
        *([trace_requests(parts.telemetry.tracing)] if parts.telemetry.collector is not None else []),
        request_lines(),
        problem_middleware(error_page),
        preflight_middleware(),
        turns.of_strangers(),
        session_middleware(cookies),
        identity_middleware(),
        turns.of_users(),
        same_origin_middleware(),
        address_middleware(),
        packed_body_middleware(),
    ]


def _web_parts(
    parts: Parts,
    readiness: Readiness,
    live_channels: tuple[LiveChannels, ...],
    traffic: HttpTraffic,
    turns: RequestTurns,
) -> WebParts:
    open_sockets = OpenSockets(SocketLimits.from_settings(parts.settings))
    parts.statistics["sockets"] = open_sockets.statistics
    parts.counts["requests"] = traffic.statistics
    return WebParts(
        settings=parts.settings,
        base_path=BasePath(parts.settings.base_path),
        languages=parts.languages,
        operations=parts.operations,
        authenticator=parts.auth.authenticator,
        devices=parts.auth.devices,
        refused_origins=parts.auth.refused_origins,
        room=parts.storage.room,
        live_limits=parts.realtime.manager.limits,
        lacks=partial(lacks_of, parts),
        database=DatabaseWatch(parts.storage.database),
        job_kinds=parts.jobs.kinds,
        live_channels=live_channels,
        job_fields=parts.live.job_messages.fields,
        readiness=readiness,
        open_sockets=open_sockets,
        answers=AnswersUnderWay(parts.settings.max_answers_per_user),
        bodies=Bodies(),
        in_turn_of=turns.of_user,
        recognised=turns.recognised,
        traffic=traffic,
        api_document=document_on_demand(ENDPOINTS, base=BasePath(parts.settings.base_path)),
        drawing=Drawing(),
        static_files=StaticFiles(STATIC, templates=TEMPLATES, cache=_static_cache(parts.settings)),
    )


async def _static_files(app: web.Application) -> AsyncIterator[None]:
    files = app[PARTS].static_files
    await asyncio.to_thread(files.read)
    async with meanwhile(_after_the_start(files)):
        yield


async def _after_the_start(files: StaticFiles) -> None:
    """What can wait until the first pages are out."""
    await asyncio.sleep(_FIRST_PAGES_SECONDS)
    await asyncio.to_thread(late.import_all)
    await files.pack()


def _static_cache(settings: Settings) -> Path:
    return Path(settings.static_cache) if settings.static_cache else settings.data / "cache"


async def _ready(app: web.Application) -> AsyncIterator[None]:
    readiness, drawing = app[PARTS].readiness, app[PARTS].drawing
    readiness.phase = ServerPhase.READY
    yield
    readiness.phase = ServerPhase.DRAINING
    await app[PARTS].database.close()
    drawing.close()

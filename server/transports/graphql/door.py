"""Handles `/graphql`: requests, sockets and streams, and the text of the schema."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web
from graphql import OperationType

from server.auth.permissions import Principal
from server.errors import InvalidInput, JinduError, RateLimited, UnsupportedMedia
from server.http import asyncapi
from server.http.asyncapi import LiveChannels
from server.http.decoding import decoded
from server.http.endpoint import encoded
from server.http.guards import current_principal, not_signed_in, require_principal
from server.http.parts import parts_of
from server.http.problems import wants_page
from server.realtime.manager import Refused
from server.realtime.rechecking import keep_checking
from server.transports import Entrance, Host
from server.transports.graphql.failures import told
from server.transports.graphql.live import NAME, LiveDoor
from server.transports.graphql.running import Execution, GraphQlRequest
from server.transports.graphql.serving import GraphQlHouse
from server.transports.graphql.sockets import PROTOCOL, GraphQlSocket
from server.transports.graphql.streams import GraphQlStream
from server.transports.mass_writer import MassWriter
from server.transports.refusals import error_of
from server.transports.socket_crowd import SocketCrowd
from server.transports.socket_link import LateSocket, SocketLink
from server.transports.visitor import Visitor

PATH = "/graphql"
_MOST_BYTES = 1024 * 1024  # of a request: its query is far smaller, what it orders need not be
_LOOKS_PER_PING = 10
_RESPONSE_TYPE = "application/graphql-response+json"
_PAGE = "/docs/graphql"
_LOG = logging.getLogger("jindu.graphql")


class GraphQlTransport:
    """One transport for all three ways to ask, since all of them carry the same operations."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._execution = Execution()
        self._live = LiveDoor(entrance)
        self._crowd = SocketCrowd(MassWriter.open(is_ring_wanted=False))  # each is sent what it asked for itself
        self._sockets: set[GraphQlSocket] = set()
        self._streams: set[GraphQlStream] = set()

    def setup(self, host: Host) -> None:
        host.router.add_get(PATH, self._get, name="graphql", allow_head=False)
        host.router.add_post(PATH, self._post, name="graphql_post")
        host.router.add_get(f"{PATH}/schema.graphql", self._schema, name="graphql_schema")
        host.when_draining(self._drain)
        host.while_open(lambda: self._crowd)
        host.while_open(self._watched)

    def channels(self) -> LiveChannels:
        return LiveChannels(
            server=NAME,
            schemes=("ws", "wss"),
            channels={
                NAME: {
                    "address": PATH,
                    "title": "GraphQL",
                    "description": "`graphql-transport-ws`, and `graphql-sse` by POST. The subscription `live` gives "
                    "the same messages; others give them as types of the schema.",
                    "messages": asyncapi.refs(asyncapi.SENT),
                    "bindings": {"ws": {"method": "GET"}},
                }
            },
            operations={
                "receive_graphql": asyncapi.pushes(
                    NAME, asyncapi.SENT, summary="What the server sends for the subscription `live`."
                )
            },
        )

    # requests

    async def _schema(self, request: web.Request) -> web.Response:
        require_principal(request)
        return web.Response(text=self._execution.sdl, content_type="text/plain", charset="utf-8")

    async def _post(self, request: web.Request) -> web.StreamResponse:
        principal = require_principal(request)
        if request.content_type != "application/json":
            raise UnsupportedMedia("Send the body as application/json.")
        body = await parts_of(request).bodies.read(request, _MOST_BYTES)
        asked: GraphQlRequest = decoded(body, GraphQlRequest)
        accepted = request.headers.get("Accept", "")
        if "text/event-stream" in accepted:
            return await self._stream(request, principal, asked)
        return await self._answer(request, principal, asked, is_new=_RESPONSE_TYPE in accepted)

    async def _answer(
        self, request: web.Request, principal: Principal, asked: GraphQlRequest, *, is_new: bool
    ) -> web.Response:
        """`is_new`: by the later of the two media types, whose statuses say whether it was executed."""
        house, visitor = self._house(request), Visitor.of_request(request)
        translate, status = house.translator(visitor, principal), 400
        try:
            prepared = await self._execution.prepared(asked)
            call = house.call(visitor, principal)
            if prepared.kind is OperationType.SUBSCRIPTION:
                call.open_live(since=None, client_id=None)  # says where subscriptions are
            result = await self._execution.result(prepared, call, translate)
        except JinduError as error:
            result, status = {"errors": [told(error, translate)]}, error.status
        is_executed = "data" in result
        response = encoded(result, status=200 if is_executed or not is_new else status)
        if is_new:
            response.content_type = _RESPONSE_TYPE
        return response

    # streams

    async def _stream(self, request: web.Request, principal: Principal, asked: GraphQlRequest) -> web.StreamResponse:
        admission = self._entrance.admission
        with admission.counting_errors():
            visitor = Visitor.of_request(request)
            admission.check(visitor)
            try:
                place = admission.place(visitor.address)
            except Refused as refused:
                raise (refused.why or error_of(refused)) from None
        with place:
            stream = GraphQlStream(self._house(request), request, visitor)
            self._streams.add(stream)
            try:
                return await stream.answer(principal, asked)
            finally:
                self._streams.discard(stream)

    # sockets

    async def _get(self, request: web.Request) -> web.StreamResponse:
        """Open a socket; the rest comes when the middlewares are done."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            if wants_page(request):
                raise web.HTTPSeeOther(_PAGE)
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        admission = self._entrance.admission
        with admission.counting_errors():
            visitor = Visitor.of_request(request)
            admission.check(visitor)
            # Everything of the session is read by now: changes to it would be lost from here on.
            principal = current_principal(request)
            if principal is None and "Authorization" in request.headers:
                raise not_signed_in(request)
            if principal is None and not admission.has_room_for_unknown(visitor.address):
                raise RateLimited("Too many connections wait for their auth message; try again in a moment.")
            if PROTOCOL not in _protocols(request):
                raise InvalidInput("Connect with the subprotocol {name}.", name=PROTOCOL)
        serve = partial(self._serve, request, visitor, principal, contextvars.copy_context())
        limit = self._entrance.manager.limits.message_bytes
        socket = LateSocket(serve, message_bytes=limit, protocols=[PROTOCOL])
        await socket.prepare(request)
        return socket

    async def _serve(
        self,
        request: web.Request,
        visitor: Visitor,
        principal: Principal | None,
        context: contextvars.Context,
        socket: web.WebSocketResponse,
    ) -> None:
        admission = self._entrance.admission
        async with SocketLink(socket, request, self._crowd) as link:
            client = GraphQlSocket(
                self._house(request), visitor=visitor, principal=principal, socket=socket, link=link, context=context
            )
            self._sockets.add(client)
            try:
                with admission.place(visitor.address):
                    await client.run()
            except Refused as refused:
                admission.count_refusal(refused.code.name.lower())
                link.close(refused.code, admission.reason(refused, visitor.language))
            finally:
                self._sockets.discard(client)

    # all of them

    def _house(self, request: web.Request) -> GraphQlHouse:
        entrance = self._entrance
        return GraphQlHouse(
            parts=parts_of(request),
            admission=entrance.admission,
            execution=self._execution,
            live=self._live,
            authenticate=entrance.authenticate,
            standings_of=entrance.standings_of,
            limits=entrance.manager.limits,
        )

    def _drain(self) -> None:
        for socket in list(self._sockets):
            socket.drain()

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        chores = [
            asyncio.create_task(self._watch(), name="watch graphql"),
            asyncio.create_task(self._recheck(), name="recheck graphql"),
        ]
        yield
        for each in chores:
            each.cancel()
        await asyncio.wait(chores)

    async def _recheck(self) -> None:
        every_seconds = self._entrance.settings.credential_look_seconds
        await keep_checking(self._live.recheck, every_seconds=every_seconds, log=_LOG)

    async def _watch(self) -> None:
        """Until cancelled: notice who is gone. One timer does it for all."""
        interval = self._entrance.manager.limits.ping_interval_seconds
        while True:
            await asyncio.sleep(min(1.0, interval / _LOOKS_PER_PING))
            watched: list[GraphQlSocket | GraphQlStream] = [*self._sockets, *self._streams]
            for each in watched:
                try:
                    each.look_after()
                except Exception:
                    _LOG.exception("could not look after a client", extra={"action": "graphql_watch"})


def _protocols(request: web.Request) -> list[str]:
    given = ",".join(request.headers.getall("Sec-WebSocket-Protocol", []))
    return [each.strip() for each in given.split(",")]

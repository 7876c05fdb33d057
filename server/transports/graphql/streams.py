"""GraphQL over server-sent events, as `graphql-sse` has it: one operation a request, its results as they come."""

from __future__ import annotations

from contextlib import aclosing

import msgspec
from aiohttp import HttpVersion11, web
from graphql import OperationType

from server.auth.permissions import Principal
from server.http.asyncapi import Json
from server.http.socket_handler import go_live
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.transports.frame_queue import LiveEnded
from server.transports.graphql.call import GraphQlCall
from server.transports.graphql.failures import of_end, told
from server.transports.graphql.running import GraphQlRequest
from server.transports.graphql.serving import GraphQlHouse
from server.transports.silent_peers import give_up_on_silence
from server.transports.visitor import Visitor

_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would gather events until its buffer is full
}
_HEARTBEAT = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"


class GraphQlStream:
    """One request. It joins when its operation is a subscription."""

    def __init__(self, house: GraphQlHouse, request: web.Request, visitor: Visitor) -> None:
        """Raises `ConnectionResetError` when the peer is gone already."""
        if request.transport is None:
            raise ConnectionResetError
        self._house = house
        self._request = request
        self.visitor = visitor
        self.connections: set[Connection] = set()
        self._transport = request.transport
        self._is_chunked = request.version >= HttpVersion11
        self._written_bytes = self._taken_bytes = 0

    # what a `SubscriptionCarrier` can be asked

    def abort(self) -> None:
        self._transport.abort()

    def ping(self, connection: Connection) -> None:
        """No pongs come this way, but it can be seen whether the network takes what is written."""
        unsent_bytes = self._transport.get_write_buffer_size()
        before, self._taken_bytes = self._taken_bytes, self._written_bytes - unsent_bytes
        if unsent_bytes == 0 or self._taken_bytes > before:
            connection.heard()  # else it is ended, as a socket that does not pong
        if not self._transport.is_closing():
            framed = b"%x\r\n%b\r\n" % (len(_HEARTBEAT), _HEARTBEAT) if self._is_chunked else _HEARTBEAT
            self._written_bytes += len(framed)
            self._transport.write(framed)

    # what the transport asks of it

    def look_after(self) -> None:
        """To be called now and then: nobody tells a handler that only waits that its peer is gone."""
        if self._transport.is_closing():
            for connection in list(self.connections):
                connection.link.close(CloseCode.GOING_AWAY)

    async def answer(self, principal: Principal, asked: GraphQlRequest) -> web.StreamResponse:
        """What can be said is said in the stream: clients take any other answer for a failure of the network."""
        response = web.StreamResponse(headers=_HEADERS)
        response.force_close()  # the deadline of a closing queue must not meet another request on the same connection
        await response.prepare(self._request)
        await response.write(_HEARTBEAT)
        go_live(self._request)
        limits = self._house.limits
        give_up_on_silence(self._transport, limits.ping_interval_seconds + limits.pong_timeout_seconds)
        call = self._house.call(self.visitor, principal, carrier=self)
        translate = self._house.translate(call)
        try:
            await self._results(response, call, asked)
        except LiveEnded as ended:
            await self._write(response, _event({"errors": [of_end(ended, translate)]}))
            if ended.code.may_reconnect:
                return response  # a stream that is not completed is one to come back for
        except ConnectionError:
            return response
        except Exception as error:
            await self._write(response, _event({"errors": [told(error, translate)]}))
        await self._write(response, _COMPLETE)
        return response

    async def _results(self, response: web.StreamResponse, call: GraphQlCall, asked: GraphQlRequest) -> None:
        execution, translate = self._house.execution, self._house.translate(call)
        prepared = await execution.prepared(asked)
        if prepared.errors or prepared.kind is not OperationType.SUBSCRIPTION:
            await self._write(response, _event(await execution.result(prepared, call, translate)))
            return
        async with aclosing(execution.results(prepared, call, translate)) as results:
            async for each in results:
                await self._write(response, _event(each))

    async def _write(self, response: web.StreamResponse, event: bytes) -> None:
        """Waits while the peer is behind: what comes meanwhile counts as unsent, and what is too much ends it."""
        self._written_bytes += len(event)
        await response.write(event)


def _event(result: Json) -> bytes:
    return b"event: next\ndata: %b\n\n" % msgspec.json.encode(result)

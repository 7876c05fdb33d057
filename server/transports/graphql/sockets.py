"""GraphQL over WebSockets, as `graphql-transport-ws` has it: many operations over one socket."""

from __future__ import annotations

import asyncio
import contextvars
import time
from contextlib import aclosing, suppress
from functools import partial
from typing import Any

import msgspec
from aiohttp import WSMessage, WSMsgType, web
from graphql import OperationType

from server.auth.endings import Validity
from server.auth.permissions import Principal
from server.errors import InvalidInput, RateLimited
from server.http.asyncapi import Json
from server.http.storable import require_storable
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.limits import LiveLimits, RateLimit, RateVerdict
from server.transports.graphql.call import GraphQlCall
from server.transports.graphql.failures import LiveEnded, of_end, told
from server.transports.graphql.serving import GraphQlHouse
from server.transports.graphql.socket_messages import (
    ConnectionInit,
    PeerPing,
    SocketEnd,
    StartOperation,
    StopOperation,
    from_text,
    operation_in,
)
from server.transports.socket_link import CONTENT, SocketLink
from server.transports.visitor import Visitor

PROTOCOL = "graphql-transport-ws"
MOST_OPERATIONS = 20  # at once, over one socket
_LONGEST_ID = 100
_OF_ONE_ALONE = (CloseCode.REPLACED, CloseCode.CONNECTION_LIMIT)  # others end all that rests on the same socket
# By its own number, clients of this protocol would take it that they are spoken to wrongly, and not come back.
_ON_THE_WIRE: dict[int, int] = {CloseCode.BEHIND: CloseCode.DRAINING}
_STANDINGS = {Validity.ENDED: CloseCode.SIGNED_OUT, Validity.CHANGED: CloseCode.RIGHTS_CHANGED}


class GraphQlSocket:
    """One client's. It cannot run an operation before its user is known."""

    def __init__(
        self,
        house: GraphQlHouse,
        *,
        visitor: Visitor,
        principal: Principal | None,
        socket: web.WebSocketResponse,
        link: SocketLink,
        context: contextvars.Context,
    ) -> None:
        self._house = house
        self.visitor = visitor
        self.connections: set[Connection] = set()
        self._principal = principal
        self._socket = socket
        self._link = link
        self._context = context  # that of the request: addresses are told as whoever asked can ask for them
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._limits: LiveLimits = house.limits
        self._rate = RateLimit(per_second=self._limits.messages_per_second, burst=self._limits.message_burst)
        self._is_ended = self._is_draining = False
        self._heard_at = time.monotonic()

    # what a `SubscriptionCarrier` can be asked

    def abort(self) -> None:
        self._link.transport.abort()

    def ping(self, connection: Connection) -> None:
        self._link.ping()  # any answer is heard of by all connections

    # what the transport asks of it

    async def run(self) -> None:
        """Until either side ends it."""
        ending: WSMessage | None = None
        try:
            with suppress(ConnectionError):  # nobody is left to answer
                if await self._introduced():
                    ending = await self._serve()
        finally:
            await self._stop_all()
        await self._link.answer(ending)

    def drain(self) -> None:
        """The server stops: what is being answered still is; connections are sent away with all others."""
        self._is_draining = True
        self._end_if_drained()

    def look_after(self) -> None:
        """To be called now and then: connections are looked after with all others, a socket without one is here."""
        if self.connections:
            return
        silent_seconds = time.monotonic() - self._heard_at
        if silent_seconds > self._limits.ping_interval_seconds + self._limits.pong_timeout_seconds:
            self.end(CloseCode.NO_PONG, CloseCode.NO_PONG.reason)
        elif silent_seconds > self._limits.ping_interval_seconds:
            self._link.ping()

    def end(self, code: int, reason: str) -> None:
        """Nothing follows a farewell."""
        if not self._is_ended:
            self._is_ended = True
            self._link.end(_ON_THE_WIRE.get(code, code), reason)

    # who it is

    async def _introduced(self) -> bool:
        """Raises `Refused` for one more of those who have not said yet who they are."""
        if self._principal is not None:
            return await self._acknowledged()
        with self._house.admission.unknown_place(self.visitor.address):
            return await self._acknowledged()

    async def _acknowledged(self) -> bool:
        try:
            async with asyncio.timeout(self._limits.auth_deadline_seconds):
                given = await self._first_message()
                if given is None:
                    return False
                self._principal = await self._house.recognised(self._principal, given.payload, self.visitor.address)
        except TimeoutError:
            self._turn_away(SocketEnd.INIT_TIMEOUT, "Connection initialisation timeout")
            return False
        if self._principal is None:
            self._turn_away(SocketEnd.FORBIDDEN, "Forbidden: send {token} with connection_init, or sign in")
            return False
        if self._house.floods.seconds_to_wait(self._principal.user_id) > 0:
            self._turn_away(CloseCode.RATE_LIMIT, CloseCode.RATE_LIMIT.reason)
            return False
        await self._send({"type": "connection_ack"})
        return True

    async def _first_message(self) -> ConnectionInit | None:
        """None when it is anything else, or never comes."""
        while not self._is_ended:
            message = await self._socket.receive()
            if message.type not in CONTENT:
                return None
            found = await self._taken(message)
            if isinstance(found, ConnectionInit):
                return found
            if isinstance(found, StartOperation | StopOperation):
                self._turn_away(SocketEnd.UNAUTHORIZED, "Unauthorized: send connection_init first")
        return None

    def _turn_away(self, code: int, reason: str) -> None:
        self._house.admission.count_refusal(f"graphql_{code}")
        self.end(code, reason)

    # frames

    async def _serve(self) -> WSMessage | None:
        while not self._is_ended:
            message = await self._socket.receive()
            if message.type not in CONTENT:
                return message
            match await self._taken(message):
                case StartOperation() as start:
                    await self._start(start)
                case StopOperation(id=operation_id):
                    if task := self._operations.get(operation_id):
                        task.cancel()
                case ConnectionInit():
                    self.end(SocketEnd.INIT_AGAIN, "Too many initialisation requests")
        return None

    async def _taken(self, message: WSMessage) -> Any:
        """What a frame says; None for what is answered already or is too much."""
        self._heard()
        if not await self._admits(message):
            return None
        if message.type is WSMsgType.PING:
            self._link.pong(message.data)
        elif message.type is WSMsgType.BINARY:
            self.end(SocketEnd.BAD_REQUEST, "Invalid message: send text frames")
        elif message.type is WSMsgType.TEXT:
            return await self._decoded(message.data)
        return None

    async def _decoded(self, text: str) -> Any:
        try:
            found = from_text(text)
        except InvalidInput as error:
            self.end(SocketEnd.BAD_REQUEST, f"Invalid message: {error.text}")
            return None
        if isinstance(found, PeerPing):
            await self._send({"type": "pong"} | ({"payload": found.payload} if found.payload else {}))
        return found

    def _heard(self) -> None:
        self._heard_at = time.monotonic()
        for connection in self.connections:
            connection.heard()

    async def _admits(self, message: WSMessage) -> bool:
        """Counts one more frame against the client's rate, as `Commands.admits` does; what is dropped is told."""
        verdict = self._rate.take()
        if verdict is RateVerdict.PASS:
            return True
        if verdict is RateVerdict.CLOSE:
            if self._principal is not None:
                self._house.floods.add(self._principal.user_id)
            self.end(CloseCode.RATE_LIMIT, CloseCode.RATE_LIMIT.reason)
        elif message.type is WSMsgType.TEXT and (dropped := operation_in(message.data)) is not None:
            await self._fail(dropped, RateLimited("Too many messages; send fewer per second."))
        await asyncio.sleep(self._rate.pause_seconds)
        return False

    # operations

    async def _start(self, start: StartOperation) -> None:
        if start.id in self._operations:
            self.end(SocketEnd.ID_TAKEN, f"Subscriber for {start.id[:_LONGEST_ID]} already exists")
        elif len(self._operations) >= MOST_OPERATIONS:
            error = RateLimited(
                "At most {limit} operations run over one socket at once; complete some, or open another one.",
                code="too_many_operations",
                limit=MOST_OPERATIONS,
            )
            await self._fail(start.id, error)
        else:
            operating = self._operate(start)
            task = asyncio.create_task(operating, name="graphql operation", context=self._context.copy())
            self._operations[start.id] = task
            task.add_done_callback(partial(self._done, start.id))

    def _done(self, operation_id: str, _task: asyncio.Task[None]) -> None:
        del self._operations[operation_id]
        self._end_if_drained()

    def _end_if_drained(self) -> None:
        if self._is_draining and not self.connections:
            self.end(CloseCode.DRAINING, CloseCode.DRAINING.reason)

    async def _operate(self, start: StartOperation) -> None:
        assert self._principal is not None
        try:
            await self._require_standing(self._principal)
            call = self._house.call(self.visitor, self._principal, carrier=self)
            await self._results(start, call)
        except LiveEnded as ended:
            if ended.code in _OF_ONE_ALONE:
                await self._send({"type": "error", "id": start.id, "payload": [of_end(ended)]})
            else:
                self.end(ended.code, ended.reason)
        except ConnectionError:
            pass  # nobody is left to tell
        except Exception as error:
            await self._fail(start.id, error)

    async def _results(self, start: StartOperation, call: GraphQlCall) -> None:
        execution, translate = self._house.execution, self._house.translate(call)
        if start.payload.variables:
            require_storable(start.payload.variables)
        prepared = await execution.prepared(start.payload)
        if prepared.errors or prepared.kind is not OperationType.SUBSCRIPTION:
            if not await self._next(start.id, await execution.result(prepared, call, translate)):
                return
        else:
            async with aclosing(execution.results(prepared, call, translate)) as results:
                async for each in results:
                    if not await self._next(start.id, each):
                        return
        await self._send({"type": "complete", "id": start.id})

    async def _next(self, operation_id: str, result: Json) -> bool:
        """False for what was no result: an operation that was not executed ends with its errors."""
        if "data" in result:
            await self._send({"type": "next", "id": operation_id, "payload": result})
            return True
        await self._send({"type": "error", "id": operation_id, "payload": result["errors"]})
        return False

    async def _require_standing(self, principal: Principal) -> None:
        """A socket may be open for days: what it rests on is asked for each operation, as it is for each request."""
        standing = await self._house.standing(principal)
        if standing in _STANDINGS:
            raise LiveEnded(_STANDINGS[standing])

    async def _fail(self, operation_id: str, error: Exception) -> None:
        translate = self._house.translator(self.visitor, self._principal)
        await self._send({"type": "error", "id": operation_id, "payload": [told(error, translate)]})

    async def _send(self, message: Json) -> None:
        """Waits while the peer is behind: what comes meanwhile counts as unsent, and what is too much ends it."""
        if not self._is_ended:
            await self._socket.send_str(msgspec.json.encode(message).decode())

    async def _stop_all(self) -> None:
        tasks = list(self._operations.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

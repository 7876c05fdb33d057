"""GraphQL over WebSockets, as `graphql-transport-ws` has it: many operations over one socket."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from contextlib import ExitStack, aclosing, suppress
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
from server.realtime.limits import LiveLimits, RateLimit, RateVerdict, Silence
from server.realtime.manager import Refused
from server.realtime.rechecking import CLOSED_WITH
from server.texts import Translate
from server.transports.frame_queue import LiveEnded
from server.transports.graphql.failures import of_end, told
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
from server.transports.graphql.socket_operation import SocketOperation
from server.transports.socket_link import CONTENT, SocketLink
from server.transports.visitor import Visitor

PROTOCOL = "graphql-transport-ws"
MOST_OPERATIONS = 20  # at once, over one socket
_LONGEST_ID = 100
_ANSWER_SECONDS = 5.0  # what is being answered gets to finish when the server stops, as requests do (server/serving.py)
_OF_ONE_ALONE = (CloseCode.REPLACED, CloseCode.CONNECTION_LIMIT)  # others end all that rests on the same socket
# By its own number, clients of this protocol would take it that they are spoken to wrongly, and not come back.
_ON_THE_WIRE: dict[int, int] = {CloseCode.BEHIND: CloseCode.DRAINING}
_LOG = logging.getLogger("jindu.graphql")


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
        self._principal = principal
        self._socket = socket
        self._link = link
        self._context = context  # that of the request: addresses are told as whoever asked can ask for them
        self._by_id: dict[str, SocketOperation] = {}  # whose ids are taken
        self._operations: set[SocketOperation] = set()  # all whose tasks run, those that were stopped as well
        self._limits: LiveLimits = house.limits
        self._rate = RateLimit(per_second=self._limits.messages_per_second, burst=self._limits.message_burst)
        self._is_ended = self._is_draining = False
        self._farewell = ""  # what connections here were sent away with, while something else is being answered
        self._heard_at = time.monotonic()
        self._asked_at = 0.0  # whether somebody is there
        self._places = ExitStack()  # its place among those of its user, once that is known

    @property
    def connections(self) -> list[Connection]:
        """Of all its subscriptions."""
        return [connection for operation in self._operations for connection in operation.connections]

    # what the transport asks of it

    async def run(self) -> None:
        """Until either side ends it."""
        ending: WSMessage | None = None
        try:
            with suppress(ConnectionError), self._places:  # nobody is left to answer
                if await self._introduced():
                    ending = await self._serve()
        finally:
            await self._stop_all()
        await self._link.answer(ending)

    def drain(self) -> None:
        """The server stops: what is being answered still is, in time; connections are sent away with all others."""
        self._is_draining = True
        asyncio.get_running_loop().call_later(_ANSWER_SECONDS, self._send_away)
        self._end_if_drained()

    def look_after(self) -> None:
        """To be called now and then: connections are looked after with all others, a socket without one is here."""
        if self.connections:
            return
        now = time.monotonic()
        silence = self._limits.silence(now, heard_at=self._heard_at, asked_at=self._asked_at)
        if silence is Silence.OVER:
            self.end(CloseCode.NO_PONG, CloseCode.NO_PONG.reason)
        elif silence is Silence.TO_ASK:
            self._asked_at = now
            self._link.ping()
        if self._principal is not None:
            self.end_unless_good(self._house.live.heard_of(self._principal))

    def end_unless_good(self, standing: Validity) -> None:
        """By what has become of whatever it rests on."""
        if standing in CLOSED_WITH:
            self.end(CLOSED_WITH[standing], CLOSED_WITH[standing].reason)

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
            self._turn_away(
                SocketEnd.FORBIDDEN,
                'Forbidden: send a token that is good as {"token": …} with connection_init, or sign in',
            )
            return False
        if self._house.floods.seconds_to_wait(self._principal.user_id) > 0:
            self._turn_away(CloseCode.RATE_LIMIT, CloseCode.RATE_LIMIT.reason)
            return False
        try:
            self._places.enter_context(self._house.live.place(self._principal, self))
        except Refused as refused:
            reason = self._house.admission.reason(refused, self.visitor.language, self._principal.language)
            self._turn_away(refused.code, reason)
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
                    self._stop(operation_id)
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
        elif message.type is WSMsgType.TEXT:
            await self._drop(message.data)
        await asyncio.sleep(self._rate.pause_seconds)
        return False

    async def _drop(self, text: str) -> None:
        """What ends an operation is heeded all the same: it costs nothing, and who sent it counts on it."""
        match operation_in(text):
            case StopOperation(id=operation_id):
                self._stop(operation_id)
            case StartOperation(id=operation_id) if not self._ends_for_taken(operation_id):
                await self._fail(operation_id, RateLimited("Too many messages; send fewer per second."))

    # operations

    async def _start(self, start: StartOperation) -> None:
        if self._ends_for_taken(start.id):
            return
        if self._is_draining:
            await self._fail(start.id, LiveEnded(CloseCode.DRAINING))
        elif sum(not each.is_stopped for each in self._operations) >= MOST_OPERATIONS:
            error = RateLimited(
                "At most {limit} operations run over one socket at once; complete some, or open another one.",
                code="too_many_operations",
                limit=MOST_OPERATIONS,
            )
            await self._fail(start.id, error)
        else:
            operation = SocketOperation(start.id, self.visitor, self._link)
            operating = self._operate(operation, start)
            operation.task = asyncio.create_task(operating, name="graphql operation", context=self._context.copy())
            self._by_id[start.id] = operation
            self._operations.add(operation)
            operation.task.add_done_callback(partial(self._done, operation))

    def _ends_for_taken(self, operation_id: str) -> bool:
        """An error would be taken for the end of the operation that has the id."""
        if operation_id not in self._by_id:
            return False
        self.end(SocketEnd.ID_TAKEN, f"Subscriber for {operation_id[:_LONGEST_ID]} already exists")
        return True

    def _stop(self, operation_id: str) -> None:
        """Its id, its place and its connection are free at once, however long its task takes to end."""
        if operation := self._by_id.pop(operation_id, None):
            for connection in operation.connections:
                self._house.live.leave(connection)
            operation.stop()

    def _free(self, operation: SocketOperation) -> None:
        """Before its client is told that it is over, who may use the id again at once."""
        if self._by_id.get(operation.id) is operation:
            del self._by_id[operation.id]

    def _done(self, operation: SocketOperation, _task: asyncio.Task[None]) -> None:
        self._free(operation)
        self._operations.discard(operation)
        self._end_if_drained()

    def _end_if_drained(self) -> None:
        if not self._is_draining or any(each.is_being_answered for each in self._operations):
            return
        if self._farewell or not self.connections:
            self._send_away()

    def _send_away(self) -> None:
        self.end(CloseCode.DRAINING, self._farewell or CloseCode.DRAINING.reason)

    async def _operate(self, operation: SocketOperation, start: StartOperation) -> None:
        with suppress(ConnectionError):  # nobody is left to tell
            try:
                await self._results(operation, start)
            except LiveEnded as ended:
                await self._end_with(operation, ended)
            except Exception as error:
                await self._finish(operation, type="error", payload=[told(error, self._translate())])

    async def _end_with(self, operation: SocketOperation, ended: LiveEnded) -> None:
        if ended.code in _OF_ONE_ALONE:
            await self._finish(operation, type="error", payload=[of_end(ended, self._translate())])
        elif ended.code is CloseCode.DRAINING and self._is_draining:
            self._farewell = ended.reason  # `_done` says it, once all that is being answered is
        elif not operation.is_stopped:
            self.end(ended.code, ended.reason)

    async def _results(self, operation: SocketOperation, start: StartOperation) -> None:
        assert self._principal is not None
        call = self._house.call(self.visitor, self._principal, carrier=operation)
        execution, translate = self._house.execution, self._house.translate(call)
        result: Json | None = None
        async with self._house.turn(self._principal):
            await self._require_standing(self._principal)
            if start.payload.variables:
                require_storable(start.payload.variables)
            prepared = await execution.prepared(start.payload)
            operation.is_subscription = not prepared.errors and prepared.kind is OperationType.SUBSCRIPTION
            if not operation.is_subscription:
                result = await execution.result(prepared, call, translate)
        if result is not None:
            if not await self._next(operation, result):
                return
        else:
            async with aclosing(execution.results(prepared, call, translate)) as results:
                async for each in results:
                    if not await self._next(operation, each):
                        return
        await self._finish(operation, type="complete")

    async def _next(self, operation: SocketOperation, result: Json) -> bool:
        """False for what was no result: an operation that was not executed ends with its errors."""
        if "data" in result:
            await self._say(operation, type="next", payload=result)
            return True
        await self._finish(operation, type="error", payload=result["errors"])
        return False

    async def _finish(self, operation: SocketOperation, **message: Any) -> None:
        """With the last that is said of it."""
        self._free(operation)
        await self._say(operation, **message)

    async def _say(self, operation: SocketOperation, **message: Any) -> None:
        """Nothing of what was stopped: another one may have its id."""
        if not operation.is_stopped:
            await self._send({"id": operation.id, **message})

    async def _require_standing(self, principal: Principal) -> None:
        """A socket may be open for days: what it rests on is asked for each operation, as it is for each request."""
        standing = await self._house.standing(principal)
        if standing in CLOSED_WITH:
            raise LiveEnded(CLOSED_WITH[standing])

    async def _fail(self, operation_id: str, error: Exception) -> None:
        await self._send({"type": "error", "id": operation_id, "payload": [told(error, self._translate())]})

    def _translate(self) -> Translate:
        return self._house.translator(self.visitor, self._principal)

    async def _send(self, message: Json) -> None:
        """Waits while the peer is behind: what comes meanwhile counts as unsent, and what is too much ends it."""
        if not self._is_ended:
            await self._socket.send_str(msgspec.json.encode(message).decode())

    async def _stop_all(self) -> None:
        tasks = [each.task for each in self._operations if each.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

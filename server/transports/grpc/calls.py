"""Calls from their headers to their end: who asks, how many at once, for how long, and what went wrong."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from grpclib.protocol import Stream
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from multidict import CIMultiDict

from server.auth.authenticator import Visit
from server.auth.endings import Validity
from server.auth.permissions import Principal
from server.errors import MalformedRequest, NotSignedIn, RateLimited
from server.http.addresses import forwarding_by
from server.http.based_requests import standing_at
from server.http.parts import WebParts
from server.realtime.rechecking import CLOSED_WITH
from server.texts import Translate
from server.transports import Entrance
from server.transports.frame_queue import LiveEnded
from server.transports.grpc.call import GrpcCall, is_content_type
from server.transports.grpc.failures import CallEnding, NoSuchMethod, TimeIsOver, ending_of
from server.transports.grpc.line import CallTaker
from server.transports.grpc.methods import Asker, Caller, GrpcMethod
from server.transports.uncut import uncut
from server.transports.visitor import Visitor

_LONGEST_TOKEN = 1_000
_DEVICE_CHARACTERS = 200
_CALLS_PER_USER = 100  # at once: live streams are counted besides, as connections
_LONGEST_PATH = 200
_LONGEST_NAME = 100
_LOG = logging.getLogger("jindu.grpc")


class CallHouse:
    """What all calls share."""

    def __init__(self, entrance: Entrance, parts: WebParts, methods: Mapping[str, GrpcMethod]) -> None:
        self._entrance = entrance
        self.parts = parts
        self._methods = methods
        self._of_user: Counter[str] = Counter()
        self._open: dict[GrpcCall, tuple[Principal, asyncio.Task[Any]]] = {}
        self._ended: dict[asyncio.Task[Any], Exception] = {}  # why those were ended that we ended

    def count(self) -> int:
        """Calls of known people that are not over."""
        return len(self._open)

    async def answer(self, call: GrpcCall) -> None:
        """To its end, whatever happens."""
        translate: Translate = str
        route = "unmatched"
        try:
            self._require_grpc(call)
            visitor = self._visitor(call)
            translate = self._translate(visitor.language)
            method = self._method(call)
            route = method.path
            async with asyncio.timeout(call.seconds_left()):
                if method.is_open:
                    await method.answer(self._asker(call, visitor))
                else:
                    principal = await self._recognised(call, visitor)
                    translate = self._translate(visitor.language, principal.language)
                    await self._answered(method, call, visitor, principal)
            ending = CallEnding()
        except _NoGrpc as wrong:
            await call.refuse([(":status", str(wrong.args[0]))])
            return
        except TimeoutError:
            ending = ending_of(TimeIsOver(), translate)
        except asyncio.CancelledError:
            why = self._ended.pop(asyncio.current_task(), None)  # type: ignore[arg-type]  # there is one
            if why is None:
                raise  # its peer is gone
            ending = ending_of(why, translate)
        except ProtocolError:
            return  # it was reset while something was sent
        except Exception as error:
            ending = ending_of(error, translate)
        await call.end(ending)
        seconds = 0.0 if route.endswith("/Watch") else time.monotonic() - call.came_at
        self.parts.traffic.answered("GRPC", route, ending.http_status, seconds=seconds)
        _LOG.debug("%s", route, extra={"action": "grpc", "status": ending.status.name})

    def look_after(self) -> None:
        """To be called every second: end calls whose credential has ended, by what is heard of it."""
        for principal, task in list(self._open.values()):
            self._end_unless_good(task, self._entrance.joiner.heard_of(principal))

    async def recheck(self) -> None:
        """The same now and then by asking, since no word of it is sure to come."""
        calls = list(self._open.values())
        gone = await self._entrance.standings_of({principal for principal, _task in calls})
        for principal, task in calls:
            self._end_unless_good(task, gone.get(principal, Validity.GOOD))

    def end_all(self, error: Exception) -> None:
        for _principal, task in list(self._open.values()):
            self._end(task, error)

    def _end_unless_good(self, task: asyncio.Task[Any], standing: Validity) -> None:
        if standing in CLOSED_WITH:
            self._end(task, LiveEnded(CLOSED_WITH[standing]))

    def _end(self, task: asyncio.Task[Any], why: Exception) -> None:
        if task not in self._ended and not task.done():
            self._ended[task] = why
            task.cancel()
            task.add_done_callback(lambda done: self._ended.pop(done, None))

    async def _answered(self, method: GrpcMethod, call: GrpcCall, visitor: Visitor, principal: Principal) -> None:
        language = self.parts.languages.choose(visitor.language, principal.language)
        caller = Caller(principal=principal, visitor=visitor, language=language, parts=self.parts, call=call)
        with self._place(call, principal), standing_at(self.parts.base_path):
            self._entrance.admission.check(visitor)
            async with self.parts.in_turn_of(principal.user_id):
                await method.answer(caller)

    @contextmanager
    def _place(self, call: GrpcCall, principal: Principal) -> Iterator[None]:
        count, user_id, task = self._of_user[principal.user_id], principal.user_id, asyncio.current_task()
        assert task is not None
        if count >= _CALLS_PER_USER + self._entrance.manager.limits.connections_per_user:
            raise RateLimited("{count} calls of yours are being answered; wait until some are over.", count=count)
        self._of_user[user_id] += 1
        self._open[call] = principal, task
        try:
            yield
        finally:
            del self._open[call]
            self._of_user -= Counter({user_id: 1})

    async def _recognised(self, call: GrpcCall, visitor: Visitor) -> Principal:
        scheme, _, token = call.metadata.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
            raise NotSignedIn("Send “authorization: Bearer <token>” as metadata.")
        visit = Visit(address=visitor.address, language=visitor.language)
        principal = await self.parts.recognised(
            token.strip(), visitor.address, lambda: uncut(self.parts.authenticator.by_token(token.strip(), visit))
        )
        call.line.known()
        return principal

    def _asker(self, call: GrpcCall, visitor: Visitor) -> Asker:
        return Asker(
            visitor=visitor, language=self.parts.languages.choose(visitor.language), parts=self.parts, call=call
        )

    def _visitor(self, call: GrpcCall) -> Visitor:
        headers = CIMultiDict(call.metadata)
        forwarded = forwarding_by(self.parts.settings, headers, call.line.address).address
        language = call.metadata.get("accept-language")
        return Visitor(
            address=forwarded or call.line.address,
            device=call.metadata.get("user-agent", "")[:_DEVICE_CHARACTERS],
            language=self.parts.languages.choose(language) if language else None,
            came_at=call.came_at,
        )

    def _translate(self, *languages: str | None) -> Translate:
        return self.parts.languages.of(self.parts.languages.choose(*languages)).gettext

    def _method(self, call: GrpcCall) -> GrpcMethod:
        if call.unreadable:
            raise MalformedRequest("The header {name} is wrong.", name=call.unreadable[0][:_LONGEST_NAME])
        method = self._methods.get(call.path)
        if method is None:
            raise NoSuchMethod(path=call.path[:_LONGEST_PATH])
        return method

    def _require_grpc(self, call: GrpcCall) -> None:
        """Raises `_NoGrpc`, for what is answered as HTTP has it."""
        if call.metadata.get(":method") != "POST":
            raise _NoGrpc(405)
        if not is_content_type(call.metadata.get("content-type", "")):
            raise _NoGrpc(415)


class _NoGrpc(Exception):
    """With the status of HTTP."""


class LineCalls(CallTaker):
    """The calls of one TCP connection."""

    def __init__(self, house: CallHouse) -> None:
        self._house = house
        self._tasks: dict[Stream, asyncio.Task[None]] = {}

    def count(self) -> int:
        return len(self._tasks)

    def accept(self, stream: Stream, headers: Sequence[tuple[Any, Any]], release_stream: Callable[[], None]) -> None:
        line = self.line
        if line.is_going:
            with suppress(ProtocolError):
                stream.reset_nowait(ErrorCodes.REFUSED_STREAM)  # nothing was done: it may be tried elsewhere
            release_stream()
            return
        line.took_call(stream)
        self._tasks[stream] = task = asyncio.create_task(self._run(GrpcCall(stream, headers, line)))
        # Not in the task: one that is cancelled before it has begun never runs at all.
        task.add_done_callback(lambda _task: self._over(stream, release_stream))

    def cancel(self, stream: Stream) -> None:
        """Its client wants no answer any more."""
        if (task := self._tasks.get(stream)) is not None:
            task.cancel()

    def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    async def _run(self, call: GrpcCall) -> None:
        try:
            await self._house.answer(call)
        except asyncio.CancelledError:
            pass  # nobody waits for this task
        except Exception:
            _LOG.exception("a call could not be ended", extra={"action": "grpc"})

    def _over(self, stream: Stream, release: Callable[[], None]) -> None:
        del self._tasks[stream]
        self.line.was_over()
        release()  # what of its request was not read counts as read: else the window is eaten up, call by call

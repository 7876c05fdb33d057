"""The live connection: a WebSocket that is opened again whenever it breaks, and goes on where it stood."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import random
import re
import time
import uuid
import weakref
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from jindu.errors import ClientError, Closed, Problem, Unreachable
from jindu.mailbox import Mailbox, Message
from jindu.pauses import full_jitter
from jindu.requests import PASSING_STATUSES, Requests
from jindu.timeouts import within

_LOG = logging.getLogger("jindu")
_FOR_GOOD = 4500  # close codes from here on: do not come back
_SPREAD = re.compile(r"retry in (\d+(?:\.\d+)?) s")
_REPLY_SECONDS = 30.0
_MOST_EVENTS = 100  # in one command
_SINGLY_SECONDS = 0.1  # the server takes 20 messages a second
_STEADY_SECONDS = 5.0  # a connection that stood so long ends the counting of failures
_MOST_REVISIONS = 10_000
_STATUSES = {"not_found": 404, "forbidden": 403, "rate_limited": 429, "internal_error": 500}  # as HTTP has them
_PASSING = frozenset({"database_away", "unavailable", "rate_limited"})  # asked again, it may be taken
_REPLIES = frozenset({"pong", "subscription", "history", "jobs", "error", "echo"})


class Live:
    """One connection of one user, shared by all who read messages."""

    def __init__(
        self,
        requests: Requests,
        *,
        client_id: str = "",
        language: str = "",
        since: tuple[str, int] | None = None,
        ping_seconds: float = 25.0,
    ) -> None:
        """`ping_seconds`: a link that does not answer a ping within half of it is opened anew."""
        self._requests = requests
        self._client_id = client_id or f"python-{uuid.uuid4().hex[:16]}"
        self._language = language
        self._ping_seconds = ping_seconds
        self._mailboxes: weakref.WeakSet[Mailbox] = weakref.WeakSet()  # held by who reads them
        self._events: dict[str, None] = {}  # subscribed names, in order
        self._position = since
        self._welcome: Message | None = None
        self._revisions: dict[str, int] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._ready = asyncio.Event()  # welcomed, and subscribed to what was asked for before
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._numbers = itertools.count(1)
        self._running: asyncio.Task[None] | None = None
        self._resubscribing: asyncio.Task[None] | None = None
        self._ended: Exception | None = None
        self._trouble: Exception | None = None
        self._down_since = 0.0

    @property
    def is_connected(self) -> bool:
        return self._ready.is_set()

    def messages(self, *, give_up_seconds: float | None = None) -> AsyncIterator[Message]:
        """Everything that is told from this call on; connects if nobody has.

        A `jobs` message, the snapshot, follows each `connection`. Job messages older than what was told already are
        left out. Raises `Closed`, `Problem` when the server refuses the connection, and `Unreachable` after
        `give_up_seconds` without one (None: never).
        """
        mailbox = Mailbox()
        self._connect()
        if self._ready.is_set() and self._welcome is not None and self._position is not None:
            mailbox.put({**self._welcome, "offset": self._position[1], "missed": 0})
        self._mailboxes.add(mailbox)
        return self._read(mailbox, give_up_seconds, is_late=self._ready.is_set())

    async def _read(self, mailbox: Mailbox, give_up_seconds: float | None, *, is_late: bool) -> AsyncIterator[Message]:
        if is_late:
            with contextlib.suppress(ClientError):  # then a new connection brings its snapshot
                mailbox.put(await self._ask("jobs"))
        while True:
            try:
                message = await within(give_up_seconds, mailbox.take())
            except asyncio.TimeoutError:
                self._require_hope(give_up_seconds or 0.0)
            else:
                yield message

    async def subscribe(self, *events: str) -> None:
        """Also after every reconnection. Raises `Problem` when one of them may not be subscribed to."""
        await self.command("subscribe", events=list(events))
        self._events.update(dict.fromkeys(events))

    async def unsubscribe(self, *events: str) -> None:
        for event in events:
            self._events.pop(event, None)
        await self.command("unsubscribe", events=list(events))

    async def command(self, kind: str, **fields: Any) -> Message:
        """Send a command once connected; its answer. Raises `Problem`, `Closed`, and `Unreachable` after 30 s."""
        self._connect()
        try:
            return await within(_REPLY_SECONDS, self._answer_to(kind, **fields))
        except asyncio.TimeoutError:
            raise self._requests.unreachable(self._trouble or asyncio.TimeoutError("no answer in time")) from None

    async def _answer_to(self, kind: str, **fields: Any) -> Message:
        await self._until_ready()
        return await self._ask(kind, **fields)

    async def close(self) -> None:
        """Who still reads messages gets `Closed`."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
        self._end(Closed(1000, "closed by this program"))

    def _connect(self) -> None:
        if self._ended is not None:
            raise self._ended
        if self._running is None:
            self._down_since = time.monotonic()
            self._running = asyncio.create_task(self._run(), name="jindu live")

    async def _run(self) -> None:
        failures = 0
        try:
            while True:
                began = time.monotonic()
                try:
                    pause = _pause_asked_for(await self._serve())
                except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                    self._trouble, pause = await self._refused(error), None
                self._lost()
                failures = 0 if time.monotonic() - began > _STEADY_SECONDS else failures
                await asyncio.sleep(full_jitter(failures) if pause is None else pause)
                failures += 1
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if not isinstance(error, (Closed, Problem)):
                _LOG.exception("the live connection ended unexpectedly")
            self._end(error)

    async def _serve(self) -> tuple[int, str]:
        """One connection from its beginning to its end: close code and reason."""
        query = {"format": "array"}
        if self._language:
            query["lang"] = self._language
        if self._position is not None:
            query["since"] = "{}:{}".format(*self._position)
        address = f"{self._requests.url}/ws/{self._client_id}"
        async with self._requests.session.ws_connect(
            address, params=query, heartbeat=self._ping_seconds, max_msg_size=0
        ) as socket:
            self._socket = socket
            reason = ""
            while True:
                frame = await socket.receive()
                if frame.type is aiohttp.WSMsgType.TEXT:
                    content = json.loads(frame.data)
                    for message in content if isinstance(content, list) else [content]:
                        await self._take(message)
                elif frame.type is aiohttp.WSMsgType.CLOSE:
                    reason = str(frame.extra or "")
                    break
                elif frame.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.ERROR):
                    break
        code = socket.close_code or 1006
        if code >= _FOR_GOOD:
            raise Closed(code, reason)
        self._trouble = Unreachable(f"the connection was closed: {reason or code}")
        return code, reason

    async def _take(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "connection":
            await self._welcomed(message)
        elif "offset" in message and self._position is not None and kind in ("job", "notification"):
            self._position = (self._position[0], message["offset"])
        if kind in _REPLIES and (waiting := self._replies.pop(message.get("id", 0), None)) is not None:
            if not waiting.done():
                waiting.set_result(message)
            return
        if (fresh := self._fresh(message)) is not None:
            self._tell(fresh)

    def _tell(self, message: Message) -> None:
        for mailbox in list(self._mailboxes):
            mailbox.put(message)

    async def _welcomed(self, message: Message) -> None:
        missed = message["missed"] if message["recovered"] else 0
        # The missed ones are still to come: cut off among them, we go on from the last that came.
        self._position = (message["epoch"], message["offset"] - missed)
        self._welcome = message
        self._trouble = None
        if not message["recovered"]:
            self._revisions.clear()
        assert self._socket is not None
        await self._socket.send_json({"type": "jobs"})
        self._ready.set()
        if self._events:
            self._resubscribing = asyncio.create_task(self._resubscribe(), name="jindu subscribe again")

    async def _resubscribe(self) -> None:
        """In few commands, since the server takes so many a second and drops the others."""
        names = list(self._events)
        with contextlib.suppress(Unreachable, Closed):  # the next connection begins anew
            for start in range(0, len(names), _MOST_EVENTS):
                part = names[start : start + _MOST_EVENTS]
                try:
                    self._tell(await self._ask("subscribe", events=part))  # from here on nothing of them is missed
                except Problem:
                    await self._resubscribe_singly(part)

    async def _resubscribe_singly(self, names: list[str]) -> None:
        """A command is done whole or not at all: one that is gone meanwhile must not take the others with it."""
        waiting = deque(names)
        while waiting:
            name = waiting.popleft()
            await asyncio.sleep(_SINGLY_SECONDS)
            try:
                self._tell(await self._ask("subscribe", events=[name]))
            except Problem as problem:
                if problem.code in _PASSING:
                    waiting.append(name)
                    continue
                _LOG.warning("No longer subscribed to %s: %s", name, problem)
                self._events.pop(name, None)

    def _fresh(self, message: Message) -> Message | None:
        """The message without what is older than what was told; None when nothing is left."""
        if message.get("type") == "jobs":
            return {**message, "jobs": [job for job in message["jobs"] if self._is_news(job)]}
        if "job_id" in message and "revision" in message:
            return message if self._is_news(message) or "offset" in message else None
        return message

    def _is_news(self, job: Message) -> bool:
        known = self._revisions.pop(job["job_id"], -1)
        self._revisions[job["job_id"]] = max(known, job["revision"])
        if len(self._revisions) > _MOST_REVISIONS:
            del self._revisions[next(iter(self._revisions))]
        return bool(job["revision"] >= known)

    async def _until_ready(self) -> None:
        waiting = asyncio.ensure_future(self._ready.wait())
        assert self._running is not None
        await asyncio.wait({waiting, self._running}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._ended is not None:
            raise self._ended

    async def _ask(self, kind: str, **fields: Any) -> Message:
        number = next(self._numbers)
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._replies[number] = reply
        try:
            if self._socket is None:
                raise Unreachable("The live connection was lost; try again.")
            with contextlib.suppress(ConnectionError):  # the reader notices it too, and ends the waiting
                await self._socket.send_json({"type": kind, "id": number, **fields})
            message = await reply
        finally:
            self._replies.pop(number, None)
        if message["type"] == "error":
            raise Problem(_STATUSES.get(message["code"], 400), message["code"], message["message"])
        return message

    async def _refused(self, error: Exception) -> Exception:
        """The error, to try again; raises `Problem` when the server refuses the connection for good."""
        if isinstance(error, aiohttp.WSServerHandshakeError) and error.status not in PASSING_STATUSES:
            if error.status == 401:
                await self._requests.json("GET", "/api/v1/me")  # a refused handshake has no room for a reason
            raise Problem(error.status, "", f"The server refused the live connection ({error.status} {error.message}).")
        return error

    def _lost(self) -> None:
        self._socket = None
        if self._ready.is_set():
            self._down_since = time.monotonic()
            self._ready.clear()
        self._fail_replies(Unreachable("The live connection was lost before the answer came; try again."))

    def _end(self, error: Exception) -> None:
        self._ended = self._ended or error
        self._socket = None
        self._ready.clear()
        self._fail_replies(self._ended)
        for mailbox in list(self._mailboxes):
            mailbox.end(self._ended)

    def _fail_replies(self, error: Exception) -> None:
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(error)
        self._replies.clear()

    def _require_hope(self, seconds: float) -> None:
        if not self._ready.is_set() and time.monotonic() - self._down_since >= seconds:
            raise self._requests.unreachable(self._trouble or asyncio.TimeoutError("no answer in time"))


def _pause_asked_for(ending: tuple[int, str]) -> float | None:
    """Somewhere in the time over which a server that drains wants its clients back; None when it said nothing."""
    found = _SPREAD.search(ending[1])
    return random.uniform(0.0, float(found[1])) if found else None  # noqa: S311 - nobody is kept out by it

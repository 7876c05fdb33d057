"""Publications between nodes over the pub/sub of Valkey or Redis, which may lose any of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from server.clock import new_id
from server.engines.valkey_line import AWAY, ValkeyAddress, ValkeyLine
from server.engines.valkey_saying import ValkeyCommand, ValkeySaying
from server.realtime.broker import EVERYBODY, BrokerStatistics, Hearing, Publication

_LOG = logging.getLogger("jindu.valkey")
_VERSION = 1
_JOINED_AT_ONCE = 1_000  # topics
_CONFIRM_SECONDS = 2.0
_BEAT_SECONDS = 2.0  # a word of our own that has to come round
_SILENT_SECONDS = 6.0
_RECONNECT_SECONDS = (0.05, 0.2, 0.5, 1.0)
_MOST_SENDERS = 1_000


class _Word(msgspec.Struct, frozen=True, array_like=True):
    """What goes over the line. Fields are only ever added at its end; another version is another shape."""

    version: int
    sender: str  # one process of a node
    number: int  # counts what it sends: the same word comes by each topic that we joined
    publication: msgspec.Raw = msgspec.Raw(b"\xc0")  # nothing: some of the sender's words may be lost


class ValkeyBroker:
    """A `Broker`. One line says, another listens, and each is made anew when it was lost.

    Nobody waits for either: what cannot leave is dropped and counted. A node far away may listen at a replica beside
    it, `listens_at`: what is said at the primary comes there once, for however many listen.
    """

    def __init__(self, url: str, *, listens_at: str = "") -> None:
        self.address = ValkeyAddress(url)
        self._listens_at = ValkeyAddress(listens_at) if listens_at else self.address
        self.me = new_id()
        self._hearing: Hearing | None = None
        self._kinds: msgspec.msgpack.Decoder[Any] | None = None
        self._encode = msgspec.msgpack.Encoder().encode
        self._words = msgspec.msgpack.Decoder(_Word)
        self._saying = ValkeySaying(gap=self._gap)
        self._number = 0
        # listening
        self._joined: dict[str, asyncio.Future[None]] = {}
        self._unconfirmed: Counter[str] = Counter()
        self._late: set[str] = set()  # topics whose join returned before it was confirmed
        self._changes: deque[tuple[str, str]] = deque()
        self._changed = asyncio.Event()
        self._is_listening = False
        self._last: dict[str, int] = {}  # by sender
        self._heard_myself_at = 0.0
        self._comes_round = False  # what is said is heard here: a replica may be there and have lost its primary
        self._beat_number = 0
        self._beaten_at = 0.0
        self._round_seconds = 0.0

        self._tasks: list[asyncio.Task[None]] = []
        self._sent = self._heard = self._not_understood = self._lines_lost = 0
        self._is_known_away = False
        self._on_return: list[Callable[[], None]] = []
        self._closing: list[Callable[[], Awaitable[None]]] = []

    async def open(self, hearing: Hearing) -> None:
        self._hearing = hearing
        kinds = tuple(hearing.kinds)
        self._kinds = msgspec.msgpack.Decoder(reduce(or_, kinds)) if kinds else None
        self._joined[self._own_topic] = asyncio.get_running_loop().create_future()
        self._tasks = [
            asyncio.create_task(self._again_and_again(self._say, self.address), name="valkey says"),
            asyncio.create_task(self._again_and_again(self._listen, self._listens_at), name="valkey listens"),
            asyncio.create_task(self._beat(), name="valkey beats"),
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await asyncio.shield(self._joined[self._own_topic])

    async def join(self, topic: str) -> None:
        joined = self._joined.get(topic)
        if joined is None:
            joined = self._joined[topic] = asyncio.get_running_loop().create_future()
            self._change("SUBSCRIBE", topic)
        if joined.done() or not self._is_listening:  # else it is joined when the line is back
            return
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await asyncio.shield(joined)
        except TimeoutError:
            self._late.add(topic)

    def leave(self, topic: str) -> None:
        joined = self._joined.pop(topic, None)
        if joined is None:
            return
        if not joined.done():
            joined.set_result(None)
        self._change("UNSUBSCRIBE", topic)

    def send(self, publication: Publication) -> None:
        hearing = self._hearing
        if hearing is None:
            return
        if not self._joined.keys().isdisjoint(publication.topics):
            hearing.receive(publication)
        self._number += 1
        word = self._encode(_Word(_VERSION, self.me, self._number, msgspec.Raw(self._encode(publication))))
        for topic in publication.topics:
            self.command("PUBLISH", self._channel(topic), word)
        self._sent += 1

    def command(self, *words: Any) -> None:
        """To be done before whatever is sent from now on, or not at all when the line is lost; never waits."""
        self._saying.add(words)

    def closes(self, close: Callable[[], Awaitable[None]]) -> None:
        """What goes by the same address ends with it."""
        self._closing.append(close)

    def when_back(self, tell: Callable[[], None]) -> None:
        """`tell` is called whenever the line is there again: what was stored there may be gone."""
        self._on_return.append(tell)

    @property
    def is_whole(self) -> bool:
        return self._saying.is_there and self._is_listening and self._comes_round

    def statistics(self) -> BrokerStatistics:
        return BrokerStatistics(
            is_whole=self.is_whole,
            sent=self._sent,
            heard=self._heard,
            not_sent=self._saying.lost,
            not_understood=self._not_understood,
            lines_lost=self._lines_lost,
            round_seconds=self._round_seconds if self.is_whole else 0.0,
        )

    async def close(self) -> None:
        if self._hearing is None:
            return
        await self._saying.all_left(seconds=1.0)
        self._hearing = None
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._joined.clear()
        for close in self._closing:
            await close()

    # both lines

    async def _again_and_again(self, use: Any, address: ValkeyAddress) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                line = await address.connected()
                try:
                    await use(line)
                finally:
                    await line.close()
            except AWAY as error:
                self._say_once_that_it_is_away(error)
            except Exception:
                _LOG.exception("the line to Valkey failed", extra={"action": "broker"})
            failures = 0 if time.monotonic() - began > _SILENT_SECONDS else failures + 1
            await asyncio.sleep(_RECONNECT_SECONDS[min(failures, len(_RECONNECT_SECONDS) - 1)])

    def _say_once_that_it_is_away(self, error: BaseException) -> None:
        self._lines_lost += 1
        if not self._is_known_away:
            self._is_known_away = True
            _LOG.warning(
                "Valkey does not answer (%s): this node is on its own, and looks for what others keep",
                error or type(error).__name__,
                extra={"action": "broker"},
            )

    def _say_once_that_it_is_back(self) -> None:
        if self.is_whole and self._is_known_away:
            self._is_known_away = False
            _LOG.info("Valkey answers again", extra={"action": "broker"})

    # saying

    async def _say(self, line: ValkeyLine) -> None:
        await line.ask([("SET", f"{self.address.prefix}line:{self.me}", b"", "PX", 1000)])  # a replica refuses that
        await self._saying.use(line, begun=self._begun)

    def _begun(self) -> None:
        self._beat_once()
        self._say_once_that_it_is_back()
        for tell in self._on_return:
            tell()

    def _gap(self) -> ValkeyCommand:
        self._number += 1
        word = self._encode(_Word(_VERSION, self.me, self._number))
        return ("PUBLISH", self._channel(EVERYBODY), word)

    # listening

    async def _listen(self, line: ValkeyLine) -> None:
        self._changes.clear()
        self._unconfirmed.clear()
        topics = list(self._joined)
        for start in range(0, len(topics), _JOINED_AT_ONCE):
            some = topics[start : start + _JOINED_AT_ONCE]
            self._unconfirmed.update(some)
            await line.write([("SUBSCRIBE", *map(self._channel, some))])
        self._heard_myself_at = time.monotonic()
        self._comes_round = False
        changing = asyncio.create_task(self._pass_changes_on(line), name="valkey joins")
        is_anew = False
        try:
            while True:
                message = await line.read()
                self._take(message)
                if not is_anew and not self._unconfirmed:
                    is_anew = self._is_listening = True
                    self._beat_once()
                    self._may_have_lost()
        finally:
            self._is_listening = False
            changing.cancel()
            await asyncio.wait([changing])
            for topic, joined in self._joined.items():
                if joined.done():
                    self._joined[topic] = asyncio.get_running_loop().create_future()
                else:
                    self._late.add(topic)

    async def _pass_changes_on(self, line: ValkeyLine) -> None:
        """A line that is lost is noticed by who reads from it."""
        with contextlib.suppress(*AWAY):
            while True:
                await self._changed.wait()
                self._changed.clear()
                while self._changes:
                    kind, topic = self._changes.popleft()
                    topics = [topic]
                    while self._changes and self._changes[0][0] == kind and len(topics) < _JOINED_AT_ONCE:
                        topics.append(self._changes.popleft()[1])
                    if kind == "SUBSCRIBE":
                        self._unconfirmed.update(topics)
                    await line.write([(kind, *map(self._channel, topics))])

    def _change(self, kind: str, topic: str) -> None:
        self._changes.append((kind, topic))
        self._changed.set()

    def _take(self, message: Any) -> None:
        kind, channel, content = message
        topic = channel.decode().removeprefix(self.address.prefix)
        if kind == b"message":
            self._take_word(content)
        elif kind == b"subscribe":
            self._confirmed(topic)

    def _confirmed(self, topic: str) -> None:
        self._unconfirmed[topic] -= 1
        if self._unconfirmed[topic] > 0:  # it was left and joined again: the last one counts
            return
        del self._unconfirmed[topic]
        joined = self._joined.get(topic)
        if joined is not None and not joined.done():
            joined.set_result(None)
        if topic in self._late:
            self._late.discard(topic)
            if self._is_listening:
                self._may_have_lost()

    def _take_word(self, content: bytes) -> None:
        try:
            word = self._words.decode(content)
            if word.version != _VERSION:
                raise msgspec.ValidationError("another version")
            if word.sender == self.me:
                self._hear_myself(word)
                return
            if word.number <= self._last.get(word.sender, 0):
                return  # it came by another topic
            self._remember(word)
            if bytes(word.publication) == b"\xc0":
                self._may_have_lost()
                return
            if self._kinds is None or self._hearing is None:
                return
            publication = self._kinds.decode(word.publication)
        except msgspec.DecodeError as error:
            self._not_understood += 1
            if self._not_understood == 1:
                _LOG.warning("a word of another node is not understood: %s", error, extra={"action": "broker"})
            self._may_have_lost()
            return
        self._heard += 1
        self._hearing.receive(publication)

    def _hear_myself(self, word: _Word) -> None:
        self._heard_myself_at = time.monotonic()
        if not self._comes_round:
            self._comes_round = True
            self._say_once_that_it_is_back()
            self._may_have_lost()
        if word.number == 0 and bytes(word.publication) == self._encode(self._beat_number):
            self._round_seconds = self._heard_myself_at - self._beaten_at

    def _remember(self, word: _Word) -> None:
        if word.sender not in self._last and len(self._last) >= _MOST_SENDERS:
            del self._last[next(iter(self._last))]
        self._last[word.sender] = word.number

    def _may_have_lost(self) -> None:
        if self._hearing is not None:
            self._hearing.may_have_lost()

    async def _beat(self) -> None:
        """A line that seems to be there may be deaf: only a word that comes round proves that it is not."""
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            self._beat_once()
            if (
                self._saying.is_there
                and self._is_listening
                and time.monotonic() - self._heard_myself_at > _SILENT_SECONDS
            ):
                self._say_once_that_it_is_away(TimeoutError("no word comes round on a line that is open"))
                self._renew_listening()

    def _beat_once(self) -> None:
        if self._saying.is_there:
            self._beat_number += 1
            self._beaten_at = time.monotonic()
            word = self._encode(_Word(_VERSION, self.me, 0, msgspec.Raw(self._encode(self._beat_number))))
            self.command("PUBLISH", self._channel(self._own_topic), word)

    def _renew_listening(self) -> None:
        self._comes_round = False
        old = self._tasks[1]
        old.cancel()
        self._tasks[1] = asyncio.create_task(self._after(old), name="valkey listens")

    async def _after(self, old: asyncio.Task[None]) -> None:
        await asyncio.wait([old])
        await self._again_and_again(self._listen, self._listens_at)

    @property
    def _own_topic(self) -> str:
        return f"node:{self.me}"

    def _channel(self, topic: str) -> str:
        return f"{self.address.prefix}{topic}"

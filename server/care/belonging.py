"""Nodes of one database agree: on where files lie, on the secret key, on the broker, and on who is called what.

A node that starts compares itself with those that live. What does not fit is said before anything is done, unless the
other one turns out to have died: it is waited for until it says that it lives, or is not heard of any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from socket import gethostname

from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.file_marks import FileMarks
from server.care.findings import CareFinding, error
from server.clock import new_id
from server.errors import ConfigurationError, StorageFull
from server.realtime.presences import Presences
from server.storage.database import NOT_NOW, Database
from server.storage.living_nodes import (
    UNMARKED,
    LivingNode,
    NodeSetup,
    forget_node,
    forget_silent_nodes,
    living_nodes,
    say_alive,
)

_LOG = logging.getLogger("jindu")
LAST_START = "node"  # the file in the data directory that has the id of the last start there
_BEAT_SECONDS = 2.0
_BEATS_TO_BELIEVE = 2  # the first may have been on its way when its node was killed; a broker is joined meanwhile
_LOOKED_AT_EACH = 5  # beats
_LONGEST_HOST = 255
_REFUSED = (
    "Node {node} at {host} runs on the same database, and does not fit this one: {told}. All nodes need the same "
    "settings, and a JINDU_NODE of their own each; to change what all have in common, stop all of them first."
)


def differences(own: NodeSetup, other: NodeSetup, *, is_heard: bool | None = None) -> Iterator[str]:
    """In words, each with its setting. `is_heard`: whether the broker of this node knows the other, if it can tell."""
    if own.files != other.files:
        there = "names an S3 store" if other.files else "is not set, so that its files lie in its data directory"
        here = "is not set, so that files lie in the data directory" if not own.files else "names an S3 store"
        yield f"JINDU_STORAGE_URL {there}, and here it {here}"
    elif own.mark != other.mark and own.mark and other.mark:
        if own.files:
            yield "JINDU_STORAGE_URL names another store, or another prefix in it"
        else:
            yield "JINDU_STORAGE_URL is set at neither, and their data directories do not hold the same files"
    if own.key != other.key:
        yield "JINDU_SECRET_KEY is another key"
    if bool(own.broker) != bool(other.broker):
        is_set = ("is set", "is not set")
        there, here = is_set if other.broker else reversed(is_set)
        yield f"JINDU_BROKER_URL {there}, and here it {here}"
    elif other.hears and is_heard is False:
        yield "JINDU_BROKER_URL names another server, or another database or prefix on it"


def check_others(own: NodeSetup, others: Sequence[LivingNode]) -> Iterator[CareFinding]:
    for node in others:
        if told := "; ".join(differences(own, node.setup)):
            yield error(
                "node_differs",
                f"Node {node.name} at {node.host} is running, and does not fit these settings: {told}.",
                "Give all nodes the same; to change what they have in common, stop all of them first.",
            )


class Belonging:
    """One node's place among those that share its database."""

    def __init__(
        self,
        *,
        database: Database,
        marks: FileMarks,
        presences: Presences,
        data: Path,
        name: str,
        setup: Callable[[str], NodeSetup],
        beat_seconds: float = _BEAT_SECONDS,
    ) -> None:
        """`setup` is that of this node, with the mark of its store of files."""
        self._database = database
        self._marks = marks
        self._presences = presences
        self._last_start = data / LAST_START
        self._name = name
        self._setup = setup
        self._beat_seconds = beat_seconds
        self._mark = ""
        self._id = new_id()
        self._suspected: set[str] = set()  # at the last look
        self._said: set[str] = set()

    async def begin(self) -> None:
        """Raises `ConfigurationError` when it does not fit. The caller has the data directory for itself."""
        last_id = await asyncio.to_thread(_read, self._last_start)  # if it is still named, it was killed
        seen: dict[str, set[datetime]] = {}
        while against := await self._try_to_begin(last_id):
            for node, told in against.items():
                moments = seen.setdefault(node.id, set())
                moments.add(node.seen_at)
                if len(moments) > _BEATS_TO_BELIEVE:
                    raise ConfigurationError(_REFUSED, node=node.name, host=node.host, told=told)
            await asyncio.sleep(self._beat_seconds / 4)

    async def run(self) -> None:
        """Says that it lives, and looks at the others, until cancelled."""
        while True:
            for _ in range(_LOOKED_AT_EACH):
                await asyncio.sleep(self._beat_seconds)
                await self._safely(self._beat)
            await self._safely(self._look)

    async def end(self) -> None:
        await self._safely(self._leave)

    async def _try_to_begin(self, last_id: str) -> Mapping[LivingNode, str]:
        """Answers whom it does not fit, and how; it has begun when there is nobody."""
        found, heard = await self._marks.found(), await self._heard(but=(last_id,))
        try:
            async with self._database.write() as connection:
                others = await living_nodes(connection, but=(last_id,))
                if against := self._against(others, setup_mark(found), heard):
                    return against
                self._mark = await self._marks.settle(connection, found)
                await forget_node(connection, last_id)
                await forget_silent_nodes(connection)
                await self._say_alive(connection)
            await asyncio.to_thread(_write, self._last_start, self._id)
        except StorageFull:  # which must not keep it from starting; a beat names it once there is room
            _LOG.warning("the database is full: other nodes do not know of this one", extra={"action": "start"})
        return {}

    def _against(
        self, others: Sequence[LivingNode], mark: str, heard: Mapping[str, bool | None]
    ) -> dict[LivingNode, str]:
        own, found = self._setup(mark), {}
        for other in others:
            told = [*differences(own, other.setup, is_heard=heard.get(other.id))]
            if other.name == self._name:
                told.append("JINDU_NODE is the same at both, or at neither set")
            if told:
                found[other] = "; ".join(told)
        return found

    async def _heard(self, *, but: Sequence[str]) -> dict[str, bool | None]:
        """Whether the broker of this node knows each of the others that have one."""
        if not self._presences.process:
            return {}
        async with self._database.read() as connection:
            others = await living_nodes(connection, but=but)
        return {each.id: await self._presences.knows(each.setup.broker) for each in others if each.setup.broker}

    async def _beat(self) -> None:
        async with self._database.write(shared=True) as connection:
            await self._say_alive(connection)

    async def _look(self) -> None:
        """Two that start at one moment, or one that was frozen for a while, may have come past each other."""
        heard = await self._heard(but=(self._id,))
        async with self._database.read() as connection:
            others = await living_nodes(connection, but=(self._id,))
        against = self._against(others, self._mark, heard)
        found = {f"{node.name} at {node.host}: {told}" for node, told in against.items()}
        for line in sorted(found & self._suspected - self._said):  # a broker that was emptied knows nobody for a moment
            _LOG.error("this node does not fit node %s", line, extra={"action": "belong"})
        self._said |= found & self._suspected
        self._suspected = found

    async def _leave(self) -> None:
        async with self._database.write(shared=True) as connection:
            await forget_node(connection, self._id)

    async def _say_alive(self, connection: AsyncConnection) -> None:
        await say_alive(
            connection,
            start_id=self._id,
            name=self._name,
            host=gethostname()[:_LONGEST_HOST],
            setup=self._setup(self._mark),
        )

    async def _safely(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except NOT_NOW:  # said in the log already: others do not hear of this node meanwhile
            pass
        except Exception:
            _LOG.exception("other nodes could not be told of this one", extra={"action": "belong"})


def setup_mark(found: str | None) -> str:
    """As a setup has it: a store without a mark is not that of a node whose store has one."""
    return UNMARKED if found == "" else found or ""


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""


def _write(path: Path, start_id: str) -> None:
    """Without it a start after a crash waits until this one is not heard of any more."""
    try:
        path.write_text(start_id, "ascii")
    except OSError as error:
        _LOG.warning("%s could not be written: %s", path, error.strerror, extra={"action": "start"})

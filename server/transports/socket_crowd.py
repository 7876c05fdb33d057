"""All open WebSockets together: how one message is written to many of them."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from typing import Protocol

from server.realtime.connection import BUSY_BYTES
from server.transports.mass_writer import MassWriter

THROUGH_TRANSPORT = -1  # in place of a descriptor: nothing may be written past it


class Member(Protocol):
    """What is written to here: a socket's transport, and the descriptor that writes past it."""

    @property
    def transport(self) -> asyncio.Transport: ...

    @property
    def descriptor(self) -> int: ...

    def buffered_bytes(self) -> int: ...


class SocketGroup:
    """Some of a crowd, in an order: their descriptors side by side, so that a write looks at nothing else."""

    def __init__(self, crowd: SocketCrowd, links: Sequence[Member]) -> None:
        self.links = links
        self.descriptors = array("i", [link.descriptor for link in links])
        self._crowd = crowd
        self._may_pass = THROUGH_TRANSPORT not in self.descriptors
        self._looked_at = -1  # when so many had been lost
        self._are_all_open = True  # then; once one is not, it never is again

    def may_pass_transports(self, lost: int, begin: int, end: int) -> bool:
        """Whether the descriptors from place `begin` up to `end` are still their sockets', of which `lost` were lost.

        A descriptor is not given to another socket before the loss of its own was told: as long as none was lost since
        all were open, each has its own. One that has closed meanwhile is lost in the next turn of the loop, or has
        something buffered.
        """
        if self._are_all_open and self._looked_at != lost:
            self._looked_at, self._are_all_open = lost, are_open(self.links)
        return self._may_pass and (self._are_all_open or are_open(self.links[begin:end]))

    def write(self, data: bytes, begin: int, end: int) -> Sequence[int]:
        """The places of those that were written nothing: they are behind."""
        return self._crowd.write(self, data, begin, end)


class SocketCrowd:
    """Writes past the transports wherever these are open and have nothing buffered, and through them elsewhere.

    To ask 1,000 transports for what they have buffered takes as long as a tenth of the writes: it is remembered which
    were written to, and only these are asked.
    """

    def __init__(self, writer: MassWriter) -> None:
        self._writer = writer
        self._lost = 0
        self._written_to: set[Member] = set()  # through their transports, since these were last asked
        self._buffered: set[Member] = set()  # had something buffered when last asked

    def add(self, link: Member) -> None:
        """A new one, whose transport may still hold the answer to the handshake."""
        self._written_to.add(link)

    def write_through(self, link: Member, data: bytes) -> None:
        """Leave it to the transport, in order after what it has buffered."""
        self._written_to.add(link)
        link.transport.write(data)

    def write(self, group: SocketGroup, data: bytes, begin: int, end: int) -> Sequence[int]:
        """The places of those that were written nothing: they are behind."""
        if group.may_pass_transports(self._lost, begin, end) and self._have_nothing_buffered(group.links, begin, end):
            self._write_past_transports(group.links[begin:end], group.descriptors[begin:end], data)
            return ()
        return self._write_to_busy(group.links, data, begin, end)

    def lost(self) -> None:
        """One of them: its descriptor may belong to somebody else from now on."""
        self._lost += 1

    def forget(self, link: Member) -> None:
        self._written_to.discard(link)
        self._buffered.discard(link)

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_error: object) -> None:
        self._writer.close()

    def _have_nothing_buffered(self, links: Sequence[Member], begin: int, end: int) -> bool:
        """Sometimes False though they have nothing."""
        if self._written_to:
            self._buffered.update(link for link in self._written_to if link.buffered_bytes())
            self._written_to.clear()
        return not self._buffered or self._buffered.isdisjoint(links[begin:end])

    def _write_to_busy(self, links: Sequence[Member], data: bytes, begin: int, end: int) -> list[int]:
        """Some are closing, have something buffered, or are encrypted."""
        free: list[Member] = []
        behind: list[int] = []
        for place in range(begin, end):
            link = links[place]
            buffered_bytes = link.buffered_bytes()
            if link.transport.is_closing():
                continue
            if not buffered_bytes and link.descriptor != THROUGH_TRANSPORT:
                free.append(link)
            elif buffered_bytes <= BUSY_BYTES:
                self.write_through(link, data)
            else:
                behind.append(place)
        self._buffered.difference_update(free)
        self._write_past_transports(free, array("i", [link.descriptor for link in free]), data)
        return behind

    def _write_past_transports(self, links: Sequence[Member], descriptors: array[int], data: bytes) -> None:
        """Only for links that are open and have nothing buffered; what a socket does not take its transport gets."""
        for place, length in self._writer.write(descriptors, data).items():
            self.write_through(links[place], data[length:])


def are_open(links: Sequence[Member]) -> bool:
    transports = [link.transport for link in links]
    kinds: set[type[asyncio.Transport]] = set(map(type, transports))
    if len(kinds) != 1:
        return not any(transport.is_closing() for transport in transports)
    return not any(map(kinds.pop().is_closing, transports))  # several times as fast as to look it up for each

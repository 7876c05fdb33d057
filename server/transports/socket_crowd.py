"""All open WebSockets together: how one message is written to many of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from server.realtime.connection import BUSY_BYTES
from server.transports.mass_writer import MassWriter

ENCRYPTED = -1  # in place of a descriptor: all must go through the transport


class Member(Protocol):
    """What is written to here: a socket's transport, and the descriptor that writes past it."""

    @property
    def transport(self) -> asyncio.Transport: ...

    @property
    def descriptor(self) -> int: ...

    def unsent_bytes(self) -> int: ...


class SocketCrowd:
    """Writes past the transports wherever these are open and have nothing buffered, and through them elsewhere.

    To ask 1,000 transports for what they have buffered takes as long as a tenth of the writes: it is remembered which
    were written to, and only these are asked.
    """

    def __init__(self, writer: MassWriter) -> None:
        self._writer = writer
        self._written_to: set[Member] = set()  # through their transports, since these were last asked
        self._buffered: set[Member] = set()  # had something buffered when last asked

    def add(self, link: Member) -> None:
        """A new one, whose transport may still hold the answer to the handshake."""
        self._written_to.add(link)

    def write_through(self, link: Member, data: bytes) -> None:
        """Leave it to the transport, in order after what it has buffered."""
        self._written_to.add(link)
        link.transport.write(data)

    def write_to_all(self, links: Sequence[Member], data: bytes) -> Sequence[int]:
        """The indices of those that were written nothing: they are behind."""
        transports = [link.transport for link in links]
        if self._are_open(transports) and self._have_nothing_buffered(links):
            self._write_past_transports(links, data)
            return ()
        return self._write_to_busy(links, data)

    def forget(self, link: Member) -> None:
        self._written_to.discard(link)
        self._buffered.discard(link)

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_error: object) -> None:
        self._writer.close()

    def _are_open(self, transports: Sequence[asyncio.Transport]) -> bool:
        kinds: set[type[asyncio.Transport]] = set(map(type, transports))
        if len(kinds) > 1:
            return not any(transport.is_closing() for transport in transports)
        return not any(map(kinds.pop().is_closing, transports))  # several times as fast as to look it up for each

    def _have_nothing_buffered(self, links: Sequence[Member]) -> bool:
        """Sometimes False though they have nothing."""
        if self._written_to:
            self._buffered.update(link for link in self._written_to if link.unsent_bytes())
            self._written_to.clear()
        return not self._buffered or self._buffered.isdisjoint(links)

    def _write_past_transports(self, links: Sequence[Member], data: bytes) -> None:
        """Only for links that are open and have nothing buffered; what a socket does not take its transport gets."""
        descriptors = [link.descriptor for link in links]
        if ENCRYPTED in descriptors:
            for link in links:
                self.write_through(link, data)
        else:
            for index, length in self._writer.write(descriptors, data).items():
                self.write_through(links[index], data[length:])

    def _write_to_busy(self, links: Sequence[Member], data: bytes) -> list[int]:
        """Some are closing or have something buffered."""
        free: list[Member] = []
        behind: list[int] = []
        for index, link in enumerate(links):
            buffered_bytes = link.unsent_bytes()
            if link.transport.is_closing():
                continue
            if not buffered_bytes:
                free.append(link)
            elif buffered_bytes <= BUSY_BYTES:
                self.write_through(link, data)
            else:
                behind.append(index)
        self._buffered.difference_update(free)
        self._write_past_transports(free, data)
        return behind

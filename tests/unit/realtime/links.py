"""A `Link` whose peer reads at once, or not at all; what was written can be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from server.realtime.close_codes import CloseCode
from server.realtime.connection import BUSY_BYTES, Connection


@dataclass
class MemoryLinks:
    links: Sequence[MemoryLink]

    def write(self, frames: Sequence[bytes], begin: int, end: int) -> Sequence[int]:
        behind = [place for place in range(begin, end) if self.links[place].buffered > BUSY_BYTES]
        for place in sorted(set(range(begin, end)).difference(behind)):
            self.links[place].write(frames)
        return behind


@dataclass(eq=False)
class MemoryLink:
    written: list[list[bytes]] = field(default_factory=list)
    is_stuck: bool = False
    buffered: int = 0
    closed_with: CloseCode | None = None
    reason: str = ""
    pings: int = 0
    connection: Connection | None = None  # held as a handler would

    @property
    def frames(self) -> list[bytes]:
        return [frame for frames in self.written for frame in frames]

    @property
    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for frame in self.frames:
            content = msgspec.json.decode(frame)
            found += content if isinstance(content, list) else [content]
        return found

    def write(self, frames: Sequence[bytes]) -> None:
        self.written.append(list(frames))
        if self.is_stuck:
            self.buffered += sum(map(len, frames))

    def gather(self, links: Sequence[MemoryLink]) -> MemoryLinks:
        return MemoryLinks(links)

    def unsent_bytes(self) -> int:
        return self.buffered

    def ping(self) -> None:
        self.pings += 1

    def close(self, code: CloseCode, reason: str = "") -> None:
        self.closed_with, self.reason = code, reason

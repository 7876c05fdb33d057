"""A `Link` whose frames somebody fetches, one after the other: for transports that ask for what comes next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from server.errors import JinduError
from server.realtime.close_codes import CloseCode, told_end
from server.texts import Translate

_CLOSE_SECONDS = 2.0  # whoever fetches nothing more would never learn that it is over


class LiveEnded(Exception):
    """A connection whose frames were fetched is over, or was not let in, for `why`: `code` and `reason` are what a
    WebSocket is closed with.
    """

    def __init__(self, code: CloseCode, reason: str = "", *, why: JinduError | None = None) -> None:
        super().__init__(reason or code.reason)
        self.code = code
        self.reason = reason or code.reason
        self.why = why

    @property
    def specific_code(self) -> str:
        """Stable, for programs."""
        return self.why.specific_code if self.why else self.code.name.lower()

    def told(self, translate: Translate) -> str:
        """For people."""
        return self.why.translated(translate) if self.why else told_end(self.code, self.reason, translate)


class FrameQueues:
    """Those from which something is still to be fetched are behind."""

    def __init__(self, links: Sequence[FrameQueue]) -> None:
        self._links = links

    def write(self, frames: Sequence[bytes], begin: int, end: int) -> Sequence[int]:
        behind = [place for place in range(begin, end) if self._links[place].unsent_bytes()]
        for place in set(range(begin, end)).difference(behind):
            self._links[place].write(frames)
        return behind


class FrameQueue:
    """What waits here counts as unsent, so the connection's own limit bounds it: who fetches too slowly is closed.

    Used as a context by whoever fetches. `abort` cuts them off, when they do not come to the end within a deadline.
    """

    def __init__(self, abort: Callable[[], None]) -> None:
        self._abort = abort
        self._deadline: asyncio.TimerHandle | None = None
        self._frames: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._changed = asyncio.Event()
        self.closed_with: tuple[CloseCode, str] | None = None

    def __enter__(self) -> FrameQueue:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def write(self, frames: Sequence[bytes]) -> None:
        if self.closed_with is not None:
            return
        self._frames.extend(frames)
        self._unsent_bytes += sum(map(len, frames))
        self._changed.set()

    def gather(self, links: Sequence[FrameQueue]) -> FrameQueues:
        return FrameQueues(links)

    def unsent_bytes(self) -> int:
        return self._unsent_bytes

    def ping(self) -> None:
        """How a transport asks whether its peer is there is its own matter: it calls `Connection.heard`."""

    def close(self, code: CloseCode, reason: str = "") -> None:
        if self.closed_with is None:
            self.closed_with = (code, reason or code.reason)
            self._deadline = asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._abort)
            self._changed.set()

    async def frames(self) -> AsyncIterator[bytes]:
        """Until it is closed, and what was written before that is fetched; `closed_with` then says why."""
        async for frames in self.batches(most_bytes=0):
            yield frames[0]

    async def batches(self, *, most_bytes: int) -> AsyncIterator[list[bytes]]:
        """The same, those that wait at once together: about so many bytes, at least one frame."""
        while True:
            while self._frames:
                taken: list[bytes] = []
                size = 0
                while self._frames and (not taken or size + len(self._frames[0]) <= most_bytes):
                    taken.append(self._frames.popleft())
                    size += len(taken[-1])
                yield taken
                self._unsent_bytes -= size  # only now: what is in hand is not delivered while its reader waits
            if self.closed_with is not None:
                return
            self._changed.clear()
            await self._changed.wait()

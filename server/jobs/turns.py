"""Turns at something that people share: fair between users, bounded, and able to say how long it will take."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.errors import RateLimited, Unavailable
from server.jobs.durations import Durations
from server.jobs.fair_queue import FairQueue
from server.jobs.waiting import Waiting, WaitingFor

_FIRST_GUESS_SECONDS = 1.0
_KNOWN_PLACES = 300  # in line: each costs some microseconds of the event loop, every second
_ANY = ""  # kind of use: whatever it is for, its duration counts for the average of all


@dataclass(frozen=True, slots=True)
class TurnsStatistics:
    places: int
    in_use: int
    waiting: int
    expected_seconds: float  # how long somebody who comes now would wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a place is for: a step of a job. `rank` orders what one user has waiting."""

    job_id: str = ""
    kind: str = _ANY
    rank: int = 0


_NO_JOB = Use()


@dataclass(frozen=True, slots=True)
class _Wait:
    turn: asyncio.Future[None]
    use: Use


@dataclass(eq=False, slots=True)
class _Occupied:
    user_id: str
    use: Use
    began: float


class Turns:
    """`places` can be in use at once, at most `per_user` of them by one user, shared out as `FairQueue` does.

    A user may have `waiting_per_user` requests in line; nobody waits longer than `patience_seconds`, if that is given.
    """

    def __init__(
        self,
        *,
        places: int,
        per_user: int,
        waiting_per_user: float = math.inf,
        patience_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._per_user = per_user
        self._waiting_per_user = waiting_per_user
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._in_use: Counter[str] = Counter()
        self._line = FairQueue()
        self._tickets: dict[str, _Wait] = {}
        self._numbers = itertools.count()
        self._waiting: Counter[str] = Counter()
        self._uses: set[_Occupied] = set()
        self._durations = Durations()

    @asynccontextmanager
    async def take(self, user_id: str, use: Use = _NO_JOB) -> AsyncIterator[None]:
        """A place for the block. Raises `RateLimited` past the user's share of the line, else `Unavailable`."""
        leave = await self.enter(user_id, use)
        try:
            yield
        finally:
            leave()

    async def enter(self, user_id: str, use: Use = _NO_JOB) -> Callable[[], None]:
        """Like `take`; the place is theirs until they call what is returned, which is safe to repeat."""
        await self._wait(user_id, use)
        occupied = _Occupied(user_id, use, self._clock())
        self._uses.add(occupied)

        def leave() -> None:
            if occupied in self._uses:
                self._uses.discard(occupied)
                for kind in {use.kind, _ANY}:
                    self._durations.add(kind, self._clock() - occupied.began)
                self._leave(user_id)

        return leave

    def jobs_served(self) -> set[str]:
        """Those that have a place."""
        return {occupied.use.job_id for occupied in self._uses}

    def jobs_waiting(self) -> dict[str, Waiting]:
        """What the next step of each job waits for."""
        found: dict[str, Waiting] = {}
        for ahead, (user_id, ticket) in enumerate(self._line.in_order(self._in_use, at_most=_KNOWN_PLACES)):
            use = self._tickets[ticket].use
            if use.job_id and use.job_id not in found:
                found[use.job_id] = self._waiting_for(user_id, ahead)
        return found

    def _waiting_for(self, user_id: str, ahead: int) -> Waiting:
        """Own work is the reason only where the user has as much as one may."""
        is_own = self._in_use[user_id] >= self._per_user
        kinds = Counter(use.use.kind for use in self._uses if not is_own or use.user_id == user_id)
        places = self._per_user if is_own else self._places
        return Waiting(
            reason=WaitingFor.WORKER,
            kind=kinds.most_common(1)[0][0] if kinds else _ANY,
            count=ahead + 1,
            is_own=is_own,
            seconds=self._use_seconds() * (ahead + 1) / places,
        )

    def statistics(self) -> TurnsStatistics:
        waiting = len(self._line)
        return TurnsStatistics(self._places, self._in_use.total(), waiting, round(self._expected_seconds(), 1))

    async def _wait(self, user_id: str, use: Use) -> None:
        if self._waiting[user_id] >= self._waiting_per_user:
            raise RateLimited(
                "{count} of your requests wait for a worker already; wait for their answers first.",
                count=self._waiting[user_id],
                retry_after_seconds=self._expected_seconds(),
            )
        ticket, turn = str(next(self._numbers)), asyncio.get_running_loop().create_future()
        self._tickets[ticket] = _Wait(turn, use)
        self._waiting[user_id] += 1
        self._line.push(user_id, ticket, rank=use.rank)
        self._serve()
        try:
            async with asyncio.timeout(self._patience_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave(user_id)  # it came in the very moment in which we stopped waiting
            self._line.remove(user_id, ticket)
            if isinstance(error, TimeoutError):
                raise self._busy(user_id) from None
            raise
        finally:
            del self._tickets[ticket]
            self._waiting -= Counter({user_id: 1})

    def _serve(self) -> None:
        while found := self._line.pop(self._in_use, places=self._places, per_owner=self._per_user):
            user_id, ticket = found
            turn = self._tickets[ticket].turn
            if turn.done():
                continue  # whoever waited was cancelled, and has not come to know it yet
            self._in_use[user_id] += 1
            turn.set_result(None)

    def _leave(self, user_id: str) -> None:
        self._in_use -= Counter({user_id: 1})
        self._serve()

    def _expected_seconds(self) -> float:
        if self._in_use.total() < self._places and not self._line:
            return 0.0
        return self._use_seconds() * (len(self._line) + 1) / self._places

    def _use_seconds(self) -> float:
        """How long one takes: as on average, or as those that are under way have taken already."""
        average = self._durations.expected(_ANY) or _FIRST_GUESS_SECONDS
        if not self._uses:
            return average
        now = self._clock()
        taken = [max(self._durations.expected(use.use.kind) or average, now - use.began) for use in self._uses]
        return sum(taken) / len(taken)

    def _busy(self, user_id: str) -> Unavailable:
        own = self._in_use[user_id]
        seconds = max(1.0, self._use_seconds() if own else self._expected_seconds())
        if own:
            return Unavailable(
                "{count} of your requests are under way, and this one waited for them: one takes about {seconds} s. "
                "Try again when they are answered.",
                code="busy",
                count=own,
                seconds=round(seconds),
                retry_after_seconds=seconds,
            )
        return Unavailable(
            "All workers are busy with the requests of others; it should be your turn in about {seconds} seconds. "
            "Try again then.",
            code="busy",
            seconds=round(seconds),
            retry_after_seconds=seconds,
        )

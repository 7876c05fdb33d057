"""Faults one after another, in an order that a seed decides; after each, how long it takes until all is well again."""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence

from tests.benchmarks.trouble.ledger import Harm, Ledger
from tests.benchmarks.trouble.patience import PATIENCE

_GAP_SECONDS = (1.5, 4.0)
_RECOVERY_SECONDS = 90.0 * PATIENCE
Fault = Callable[[], Awaitable[str]]
"""Does it and undoes it; answers what happened."""
IsWell = Callable[[], Awaitable[bool]]
"""Whether everything is as people need it."""


class Rounds(ABC):
    def __init__(self, ledger: Ledger, *, seed: str, is_well: IsWell) -> None:
        self._ledger = ledger
        self._random = random.Random(f"{seed} faults")
        self._is_well = is_well

    @abstractmethod
    def _round(self) -> Sequence[Fault]:
        """What each round has, some of it several times."""

    @abstractmethod
    def _is_late(self, fault: Fault) -> bool:
        """Each round begins with those that hurt most, and ends with these."""

    async def run(self, until: float) -> None:
        deck = self._deck()
        while time.monotonic() < until:
            await asyncio.sleep(self._random.uniform(*_GAP_SECONDS))
            await self._do(next(deck))

    def _deck(self) -> Iterator[Fault]:
        """All of them in each round, in another order."""
        round_of = list(self._round())
        while True:
            self._random.shuffle(round_of)
            round_of.sort(key=self._is_late)
            yield from round_of

    async def _do(self, fault: Fault) -> None:
        try:
            name = await fault()
        except Exception as error:
            self._ledger.harmed(Harm.WRONG, "faults", f"{fault!r}: {type(error).__name__}: {error}")
            raise
        began = time.monotonic()
        while not await self._is_well():
            if time.monotonic() - began > _RECOVERY_SECONDS:
                self._ledger.harmed(Harm.LOST, "faults", f"not well again after: {name}")
                break
            await asyncio.sleep(0.05)
        seconds = time.monotonic() - began
        self._ledger.faults[name].append(seconds)
        self._ledger.say(f"{name}; well again after {seconds:.1f} s")

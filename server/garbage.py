"""When Python looks for objects that hold one another in circles: never long at a time while people are connected.

Whatever the interpreter looks at, it looks at in one go, and half a microsecond each adds up: with 10,000 sockets there
are half a million objects. Nearly all garbage goes without that, by counting references.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

_YOUNG = 5_000  # objects more than at the last look begin one: 3 ms
_SECOND_LOOKS = 4  # so many of those are looked at again together: 15 ms
_NEVER = 1_000_000_000
_EVERY_SECONDS = 60.0
_WORTH_IT = 20  # second looks since all was looked at: before that nearly nothing can have gathered
_OVERDUE = 2_000  # that is forty million objects more; no server can wait for ever
_FEW = 300  # connections, with which to look at everything takes 10 ms


def tune_garbage_collector() -> None:
    """Once everything is built, during which there was nothing to collect (`server/__main__.py` turns it off).

    What lives since the start is never looked at again.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _SECOND_LOOKS, _NEVER)
    gc.enable()


async def collect_when_quiet(connected: Callable[[], int], *, every_seconds: float = _EVERY_SECONDS) -> None:
    """Run until cancelled. Everything is looked at when few are connected, and late when that never happens."""
    while True:
        await asyncio.sleep(every_seconds)
        if is_time(second_looks=gc.get_count()[2], connected=connected()):
            gc.collect()


def is_time(*, second_looks: int, connected: int) -> bool:
    return second_looks >= (_WORTH_IT if connected <= _FEW else _OVERDUE)

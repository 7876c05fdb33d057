"""Work that is done in threads while its results are used one after the other, in the order of what it is for."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

# A worker is one of several, and what its threads do not do is little: more of them would wait for it.
_MOST_THREADS = 4
THREADS = min(_MOST_THREADS, len(os.sched_getaffinity(0)))

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_order(
    function: Callable[[_Item], _Result], items: Iterable[_Item], *, threads: int = THREADS
) -> Iterator[tuple[_Item, _Result]]:
    """Each item with what `function` makes of it; as many are under way as there are threads: more would take memory,
    which is slow to get.

    What is raised, by `function` or where the items come from, comes in its turn, after all that was before it.
    """
    waiting: deque[tuple[_Item, Future[_Result]]] = deque()
    source = iter(items)
    failure: Exception | None = None
    with ThreadPoolExecutor(threads, "ahead") as pool:
        try:
            while True:
                while failure is None and len(waiting) < threads:
                    try:
                        item = next(source)
                    except StopIteration:
                        break
                    except Exception as error:
                        failure = error
                        break
                    waiting.append((item, pool.submit(function, item)))
                if not waiting:
                    break
                item, future = waiting.popleft()
                yield item, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
    if failure is not None:
        raise failure

"""That only one of several nodes runs jobs: what is needed of whatever sees to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class RunsAlone(Protocol):
    def held(self, when_lost: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """While jobs run here. Raises `ConfigurationError` when another node runs them.

        `when_lost` is called once another node has taken over, which this one could not prevent.
        """
        ...


class NobodyElseRuns:
    """`RunsAlone` where there is nobody who could."""

    @asynccontextmanager
    async def held(self, when_lost: Callable[[], None]) -> AsyncIterator[None]:
        yield

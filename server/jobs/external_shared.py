"""What is needed where scripts may speak to any of several nodes: which one listens, and which were heard at none."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from server.jobs.job import Job


class SharedScripts(Protocol):
    """A script's job moves at the node that it spoke to last; all clocks are the database's."""

    async def begin(self, connection: AsyncConnection, job: Job) -> None:
        """In the transaction that stores `job`: it moves here."""
        ...

    async def take(self, job: Job) -> Job | None:
        """It spoke here: moving here from now on, newer than anything that was told of it. None once it is over."""
        ...

    async def save(self, job: Job) -> bool:
        """It spoke here, and this is how far it is; False when it is over, or moves elsewhere by now."""
        ...

    async def here(self, job_ids: Collection[str]) -> Collection[str]:
        """Those of them that are not over and still move here."""
        ...

    async def silent(self) -> list[Job]:
        """Those of which no node heard for too long."""
        ...

    async def is_silent(self, connection: AsyncConnection, job: Job) -> bool:
        """Whether `job` still is; until the transaction ends nobody else finds it so."""
        ...

    async def count(self, connection: AsyncConnection, owner_id: str) -> int:
        """How many of the owner's run."""
        ...

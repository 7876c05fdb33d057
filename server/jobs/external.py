"""Jobs that run elsewhere, in anybody's script: it tells us how far it is, and we notice when it falls silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from server.jobs.external_told import NewExternalJob, Update
from server.jobs.job import Job
from server.jobs.keys import Asked
from server.jobs.life import Also


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalStatistics:
    running: int
    longest_silence_seconds: float


class ExternalJobs(Protocol):
    """The life of jobs that nobody here runs. They begin as running, in their only attempt, and take no slot."""

    @property
    def silence_seconds(self) -> float:
        """How long a script may say nothing."""
        ...

    async def begin(
        self, owner_id: str, new: NewExternalJob, *, asked: Asked | None = None, also: Also | None = None
    ) -> Job:
        """Store a job that runs from now on. Asked again it is the same job, and `also` is not run."""
        ...

    async def running_of(self, connection: AsyncConnection, owner_id: str) -> int:
        """How many of somebody's jobs run, beside the one that is just being begun."""
        ...

    async def update(self, job_id: str, update: Update) -> Job:
        """What the script says; `Job` as it is now. Raises `Conflict` once the job is over, unless it ended so."""
        ...

    async def cancel(self, job_id: str) -> Job:
        """A person ends it; its script learns of it with its next update. Over already: stays as it is."""
        ...

    async def open(self) -> None:
        """Listen to scripts from now on."""
        ...

    async def watch(self) -> None:
        """Give up the jobs of scripts that fell silent; until cancelled."""
        ...

    def close(self) -> None:
        """Publish what waits, so that it is stored; the jobs stay running, for the next start to listen to."""
        ...

    def statistics(self) -> ExternalStatistics: ...

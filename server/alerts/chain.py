"""The links of the chain that the outgoing heartbeat goes through: figures kept, database, jobs, live messages."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from server.alerts.heartbeat import ChainLink
from server.jobs.probe import answer_probe
from server.jobs.runner import JobRunner
from server.jobs.shared_workers import SharedWorkers
from server.monitoring.sampler import Sampler
from server.realtime.echo import BrokerEcho
from server.storage.database import Database
from server.storage.tables import users
from server.texts import phrase

_LATEST_SECONDS = 45.0  # four samples
_WORKER_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    database: Database
    sampler: Sampler
    runner: JobRunner
    workers: SharedWorkers
    echo: BrokerEcho

    def links(self) -> list[ChainLink]:
        """In the order in which they are tried, each with what is said of it."""
        return [
            (phrase("Figures are kept"), self.keeps_figures),
            (phrase("The database answers"), self.database_answers),
            (phrase("Jobs are taken up"), self.takes_jobs),
            (phrase("Live messages arrive"), self.echo.goes_round),
        ]

    async def keeps_figures(self) -> bool:
        age = self.sampler.seconds_since_sample()
        return age is not None and age < _LATEST_SECONDS

    async def database_answers(self) -> bool:
        async with self.database.read() as connection:
            await connection.execute(select(users.c.id).limit(1))
        return True

    async def takes_jobs(self) -> bool:
        """Somebody waits for what comes out of the queue, and a worker process does what it is told."""
        if not self.runner.is_taking_jobs:
            return False
        answer = await self.workers.run("", answer_probe, 1, is_short=True, timeout_seconds=_WORKER_SECONDS)
        return bool(answer == 2)

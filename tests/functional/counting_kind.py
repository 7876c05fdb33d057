"""A made-up kind of job: all that the program has to know of it stands here."""

from __future__ import annotations

import asyncio

from server.errors import JobFailed
from server.jobs.context import JobContext
from server.jobs.job import Job
from server.jobs.kinds import JobKind, JobLink
from server.jobs.outcomes import Notice, Outcome


async def count_sheep(context: JobContext) -> Outcome:
    for number in range(1, 4):
        context.advance(number, total=3, stage="counting", detail={"black": number // 3})
        await asyncio.sleep(0)
    if context.job.parameters.get("restless"):
        raise JobFailed("Nobody fell asleep over {count} sheep.", count=3)
    return Outcome(result={"black": 1}, notice=Notice(title="{count} sheep are counted", parameters={"count": 3}))


def _links(job: Job) -> list[JobLink]:
    return [JobLink(url=f"/pastures/{job.parameters['pasture']}", label="Open the pasture", icon="layers")]


KIND = JobKind(
    name="sheep_count",
    label="Sheep",
    icon="moon",
    unit="sheep",
    figures={"black": "Black sheep"},
    links=_links,
    kept="They are counted from the first one.",
    function=count_sheep,
)

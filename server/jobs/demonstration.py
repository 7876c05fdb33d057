"""A job that only counts, so that people can see how jobs move without bringing data."""

from __future__ import annotations

import asyncio

from server.errors import JobFailed
from server.jobs.context import JobContext
from server.jobs.kinds import JobKind
from server.jobs.outcomes import Outcome

_STEP_SECONDS = 0.05


KIND = "demonstration"


def kind() -> JobKind:
    return JobKind(name=KIND, label="Demonstration", unit="steps", function=demonstrate, heavy=False)


async def demonstrate(context: JobContext) -> Outcome:
    """Counts to `total` within `seconds`; at `fail_at` it fails. Parameters of the job: those three."""
    parameters = context.job.parameters
    total, seconds, fail_at = int(parameters["total"]), float(parameters["seconds"]), parameters.get("fail_at")
    loop = asyncio.get_running_loop()
    started = loop.time()
    context.log("Counting starts.")
    context.advance(0, total=total, stage="counting")
    progress = 0
    while progress < total:
        await asyncio.sleep(_STEP_SECONDS)
        elapsed = loop.time() - started
        progress = int(total * elapsed / seconds) if elapsed < seconds else total
        if fail_at is not None and progress >= fail_at:
            context.advance(int(fail_at))
            raise JobFailed("It failed at {number}, as it was asked to.", code="asked_to_fail", number=fail_at)
        context.advance(progress, detail={"counted": progress})
    context.log("Counting is done.")
    return Outcome(result={"counted": total, "links": {}})

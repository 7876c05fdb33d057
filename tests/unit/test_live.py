"""Jobs as messages: any snapshot and the pushes around it merge to the truth, however busy the connection is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from server.auth.permissions import Principal, Role
from server.clock import utc_now
from server.engines.sqlite import SqliteDatabase
from server.jobs.job import Job, JobError, State
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.live import Live
from server.realtime.close_codes import CloseCode
from server.realtime.history import History
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from tests.functional.job_table import merged

LANGUAGES = Languages.load(Path("locales"))


class MemoryLink:
    """Carries frames into a list; while `is_busy` the peer does not read."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.is_busy = False

    def write(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            content = json.loads(frame)
            self.frames += content if isinstance(content, list) else [content]

    def unsent_bytes(self) -> int:
        return 100_000 if self.is_busy else 0

    def ping(self) -> None: ...

    def close(self, code: CloseCode, reason: str = "") -> None: ...


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["new", "advance", "finish", "fail", "cancel", "retry", "snapshot", "busy", "idle", "turn"]),
        st.integers(0, 4),
        st.integers(0, 1000),
    ),
    max_size=80,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_snapshots_and_messages_in_any_order_are_the_fresh_snapshot(
    steps: list[tuple[str, int, int]], random: Any
) -> None:
    asyncio.run(_check(steps, random))


async def _check(steps: list[tuple[str, int, int]], random: Any) -> None:
    database = SqliteDatabase(Path("/nowhere"))  # nothing here is stored
    table, manager = JobTable(), ConnectionManager(LiveLimits())
    live = Live(
        manager=manager,
        history=History(database),
        database=database,
        table=table,
        store=JobStore(database),
        languages=LANGUAGES,
    )
    alice, bob = (Principal(user_id=name, user_name=name, role=Role.EDITOR, language="en") for name in ("alice", "bob"))
    links = {name: MemoryLink() for name in ("alice", "bob")}
    connections = [
        manager.new_connection(client_id="tab", principal=principal, language="zh-CN", link=links[principal.user_id])
        for principal in (alice, bob)
    ]
    for connection in connections:
        manager.connect(connection)
    snapshots: list[dict[str, Any]] = []
    for action, number, value in steps:
        if action == "snapshot":
            snapshots.append(_snapshot(live, alice))
        elif action in ("busy", "idle"):
            links["alice"].is_busy = action == "busy"
        elif action == "turn":
            await asyncio.sleep(0)
        else:
            _act(table, action, f"job-{number}", value)
    links["alice"].is_busy = False
    async with asyncio.timeout(5):
        while any(connection.outbox for connection in connections):
            await asyncio.sleep(0.005)
    messages = links["alice"].frames + snapshots
    random.shuffle(messages)
    fresh = _snapshot(live, alice)["jobs"]
    assert merged(messages) == {job["job_id"]: job for job in fresh}
    assert links["bob"].frames == []
    manager.close_all(CloseCode.DRAINING)
    await database.close()


def _snapshot(live: Live, principal: Principal) -> dict[str, Any]:
    return {"type": "jobs", "jobs": msgspec.to_builtins(live.snapshot(principal, "zh-CN"))}


def _act(table: JobTable, action: str, job_id: str, value: int) -> None:
    job = table.get(job_id)
    if job is None:
        if action == "new":
            table.put(
                Job(
                    id=job_id,
                    kind="data_import",
                    owner_id="alice",
                    title="销售",
                    unit="rows",
                    created_at=utc_now(),
                    revision=1,
                )
            )
        return
    if action == "advance" and job.state is State.RUNNING:
        table.put(job.evolve(progress=max(job.progress, value), total=1000, rate=float(value)))
    elif action == "advance" and job.state is State.QUEUED:
        table.put(job.evolve(state=State.RUNNING, attempt=job.attempt + 1, started_at=utc_now()))
    elif action == "finish" and job.state is State.RUNNING:
        table.put(job.evolve(state=State.SUCCEEDED, finished_at=utc_now(), result={"links": {}}))
    elif action == "fail" and job.state is State.RUNNING:
        error = JobError(code="x", message="Line {line} is wrong.", parameters={"line": value})
        table.put(job.evolve(state=State.FAILED, finished_at=utc_now(), error=error))
    elif action == "cancel" and not job.state.is_final:
        table.put(job.evolve(state=State.CANCELLED, finished_at=utc_now()))
    elif action == "retry" and job.state in (State.FAILED, State.CANCELLED):
        table.put(job.evolve(state=State.QUEUED, progress=0, error=None, finished_at=None))

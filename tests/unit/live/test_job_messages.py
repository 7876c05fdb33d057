"""Jobs as messages: any snapshot and the pushes around it merge to the truth, however busy the connection is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from server.auth.permissions import Principal, Role
from server.base_path import BasePath
from server.clock import utc_now
from server.jobs.job import Job, JobError, State
from server.jobs.table import JobTable
from server.languages import Languages
from server.live.job_messages import JobMessages, JobMoved
from server.realtime.close_codes import CloseCode
from server.realtime.connection import BUSY_BYTES
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from tests.functional.job_table import merged
from tests.unit.live.conftest import KINDS, Layer, person
from tests.unit.realtime.links import MemoryLink
from tests.waiting import flushed, until

LANGUAGES = Languages.load(Path("locales"))


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
    table, manager = JobTable(), ConnectionManager(LiveLimits())
    live = JobMessages(manager=manager, table=table, kinds=KINDS, languages=LANGUAGES, base_path=BasePath())
    table.listen(lambda job, before: live.deliver(JobMoved(job=job, is_life_change=False)))
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
            links["alice"].buffered = BUSY_BYTES + 1 if action == "busy" else 0
        elif action == "turn":
            await asyncio.sleep(0)
        else:
            _act(table, action, f"job-{number}", value)
    links["alice"].buffered = 0
    await until(lambda: not any(connection.outbox for connection in connections), seconds=5)
    messages = links["alice"].messages + snapshots
    random.shuffle(messages)
    fresh = _snapshot(live, alice)["jobs"]
    assert merged(messages) == {job["job_id"]: job for job in fresh}
    assert links["bob"].frames == []
    manager.close_all(CloseCode.DRAINING)


def _snapshot(live: JobMessages, principal: Principal) -> dict[str, Any]:
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


def job(**fields: Any) -> Job:
    known = {"id": "j1", "kind": "data_import", "owner_id": "alice", "title": "销售", "unit": "rows"}
    return Job(**{**known, "created_at": utc_now(), "revision": 1, **fields})


async def test_each_hears_of_a_job_in_their_language_and_nobody_else_hears_of_it(layer: Layer) -> None:
    english, chinese = await layer.join(person("alice")), await layer.join(person("alice", language="zh-CN"))
    his = await layer.join(person("bob"))
    layer.table.put(job(state=State.RUNNING, message="Reading the file"))
    await flushed(layer.realtime.manager)
    (hers,), (also_hers,) = english.messages, chinese.messages
    assert (hers["type"], hers["message"]) == ("data_import_progress", "Reading the file")
    assert also_hers["message"] == LANGUAGES.of("zh-CN").gettext("Reading the file")
    assert his.messages == []


async def test_a_revision_that_comes_late_is_told_to_nobody(layer: Layer) -> None:
    link = await layer.join(person("alice"))
    newer, late = job(revision=3, progress=30), job(revision=2, progress=20)
    for each in (newer, late):
        layer.realtime.broker.send(JobMoved(job=each, is_life_change=False))
        layer.table.put(each)
    await flushed(layer.realtime.manager)
    assert [message["revision"] for message in link.messages] == [3]
    assert layer.table.get("j1") == newer


async def test_a_job_of_another_node_stands_in_the_snapshot_here(layer: Layer) -> None:
    await layer.join(person("alice"))
    layer.realtime.broker.send(JobMoved(job=job(revision=7), is_life_change=True))
    (found,) = layer.live.job_messages.snapshot(person("alice"), "en")
    assert found.revision == 7
    assert layer.live.job_messages.snapshot(person("bob"), "en") == []


async def test_watchers_of_a_job_see_what_they_may_see(layer: Layer) -> None:
    admin = await layer.join(person("chief", role=Role.ADMIN), events=("jobs:*",))
    his = await layer.join(person("bob"), events=("jobs:*", "job:j1"))
    layer.table.put(job())
    await flushed(layer.realtime.manager)
    assert [message["data"]["job_id"] for message in admin.messages] == ["j1"]
    assert his.messages == []


async def test_a_kind_without_a_progress_message_of_its_own_says_job_and_only_while_it_moves(layer: Layer) -> None:
    link = await layer.join(person("alice"))
    begun = job(kind="demonstration", state=State.RUNNING)
    layer.table.put(begun)  # its kept message tells that
    layer.table.put(begun.evolve(progress=5))
    await flushed(layer.realtime.manager)
    assert [(message["type"], message["revision"]) for message in link.messages] == [("job", 2)]

"""Whoever shows a job or an upload learns that it is no more, and nobody else."""

from __future__ import annotations

from server.clock import utc_now
from server.jobs.job import Job, State
from tests.unit.live.conftest import Layer, person
from tests.waiting import flushed


async def test_a_removed_job_is_told_to_its_owner_and_to_those_who_watch_it(layer: Layer) -> None:
    done = {"state": State.SUCCEEDED, "created_at": utc_now(), "finished_at": utc_now()}
    layer.table.put(Job(id="j1", kind="data_import", owner_id="alice", title="", unit="rows", **done))
    hers = await layer.join(person("alice"), events=("job:j1",))
    his = await layer.join(person("bob"), events=("job:j1",))
    layer.live.removals.tell("alice", "job", "j1")
    await flushed(layer.realtime.manager)
    removed, event = hers.messages
    assert (removed["type"], removed["thing"], removed["id"]) == ("removed", "job", "j1")
    assert (event["event"], event["data"]) == ("job:j1", {"job_id": "j1", "removed": True})
    assert his.messages == []  # what is alice's is told to alice alone, whatever others ask for
    assert layer.table.get("j1") is None


async def test_a_removed_upload_is_told_to_its_owner(layer: Layer) -> None:
    hers, his = await layer.join(person("alice")), await layer.join(person("bob"))
    layer.live.removals.tell("alice", "upload", "u1")
    await flushed(layer.realtime.manager)
    assert [(message["type"], message["thing"], message["id"]) for message in hers.messages] == [
        ("removed", "upload", "u1")
    ]
    assert his.messages == []

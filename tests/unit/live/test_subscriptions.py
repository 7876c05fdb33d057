"""Who may subscribe to which event name."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from server.auth.permissions import Role
from server.clock import utc_now
from server.errors import Forbidden, InvalidInput, NotFound
from server.jobs.job import Job
from server.storage.tables import datasets
from tests.unit.live.conftest import Layer, person

ALICE, BOB, CHIEF = person("alice"), person("bob"), person("chief", role=Role.ADMIN)


@pytest.mark.parametrize("event", ["test_events", "a.b-c_1", "jobs:*", "me:presence", "me:looking", "me:files"])
async def test_anybody_may_subscribe_to_free_names_and_to_what_is_shown_by_owner(layer: Layer, event: str) -> None:
    await layer.live.subscriptions.authorise(BOB, event)


@pytest.mark.parametrize("event", ["Upper", "a b", "x" * 65, "", "other:thing"])
async def test_what_is_no_event_name_is_said_to_be_none(layer: Layer, event: str) -> None:
    with pytest.raises(InvalidInput):
        await layer.live.subscriptions.authorise(CHIEF, event)


@pytest.mark.parametrize("event", ["admin:presence", "admin:statistics"])
async def test_administrators_alone_watch_the_server(layer: Layer, event: str) -> None:
    await layer.live.subscriptions.authorise(CHIEF, event)
    with pytest.raises(Forbidden):
        await layer.live.subscriptions.authorise(ALICE, event)


async def test_a_job_is_watched_by_its_owner_and_administrators(layer: Layer) -> None:
    layer.table.put(
        Job(id="j1", kind="data_import", owner_id="alice", title="Sales", unit="rows", created_at=utc_now(), revision=1)
    )
    for principal in (ALICE, CHIEF):
        await layer.live.subscriptions.authorise(principal, "job:j1")
    for principal, event in ((BOB, "job:j1"), (ALICE, "job:none"), (ALICE, "batch:none")):
        with pytest.raises(NotFound):
            await layer.live.subscriptions.authorise(principal, event)


async def test_a_dataset_is_watched_by_its_owner_and_administrators(layer: Layer) -> None:
    now = utc_now()
    async with layer.database.write() as connection:
        await connection.execute(
            insert(datasets).values(id="d1", owner_id="alice", name="sales", created_at=now, updated_at=now)
        )
    for principal in (ALICE, CHIEF):
        await layer.live.subscriptions.authorise(principal, "dataset:sales")
    with pytest.raises(NotFound):
        await layer.live.subscriptions.authorise(BOB, "dataset:sales")

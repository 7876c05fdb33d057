"""Something to start with: a file and templates of one's own, which fit each other."""

from __future__ import annotations

import pytest

from server.auth.permissions import Principal
from server.datasets.import_orders import ImportRequest
from server.errors import Forbidden, NotFound, StorageFull
from server.jobs.job import State
from server.operations.samples import SampleOperations
from tests.unit.operations.conftest import House, only_looking, refused


@pytest.fixture
def samples(house: House) -> SampleOperations:
    return house.todo.samples


async def test_the_sample_takes_the_same_way_as_ones_own_file_and_the_templates_fit_it(
    samples: SampleOperations, house: House, alice: Principal
) -> None:
    upload = await samples.start(alice)
    assert upload.completed_at is not None
    started = await house.todo.imports.start(alice, ImportRequest(upload_id=upload.id, dataset="orders"))
    assert (await house.ended(alice, started)).state is State.SUCCEEDED
    items = (await house.todo.templates.list(alice)).items
    assert {name for item in items for name in item.summary.datasets} == {"orders"}
    check = await house.todo.templates.check(
        alice, (await house.todo.templates.get(alice, items[0].stored.name)).source
    )
    assert check.errors == []


async def test_each_has_copies_of_their_own(samples: SampleOperations, house: House, alice: Principal) -> None:
    hers = await samples.start(alice)
    with refused(NotFound):
        await house.todo.uploads.find(house.bob, hers.id)
    his = await samples.start(house.bob)
    assert (his.owner_id, his.id == hers.id) == (house.bob.user_id, False)


async def test_starting_twice_adds_no_template_twice(samples: SampleOperations, house: House, alice: Principal) -> None:
    await samples.start(alice)
    before = (await house.todo.templates.list(alice)).total
    await samples.start(alice)
    assert (await house.todo.templates.list(alice)).total == before


async def test_who_may_only_look_is_given_nothing(samples: SampleOperations, house: House, alice: Principal) -> None:
    for asks in only_looking(alice):
        with refused(Forbidden):
            await samples.start(asks)
    assert (await house.todo.templates.list(alice)).items == []


async def test_on_a_full_disk_nobody_is_left_with_templates_without_data(
    samples: SampleOperations, house: House, alice: Principal
) -> None:
    house.parts.storage.room.min_free_bytes = 2**62
    with refused(StorageFull):
        await samples.start(alice)
    assert (await house.todo.templates.list(alice)).items == []

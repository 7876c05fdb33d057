"""Templates to begin with: made from one's own dataset, under a name that is free, and right as they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal
from server.errors import Forbidden, InvalidInput, NotFound
from server.operations.template_starts import TemplateStarts
from tests.unit.operations.conftest import SALES, House, only_looking, refused

SALE = b"id,day,region,amount\n1,2026-09-01,north,120.50\n2,2026-10-02,south,80.25\n3,2026-10-03,north,40\n"


@pytest.fixture
async def starts(house: House) -> TemplateStarts:
    """Alice has the dataset `orders`."""
    await house.given(house.alice, SALE)
    return house.todo.template_starts


async def test_what_is_made_is_right_as_it_is_and_nothing_is_stored(
    starts: TemplateStarts, house: House, alice: Principal
) -> None:
    for language in ("en", "zh-CN"):
        started = await starts.start(alice, "orders", language=language)
        assert started.name == "orders"
        assert (await house.todo.templates.check(alice, started.source)).errors == []
    assert (await house.todo.templates.list(alice)).items == []


async def test_only_ones_own_datasets_are_offered(starts: TemplateStarts, house: House, alice: Principal) -> None:
    for asks in only_looking(alice):
        assert list(await starts.datasets(asks)) == ["orders"]
        await starts.start(asks, "orders")
    for asks in (house.bob, house.admin):
        assert list(await starts.datasets(asks)) == []
        with refused(NotFound):
            await starts.start(asks, "orders")
    with refused(Forbidden):
        await starts.datasets(replace(alice, scopes=frozenset()))


async def test_a_name_that_is_taken_is_counted_on(starts: TemplateStarts, house: House, alice: Principal) -> None:
    for name in ("orders", "orders-2"):
        await house.todo.templates.save(alice, name, SALES.replace("select region", "select region"))
    assert (await starts.start(alice, "orders")).name == "orders-3"
    await house.given(house.bob, SALE)
    assert (await starts.start(house.bob, "orders")).name == "orders"  # her names are not his


async def test_a_long_name_stays_a_name_when_it_is_counted_on(
    starts: TemplateStarts, house: House, alice: Principal
) -> None:
    long = "x" * 63
    await house.todo.templates.save(alice, long, SALES)
    started = await starts.start(alice, "orders", name=long)
    assert (started.name, len(started.name)) == ("x" * 57 + "-2", 59)
    await house.todo.templates.save(alice, started.name, SALES)


@pytest.mark.parametrize(("dataset", "name"), [("new", "new-report"), ("_", "report"), ("_sales_", "sales")])
async def test_what_a_dataset_may_be_called_a_template_may_not_always(
    starts: TemplateStarts, house: House, alice: Principal, dataset: str, name: str
) -> None:
    await house.given(alice, SALE, dataset=dataset)
    assert (await starts.start(alice, dataset)).name == name


async def test_a_name_that_none_can_have_is_refused(starts: TemplateStarts, alice: Principal) -> None:
    with refused(InvalidInput, fields=("name",)):
        await starts.start(alice, "orders", name="New Template")


async def test_values_are_counted_where_appending_left_that_open(
    starts: TemplateStarts, house: House, alice: Principal
) -> None:
    await house.given(alice, SALE.replace(b"north", b"east"), mode="append")
    dataset = await house.todo.datasets.get(alice, "orders")
    assert house.todo.dataset_profiles.known(dataset) is None
    started = await starts.start(alice, "orders")
    assert house.todo.dataset_profiles.known(dataset) is not None
    assert (await house.todo.templates.check(alice, started.source)).errors == []

"""Previews: what is being written, with one's own data, and nothing that stays."""

from __future__ import annotations

import pytest

from server.auth.permissions import Principal
from server.errors import InvalidInput, NotFound, StorageFull
from server.operations.template_previews import PreviewOrder, TemplatePreviews
from tests.unit.operations.conftest import SALES, House, bytes_of, refused


@pytest.fixture
async def previews(house: House) -> TemplatePreviews:
    """Alice has the dataset `orders` and the template `sales`."""
    await house.given(house.alice)
    await house.todo.templates.save(house.alice, "sales", SALES)
    return house.todo.template_previews


async def test_anothers_template_cannot_be_previewed_also_by_administrators(
    previews: TemplatePreviews, house: House
) -> None:
    for asks in (house.bob, house.admin):
        with refused(NotFound):
            await previews.make(asks, PreviewOrder(name="sales"))
    assert (await previews.make(house.alice, PreviewOrder(name="sales"))).format == "html"


async def test_a_source_has_an_end(previews: TemplatePreviews, house: House, alice: Principal) -> None:
    long = SALES + "#" * 256 * 1024
    before = house.parts.workers.interactive.statistics().started
    with refused(InvalidInput):
        await previews.make(alice, PreviewOrder(name="sales", source=long))
    assert house.parts.workers.interactive.statistics().started == before


async def test_a_preview_shows_what_is_being_written_with_ones_own_data_and_leaves_nothing(
    previews: TemplatePreviews, house: House, alice: Principal
) -> None:
    draft = PreviewOrder(name="sales", source=SALES.replace("title: Sales", "title: Draft"))
    shown = bytes_of((await previews.make(alice, draft)).file).decode()
    assert "Draft" in shown
    assert "160" in shown
    assert house.left_in_scratch() == []
    with refused(NotFound):
        await previews.make(alice, PreviewOrder(name="nothing"))


async def test_a_preview_of_no_report_says_so_and_a_full_disk_is_told(
    previews: TemplatePreviews, house: House, alice: Principal
) -> None:
    no_region = """\
title: None
formats: [html]
parameters:
  region: {type: text, each: "select region from orders where amount < 0"}
blocks:
  - text: "{{ region }}"
"""
    with refused(InvalidInput):
        await previews.make(alice, PreviewOrder(name="none", source=no_region))
    house.parts.storage.room.min_free_bytes = 2**62
    with refused(StorageFull):
        await previews.make(alice, PreviewOrder(name="sales", source=SALES))
    assert house.left_in_scratch() == []

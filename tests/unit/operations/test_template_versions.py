"""Versions of a template: seen by its owner, compared, and brought back as a new one."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from server.auth.permissions import Principal
from server.errors import Forbidden, InvalidInput, NotFound, PreconditionFailed
from server.operations.template_versions import TemplateVersionOperations
from tests.unit.operations.conftest import SALES, House, only_looking, refused

REVENUE = SALES.replace("title: Sales", "title: Revenue")


@pytest.fixture
async def versions(house: House) -> TemplateVersionOperations:
    """Alice has orders, and the template `sales` in two versions."""
    await house.given(house.alice)
    for source in (SALES, REVENUE):
        await house.todo.templates.save(house.alice, "sales", source)
    return house.todo.template_versions


async def test_nobody_else_sees_or_restores_one(
    versions: TemplateVersionOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice)
    for asks in (house.bob, house.admin):
        questions: list[Awaitable[object]] = [
            versions.list(asks, "sales"),
            versions.get(asks, "sales", 1),
            versions.compare(asks, "sales"),
            versions.compare_text(asks, "sales", SALES),
            versions.restore(asks, "sales", 1),
        ]
        for question in questions:
            with refused(NotFound):
                await question
        assert bool(await versions.made(asks, batch.batch_id)) == asks.is_admin
    assert await versions.made(alice, batch.batch_id)


async def test_by_default_it_is_told_what_the_newest_changed(
    versions: TemplateVersionOperations, alice: Principal
) -> None:
    for asks in only_looking(alice):
        found = await versions.compare(asks, "sales")
        assert found.after is not None
        assert (found.before.number, found.after.number) == (1, 2)
        assert (found.changes.counts.added, found.changes.counts.removed) == (1, 1)
    whole = await versions.compare(alice, "sales", before=2, after=1, whole=True)
    lines = [row.after.text for hunk in whole.changes.hunks for row in hunk.rows if row.after]
    assert lines == SALES.splitlines()


async def test_a_first_version_has_nothing_before_it(versions: TemplateVersionOperations, alice: Principal) -> None:
    with refused(InvalidInput):
        await versions.compare(alice, "sales", after=1)
    with refused(NotFound):
        await versions.compare(alice, "sales", before=7)
    with refused(NotFound):
        await versions.get(alice, "sales", 3)


async def test_what_is_being_written_is_compared_with_the_newest(
    versions: TemplateVersionOperations, alice: Principal
) -> None:
    found = await versions.compare_text(alice, "sales", SALES)
    assert (found.before.number, found.after) == (2, None)
    assert (found.changes.counts.added, found.changes.counts.removed) == (1, 1)
    with refused(InvalidInput):
        await versions.compare_text(alice, "sales", "#" * (256 * 1024 + 1))


async def test_an_old_one_comes_back_as_a_new_version(
    versions: TemplateVersionOperations, house: House, alice: Principal
) -> None:
    restored, check = await versions.restore(alice, "sales", 1)
    assert (restored.version, restored.source, check.errors) == (3, SALES, [])
    assert (await versions.list(alice, "sales"))[0].restored_from == 1
    again, _ = await versions.restore(alice, "sales", 1)  # in force already: nothing changes
    assert again.version == 3
    told = [detail for _, _, detail in await house.audited("template.save") if "restored_from" in detail]
    assert told[0] == {"version": 3, "restored_from": 1}


async def test_one_that_no_longer_fits_the_data_comes_back_and_says_so(
    versions: TemplateVersionOperations, house: House, alice: Principal
) -> None:
    await house.todo.datasets.delete(alice, "orders")
    restored, check = await versions.restore(alice, "sales", 1)
    assert restored.version == 3
    assert check.errors != []


async def test_nobody_restores_over_what_they_have_not_seen_or_may_only_look_at(
    versions: TemplateVersionOperations, alice: Principal
) -> None:
    with refused(PreconditionFailed):
        await versions.restore(alice, "sales", 1, if_match="1")
    for asks in only_looking(alice):
        with refused(Forbidden):
            await versions.restore(asks, "sales", 1)
    assert len(await versions.list(alice, "sales")) == 2


async def test_a_template_of_the_same_name_is_not_the_one_a_batch_was_made_from(
    versions: TemplateVersionOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice)
    await house.todo.templates.delete(alice, "sales")
    assert not await versions.made(alice, batch.batch_id)
    for source in (REVENUE, SALES):
        await house.todo.templates.save(alice, "sales", source)
    assert not await versions.made(alice, batch.batch_id)

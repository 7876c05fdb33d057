"""Templates: judged before they are stored, never over what one has not seen, and each its owner's own."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

import pytest
from sqlalchemy import update

from server.auth.permissions import Principal, Role
from server.errors import Forbidden, InvalidInput, NotFound, PreconditionFailed, TemplateProblem
from server.operations.template_previews import PreviewOrder
from server.operations.templates import TemplateOperations
from server.storage import tables
from tests.unit.operations.conftest import SALES, House, only_looking, refused

WRONG = SALES.replace("from orders", "from ordres")


@pytest.fixture
async def templates(house: House) -> TemplateOperations:
    """Alice has the dataset `orders`."""
    await house.given(house.alice)
    return house.todo.templates


async def test_a_wrong_template_is_not_stored_and_its_author_is_told_where(
    templates: TemplateOperations, house: House, alice: Principal
) -> None:
    with pytest.raises(TemplateProblem) as raised:
        await templates.save(alice, "sales", WRONG)
    assert [error.field.split(":")[0] for error in raised.value.errors] == ["4"]
    with refused(NotFound):
        await templates.get(alice, "sales")
    assert await house.audited("template.save") == []


async def test_it_is_judged_by_the_datasets_of_whoever_writes_it(
    templates: TemplateOperations, house: House, alice: Principal
) -> None:
    assert (await templates.check(alice, SALES)).errors == []
    assert (await templates.check(house.bob, SALES)).errors != []
    with pytest.raises(TemplateProblem):
        await templates.save(house.bob, "sales", SALES)


async def test_a_template_is_its_owners_alone_also_before_administrators(
    templates: TemplateOperations, house: House, alice: Principal
) -> None:
    await templates.save(alice, "sales", SALES)
    for asks in (house.bob, house.admin):
        questions: list[Awaitable[object]] = [
            templates.get(asks, "sales"),
            templates.delete(asks, "sales"),
        ]
        for question in questions:
            with refused(NotFound):
                await question
        assert (await templates.list(asks)).items == []
    assert [item.summary.title for item in (await templates.list(alice, q="REVENUE")).items] == ["Sales"]


async def test_who_may_only_look_previews_and_stores_nothing(
    templates: TemplateOperations, house: House, alice: Principal
) -> None:
    await templates.save(alice, "sales", SALES)
    for asks in only_looking(alice):
        assert (await house.todo.template_previews.make(asks, PreviewOrder(name="sales"))).format == "html"
        changes: list[Awaitable[object]] = [
            templates.save(asks, "mine", SALES),
            templates.delete(asks, "sales"),
            templates.install_samples(asks),
        ]
        for change in changes:
            with refused(Forbidden):
                await change


async def test_nobody_saves_over_a_version_they_have_not_seen(templates: TemplateOperations, alice: Principal) -> None:
    await templates.save(alice, "sales", SALES, must_be_new=True)
    newer = SALES.replace("title: Sales", "title: Revenue")
    await templates.save(alice, "sales", newer, if_match="1")
    with refused(PreconditionFailed):
        await templates.save(alice, "sales", SALES, if_match="1")
    with refused(PreconditionFailed):
        await templates.save(alice, "sales", SALES, must_be_new=True)
    with refused(PreconditionFailed):
        await templates.save(alice, "other", SALES, if_match="*")
    with refused(PreconditionFailed):
        await templates.delete(alice, "sales", if_match="1")
    assert (await templates.get(alice, "sales")).source == newer
    assert (await templates.get(alice, "sales", version=1)).source == SALES


async def test_a_name_stands_in_addresses(templates: TemplateOperations, alice: Principal) -> None:
    for name in ("", "New Name", "new", "samples", "a/b", "-x", "x" * 64):
        with refused(InvalidInput, fields=("name",)):
            await templates.save(alice, name, SALES)


async def test_a_source_has_an_end(templates: TemplateOperations, house: House, alice: Principal) -> None:
    long = SALES + "#" * 256 * 1024
    questions: list[Awaitable[object]] = [
        templates.check(alice, long),
        templates.save(alice, "sales", long),
    ]
    for question in questions:
        with refused(InvalidInput):
            await question
    assert house.parts.workers.interactive.statistics().started == 0


async def test_samples_are_given_once_and_replace_nothing(
    templates: TemplateOperations, house: House, bob: Principal
) -> None:
    names = list(await templates.install_samples(bob))
    assert names == [sample.name for sample in await templates.samples(replace(bob, role=Role.VIEWER))]
    mine = "title: My own\nformats: [html]\nblocks:\n  - text: mine\n"
    await templates.save(bob, names[0], mine)
    await templates.install_samples(bob)
    assert (await templates.get(bob, names[0])).source == mine
    assert (await templates.list(bob)).total == len(names)
    assert [who for who, _, _ in await house.audited("template.install_samples")] == ["bob", "bob"]


async def test_what_a_parameter_can_be_is_read_from_ones_own_data_as_of_the_day_one_names(
    templates: TemplateOperations, alice: Principal
) -> None:
    source = """\
title: "Sales of {{ region }}"
formats: [html]
parameters:
  region: {type: text, each: "select distinct region from orders order by region"}
  until: {type: date, default: today}
blocks:
  - text: "{{ region }} {{ until }}"
"""
    stored, _ = await templates.save(alice, "regions", source)
    choices = await templates.choices(alice, stored, as_of="2026-10-31")
    assert "2026-10-31" in repr(choices)
    assert "north" in repr(choices)
    with refused(InvalidInput, fields=("as_of",)):
        await templates.choices(alice, stored, as_of="soon")


async def test_templates_of_earlier_versions_of_the_program_are_listed_with_what_they_say(
    templates: TemplateOperations, house: House, alice: Principal
) -> None:
    for name in ("none", "other"):
        await templates.save(alice, name, SALES)
    async with house.parts.storage.database.write() as connection:
        for name, kept in (("none", None), ("other", '{"title": 7}')):
            await connection.execute(
                update(tables.templates).where(tables.templates.c.name == name).values(summary=kept)
            )
    none, other = (await templates.list(alice)).items
    assert (none.summary.title, none.summary.datasets) == ("Sales", ["orders"])
    assert (other.summary.title, other.summary.datasets) == ("Sales", [])

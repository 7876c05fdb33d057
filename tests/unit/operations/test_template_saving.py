"""How a version comes to be: one after the other, with its story, and paid for by whoever saves it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.errors import JinduError, NotFound, PreconditionFailed, RateLimited
from server.operations.data_reading import DataReading
from server.operations.template_saving import TemplateSaving
from server.reports.summary import TemplateSummary
from server.settings import Settings
from tests.unit.operations.conftest import House, refused

SUMMARY = TemplateSummary(title="Sales", plain_title="Sales")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_database_growth_per_user=20_000)


@pytest.fixture
def saving(house: House) -> TemplateSaving:
    parts = house.parts
    return TemplateSaving(
        database=parts.storage.database,
        store=parts.reports.templates,
        reading=DataReading(
            catalog=parts.datasets.catalog,
            workers=parts.workers.interactive,
            scratch=parts.storage.scratch,
            room=parts.storage.room,
            limits=parts.datasets.query_limits,
            answer_bytes=1_000,
            access=parts.operations.sharing.access,
        ),
        audit=Audit(parts.storage.database),
        growth=parts.storage.growth,
    )


async def test_each_version_tells_what_it_changed_and_why(
    saving: TemplateSaving, house: House, alice: Principal
) -> None:
    await saving.save(alice, "sales", "a\nb\n", SUMMARY)
    await saving.save(alice, "sales", "a\nc\nd\n", SUMMARY, note="for the board")
    newest, oldest = await house.todo.template_versions.list(alice, "sales")
    assert (newest.number, newest.lines_added, newest.lines_removed, newest.note) == (2, 2, 1, "for the board")
    assert (oldest.lines_added, oldest.lines_removed, oldest.saved_by) == (2, 0, "alice")
    assert [detail for _, _, detail in await house.audited("template.save")] == [{"version": 1}, {"version": 2}]


async def test_the_same_text_again_is_no_version_and_costs_nothing(
    saving: TemplateSaving, house: House, alice: Principal
) -> None:
    text = "x" * 6_000
    first = await saving.save(alice, "sales", text, SUMMARY)
    for _ in range(3):
        assert (await saving.save(alice, "sales", text, SUMMARY)).version == first.version
    with refused(RateLimited):
        await saving.save(alice, "sales", "y" * 6_000, SUMMARY)
    assert (await house.todo.templates.get(alice, "sales")).source == text
    await saving.save(house.bob, "sales", text, SUMMARY)  # his share is his own


async def test_of_two_who_save_over_the_same_version_one_is_told(saving: TemplateSaving, alice: Principal) -> None:
    await saving.save(alice, "sales", "a", SUMMARY)
    tries = (saving.save(alice, "sales", text, SUMMARY, if_match="1") for text in ("b", "c", "d"))
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(one) for one in ended if isinstance(one, JinduError)] == [PreconditionFailed] * 2


async def test_of_two_who_begin_a_template_of_one_name_one_is_told(saving: TemplateSaving, alice: Principal) -> None:
    tries = (saving.save(alice, "sales", text, SUMMARY, must_be_new=True) for text in ("b", "c"))
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(one) for one in ended if isinstance(one, JinduError)] == [PreconditionFailed]


async def test_lines_are_not_told_against_a_version_that_was_not_compared(
    saving: TemplateSaving, house: House, alice: Principal
) -> None:
    """Whoever saves over anything (`if_match` left out) may be overtaken; then nobody has counted."""
    await saving.save(alice, "sales", "a\n", SUMMARY)
    await asyncio.gather(*(saving.save(alice, "sales", f"a\n{line}\n", SUMMARY) for line in ("b", "c", "d")))
    versions = await house.todo.template_versions.list(alice, "sales")
    assert [version.number for version in versions] == [4, 3, 2, 1]
    assert {(version.lines_added, version.lines_removed) for version in versions[:2]} <= {(None, None), (1, 1)}
    assert (versions[2].lines_added, versions[2].lines_removed) == (1, 0)


async def test_a_template_goes_with_all_its_versions_and_never_another_one(
    saving: TemplateSaving, house: House, alice: Principal
) -> None:
    await saving.save(alice, "sales", "a", SUMMARY)
    await saving.save(alice, "sales", "b", SUMMARY)
    with refused(NotFound):
        await saving.delete(house.bob, "sales")
    with refused(PreconditionFailed):
        await saving.delete(alice, "sales", if_match="1")
    await saving.delete(alice, "sales", if_match="2")
    with refused(NotFound):  # twice
        await saving.delete(alice, "sales")
    assert await house.audited("template.delete") == [("alice", "sales", {"version": 2})]
    assert (await saving.save(alice, "sales", "c", SUMMARY)).version == 1

"""The gallery: a template of one's own with the data it is shown with, for whoever may have any."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, StorageFull
from server.operations.dataset_access import DatasetAccess
from server.operations.gallery import GalleryOperations
from server.places import EXAMPLES
from tests.unit.operations.conftest import House, only_looking, refused

KEY, DATASET = "inventory-ageing", "sample_stock"


def gallery_of(house: House, files: Path = EXAMPLES / "gallery", **more: Any) -> GalleryOperations:
    parts, todo = house.parts, house.todo
    return GalleryOperations(
        access=DatasetAccess(access=todo.sharing.access, catalog=parts.datasets.catalog),
        store=parts.reports.templates,
        templates=todo.templates,
        uploads=todo.uploads,
        imports=todo.imports,
        jobs=todo.jobs,
        languages=parts.languages,
        files=files,
        **more,
    )


async def owned(house: House, principal: Principal) -> tuple[list[str], list[str]]:
    """Names of templates and of datasets."""
    templates = [item.stored.name for item in (await house.todo.templates.list(principal)).items]
    return templates, list(await house.todo.template_starts.datasets(principal))


async def test_a_template_comes_with_its_data_and_what_is_there_already_is_left_alone(
    house: House, alice: Principal, bob: Principal
) -> None:
    gallery = house.todo.gallery
    names = [await gallery.take(alice, KEY), await gallery.take(alice, KEY, language="zh-CN")]
    assert names == [KEY, "库存库龄分析"]
    assert await owned(house, alice) == (names, [DATASET])
    assert (await house.todo.datasets.get(alice, DATASET)).version == 1
    assert await owned(house, bob) == ([], [])


async def test_two_clicks_at_once_are_two_templates_of_one_dataset(house: House, alice: Principal) -> None:
    names = await asyncio.gather(*(house.todo.gallery.take(alice, KEY) for _ in range(2)))
    assert sorted(names) == [KEY, f"{KEY}-2"]
    assert (await house.todo.datasets.get(alice, DATASET)).version == 1


async def test_a_start_stores_nothing_and_names_what_is_free(house: House, alice: Principal) -> None:
    gallery = house.todo.gallery
    for asks in (alice, *only_looking(alice)):
        assert (await gallery.start(asks, KEY)).name == KEY
        assert len(gallery.list(asks, language="zh-CN")) >= 10
    assert (await gallery.start(alice, KEY, name="stock")).name == "stock"
    with refused(InvalidInput, fields=("name",)):
        await gallery.start(alice, KEY, name="My Stock")
    with refused(NotFound):
        await gallery.start(alice, "nothing")
    with refused(NotFound):
        await gallery.take(alice, "../executive-summary")
    assert await owned(house, alice) == ([], [])


async def test_who_may_only_look_takes_nothing(house: House, alice: Principal) -> None:
    for asks in only_looking(alice):
        with refused(Forbidden):
            await house.todo.gallery.take(asks, KEY)
    assert await owned(house, alice) == ([], [])


async def test_without_its_data_there_is_no_template(house: House, alice: Principal, tmp_path: Path) -> None:
    files = tmp_path / "gallery"
    (files / "data").mkdir(parents=True)
    (files / "data" / f"{DATASET}.csv").write_text("")
    with refused(Conflict, "samples_not_imported"):
        await gallery_of(house, files).take(alice, KEY)
    with refused(Conflict, "samples_under_way"):
        await gallery_of(house, within_seconds=0).take(alice, KEY)
    house.parts.storage.room.min_free_bytes = 2**62
    with refused(StorageFull):
        await gallery_of(house).take(alice, "top-customers")
    assert (await owned(house, alice))[0] == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_every_template_can_be_started(house: House, alice: Principal, language: str) -> None:
    items = house.todo.gallery.list(alice, language=language)
    names = [(await house.todo.gallery.start(alice, item.key, language=language)).name for item in items]
    assert len(set(names)) == len(names)

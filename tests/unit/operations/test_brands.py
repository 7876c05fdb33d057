"""Brands: what is stored of them, which one holds, who may see and change them, and what they take of the disk."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from server.auth.permissions import Principal
from server.errors import Forbidden, InvalidInput, NotFound, QuotaExceeded
from server.reports.brand import BrandTexts
from server.settings import Settings
from server.storage.quotas import Stored
from server.storage.tables import users
from tests.unit.operations.conftest import House, only_looking, refused


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_report_bytes_per_user=500)


def picture(width: int = 60, height: int = 20) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (176, 36, 24)).save(file, "PNG")
    return file.getvalue()


async def test_texts_and_logo_are_changed_apart(house: House, alice: Principal) -> None:
    brands = house.todo.brands
    assert (await brands.get(alice)).updated_at is None
    await brands.set_logo(alice, picture())
    view = await brands.save(alice, BrandTexts(accent=" #0A5C5C ", header=" Müller  &\n Söhne "))
    assert (view.own.accent, view.own.header) == ("#0a5c5c", "Müller & Söhne")
    assert view.own.logo is not None
    await brands.remove_logo(alice)
    assert (await brands.get(alice)).own.header == "Müller & Söhne"
    await brands.delete(alice)
    await brands.delete(alice)  # it is gone already
    assert (await brands.get(alice)).updated_at is None
    told = [detail["fields"] for _user, _subject, detail in await house.audited("brand.change")]
    assert told == [["logo"], ["accent", "header"], ["logo"]]
    assert len(await house.audited("brand.delete")) == 1


async def test_the_servers_holds_where_ones_own_is_silent(
    house: House, admin: Principal, alice: Principal, bob: Principal
) -> None:
    brands = house.todo.brands
    await brands.save(admin, BrandTexts(accent="#112233", footer="Group"), of_server=True)
    await brands.save(alice, BrandTexts(footer="Alice"))
    seen = (await brands.get(alice)).in_force
    assert (seen.accent, seen.footer) == ("#112233", "Alice")
    assert (await brands.get(bob)).in_force.footer == "Group"
    assert (await brands.get(admin)).own.footer == ""  # that of the server is not the administrator's own
    assert [subject for _user, subject, _detail in await house.audited("brand.change")] == ["server", ""]


async def test_only_its_owner_changes_it_and_only_administrators_that_of_the_server(
    house: House, alice: Principal, bob: Principal
) -> None:
    brands = house.todo.brands
    await brands.set_logo(alice, picture())
    with pytest.raises(NotFound):
        await brands.logo(bob, in_force=True)
    for looking in only_looking(alice):
        assert (await brands.get(looking)).own.logo is not None
        with refused(Forbidden):
            await brands.save(looking, BrandTexts())
        with refused(Forbidden):
            await brands.delete(looking)
    for ask in (brands.get, brands.logo, brands.remove_logo, brands.delete):
        with refused(Forbidden):
            await ask(alice, of_server=True)
    for looking in only_looking(house.admin):
        with refused(Forbidden):
            await brands.set_logo(looking, picture(), of_server=True)


async def test_what_is_wrong_is_named(house: House, alice: Principal) -> None:
    with refused(InvalidInput, fields=("header", "accent")):
        await house.todo.brands.save(alice, BrandTexts(accent="red", header="a\u200bb"))
    with refused(InvalidInput):
        await house.todo.brands.set_logo(alice, b"<svg/>")
    assert (await house.todo.brands.get(alice)).updated_at is None
    assert house.left_in_scratch() == []


async def test_its_logo_counts_and_goes_with_its_user(house: House, alice: Principal) -> None:
    async def used() -> int:
        return next(line.used_bytes for line in await house.todo.usage.mine(alice) if line.kind is Stored.REPORTS)

    logo = (await house.todo.brands.set_logo(alice, picture())).own.logo
    assert logo is not None
    assert await used() == logo.size
    with refused(QuotaExceeded):
        await house.todo.brands.set_logo(alice, picture(600, 200))
    assert await used() == logo.size
    batches = house.parts.reports.batches
    assert await batches.image_keys() == {logo.blob}
    async with house.parts.storage.database.write() as connection:
        await connection.execute(users.delete().where(users.c.id == alice.user_id))
    assert await batches.image_keys() == set()  # what nobody names is swept a day later

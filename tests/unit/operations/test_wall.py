"""Screens on walls: figures for whoever has the address, names only where chosen, nothing once it is taken back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.errors import Forbidden, InvalidInput, NotFound, TokenUnknown
from server.jobs.external_told import NewExternalJob
from server.operations.wall import WALL_METRICS, WallOperations
from tests.unit.operations.conftest import House


@pytest.fixture
def wall(house: House) -> WallOperations:
    return house.todo.wall


async def test_its_address_shows_figures_until_it_is_taken_back(wall: WallOperations, house: House) -> None:
    token, secret = await wall.add(house.admin, name=" Hall ")
    figures = await wall.figures(secret)
    assert (figures.token.name, figures.firing, list(figures.jobs)) == ("Hall", [], [])
    history = await wall.history(secret)
    assert {each.metric for each in history.series} <= set(WALL_METRICS)
    (listed,) = await wall.screens(house.admin)
    assert listed.last_used_at is not None
    assert secret not in repr(listed)
    await wall.remove(house.admin, token.id)
    for again in (wall.figures(secret), wall.history(secret)):
        with pytest.raises(TokenUnknown):
            await again
    with pytest.raises(NotFound):
        await wall.remove(house.admin, token.id)


@pytest.mark.parametrize("secret", ["", "jindu_wall_guessed", "jindu_other"])
async def test_a_guess_shows_nothing(wall: WallOperations, secret: str) -> None:
    with pytest.raises(TokenUnknown):
        await wall.figures(secret)


async def test_names_of_jobs_and_people_are_shown_only_where_that_was_chosen(
    wall: WallOperations, house: House
) -> None:
    await house.todo.external_jobs.begin(house.alice, NewExternalJob(title="secret.csv", total=10))
    _, quiet = await wall.add(house.admin, name="Hall")
    _, open_ = await wall.add(house.admin, name="Office", shows_names=True)
    figures = await wall.figures(quiet)
    assert (figures.running, list(figures.jobs), figures.owners) == (1, [], {})
    figures = await wall.figures(open_)
    assert [each.title for each in figures.jobs] == ["secret.csv"]
    assert list(figures.owners.values()) == ["alice"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
async def test_a_screen_has_a_name(wall: WallOperations, house: House, name: str) -> None:
    with pytest.raises(InvalidInput):
        await wall.add(house.admin, name=name)


async def test_alice_can_neither_see_nor_make_nor_take_back(wall: WallOperations, house: House) -> None:
    for call in (wall.screens(house.alice), wall.add(house.alice, name="x"), wall.remove(house.alice, "x")):
        with pytest.raises(Forbidden):
            await call


async def test_figures_are_as_of_a_moment(wall: WallOperations, house: House) -> None:
    _, secret = await wall.add(house.admin, name="Hall")
    assert abs((datetime.now(UTC) - (await wall.figures(secret)).present.as_of).total_seconds()) < 60

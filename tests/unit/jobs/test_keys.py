"""Keys as rows: one request of one person, whatever it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert

from server.errors import InvalidInput
from server.jobs.keys import Asked, KeyReused, job_of_key, take_key
from server.storage.tables import job_keys, jobs
from tests.unit.jobs.conftest import House, OpenHouse


def asked(key: str = "k", *, by: str = "alice", what: Any = "this") -> Asked:
    request = Asked.under(key, by=by, what=what)
    assert request is not None
    return request


async def take(house: House, request: Asked, job_id: str, *, door: str = "work") -> str | None:
    async with house.database.write() as connection:
        known = await take_key(connection, request, door=door, job_id=job_id)
    return known.job_id if known else None


async def test_the_first_takes_the_key_and_the_same_again_finds_its_job(open_house: OpenHouse) -> None:
    house = await open_house()
    first, second = await house.begin(), await house.begin()
    assert await take(house, asked(), first.id) is None
    assert await take(house, asked(), second.id) == first.id
    async with house.database.read() as connection:
        assert await job_of_key(connection, asked(), door="work") == first.id
        assert await job_of_key(connection, asked("unused"), door="work") is None


@pytest.mark.parametrize(("what", "door"), [("that", "work"), ("this", "job.retry")])
async def test_another_request_or_another_door_is_refused(open_house: OpenHouse, what: str, door: str) -> None:
    house = await open_house()
    job = await house.begin()
    await take(house, asked(), job.id)
    with pytest.raises(KeyReused):
        await take(house, asked(what=what), job.id, door=door)
    async with house.database.read() as connection:
        with pytest.raises(KeyReused):
            await job_of_key(connection, asked(what=what), door=door)


async def test_everybody_has_their_own_keys(open_house: OpenHouse) -> None:
    house = await open_house()
    hers, his = await house.begin(), await house.begin("bob")
    assert await take(house, asked(), hers.id) is None
    assert await take(house, asked(by="bob"), his.id) is None


async def test_the_oldest_keys_know_only_what_for(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin()
    async with house.database.write() as connection:
        row = {"owner_id": "alice", "key": "k", "fingerprint": "work", "job_id": job.id}
        await connection.execute(insert(job_keys).values(row))
    assert await take(house, asked(what="anything"), job.id) == job.id
    with pytest.raises(KeyReused):
        await take(house, asked(what="anything"), job.id, door="other")


async def test_a_key_goes_with_its_job(open_house: OpenHouse) -> None:
    house = await open_house()
    job, again = await house.begin(), await house.begin()
    await take(house, asked(), job.id)
    async with house.database.write() as connection:
        await connection.execute(delete(jobs).where(jobs.c.id == job.id))
    assert await take(house, asked(), again.id) is None


def test_the_order_of_names_says_nothing_and_moments_count() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert asked(what={"a": 1, "b": noon}).fingerprint("x") == asked(what={"b": noon, "a": 1}).fingerprint("x")
    assert asked(what={"b": noon}).fingerprint("x") != asked(what={"b": noon.replace(hour=13)}).fingerprint("x")


def test_without_a_key_nothing_is_asked_under_one() -> None:
    assert Asked.under(None, by="alice", what="this") is None
    for key in ("", "k" * 201, "two\nlines"):
        with pytest.raises(InvalidInput):
            Asked.under(key, by="alice", what="this")

"""Datasets are read elsewhere and within limits; what breaks off leaves nothing behind."""

from __future__ import annotations

import msgspec
import pytest

from server.auth.permissions import Principal
from server.datasets.work import QueryLimits, QueryRequest, QueryResult, run_query
from server.errors import InvalidInput
from server.operations.data_reading import DataReading
from tests.unit.operations.conftest import House, refused

ENDLESS = "select count(*) from range(1000000000) a, range(1000000000) b"


@pytest.fixture
def reading(house: House) -> DataReading:
    parts = house.parts
    return DataReading(
        catalog=parts.datasets.catalog,
        workers=parts.workers.interactive,
        scratch=parts.storage.scratch,
        room=parts.storage.room,
        limits=parts.datasets.query_limits,
        answer_bytes=1_000,
        access=parts.operations.sharing.access,
    )


def query(sql: str, reading: DataReading, **limits: float) -> QueryRequest:
    return QueryRequest(sql=sql, datasets={}, limits=msgspec.structs.replace(reading.limits, **limits))


async def test_what_was_asked_is_answered_by_another_process(
    reading: DataReading, house: House, alice: Principal
) -> None:
    result: QueryResult = await reading.in_worker(alice, run_query, query("select 1 as one", reading))
    assert (result.names, [list(row) for row in result.rows]) == (["one"], [[1]])
    assert house.parts.workers.interactive.statistics().started == 1


async def test_an_error_there_is_an_error_here(reading: DataReading, alice: Principal) -> None:
    with refused(InvalidInput, "query_error"):
        await reading.in_worker(alice, run_query, query("select nothing from nowhere", reading))


async def test_work_that_does_not_end_is_ended(reading: DataReading, alice: Principal) -> None:
    with refused(InvalidInput, "query_too_long"):
        await reading.in_worker(alice, run_query, query(ENDLESS, reading, seconds=0.2))


async def test_a_large_answer_has_a_place_with_the_limits_of_this_server(reading: DataReading) -> None:
    async with reading.place(".json") as place:
        place.path.write_bytes(b"[]")
    assert place.path.read_bytes() == b"[]"  # whoever sends it removes it
    assert (place.path.suffix, place.max_bytes, place.min_free_bytes) == (".json", 1_000, reading.room.min_free_bytes)


async def test_an_answer_that_breaks_off_leaves_nothing(reading: DataReading, house: House) -> None:
    async def breaks_off() -> None:
        async with reading.place(".json") as place:
            place.path.write_bytes(b"[")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaks_off()
    assert house.left_in_scratch() == []


def test_limits_are_those_of_the_settings(house: House, reading: DataReading) -> None:
    settings = house.parts.settings
    wanted = QueryLimits(seconds=settings.query_seconds, rows=settings.query_rows)
    assert (reading.limits.seconds, reading.limits.rows) == (wanted.seconds, wanted.rows)

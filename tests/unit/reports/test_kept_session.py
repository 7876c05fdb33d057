"""The query session that reports of a batch share shows nothing of the one before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from server.datasets.work import QueryLimits
from server.errors import InvalidInput
from server.reports.kept_session import KeptSession

NOW = datetime(2026, 10, 31, 12, tzinfo=ZoneInfo("UTC"))
LIMITS = QueryLimits(seconds=10)


@pytest.fixture
def kept() -> Iterator[KeptSession]:
    session = KeptSession()
    yield session
    session.close()


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, tuple[Path, ...]]:
    for name in ("mine", "yours"):
        duckdb.sql(f"select '{name}' as whose").write_parquet(str(tmp_path / f"{name}.parquet"))
    return {name: (tmp_path / f"{name}.parquet",) for name in ("mine", "yours")}


def test_the_same_batch_keeps_it_and_finds_it_as_new(kept: KeptSession, sources: dict[str, tuple[Path, ...]]) -> None:
    drawn = []
    with kept.of(sources, LIMITS, now=NOW) as first:
        first.execute("select * from mine")
        drawn.append(first.execute("select random(), uuid()::text").rows)
    with kept.of(sources, LIMITS, now=NOW) as second:
        assert (second is first, second.read) == (True, set())
        drawn.append(second.execute("select random(), uuid()::text").rows)
    assert drawn[0] == drawn[1]


def test_other_data_is_not_reached_nor_another_moment_told(
    kept: KeptSession, sources: dict[str, tuple[Path, ...]]
) -> None:
    with kept.of({"data": sources["mine"]}, LIMITS, now=NOW) as session:
        assert session.execute("select whose, today()::text from data").rows == [("mine", "2026-10-31")]
    with kept.of({"data": sources["yours"]}, LIMITS, now=NOW.replace(day=1)) as session:
        assert session.execute("select whose, today()::text from data").rows == [("yours", "2026-10-01")]
        with pytest.raises(InvalidInput):
            session.execute("select * from mine")
    auckland = NOW.astimezone(ZoneInfo("Pacific/Auckland"))
    with kept.of({"data": sources["yours"]}, LIMITS, now=auckland) as session:
        assert session.execute("select localtime::text from data").rows == [("01:00:00",)]


def test_after_an_error_it_is_another(kept: KeptSession, sources: dict[str, tuple[Path, ...]]) -> None:
    with pytest.raises(InvalidInput), kept.of(sources, LIMITS, now=NOW) as broken:
        broken.execute("select 1 / 0 from nowhere")
    with kept.of(sources, LIMITS, now=NOW) as session:
        assert session is not broken
        assert session.execute("select 1").rows == [(1,)]

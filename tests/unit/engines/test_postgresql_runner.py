"""Only one node runs jobs; who was stopped, or loses its line, gives way."""

from __future__ import annotations

import psycopg
import pytest

from server.engines import postgresql_runner
from server.engines.postgresql_runner import PostgresqlRunner
from server.errors import ConfigurationError
from tests.waiting import until


@pytest.fixture
def url(worker_id: str, monkeypatch: pytest.MonkeyPatch) -> str:
    from tests import postgresql

    monkeypatch.setattr(postgresql_runner, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(postgresql_runner, "_LOOK_SECONDS", 0.05)
    return postgresql.new_database(f"runner_{worker_id}")


async def test_a_second_one_is_refused_until_the_first_has_stopped(url: str) -> None:
    async with PostgresqlRunner(url).held(lambda: None):
        with pytest.raises(ConfigurationError, match="role=web"):
            async with PostgresqlRunner(url).held(lambda: None):
                pass
    async with PostgresqlRunner(url).held(lambda: None):
        pass


async def test_who_loses_the_line_takes_the_lock_anew_or_stops(url: str) -> None:
    lost: list[bool] = []
    async with PostgresqlRunner(url).held(lambda: lost.append(True)):
        before = _holders(url)
        _throw_out(url)
        await until(lambda: (now := _holders(url)) and now != before)
        with psycopg.connect(url, autocommit=True, application_name="thief") as thief:
            thief.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jindu runs jobs'"
            )
            thief.execute("SELECT pg_advisory_lock(1246252612, 4)")
            await until(lambda: lost)


def _holders(url: str) -> list[int]:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 4 AND granted")
        return [row[0] for row in found]


def _throw_out(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jindu runs jobs'"
        )

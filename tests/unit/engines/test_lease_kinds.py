"""Which kinds of jobs are run is known from the nodes that are there, and of no others."""

from __future__ import annotations

from datetime import timedelta

from server.clock import utc_now
from server.engines.lease_kinds import kinds_run, kinds_waiting_in_vain, say_kinds, say_none
from server.engines.postgresql import PostgresqlDatabase
from tests.unit.engines.leases import add_job

ALL_KINDS = frozenset({"data_import", "batch_report"})


async def test_a_kind_is_run_while_a_node_that_runs_it_is_there(shared_rows: PostgresqlDatabase) -> None:
    async with shared_rows.write() as connection:
        assert await kinds_run(connection) == frozenset()
        await say_kinds(connection, "east", ALL_KINDS, seconds=60)
        await say_kinds(connection, "west" * 50, {"data_import"}, seconds=60)
        assert await kinds_run(connection) == ALL_KINDS
        await say_none(connection, "east")
        assert await kinds_run(connection) == {"data_import"}
        await say_kinds(connection, "west" * 50, ALL_KINDS, seconds=-1)
        assert await kinds_run(connection) == frozenset()


async def test_jobs_wait_in_vain_where_no_node_runs_their_kind_for_more_than_a_moment(
    shared_rows: PostgresqlDatabase,
) -> None:
    for kind, seconds in (("batch_report", 60), ("batch_report", 60), ("batch_report", 1), ("data_import", 60)):
        await add_job(shared_rows, kind=kind, lane="long", due_at=utc_now() - timedelta(seconds=seconds))
    async with shared_rows.write() as connection:
        await say_kinds(connection, "west", {"data_import"}, seconds=60)
        assert await kinds_waiting_in_vain(connection) == {"batch_report": 2}
        await say_kinds(connection, "east", {"batch_report"}, seconds=60)
        assert await kinds_waiting_in_vain(connection) == {}

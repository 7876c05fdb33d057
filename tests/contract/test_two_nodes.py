"""Two whole nodes on one PostgreSQL start, and decide, at the same moment: what each does holds for both."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from server.app.parts import Parts, build_parts
from server.auth.permissions import Principal, Role
from server.datasets.import_orders import ImportRequest
from server.errors import Conflict, JinduError, Locked, NotFound, PreconditionFailed
from server.jobs.job import Job, State
from server.operations.batches import BatchStart
from server.operations.datasets import Loss
from server.operations.uploads import NewUpload
from server.reports.batch_orders import BatchOrder
from server.settings import Settings
from server.storage.one_server import held
from tests import postgresql
from tests.conftest import QUICK_PASSWORDS

ORDERS = b"id,region,amount\n1,north,120\n2,south,0\n"
# The report of south divides by zero.
WRONG_FOR_SOUTH = """\
title: "{{ region }} sales"
formats: [html]
parameters:
  region: {type: text, each: "select distinct region from orders order by 1"}
queries:
  totals: select sum(amount) as revenue from orders where region = $region
blocks:
  - text: "{{ 120 / totals.revenue }}"
"""
RIGHT = WRONG_FOR_SOUTH.replace("120 / totals.revenue", "totals.revenue")


@pytest.fixture
async def nodes(tmp_path: Path, worker_id: str) -> AsyncIterator[tuple[Parts, Parts]]:
    """Begun at once, on a database that has no table yet and on one data directory."""
    settings = Settings(
        data=tmp_path,
        database_url=postgresql.new_database(f"two_nodes_{worker_id}"),
        admin_user="admin",
        admin_password="correct-horse-admin",
        workers=1,
        interactive_workers=1,
        reserve_bytes=0,
    )
    parts = [
        build_parts(dataclasses.replace(settings, node=name), passwords=QUICK_PASSWORDS) for name in ("here", "there")
    ]
    async with AsyncExitStack() as stack:
        here, there = await asyncio.gather(*(stack.enter_async_context(each.open()) for each in parts))
        yield here, there


@pytest.fixture
async def alice(nodes: tuple[Parts, Parts]) -> Principal:
    accounts = nodes[0].operations.accounts
    user = await accounts.create_user(None, name="alice", password="correct-horse-alice", role=Role.EDITOR)
    return Principal(user_id=user.id, user_name=user.name, role=user.role, language="en")


async def at_once(*decisions: Awaitable[Any]) -> tuple[list[Any], list[JinduError]]:
    """What was done, and what was refused; anything else is a fault."""
    found = await asyncio.gather(*decisions, return_exceptions=True)
    odd = [each for each in found if isinstance(each, BaseException) and not isinstance(each, JinduError)]
    assert not odd, odd
    done = [each for each in found if not isinstance(each, BaseException)]
    return done, [each for each in found if isinstance(each, JinduError)]


async def ended(parts: Parts, job: Job, principal: Principal) -> Job:
    async with asyncio.timeout(60):
        while not job.state.is_final:
            await asyncio.sleep(0.02)
            job = await parts.operations.jobs.get(principal, job.id)
    return job


async def chunks() -> AsyncIterator[bytes]:
    yield ORDERS


async def imported(parts: Parts, alice: Principal, dataset: str = "orders") -> None:
    todo = parts.operations
    upload = await todo.uploads.receive_whole(alice, NewUpload(name="orders.csv", size=len(ORDERS)), chunks())
    job = await todo.imports.start(alice, ImportRequest(upload_id=upload.id, dataset=dataset))
    assert (await ended(parts, job, alice)).state is State.SUCCEEDED


async def test_both_start_and_there_is_one_administrator(nodes: tuple[Parts, Parts], alice: Principal) -> None:
    for parts in nodes:
        admin = await parts.auth.credentials.users.by_name("admin")
        assert admin is not None
        assert admin.role is Role.ADMIN
        assert not await parts.operations.first_run.is_pending()
    assert await nodes[1].auth.credentials.users.by_name("alice") is not None


async def test_one_newest_version_of_a_template_and_one_of_a_name(nodes: tuple[Parts, Parts], alice: Principal) -> None:
    await imported(nodes[0], alice)
    todo = [each.operations.templates for each in nodes]
    done, refused = await at_once(*(each.save(alice, "sales", RIGHT, must_be_new=True) for each in todo))
    assert (len(done), [type(each) for each in refused]) in ((1, [Conflict]), (1, [PreconditionFailed]))
    version = str(done[0][0].version)
    second, third = RIGHT + "# second\n", RIGHT + "# third\n"
    done, refused = await at_once(
        todo[0].save(alice, "sales", second, if_match=version), todo[1].save(alice, "sales", third, if_match=version)
    )
    assert (len(done), [type(each) for each in refused]) == (1, [PreconditionFailed])
    done, _ = await at_once(*(each.save(alice, "sales", RIGHT + f"# {n}\n") for n, each in enumerate(todo * 2)))
    assert sorted(saved.version for saved, _ in done) == [3, 4, 5, 6]


async def test_reports_that_failed_are_made_again_by_one(nodes: tuple[Parts, Parts], alice: Principal) -> None:
    here, there = nodes
    await imported(here, alice)
    await here.operations.templates.save(alice, "sales", WRONG_FOR_SOUTH)
    batch = await here.operations.batch_orders.start(alice, BatchOrder(template="sales"))
    await ended(here, batch.job, alice)
    done, refused = await at_once(*(each.operations.batches.retry(alice, batch.batch_id) for each in nodes))
    assert (len(done), [type(each) for each in refused]) == (1, [Conflict])
    (again,) = done
    for parts in nodes:
        assert (await parts.operations.batches.get(alice, batch.batch_id)).job_id == again.job.id
    done, refused = await at_once(
        here.operations.batches.delete(alice, batch.batch_id), there.operations.batches.delete(alice, batch.batch_id)
    )
    assert {type(each) for each in refused} <= {Locked, NotFound}


async def test_a_dataset_goes_or_is_read(nodes: tuple[Parts, Parts], alice: Principal) -> None:
    """Never a batch that was promised data which somebody deletes at another node."""
    here, there = nodes
    await imported(here, alice)
    await here.operations.templates.save(alice, "sales", RIGHT)
    for _ in range(3):
        started, deleted = await asyncio.gather(
            here.operations.batch_orders.start(alice, BatchOrder(template="sales")),
            there.operations.datasets.delete(alice, "orders"),
            return_exceptions=True,
        )
        assert isinstance(started, BatchStart | JinduError)
        assert isinstance(deleted, Loss | Locked)
        if isinstance(started, BatchStart):
            job = await ended(here, started.job, alice)
            assert job.state is (State.SUCCEEDED if isinstance(deleted, Locked) else State.FAILED)
        if isinstance(deleted, Loss):
            await imported(there, alice)


def test_on_sqlite_a_second_server_is_refused(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(JinduError, match="Another server runs"), held(tmp_path):
        pass

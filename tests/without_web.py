"""Imports a small file and makes a report of it with the parts alone; writes the report to standard output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from server.app.parts import Parts, build_parts
from server.auth.permissions import Principal, Role
from server.datasets.import_orders import ImportRequest
from server.jobs.job import Job
from server.operations.uploads import NewUpload
from server.reports.batch_orders import BatchOrder
from server.reports.batches import ReportFilter
from server.settings import Settings

ORDERS = b"id,region,amount\n1,north,120\n2,south,80\n3,north,40\n"
TEMPLATE = """\
title: Sales by region
formats: [html]
queries:
  sales: select region, sum(amount) as revenue from orders group by region order by region
blocks:
  - table: {query: sales}
"""


async def main(data: Path) -> None:
    async with build_parts(Settings(data=data, workers=1, reserve_bytes=0)).open() as parts:
        todo = parts.operations
        user = await todo.accounts.create_user(None, name="alice", password="correct-horse-alice", role=Role.EDITOR)
        alice = Principal(user_id=user.id, user_name=user.name, role=user.role, language="en")
        upload = await todo.uploads.receive_whole(alice, NewUpload(name="orders.csv", size=len(ORDERS)), chunks())
        await ended(parts, await todo.imports.start(alice, ImportRequest(upload_id=upload.id, dataset="orders")), alice)
        await todo.templates.save(alice, "sales", TEMPLATE)
        batch = await todo.batch_orders.start(alice, BatchOrder(template="sales"))
        await ended(parts, batch.job, alice)
        (report,) = (await todo.batches.reports(alice, batch.batch_id, ReportFilter())).items
        _, content = await todo.batches.artifact(alice, report.id, report.artifacts[0].file)
        sys.stdout.write(b"".join([piece async for piece in content.stream()]).decode())


async def chunks() -> AsyncIterator[bytes]:
    yield ORDERS


async def ended(parts: Parts, job: Job, principal: Principal) -> None:
    async with asyncio.timeout(60):
        while not job.state.is_final:
            await asyncio.sleep(0.02)
            job = await parts.operations.jobs.get(principal, job.id)
    assert job.error is None, job.error


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
    assert not [name for name in sys.modules if name.startswith("aiohttp")]

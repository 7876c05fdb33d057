"""Somebody takes a cluster back to one node by docs/cluster.md alone; nobody loses anything."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from cryptography.fernet import Fernet

from tests import postgresql, seaweed
from tests.by_the_page import Shell, commands
from tests.cluster.conftest import node
from tests.cluster.workshop import engines_of
from tests.conftest import new_user, signed_in
from tests.functional.batches import Json, made, put_template, reports_of
from tests.functional.half_uploads import go_on, halfway
from tests.functional.importing import ORDERS, import_text
from tests.process import ServerProcess
from tests.valkey import ValkeyProcess


@pytest.fixture
def engines(worker_id: str) -> Iterator[dict[str, str]]:
    valkey = ValkeyProcess()
    valkey.start()
    yield engines_of(
        database_url=postgresql.new_database(f"way_back_{worker_id}"),
        broker_url=valkey.url,
        storage_url=seaweed.new_place(),
    ) | {"JINDU_SECRET_KEY": Fernet.generate_key().decode(), "JINDU_WORKERS": "1", "JINDU_DRAIN_SECONDS": "1"}
    valkey.kill()


@pytest.fixture
async def nodes(tmp_path: Path, engines: dict[str, str]) -> AsyncIterator[list[ServerProcess]]:
    """One that serves people and runs jobs, and one that serves people alone."""
    both = [node(tmp_path, "home", engines), node(tmp_path, "east", engines, JINDU_ROLE="web")]
    try:
        for each in both:
            await asyncio.to_thread(each.start)
        yield both
    finally:
        for each in both:
            each.kill()


def written(path: Path, settings: dict[str, str]) -> None:
    path.write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()), "utf-8")


async def the_file(client: aiohttp.ClientSession, report: Json) -> bytes:
    async with client.get(report["artifacts"][0]["url"]) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def test_back_to_one_node_by_the_page_alone(
    tmp_path: Path, engines: dict[str, str], nodes: list[ServerProcess]
) -> None:
    home, east = nodes
    async with await signed_in(home, "admin") as admin, await new_user(home, admin, "alice") as first:
        headers = {"Authorization": first.headers["Authorization"]}
        await import_text(first)
        await put_template(first)
        batch = await made(first, parameters=[{"region": "North"}], formats=["html"])
        (report,) = await reports_of(first, batch["id"])
        file = await the_file(first, report)
    async with aiohttp.ClientSession(east.url, headers=headers) as there:
        place = await halfway(there)

    etc, data = tmp_path / "etc", tmp_path / "one"
    etc.mkdir()
    data.mkdir()
    (data / "jindu.db").write_text("of former times", "utf-8")
    written(etc / "cluster.env", engines)
    written(etc / "jindu.env", {"JINDU_SECRET_KEY": engines["JINDU_SECRET_KEY"], "JINDU_DATA": str(data)})
    places = {"/var/lib/jindu": str(data), "/etc/jindu": str(etc), " && systemctl enable --now jindu": ""}
    clusters, its_own = Shell(etc, places), Shell(etc, places)
    shell = clusters
    one = ServerProcess(data, environ={"JINDU_SECRET_KEY": engines["JINDU_SECRET_KEY"], "JINDU_WORKERS": "1"})
    try:
        for block in commands("cluster.md", "From the cluster back to one node"):
            for line in block:
                if line.startswith("systemctl disable --now"):
                    for each in nodes:
                        await asyncio.to_thread(each.stop)
                    continue
                if "jindu.env" in line:
                    shell = its_own
                await shell.run(line)
                if "systemctl enable --now" in line:
                    await asyncio.to_thread(one.start)
        assert any("are equal on both sides" in told for told in clusters.told)
        assert (data / "before" / "jindu.db").read_text("utf-8") == "of former times"
        for engine in ("home", "east"):
            shutil.rmtree(tmp_path / engine)  # nothing of the nodes is needed
        async with aiohttp.ClientSession(one.url, headers=headers) as back:
            async with back.get("/api/v1/datasets/orders/rows") as response:
                assert response.status == 200, await response.text()
                assert len((await response.json())["items"]) == len(ORDERS.strip().splitlines()) - 1
            assert await the_file(back, report) == file
            await go_on(back, place, 1)
            await import_text(back, dataset="since")
    finally:
        await asyncio.to_thread(one.kill)

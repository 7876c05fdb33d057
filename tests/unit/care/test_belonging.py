"""A node that does not fit those that live is refused, with the setting named; one that fits or restarts is not."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from server.app.live import live_limits
from server.auth.secret_key import fingerprint
from server.care.belonging import LAST_START, Belonging, differences, setup_mark
from server.care.file_marks import FileMarks
from server.clock import new_id, utc_now
from server.engines.local_files import LocalFiles
from server.engines.local_uploads import LocalUploads
from server.errors import ConfigurationError
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from server.realtime.presences import LocalPresences
from server.settings import Settings
from server.storage.database import Database
from server.storage.living_nodes import UNHEARD, UNMARKED, NodeSetup, living_nodes
from server.storage.scratch import Scratch
from server.storage.tables import nodes
from server.uploads.file_stores import FileStores
from tests.waiting import until

BEAT = 0.05
SETUP = NodeSetup(key="a", files="s3", mark="m", broker="b", hears=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """`files` is what nodes share."""

    database: Database
    files: Path
    limits: LiveLimits

    def node(
        self,
        name: str,
        *,
        data: Path,
        files: Path | None = None,
        setup: Mapping[str, Any] | None = None,
        presences: LocalPresences | None = None,
    ) -> Belonging:
        data.mkdir(exist_ok=True)
        place = files or self.files
        stores = FileStores(blobs=LocalFiles(place / "blobs"), pieces=LocalUploads(place / "uploads"))
        return Belonging(
            database=self.database,
            marks=FileMarks(stores, Scratch(place / "partial"), place=str(place), is_shared=True),
            presences=presences or LocalPresences(ConnectionManager(self.limits)),
            data=data,
            name=name,
            setup=lambda mark: msgspec.convert({"key": "a", "files": "", "mark": mark, **(setup or {})}, NodeSetup),
            beat_seconds=BEAT,
        )


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return Site(database=database, files=tmp_path / "shared", limits=live_limits(Settings()))


@asynccontextmanager
async def living(node: Belonging) -> AsyncIterator[None]:
    await node.begin()
    beats = asyncio.create_task(node.run())
    try:
        yield
    finally:
        beats.cancel()
        await asyncio.wait([beats])


async def names(database: Database) -> list[str]:
    async with database.read() as connection:
        return [each.name for each in await living_nodes(connection)]


async def test_nodes_that_agree_begin_and_leave(site: Site, tmp_path: Path) -> None:
    east, west = (site.node(name, data=tmp_path / name) for name in ("east", "west"))
    async with living(east), living(west):
        assert await names(site.database) == ["east", "west"]
    await east.end()
    assert await names(site.database) == ["west"]


async def test_a_misfit_is_refused_and_told_each_setting_and_the_other_node(site: Site, tmp_path: Path) -> None:
    async with living(site.node("east", data=tmp_path / "east")):
        misfit = site.node("west", data=tmp_path / "west", setup={"key": "b", "files": "s3", "broker": "b"})
        with pytest.raises(ConfigurationError) as refused:
            await misfit.begin()
        for told in ("Node east", "JINDU_STORAGE_URL", "JINDU_SECRET_KEY", "JINDU_BROKER_URL"):
            assert told in refused.value.text
        with pytest.raises(ConfigurationError, match="JINDU_STORAGE_URL is set at neither"):
            await site.node("west", data=tmp_path / "west", files=tmp_path / "own").begin()
        with pytest.raises(ConfigurationError, match="JINDU_NODE is the same at both"):
            await site.node("east", data=tmp_path / "other").begin()
        assert await names(site.database) == ["east"]


async def test_one_that_was_killed_comes_up_again_at_once_with_other_settings(site: Site, tmp_path: Path) -> None:
    """It has its data directory for itself, so whoever began there before is gone."""
    async with living(site.node("east", data=tmp_path / "east")):
        pass  # it does not say that it ends
    again = site.node("east", data=tmp_path / "east", setup={"key": "b"})
    await asyncio.wait_for(again.begin(), 5)  # long before the first one is not heard of any more
    assert await names(site.database) == ["east"]


async def test_one_that_was_killed_and_lost_its_data_waits_for_itself_to_be_silent(site: Site, tmp_path: Path) -> None:
    async with living(site.node("east", data=tmp_path / "east")):
        pass
    (tmp_path / "east" / LAST_START).unlink()
    again = asyncio.create_task(site.node("east", data=tmp_path / "east").begin())
    done, _ = await asyncio.wait([again], timeout=4 * BEAT)
    assert not done
    async with site.database.write() as connection:  # as time does
        await connection.execute(update(nodes).values(seen_at=utc_now() - UNHEARD))
    await asyncio.wait_for(again, 15)


class EmptiedBroker(LocalPresences):
    """It knows nobody when it is asked for the second time, as if it had just lost everything."""

    process = "one"
    asked = 0

    async def knows(self, process: str) -> bool:
        self.asked += 1
        return self.asked != 2


async def test_a_broker_that_was_emptied_names_nobody_as_a_stranger(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = EmptiedBroker(ConnectionManager(site.limits))
    setup = {"broker": "b", "hears": True}
    east = site.node("east", data=tmp_path / "east", setup=setup)
    west = site.node("west", data=tmp_path / "west", setup=setup, presences=broker)
    async with living(east), living(west):
        await until(lambda: broker.asked > 3)
    assert "does not fit" not in caplog.text


async def test_those_that_came_past_each_other_say_so(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    setup = {"key": "a"}
    east, west = site.node("east", data=tmp_path / "east"), site.node("west", data=tmp_path / "west", setup=setup)
    async with living(east), living(west):
        setup["key"] = "b"
        await until(lambda: "does not fit node west" in caplog.text and "JINDU_SECRET_KEY" in caplog.text)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"key": "b"}, "JINDU_SECRET_KEY is another key"),
        ({"files": ""}, "JINDU_STORAGE_URL is not set, so that its files lie in its data directory, and here it names"),
        ({"mark": "n"}, "JINDU_STORAGE_URL names another store"),
        ({"mark": ""}, ""),  # it does not answer
        ({"broker": "", "hears": False}, "JINDU_BROKER_URL is not set, and here it is set"),
        ({"broker": "c"}, ""),  # each has a name of its own there
    ],
)
def test_what_differs_is_named(change: dict[str, Any], told: str) -> None:
    found = [*differences(SETUP, msgspec.structs.replace(SETUP, **change))]
    assert len(found) == bool(told)
    assert all(told in each for each in found)


def test_a_broker_that_does_not_know_the_other_is_another_one_if_the_other_hears_its_own() -> None:
    (told,) = differences(SETUP, SETUP, is_heard=False)
    assert told.startswith("JINDU_BROKER_URL names another server")
    assert not [*differences(SETUP, SETUP, is_heard=None)]
    assert not [*differences(SETUP, msgspec.structs.replace(SETUP, hears=False), is_heard=False)]


def test_a_store_without_a_mark_is_none_that_others_have_marked() -> None:
    assert [setup_mark(found) for found in ("", "m", None)] == [UNMARKED, "m", ""]


def test_a_fingerprint_tells_keys_apart_and_holds_nothing_of_them(tmp_path: Path) -> None:
    key = new_id()
    (tmp_path / "secret.key").write_text(f"{key}\n")
    assert fingerprint(key, tmp_path / "none") == fingerprint("", tmp_path) != fingerprint(new_id(), tmp_path)
    assert key not in fingerprint(key, tmp_path)

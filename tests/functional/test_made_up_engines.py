"""Another engine is one module and one place in the wiring's list; nothing that people do differs by it."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from server.app import engines
from server.app.engines import open_database
from server.engines.local_uploads import LocalUploads
from server.engines.sqlite_words import SqliteWords
from server.errors import ConfigurationError
from server.settings import Settings
from server.uploads.file_stores import FileStores
from tests.conftest import Server
from tests.functional.batches import made, put_template, read, reports_of
from tests.functional.importing import import_text
from tests.functional.live_client import live
from tests.functional.made_up_engines import BarnFiles, FlockDatabase, GateQueue, PigeonBroker

Client = aiohttp.ClientSession

pytestmark = pytest.mark.sqlite(reason="has a database of its own")


@pytest.fixture
def barn() -> BarnFiles:
    return BarnFiles()


@pytest.fixture
def pigeons() -> PigeonBroker:
    return PigeonBroker()


@pytest.fixture
def begun() -> list[str]:
    """The kinds of jobs that went through the gate."""
    return []


@pytest.fixture
def settings(
    settings: Settings, barn: BarnFiles, pigeons: PigeonBroker, begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    made_up = dataclasses.replace(
        engines.ENGINES,
        databases={**engines.ENGINES.databases, "flock://": FlockDatabase},
        words={**engines.ENGINES.words, "flock://": SqliteWords},
        files={"": lambda settings: FileStores(blobs=barn, pieces=LocalUploads(settings.data / "uploads"))},
        exchanges={"": partial(engines.alone, broker=pigeons)},
        queue=partial(GateQueue, begun),
    )
    monkeypatch.setattr(engines, "ENGINES", made_up)
    return dataclasses.replace(settings, database_url="flock://meadow")


async def test_files_are_imported_and_reports_made_on_them_and_others_see_nothing(
    server: Server,
    alice: Client,
    bob: Client,
    barn: BarnFiles,
    pigeons: PigeonBroker,
    begun: list[str],
    tmp_path: Path,
) -> None:
    async with live(alice) as hers, live(bob) as his:
        await hers.next("connection")
        await his.next("connection")
        await import_text(alice)
        await put_template(alice)
        batch = await made(alice)
        assert (batch["state"], batch["tally"]["succeeded"]) == ("succeeded", 3)
        await hers.next(lambda message: message["type"] == "notification" and "sales" in message["title"].lower())
        assert [message for message in his.seen if message["type"] != "connection"] == []
    report = (await reports_of(alice, batch["id"]))[0]
    for client, status in ((alice, 200), (bob, 404)):
        async with client.get(report["artifacts"][0]["url"]) as response:
            assert response.status == status
    await read(bob, f"/api/v1/batches/{batch['id']}", status=404)
    assert (await read(bob, "/api/v1/datasets"))["items"] == []

    assert (tmp_path / "meadow").is_file()
    assert {key.partition("/")[0] for key in barn.kept} == {"datasets", "reports"}
    assert not [path for path in (server.parts.settings.data / "blobs").rglob("*") if path.is_file()]
    assert pigeons.carried
    assert {"data_import", "batch_report"} <= set(begun)


def test_an_address_that_no_engine_has_is_refused(tmp_path: Path) -> None:
    for address in ("herd://meadow", "://", "flock"):
        with pytest.raises(ConfigurationError):
            open_database(Settings(data=tmp_path, database_url=address))

"""Files that lie elsewhere: only where the settings allow, and each fetched for whoever asked."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.jobs.job import State
from server.operations.fetches import FetchOperations
from server.settings import Settings
from server.uploads.elsewhere import Place
from tests.unit.operations.conftest import ORDERS, House, only_looking, refused


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    return inbox


@pytest.fixture
def settings(settings: Settings, inbox: Path) -> Settings:
    return replace(settings, import_folders=(f"inbox={inbox}",), import_hosts=("data.example.com",))


@pytest.fixture
def fetches(house: House) -> FetchOperations:
    return house.todo.fetches


def put(inbox: Path, name: str, content: bytes = ORDERS, *, age_seconds: float = 60) -> None:
    (inbox / name).write_bytes(content)
    at = (inbox / name).stat().st_mtime - age_seconds
    os.utime(inbox / name, (at, at))


async def test_a_file_of_a_folder_becomes_an_upload_of_whoever_asked(
    fetches: FetchOperations, house: House, inbox: Path, alice: Principal
) -> None:
    put(inbox, "orders-1.csv", b"old", age_seconds=120)
    put(inbox, "orders-2.csv")
    started = await fetches.start(alice, Place(folder="inbox", file="orders-*.csv"))
    job = await house.ended(alice, started)
    assert job.state is State.SUCCEEDED
    assert job.result
    upload = await house.todo.uploads.find(alice, job.result["upload_id"])
    assert (upload.name, upload.size) == ("orders-2.csv", len(ORDERS))
    with refused(NotFound):
        await house.todo.uploads.find(house.bob, upload.id)
    with refused(NotFound):
        await house.todo.jobs.get(house.bob, job.id)


async def test_what_somebody_has_already_is_not_fetched_again(
    fetches: FetchOperations, house: House, inbox: Path, alice: Principal
) -> None:
    put(inbox, "orders.csv")
    ((file),) = await fetches.files(alice, "inbox")
    job = await house.ended(
        alice, await fetches.start(alice, Place(folder="inbox", file="orders.csv", unless=file.version))
    )
    assert job.result == {"unchanged": True, "version": file.version}
    assert (await house.todo.uploads.search(alice, limit=10)).total == 0


async def test_a_file_is_fetched_once_under_one_key(
    fetches: FetchOperations, house: House, inbox: Path, alice: Principal
) -> None:
    put(inbox, "orders.csv")
    place = Place(folder="inbox", file="orders.csv")
    first = await fetches.start(alice, place, idempotency_key="k")
    assert (await fetches.start(alice, place, idempotency_key="k")).id == first.id
    with refused(Conflict, "key_reused"):
        await fetches.start(alice, Place(folder="inbox", file="other.csv"), idempotency_key="k")
    await house.ended(alice, first)
    assert (await house.todo.uploads.search(alice, limit=10)).total == 1


async def test_a_file_that_is_not_there_fails_and_leaves_nothing(
    fetches: FetchOperations, house: House, alice: Principal
) -> None:
    job = await house.ended(alice, await fetches.start(alice, Place(folder="inbox", file="missing.csv")))
    assert job.error is not None
    assert (job.state, job.error.code) == (State.FAILED, "not_fetched")
    assert (await house.todo.uploads.search(alice, limit=10)).total == 0


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (Place(folder="inbox", file="../secret.key"), "file"),
        (Place(folder="inbox"), "file"),
        (Place(folder="/etc", file="passwd"), "folder"),
        (Place(url="http://data.example.com/orders.csv"), "url"),
        (Place(url="https://evil.example/orders.csv"), "url"),
        (Place(url="https://me:secret@data.example.com/orders.csv"), "url"),
    ],
    ids=["upwards", "no file", "another folder", "not https", "another host", "with a password"],
)
async def test_only_what_the_settings_name_is_fetched(
    fetches: FetchOperations, house: House, alice: Principal, place: Place, field: str
) -> None:
    with refused(InvalidInput, fields=(field,)):
        await fetches.start(alice, place)
    assert house.todo.jobs.live(alice) == []


async def test_one_place_is_named(fetches: FetchOperations, alice: Principal) -> None:
    both = Place(url="https://data.example.com/orders.csv", folder="inbox", file="orders.csv")
    for place in (Place(), both):
        with refused(InvalidInput, "one_place"):
            await fetches.start(alice, place)


async def test_the_title_of_a_job_holds_no_secret_of_an_address(fetches: FetchOperations, alice: Principal) -> None:
    for url, title in (
        ("https://data.example.com/a/orders.csv?token=secret#part", "orders.csv"),
        ("https://data.example.com/?key=secret", "file"),
    ):
        job = await fetches.start(alice, Place(url=url))
        assert job.title == title


async def test_whoever_may_look_sees_the_places_and_fetches_nothing(
    fetches: FetchOperations, inbox: Path, alice: Principal
) -> None:
    put(inbox, "orders.csv")
    for asks in only_looking(alice):
        places = fetches.places(asks)
        assert (places.folders, places.hosts, places.any) == (["inbox"], ("data.example.com",), True)
        assert [file.name for file in await fetches.files(asks, "inbox")] == ["orders.csv"]
        with refused(Forbidden):
            await fetches.start(asks, Place(folder="inbox", file="orders.csv"))
    with refused(NotFound):
        await fetches.files(alice, "outbox")
    with refused(Forbidden):
        fetches.places(replace(alice, scopes=frozenset()))


async def test_a_folder_that_is_gone_says_so(fetches: FetchOperations, inbox: Path, alice: Principal) -> None:
    await asyncio.to_thread(inbox.rmdir)
    with refused(InvalidInput, "folder_gone"):
        await fetches.files(alice, "inbox")

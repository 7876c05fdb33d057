"""The files somebody uploaded: what became of each, and when it goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from server.auth.permissions import Principal
from server.errors import Forbidden
from server.operations.uploaded_files import UploadedFile, UploadedFiles
from server.operations.uploads import NewUpload
from server.settings import Settings
from tests.unit.operations.conftest import ORDERS, House, refused


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, upload_retention_days=30, refused_upload_retention_days=7)


@pytest.fixture
def files(house: House) -> UploadedFiles:
    return house.todo.uploaded_files


async def only_one(files: UploadedFiles, principal: Principal) -> UploadedFile:
    (file,) = (await files.search(principal, limit=10)).items
    return file


async def test_a_file_on_its_way_shows_its_job_and_how_long_it_is_waited_for(
    files: UploadedFiles, house: House, alice: Principal
) -> None:
    upload = await house.todo.uploads.create(alice, NewUpload(name="orders.csv", size=len(ORDERS)))
    file = await only_one(files, alice)
    assert file.job is not None
    assert (file.job.id, file.imports, file.goes_at) == (upload.job_id, [], upload.expires_at)
    assert (await files.search(house.bob, limit=10)).items == []


async def test_a_whole_file_goes_some_days_after_it_was_last_used(
    files: UploadedFiles, house: House, alice: Principal
) -> None:
    job = await house.imported(alice)
    file = await only_one(files, alice)
    assert job.finished_at is not None
    assert (file.job, [one.id for one in file.imports]) == (None, [job.id])
    assert file.goes_at == job.finished_at + timedelta(days=30)


async def test_one_that_could_not_be_imported_goes_sooner_until_it_can(
    files: UploadedFiles, house: House, alice: Principal
) -> None:
    await house.imported(alice, b"\x00\x01\x02 no table", name="odd.bin")
    file = await only_one(files, alice)
    (job,) = file.imports
    assert job.error is not None
    assert job.finished_at is not None
    assert file.goes_at == job.finished_at + timedelta(days=7)


async def test_what_a_template_shows_stays(files: UploadedFiles, house: House, alice: Principal) -> None:
    await house.upload(alice, b"not really a picture", name="logo.png")
    assert (await only_one(files, alice)).goes_at is not None
    source = 'title: T\nformats: [html]\nblocks:\n  - text: "see logo.png"\n'
    await house.todo.templates.save(alice, "with-logo", source)
    assert (await only_one(files, alice)).goes_at is None


async def test_imports_of_others_from_the_same_file_are_not_shown(
    files: UploadedFiles, house: House, alice: Principal
) -> None:
    upload = await house.upload(alice)
    assert (await files.search(house.admin, limit=10)).items == []
    assert (await only_one(files, alice)).upload.id == upload.id
    with refused(Forbidden):
        await files.search(replace(alice, scopes=frozenset()), limit=10)


async def test_they_come_page_by_page(files: UploadedFiles, house: House, alice: Principal) -> None:
    for name in ("a.csv", "b.csv"):
        await house.upload(alice, b"x\n1\n", name=name)
    first = await files.search(alice, limit=1)
    rest = await files.search(alice, limit=1, cursor=first.next_cursor)
    assert [file.upload.name for file in (*first.items, *rest.items)] == ["b.csv", "a.csv"]
    assert (first.total, rest.next_cursor) == (2, None)

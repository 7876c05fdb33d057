"""A backup of files that no second name keeps from going, and a restore into a place that may hold something."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from server.app.engines import open_files
from server.care import archiving_store
from server.care.archiving import fix_view
from server.care.backup import MadeBackup
from server.care.problem import CareRefused
from server.care.restore import restore
from server.settings import Settings
from server.uploads.file_stores import FileStores
from tests.unit.care.made_up_data import REPORT, MadeUpData, names, restoring

DATASET = f"blobs/datasets/{'d' * 26}/data.parquet"


def stores_at(path: Path) -> FileStores:
    """What a backup sees of a store is the same wherever that has its files."""
    return open_files(Settings(data=path))


@pytest.fixture
def data(original: MadeUpData, tmp_path: Path) -> MadeUpData:
    """With all its files elsewhere."""
    shutil.copytree(original.path, tmp_path / "data")
    (tmp_path / "store").mkdir()
    for kind in ("blobs", "uploads"):
        (tmp_path / "data" / kind).rename(tmp_path / "store" / kind)
    return MadeUpData(tmp_path / "data")


async def backed_up(data: MadeUpData, target: Path) -> MadeBackup:
    return await data.backed_up(target, stores=stores_at(data.path.with_name("store")))


def stored(data: MadeUpData, place: str) -> Path:
    return data.path.with_name("store") / place


async def test_every_row_and_file_comes_back_as_it_was(
    original: MadeUpData, data: MadeUpData, archive: Path, tmp_path: Path
) -> None:
    made = await backed_up(data, tmp_path / "a.zip")
    assert made.manifest.missing == []
    with zipfile.ZipFile(archive) as local, zipfile.ZipFile(made.path) as of_store:
        assert {each.filename: each.CRC for each in of_store.infolist() if each.filename != "manifest.json"} == {
            each.filename: each.CRC for each in local.infolist() if each.filename != "manifest.json"
        }
    await restore(restoring(made.path, tmp_path / "new", stores_in=lambda _: stores_at(tmp_path / "other")))
    assert MadeUpData(tmp_path / "new").rows() == original.rows()
    assert MadeUpData(tmp_path / "other").files() == original.files()
    assert names(tmp_path / "new") == {"jindu.db", "secret.key"}


async def test_what_goes_while_it_is_copied_is_in_it_or_has_no_row_in_it(
    data: MadeUpData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first view one is deleted that was copied; in the first view there is one that went meanwhile."""
    came = "datasets/came/data.parquet"
    views: list[AsyncConnection] = []

    async def look(connection: AsyncConnection) -> str:
        views.append(connection)
        if len(views) == 1:
            data.execute("UPDATE dataset_versions SET files = ? WHERE number = 1", f'["{came}"]')
            stored(data, DATASET).unlink()
        schema = await fix_view(connection)
        data.execute("UPDATE dataset_versions SET files = '[]' WHERE number = 1")
        return schema

    monkeypatch.setattr(archiving_store, "fix_view", look)
    made = await backed_up(data, tmp_path / "a.zip")
    assert len(views) == 2
    assert made.manifest.missing == []
    with zipfile.ZipFile(made.path) as opened:
        assert not {DATASET, f"blobs/{came}"} & set(opened.namelist())
        assert opened.testzip() is None


async def test_what_was_made_anew_meanwhile_is_copied_anew(
    data: MadeUpData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a report that failed before has the same key; and an upload that went on."""
    new, half = REPORT[::-1], f"uploads/{'1' * 26}"

    async def look(connection: AsyncConnection) -> str:
        stored(data, "blobs/reports/0/r.pdf").write_bytes(new)
        stored(data, half).write_bytes(b"1234567")
        data.execute("UPDATE reports SET artifacts = replace(artifacts, ?, ?)", *map(sha256, (REPORT, new)))
        data.execute('UPDATE uploads SET "offset" = 7 WHERE id = ?', "1" * 26)
        return await fix_view(connection)

    monkeypatch.setattr(archiving_store, "fix_view", look)
    made = await backed_up(data, tmp_path / "a.zip")
    assert made.manifest.missing == []
    with zipfile.ZipFile(made.path) as opened:
        assert (opened.read("blobs/reports/0/r.pdf"), opened.read(half)) == (new, b"1234567")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_what_is_lost_or_damaged_is_named_and_the_rest_is_there(data: MadeUpData, tmp_path: Path) -> None:
    stored(data, DATASET).unlink()
    stored(data, "blobs/reports/0/r.pdf").write_bytes(REPORT[::-1])
    made = await backed_up(data, tmp_path / "a.zip")
    assert made.manifest.missing == [DATASET, "blobs/reports/0/r.pdf"]
    assert len(made.manifest.files) == 5


async def test_nothing_is_put_where_other_files_lie_unless_it_is_asked_for(
    original: MadeUpData, archive: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / "blobs" / "images").mkdir(parents=True)
    (other / "blobs" / "images" / "theirs").write_bytes(b"x")
    order = restoring(archive, tmp_path / "new", stores_in=lambda _: stores_at(other))
    with pytest.raises(CareRefused, match="not in the backup, such as blobs/images/theirs"):
        await restore(order)
    assert MadeUpData(other).files() == {"blobs/images/theirs": b"x"}
    assert names(tmp_path / "new") == set()
    await restore(dataclasses.replace(order, replace=True))
    assert MadeUpData(other).files() == original.files() | {"blobs/images/theirs": b"x"}


async def test_a_restore_that_failed_takes_back_what_it_put_there_and_nothing_else(
    original: MadeUpData, archive: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / DATASET).parent.mkdir(parents=True)
    shutil.copy(original.path / DATASET, other / DATASET)
    before = (other / DATASET).stat().st_ino
    full = MadeUpData(tmp_path / "full")
    shutil.copytree(original.path, full.path)
    order = restoring(archive, tmp_path / "new", stores_in=lambda _: stores_at(other))
    with pytest.raises(CareRefused, match="is not empty"):
        await restore(dataclasses.replace(order, open_in=lambda _: full.database()))
    assert MadeUpData(other).files().keys() == {DATASET}
    await restore(order)
    assert MadeUpData(other).files() == original.files()
    assert (other / DATASET).stat().st_ino == before  # what is right stays as it is

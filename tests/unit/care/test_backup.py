"""What a backup holds, and that it is made whole or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care import archiving, archiving_data
from server.care.archiving import BackupKey
from server.care.frozen_files import FOLDER, frozen
from server.care.problem import CareRefused
from server.care.restore import prove, restore
from server.care.schema import require_own_schema
from server.care.verifying import verify
from tests.functional.small_disk import small_disk
from tests.unit.care.made_up_data import HALF, KEY, MadeUpData, names, restoring


async def test_every_row_and_file_comes_back_as_it_was(original: MadeUpData, archive: Path, tmp_path: Path) -> None:
    restored = await restore(restoring(archive, tmp_path / "new"))
    new = MadeUpData(tmp_path / "new")
    assert new.rows() == original.rows()
    assert new.files() == original.files()
    assert (new.path / "secret.key").read_bytes() == KEY
    assert restored.manifest.missing == []
    assert restored.aside is None
    open_to_others = [path for path in (new.path, *new.path.rglob("*")) if path.stat().st_mode & 0o077]
    assert open_to_others == []
    assert names(new.path) == {"jindu.db", "secret.key", "blobs", "uploads"}


async def test_histories_begin_anew_where_a_backup_was_put_back(
    original: MadeUpData, archive: Path, tmp_path: Path
) -> None:
    await restore(restoring(archive, tmp_path / "new"))
    epochs = []
    for data in (original.path, tmp_path / "new"):
        with closing(sqlite3.connect(data / "jindu.db")) as connection:
            epochs.append({epoch for (epoch,) in connection.execute("SELECT epoch FROM streams")})
    assert epochs[0].isdisjoint(epochs[1])


async def test_nothing_is_left_beside_it_and_only_its_user_reads_it(data: MadeUpData, tmp_path: Path) -> None:
    before, changed_at = data.files(), (data.path / "jindu.db").stat().st_mtime_ns
    made = await data.backed_up(tmp_path / "backups.zip")
    assert (data.path / "jindu.db").stat().st_mtime_ns == changed_at  # else the next start would take it for another
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.path.stat().st_nlink == 1
    assert names(tmp_path) == {"data", "backups.zip"}
    assert not (data.path / FOLDER).exists()
    assert data.files() == before


async def test_in_a_directory_it_is_called_by_its_time_and_no_file_is_written_over(
    data: MadeUpData, tmp_path: Path
) -> None:
    made = await data.backed_up(tmp_path)
    assert made.path.parent == tmp_path
    assert made.path.name.startswith("jindu-20")
    with pytest.raises(CareRefused, match="already"):
        await data.backed_up(made.path)
    with pytest.raises(CareRefused, match="no directory"):
        await data.backed_up(tmp_path / "nowhere" / "a.zip")


async def test_what_is_made_or_can_be_made_again_is_left_out(data: MadeUpData, tmp_path: Path) -> None:
    for place in ("blobs/partial/x.parquet", "blobs/reports/0/first-page.webp", "backups/old.db", "uploads/stray"):
        (data.path / place).parent.mkdir(parents=True, exist_ok=True)
        (data.path / place).write_bytes(b"x")
    (data.path / "uploads" / ("1" * 26)).write_bytes(HALF + b"not acknowledged")
    made = await data.backed_up(tmp_path / "a.zip")
    assert not {name for name in made.manifest.files if "partial" in name or "first-page" in name or "stray" in name}
    with zipfile.ZipFile(made.path) as opened:
        assert opened.read(f"uploads/{'1' * 26}") == HALF


async def test_a_file_that_is_deleted_after_the_view_began_is_in_it(
    data: MadeUpData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server does it beside: the row goes, then the file. The view has the row, so it must have the file."""
    rows = archiving.write_tables

    async def rows_and_then_a_deletion(*given: object) -> object:
        notes = await rows(*given)
        shutil.rmtree(data.path / "blobs" / "datasets")
        data.execute("DELETE FROM dataset_versions")
        return notes

    monkeypatch.setattr(archiving_data, "write_tables", rows_and_then_a_deletion)
    made = await data.backed_up(tmp_path / "a.zip")
    assert made.manifest.missing == []
    assert any(name.endswith(".parquet") for name in made.manifest.files)


async def test_what_came_and_went_while_the_view_began_is_in_neither(
    data: MadeUpData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view that has the row of a file which went before it got its second name is taken again."""
    views: list[AsyncConnection] = []

    async def look_in_between(connection: AsyncConnection) -> str:
        views.append(connection)
        if len(views) == 1:
            data.execute("UPDATE dataset_versions SET files = ? WHERE number = 1", '["datasets/passing/data.parquet"]')
        schema = await require_own_schema(connection)
        data.execute("UPDATE dataset_versions SET files = '[]' WHERE number = 1")
        return schema

    monkeypatch.setattr("server.care.archiving.require_own_schema", look_in_between)
    made = await data.backed_up(tmp_path / "a.zip")
    assert len(views) == 2
    assert made.manifest.missing == []


async def test_what_is_no_file_is_not_waited_for(data: MadeUpData, tmp_path: Path) -> None:
    os.mkfifo(data.path / "blobs" / "datasets" / "pipe")
    (data.path / "blobs" / "datasets" / "link").symlink_to("/etc/hostname")
    made = await data.backed_up(tmp_path / "a.zip")
    assert set(made.manifest.files) == set(data.files()) - {"blobs/datasets/link"}


async def test_a_disk_that_is_full_in_the_middle_leaves_nothing(
    data: MadeUpData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data.path / "blobs" / "datasets" / "large").write_bytes(os.urandom(2 * 1024 * 1024))
    with small_disk(tmp_path / "disk", mib=1) as disk:
        with pytest.raises(CareRefused, match="larger disk"):
            await data.backed_up(disk.path / "a.zip")
        monkeypatch.setattr(archiving_data, "require_room", lambda *_: None)  # others fill it meanwhile
        with pytest.raises(CareRefused, match="No space left") as refused:
            await data.backed_up(disk.path / "a.zip")
        assert refused.value.code == "write_failed"
        assert names(disk.path) == set()
    assert not (data.path / FOLDER).exists()


async def test_without_second_names_what_went_meanwhile_is_told(
    data: MadeUpData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "not here")

    monkeypatch.setattr(os, "link", refuse)
    made = await data.backed_up(tmp_path / "whole.zip")
    assert made.manifest.missing == []
    assert len(made.manifest.files) == len(data.files())
    (gone,) = (data.path / "blobs" / "imports").rglob("*.jsonl")
    gone.unlink()
    made = await data.backed_up(tmp_path / "less.zip")
    assert made.manifest.missing == [gone.relative_to(data.path).as_posix()]
    assert verify(made.path).missing == made.manifest.missing


@pytest.mark.parametrize("key", [BackupKey(content=KEY), BackupKey()], ids=["left out", "none"])
async def test_a_key_that_is_not_inside_is_asked_for(data: MadeUpData, tmp_path: Path, key: BackupKey) -> None:
    made = await data.backed_up(tmp_path / "a.zip", key=key)
    assert KEY not in made.path.read_bytes()
    if not key.content:
        await restore(restoring(made.path, tmp_path / "new"))
        return
    with pytest.raises(CareRefused, match="--new-key") as refused:
        await restore(restoring(made.path, tmp_path / "new"))
    assert refused.value.code == "key_missing"
    assert not (tmp_path / "new").exists()
    with pytest.raises(CareRefused, match="another one"):
        await restore(restoring(made.path, tmp_path / "new", given_key="o" * 43 + "="))
    await restore(restoring(made.path, tmp_path / "new", given_key=KEY.decode()))
    await restore(restoring(made.path, tmp_path / "newer", new_key=True))
    assert not (tmp_path / "newer" / "secret.key").exists()


async def test_two_at_once_are_one_too_many_and_what_a_killed_one_left_goes(data: MadeUpData, tmp_path: Path) -> None:
    with frozen(data.path) as files:
        files.take()
        with pytest.raises(CareRefused, match="Another backup"):
            await data.backed_up(tmp_path / "a.zip")
    (data.path / FOLDER / "blobs").mkdir(parents=True)
    (data.path / FOLDER / "blobs" / "left").touch()
    await data.backed_up(tmp_path / "a.zip")
    assert not (data.path / FOLDER).exists()


async def test_where_there_is_no_room_it_is_refused_before_it_begins(data: MadeUpData, tmp_path: Path) -> None:
    with pytest.raises(CareRefused, match="larger disk") as refused:
        await data.backed_up(tmp_path / "a.zip", min_free_bytes=2**60)
    assert refused.value.code == "no_room"
    assert names(tmp_path) == {"data"}


async def test_a_damaged_database_makes_no_backup(data: MadeUpData, tmp_path: Path) -> None:
    database = data.path / "jindu.db"
    with database.open("r+b") as stream:
        for page in range(8, 40):
            stream.seek(page * 4096)
            stream.write(b"\xff" * 64)
    with pytest.raises(CareRefused, match=r"damaged|cannot be read|malformed"):
        await data.backed_up(tmp_path / "a.zip")
    assert names(tmp_path) == {"data"}


@pytest.mark.parametrize(("schema", "code"), [("9999", "schema_too_new"), ("0014", "schema_old")])
async def test_the_tables_of_another_version_are_left_to_it(
    data: MadeUpData, tmp_path: Path, schema: str, code: str
) -> None:
    data.execute("UPDATE alembic_version SET version_num = ?", schema)
    with pytest.raises(CareRefused, match=schema) as refused:
        await data.backed_up(tmp_path / "a.zip")
    assert refused.value.code == code


async def test_a_trial_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    open_in = restoring(archive, tmp_path).open_in
    proven = await prove(archive, scratch=tmp_path, open_in=open_in)
    assert proven.manifest.row_count == 2 * len(proven.manifest.tables)
    assert names(tmp_path) == set()

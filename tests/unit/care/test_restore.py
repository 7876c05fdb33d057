"""Restores that are refused leave what is there, and those that are not put it aside."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from server.app.engines import open_database
from server.care import restore as restoring_module
from server.care.archiving import BackupKey, BackupOrder
from server.care.backup import make_backup
from server.care.manifest import MANIFEST
from server.care.problem import CareRefused
from server.care.restore import restore
from server.care.verifying import verify
from server.errors import ConfigurationError
from server.settings import Settings
from server.storage.migrating import newest_revision, upgrade
from server.storage.one_server import RESTORING, begin_moving, held, require_whole
from server.storage.privacy import make_directory
from tests import postgresql
from tests.unit.care.made_up_data import MadeUpData, names, restoring

Members = dict[str, bytes]


def rewritten(archive: Path, target: Path, change: Callable[[Members, dict[str, Any]], None]) -> Path:
    """The same archive with other members, and a manifest to say so."""
    with zipfile.ZipFile(archive) as source:
        members = {name: source.read(name) for name in source.namelist()}
    manifest = json.loads(members.pop(MANIFEST))
    change(members, manifest)
    with zipfile.ZipFile(target, "w") as written:
        for name, content in members.items():
            written.writestr(name, content)
        if manifest:
            written.writestr(MANIFEST, json.dumps(manifest))
    return target


def file_of(members: Members, ending: str) -> str:
    return next(name for name in members if name.endswith(ending))


def moved(members: Members, manifest: dict[str, Any], place: str) -> None:
    """A file under another name, as somebody makes it who wants to write elsewhere."""
    name = file_of(members, ".pdf")
    members[place] = members.pop(name)
    manifest["files"][place] = manifest["files"].pop(name)


DAMAGES: dict[str, tuple[Callable[[Members, dict[str, Any]], Any], str]] = {
    "no manifest": (lambda _, manifest: manifest.clear(), "never finished"),
    "a file is missing": (lambda members, _: members.pop(file_of(members, ".pdf")), "r.pdf is missing"),
    "a table is missing": (lambda members, _: members.pop("database/users.jsonl"), "users.jsonl is missing"),
    "something is added": (lambda members, _: members.update({"blobs/x": b""}), "does not name"),
    "another file": (lambda members, _: members.update({file_of(members, ".pdf"): b"%PDF+"}), "checksum differs"),
    "a longer file": (lambda members, _: members.update({file_of(members, ".pdf"): b"x" * 99}), "longer than"),
    "a shorter file": (lambda members, _: members.update({file_of(members, ".pdf"): b"%"}), "checksum differs"),
    "fewer rows": (lambda members, _: members.update({"database/users.jsonl": b""}), "checksum differs"),
    "another count": (
        lambda _, manifest: manifest["tables"]["users"].update(rows=3),
        "2 rows, and its manifest says 3",
    ),
    "other columns": (lambda _, manifest: manifest["tables"]["users"]["columns"].pop(), "row 1 of the table users"),
    "another key": (lambda members, _: members.update({"secret.key": b"x" * 44}), "secret key"),
    "above": (lambda members, manifest: moved(members, manifest, "../../etc/passwd"), "no data directory has"),
    "in the middle": (lambda members, manifest: moved(members, manifest, "blobs/../secret.key"), "no data directory"),
    "at the root": (lambda members, manifest: moved(members, manifest, "/etc/passwd"), "no data directory has"),
    "backwards": (lambda members, manifest: moved(members, manifest, "blobs\\x"), "no data directory has"),
    "an odd table": (lambda _, manifest: manifest["tables"].update({'x"; drop': {}}), "manifest cannot be read"),
    "no version": (lambda _, manifest: manifest.pop("format"), "manifest cannot be read"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_archive_is_told_and_changes_nothing(
    archive: Path, data: MadeUpData, tmp_path: Path, damage: str
) -> None:
    change, told = DAMAGES[damage]
    odd = rewritten(archive, tmp_path / "odd.zip", change)
    before = data.rows(), data.files()
    with pytest.raises(CareRefused, match=told) as refused:
        await restore(restoring(odd, data.path, replace=True))
    assert refused.value.code == "archive_damaged"
    with pytest.raises(CareRefused, match=told):
        verify(odd)
    assert (data.rows(), data.files()) == before
    assert names(data.path) == {"jindu.db", "secret.key", "blobs", "uploads"}
    assert names(tmp_path) == {"data", "odd.zip"}


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.9, 0.999])
def test_one_that_is_cut_short_is_told(archive: Path, tmp_path: Path, part: float) -> None:
    content = archive.read_bytes()
    (tmp_path / "cut.zip").write_bytes(content[: int(len(content) * part)])
    with pytest.raises(CareRefused, match="cut short"):
        verify(tmp_path / "cut.zip")


def test_no_bit_of_it_may_be_another(archive: Path, tmp_path: Path) -> None:
    """Wherever it is: in rows, files, the manifest or the zip's own list. What says nothing may be anything."""
    content, unnoticed = archive.read_bytes(), []
    whole = verify(archive)
    for place in range(0, len(content), len(content) // 150):
        odd = bytearray(content)
        odd[place] ^= 0x10
        (tmp_path / "odd.zip").write_bytes(odd)
        try:
            unnoticed.append(verify(tmp_path / "odd.zip") == whole)
        except CareRefused as refused:
            assert refused.code in ("archive_damaged", "archive_too_new")  # noqa: PT017
    assert all(unnoticed)  # a date or a mode of the zip, which nobody reads


def test_references_that_lead_nowhere_are_told(data: MadeUpData, archive: Path, tmp_path: Path) -> None:
    def without_users(members: Members, manifest: dict[str, Any]) -> None:
        members["database/users.jsonl"] = b""
        manifest["tables"]["users"].update(
            rows=0, bytes=0, sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )

    odd = rewritten(archive, tmp_path / "odd.zip", without_users)
    with pytest.raises(CareRefused, match="refers to a row of users"):
        verify(odd)


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"format": 99, "program": "9.1.0"}, "archive_too_new", "Install version 9.1.0"),
        ({"schema": "9999", "program": "9.2.0"}, "schema_too_new", "Install version 9.2.0"),
    ],
)
async def test_one_of_a_newer_version_says_which_is_needed(
    archive: Path, tmp_path: Path, change: dict[str, Any], code: str, told: str
) -> None:
    odd = rewritten(archive, tmp_path / "odd.zip", lambda _, manifest: manifest.update(change))
    with pytest.raises(CareRefused, match=told) as refused:
        await restore(restoring(odd, tmp_path / "new"))
    assert refused.value.code == code
    assert not (tmp_path / "new").exists()


async def test_what_is_there_is_put_aside_whole_and_never_without_being_asked(
    archive: Path, data: MadeUpData, original: MadeUpData
) -> None:
    data.execute("UPDATE users SET language = 'fr'")
    (data.path / "jindu.db-wal").write_bytes(b"")
    (data.path / "notes.txt").write_text("mine")
    before = data.rows(), data.files()
    with pytest.raises(CareRefused, match="--replace") as refused:
        await restore(restoring(archive, data.path))
    assert refused.value.code == "data_in_use"
    restored = await restore(restoring(archive, data.path, replace=True))
    assert restored.aside is not None
    aside = MadeUpData(restored.aside)
    assert (aside.rows(), aside.files()) == before
    assert (data.rows(), data.files()) == (original.rows(), original.files())
    assert (data.path / "notes.txt").read_text() == "mine"
    assert not (data.path / "jindu.db-wal").exists()  # one of another database beside it would damage it


async def test_no_restore_where_a_server_runs_and_no_server_where_a_restore_was_cut_short(
    archive: Path, data: MadeUpData, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = data.rows(), data.files()
    with held(data.path), pytest.raises(ConfigurationError, match="Another server runs"):
        await restore(restoring(archive, data.path, replace=True))
    assert (data.rows(), data.files()) == before
    require_whole(data.path)
    (data.path / RESTORING).mkdir()
    require_whole(data.path)  # killed while it was unpacking, it has touched nothing
    begin_moving(data.path)
    with pytest.raises(ConfigurationError, match="was cut short"):
        require_whole(data.path)
    await restore(restoring(archive, data.path, replace=True))
    require_whole(data.path)


async def test_a_part_that_is_a_mount_is_told_before_anything_moves(
    archive: Path, data: MadeUpData, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = data.rows(), data.files()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "blobs")
    with pytest.raises(CareRefused, match="mount of its own"):
        await restore(restoring(archive, data.path, replace=True))
    assert (data.rows(), data.files()) == before


async def test_one_that_fails_in_the_middle_of_the_swap_can_be_repeated(
    archive: Path, data: MadeUpData, original: MadeUpData, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.name == "uploads" and path.parent.name == RESTORING:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Input/output"):
        await restore(restoring(archive, data.path, replace=True))
    monkeypatch.undo()
    with pytest.raises(ConfigurationError):
        require_whole(data.path)
    await restore(restoring(archive, data.path, replace=True))
    assert (data.rows(), data.files()) == (original.rows(), original.files())
    assert any((aside / "jindu.db").exists() for aside in data.path.glob("before-restore-*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can restore for somebody else")
async def test_root_restores_for_whoever_the_directory_belongs_to(archive: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    make_directory(new)
    os.chown(new, 12_345, 12_346)
    await restore(restoring(archive, new))
    assert {(path.stat().st_uid, path.stat().st_gid) for path in paths_below(new)} == {(12_345, 12_346)}


def paths_below(directory: Path) -> list[Path]:
    return list(directory.rglob("*"))


async def test_without_room_nothing_is_begun(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring_module, "_SPARE_BYTES", 2**60)
    with pytest.raises(CareRefused, match="make room"):
        await restore(restoring(archive, tmp_path / "new"))
    assert names(tmp_path / "new") == set()


async def test_rows_of_an_older_version_get_the_tables_of_this_one(
    archive: Path, original: MadeUpData, tmp_path: Path
) -> None:
    schema, tables = "0013", tables_of("0013", tmp_path)

    def older(members: Members, manifest: dict[str, Any]) -> None:
        """As a program wrote it that had fewer tables and columns."""
        manifest["schema"] = schema
        for name in manifest["tables"].keys() - tables.keys():
            del manifest["tables"][name], members[f"database/{name}.jsonl"]
        for name, note in manifest["tables"].items():
            places = [place for place, (column, _) in enumerate(note["columns"]) if column in tables[name]]
            rows = [json.loads(line) for line in members[f"database/{name}.jsonl"].splitlines()]
            lines = b"".join(json.dumps([row[place] for place in places]).encode() + b"\n" for row in rows)
            members[f"database/{name}.jsonl"] = lines
            note["columns"] = [note["columns"][place] for place in places]
            note.update(bytes=len(lines), sha256=hashlib.sha256(lines).hexdigest())

    odd = rewritten(archive, tmp_path / "old.zip", older)
    restored = await restore(restoring(odd, tmp_path / "new"))
    assert restored.schema == newest_revision()
    new, before = MadeUpData(tmp_path / "new").rows(), original.rows()
    assert {name: len(new[name]) for name in tables.keys() & new.keys()} == {
        name: len(before[name]) for name in tables.keys() & new.keys()
    }
    known = 2 * len(tables["users"])  # each with its type; columns that came later stand behind them
    assert [row[:known] for row in new["users"]] == [row[:known] for row in before["users"]]
    assert not new["brands"]  # there were none yet
    assert "backups" not in names(tmp_path / "new")  # a copy of what was just put back would be one too many


def tables_of(revision: str, directory: Path) -> dict[str, set[str]]:
    engine = sa.create_engine(f"sqlite:///{directory / 'shape.db'}")
    with engine.connect() as connection:
        upgrade(connection, revision)
        found = sa.inspect(connection)
        shape = {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}
    engine.dispose()
    return shape


async def test_rows_go_to_postgresql_and_back(
    archive: Path, original: MadeUpData, tmp_path: Path, worker_id: str
) -> None:
    url = postgresql.new_database(f"restored_{worker_id}")
    there = Settings(data=tmp_path / "there", database_url=url)
    order = restoring(archive, there.data)
    await restore(type(order)(archive=archive, data=there.data, open_in=lambda _: open_database(there)))
    with pytest.raises(CareRefused, match="not empty"):
        await restore(
            type(order)(archive=archive, data=there.data, replace=True, open_in=lambda _: open_database(there))
        )
    database = open_database(there)
    async with database.write() as connection:  # numbers go on after those that were restored
        await connection.execute(
            sa.text("insert into job_log (job_id, attempt, at, level, message) select id, 1, now(), '', '' from jobs")
        )
        await connection.execute(sa.text("delete from job_log where message = ''"))
    back = await make_backup(
        BackupOrder(database=database, data=there.data, target=tmp_path / "b.zip", key=BackupKey(), min_free_bytes=0)
    )
    await database.close()
    assert back.manifest.engine == "postgresql"
    await restore(restoring(back.path, tmp_path / "back"))
    returned = MadeUpData(tmp_path / "back")
    assert returned.rows() == original.rows()
    assert returned.files() == original.files()


async def test_a_restore_into_postgresql_that_failed_can_be_repeated(
    archive: Path, tmp_path: Path, worker_id: str
) -> None:
    url = postgresql.new_database(f"again_{worker_id}")
    there = Settings(data=tmp_path / "there", database_url=url)
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        upgrade(connection)  # tables without rows are as far as it came
    engine.dispose()
    order = restoring(archive, there.data)
    restored = await restore(type(order)(archive=archive, data=there.data, open_in=lambda _: open_database(there)))
    assert restored.manifest.row_count == 2 * len(restored.manifest.tables)


def test_what_is_no_backup_is_told(tmp_path: Path) -> None:
    with pytest.raises(CareRefused, match="There is no backup"):
        verify(tmp_path / "nothing.zip")
    shutil.copy(__file__, tmp_path / "text.zip")
    with pytest.raises(CareRefused, match="no backup at all"):
        verify(tmp_path / "text.zip")

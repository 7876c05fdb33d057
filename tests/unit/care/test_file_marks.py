"""A store of files is known by its mark: one that is not that of the database is no store that lost files."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import insert

from server.care.file_checks import look_at_files
from server.care.file_marks import FileMarks, Fit, forget_marks
from server.care.named_files import MARK
from server.clock import utc_now
from server.engines.local_files import LocalFiles
from server.engines.local_uploads import LocalUploads
from server.errors import ConfigurationError
from server.storage.blob_store import StorageRefuses
from server.storage.database import Database
from server.storage.scratch import Scratch
from server.storage.tables import dataset_versions, datasets, secrets, uploads
from server.uploads.file_stores import FileStores

KEY = "datasets/d/1.parquet"


def store(place: Path, *, is_shared: bool = True) -> FileMarks:
    stores = FileStores(blobs=LocalFiles(place / "blobs"), pieces=LocalUploads(place / "uploads"))
    return FileMarks(stores, Scratch(place / "blobs" / "partial"), place=str(place), is_shared=is_shared)


def put_file(place: Path) -> None:
    path = place / "blobs" / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")


async def name_a_file(database: Database) -> None:
    now = utc_now()
    async with database.write() as connection:
        await connection.execute(
            insert(datasets).values(id="d", owner_id="alice", name="orders", created_at=now, updated_at=now)
        )
        version = {"dataset_id": "d", "number": 1, "mode": "create", "files": [KEY], "row_count": 1, "bytes": 1}
        await connection.execute(insert(dataset_versions).values(**version, columns=[], created_at=now))


async def settle(database: Database, marks: FileMarks) -> str:
    async with database.write() as connection:
        return await marks.settle(connection, await marks.found())


async def fit(database: Database, marks: FileMarks) -> Fit:
    async with database.read() as connection:
        return await marks.fit(connection, await marks.found())


async def test_a_new_store_is_marked_and_known_again(database: Database, tmp_path: Path) -> None:
    mark = await settle(database, store(tmp_path / "one"))
    assert mark
    assert await settle(database, store(tmp_path / "one")) == mark
    assert (tmp_path / "one" / "blobs" / MARK).read_text() == mark
    assert await settle(database, store(tmp_path / "two")) != mark  # nothing is named yet that could be missing


class RefusingFiles(LocalFiles):
    """A store that answers, and not with the keys that it is asked with."""

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        raise StorageRefuses
        yield b""


async def test_a_store_that_refuses_the_keys_is_no_reason_to_begin_without_it(
    database: Database, tmp_path: Path
) -> None:
    stores = FileStores(blobs=RefusingFiles(tmp_path / "blobs"), pieces=LocalUploads(tmp_path / "uploads"))
    marks = FileMarks(stores, None, place="s3://bucket", is_shared=True)
    with pytest.raises(ConfigurationError, match="JINDU_STORAGE_SECRET"):
        await marks.settle_alone(database)


async def test_where_rows_name_files_no_other_store_will_do(database: Database, tmp_path: Path) -> None:
    await name_a_file(database)
    put_file(tmp_path / "one")
    mark = await settle(database, store(tmp_path / "one"))  # made before there were marks
    for other in ("empty", "used", "copied by hand"):
        if other != "empty":
            put_file(tmp_path / other)
        if other == "used":
            (tmp_path / other / "blobs" / MARK).write_text("of another database", "ascii")
        with pytest.raises(ConfigurationError, match=f"{other}. Look at JINDU_STORAGE_URL"):
            await settle(database, store(tmp_path / other))
    assert await settle(database, store(tmp_path / "one")) == mark


async def test_before_there_were_marks_a_store_without_any_of_the_files_is_another_one(
    database: Database, tmp_path: Path
) -> None:
    await name_a_file(database)
    with pytest.raises(ConfigurationError):
        await settle(database, store(tmp_path / "wrong"))
    assert not (tmp_path / "wrong" / "blobs" / MARK).exists()
    put_file(tmp_path / "right")
    assert await settle(database, store(tmp_path / "right"))


async def test_uploads_count_where_nothing_was_made_of_them(database: Database, tmp_path: Path) -> None:
    now = utc_now()
    async with database.write() as connection:
        await connection.execute(
            insert(uploads).values(id="u", owner_id="alice", name="a.csv", created_at=now, completed_at=now)
        )
    assert await fit(database, store(tmp_path / "wrong")) is Fit.ELSEWHERE
    right = store(tmp_path / "right")
    (tmp_path / "right" / "uploads").mkdir(exist_ok=True)
    (tmp_path / "right" / "uploads" / "u").write_bytes(b"x")
    assert await fit(database, right) is Fit.FREE


async def test_the_first_start_where_files_were_copied_to_leaves_the_place_where_they_were(
    database: Database, tmp_path: Path
) -> None:
    await name_a_file(database)
    for place in ("old", "new"):
        put_file(tmp_path / place)
    old, new = store(tmp_path / "old"), store(tmp_path / "new")
    first = await settle(database, old)
    for _ in range(2):  # beside the server, and once more when it is stopped
        async with database.write() as connection:
            await new.note_copy(connection)
    assert await settle(database, old) == first  # it is not moved yet
    assert await settle(database, new) != first
    with pytest.raises(ConfigurationError):
        await settle(database, old)
    async with database.write() as connection:
        await old.note_copy(connection)  # back again
    assert await settle(database, old) != first


async def test_what_was_moved_by_other_means_is_adopted_when_somebody_says_so(
    database: Database, tmp_path: Path
) -> None:
    await name_a_file(database)
    put_file(tmp_path / "one")
    await settle(database, store(tmp_path / "one"))
    two = store(tmp_path / "two")
    async with database.write() as connection:
        mark = await two.adopt(connection)
    assert await settle(database, two) == mark


async def test_restored_rows_are_looked_at_anew(database: Database, tmp_path: Path) -> None:
    await name_a_file(database)
    put_file(tmp_path / "one")
    mark = await settle(database, store(tmp_path / "one"))
    async with database.write() as connection:
        await forget_marks(connection)
    assert await fit(database, store(tmp_path / "two")) is Fit.ELSEWHERE
    assert await settle(database, store(tmp_path / "one")) == mark


async def test_a_server_that_never_shared_files_is_asked_nothing_and_marks_nothing(
    database: Database, tmp_path: Path
) -> None:
    await name_a_file(database)
    alone = store(tmp_path / "one", is_shared=False)
    await alone.settle_alone(database)  # also with all its files gone
    assert not (tmp_path / "one" / "blobs" / MARK).exists()
    async with database.write() as connection:  # until they were in a store elsewhere
        row = {"name": "files mark", "value": "elsewhere", "created_at": utc_now()}
        await connection.execute(insert(secrets).values(row))
    with pytest.raises(ConfigurationError):
        await alone.settle_alone(database)


async def test_a_mark_is_no_orphan(database: Database, tmp_path: Path) -> None:
    await settle(database, store(tmp_path))
    assert (await look_at_files(database, tmp_path)).count == 0

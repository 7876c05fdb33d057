"""A real database, a real directory and a receiver, without HTTP around them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from server.clock import new_id, utc_now
from server.engines.local_uploads import LocalUploads
from server.storage.database import Database
from server.storage.quotas import Quotas
from server.storage.reserve import Reserve
from server.storage.room import Room
from server.uploads.arrivals import Arrivals
from server.uploads.files import Upload, UploadStore
from server.uploads.receiving import Receiver

SILENT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Landing:
    """Where uploads arrive in these tests."""

    database: Database
    store: UploadStore
    pieces: LocalUploads
    directory: Path
    arrivals: Arrivals
    receiver: Receiver

    async def announce(
        self,
        size: int | None,
        *,
        owner_id: str = "alice",
        expires_in: float = 3600.0,
        concat: str | None = None,
        part_of: str | None = None,
    ) -> Upload:
        upload_id = new_id()
        upload = Upload(
            id=upload_id,
            owner_id=owner_id,
            name="sales.csv",
            media_type="text/csv",
            size=size,
            offset=0,
            sha256=None,
            metadata={},
            job_id=None,
            created_at=utc_now(),
            completed_at=None,
            expires_at=utc_now() + timedelta(seconds=expires_in),
            concat=concat,
            part_of=part_of,
        )
        await self.pieces.create(upload.id)
        async with self.database.write() as connection:
            await self.store.add(connection, upload)
        return upload

    def file(self, upload: Upload) -> Path:
        """Where the bytes lie."""
        return self.directory / upload.id

    async def stored(self, upload: Upload) -> Upload:
        found = await self.store.get(upload.id)
        assert found is not None
        return found


@pytest.fixture
def landing(database: Database, tmp_path: Path) -> Landing:
    return new_landing(database, tmp_path / "uploads")


def new_landing(database: Database, directory: Path, *, min_free_bytes: int = 0) -> Landing:
    """As after a start of the server: nothing is remembered but what is stored."""
    directory.mkdir(exist_ok=True)
    room = Room(directory, min_free_bytes=min_free_bytes, reserve=Reserve(directory / "reserve", wanted_bytes=0))
    store, arrivals = UploadStore(database, quotas=Quotas()), Arrivals()
    pieces = LocalUploads(directory)
    receiver = Receiver(
        store=store,
        pieces=pieces,
        arrivals=arrivals,
        clock=utc_now,
        expiry=timedelta(hours=1),
        room=room,
        silent_seconds=SILENT_SECONDS,
    )
    return Landing(database, store, pieces, directory, arrivals, receiver)

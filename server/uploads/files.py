"""Uploads as rows: what is known of each file on its way in. Their bytes are `Pieces`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id
from server.errors import Locked, TooLarge
from server.jobs.job import State
from server.storage.database import Database
from server.storage.quotas import Quotas, Stored
from server.storage.rows import lock
from server.storage.searching import mentions
from server.storage.tables import jobs, uploads
from server.uploads.names import media_type_of, shown_name

PART = "partial"
GATHERING = "final;"


class TakenOver(Locked):
    """A newer request took over this upload."""

    code = "taken_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file on its way in. `offset` counts durable bytes only; `size` is None while nobody knows it.

    `expires_at` is when an unfinished upload is removed; a finished one stays. `concat` is the `Upload-Concat` of tus:
    a part of a file (`partial`), or a file made of parts, which is "gathering" until its client has named them.
    """

    id: str
    owner_id: str
    name: str
    media_type: str
    size: int | None
    offset: int
    sha256: str | None
    metadata: dict[str, str]
    job_id: str | None
    created_at: datetime
    completed_at: datetime | None
    expires_at: datetime | None
    concat: str | None = None
    part_of: str | None = None
    writer: int = 0  # how often somebody began to bring bytes: the last one is the only one whose bytes count
    sequence: int = 0  # its place among all of them; 0 until it is stored

    @property
    def has_all_bytes(self) -> bool:
        return self.offset == self.size

    @property
    def is_whole(self) -> bool:
        """Whether every byte of a file has come; only then can it be imported."""
        return self.has_all_bytes and not self.is_part and (self.concat is None or self.completed_at is not None)

    @property
    def is_part(self) -> bool:
        return self.concat == PART

    @property
    def has_parts(self) -> bool:
        """Whether its bytes come in other uploads."""
        return self.concat is not None and not self.is_part

    @property
    def is_gathering(self) -> bool:
        """Whether its parts are on their way and nobody has said yet which they are."""
        return self.concat == GATHERING

    @property
    def followed_as(self) -> str:
        """The id under which its job listens for bytes."""
        return self.part_of or self.id


def announced(
    *,
    owner_id: str,
    name: str,
    size: int | None,
    media_type: str,
    now: datetime,
    expiry: timedelta,
    job_id: str | None = None,
    metadata: Mapping[str, str] | None = None,
    concat: str | None = None,
) -> Upload:
    """A new upload of which nothing has come yet; `name` and `media_type` are as somebody said them."""
    return Upload(
        id=new_id(),
        owner_id=owner_id,
        name=shown_name(name),
        media_type=media_type_of(media_type),
        size=size,
        offset=0,
        sha256=None,
        metadata=dict(metadata or {}),
        concat=concat,
        job_id=job_id,
        created_at=now,
        completed_at=None,
        expires_at=now + expiry,
    )


def require_size(size: int | None, *, max_bytes: int) -> None:
    """Raises `TooLarge`; a size that nobody knows yet is looked at when it is known."""
    if size is not None and size > max_bytes:
        raise TooLarge("The file is larger than the {limit} bytes this server accepts.", limit=max_bytes)


class UploadStore:
    """The table of uploads."""

    def __init__(self, database: Database, *, quotas: Quotas) -> None:
        self._database = database
        self._quotas = quotas

    async def add(self, connection: AsyncConnection, upload: Upload) -> None:
        """Inside the transaction that also stores its job. Raises `QuotaExceeded`."""
        if not upload.has_parts:  # those are counted themselves
            await self._quotas.require(connection, upload.owner_id, Stored.UPLOADS, upload.size or 0)
        columns = {name: getattr(upload, name) for name in Upload.__slots__ if name != "sequence"}
        await connection.execute(insert(uploads).values(columns))

    async def get(self, upload_id: str) -> Upload | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(uploads).where(uploads.c.id == upload_id))).one_or_none()
        return _upload(row) if row else None

    async def newest_whole(self, owner_id: str, name: str) -> Upload | None:
        """The file somebody means by its name."""
        wanted = select(uploads).where(
            uploads.c.owner_id == owner_id, uploads.c.name == name, uploads.c.completed_at.is_not(None)
        )
        found = await self._all(wanted.order_by(uploads.c.sequence.desc()).limit(1))
        return found[0] if found else None

    async def page(
        self, owner_id: str, *, limit: int, before: int | None = None, containing: str | None = None
    ) -> tuple[list[Upload], int]:
        """Newest first, from the one after `before` on, and how many there are in all. Parts are no files: left out."""
        wanted = select(uploads).where(uploads.c.owner_id == owner_id, uploads.c.concat.is_distinct_from(PART))
        if containing:
            wanted = wanted.where(mentions(uploads.c.name, containing))
        total = select(func.count()).select_from(wanted.subquery())
        if before is not None:
            wanted = wanted.where(uploads.c.sequence < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(wanted.order_by(uploads.c.sequence.desc()).limit(limit))).all()
            count = (await connection.execute(total)).scalar_one()
        return [_upload(row) for row in rows], count

    async def expired(self, now: datetime) -> list[Upload]:
        """Unfinished ones whose time is over. One that waits for parts lives as long as they do.

        So are those whose job was cancelled: whoever did so was killed before the upload went with it.
        """
        part = uploads.alias()
        has_parts = exists().where(part.c.part_of == uploads.c.id)
        is_past = (uploads.c.expires_at < now) & ~has_parts
        is_cancelled = exists().where(jobs.c.id == uploads.c.job_id, jobs.c.state == State.CANCELLED)
        return await self._all(select(uploads).where(uploads.c.completed_at.is_(None), is_past | is_cancelled))

    async def parts_of(self, upload_id: str) -> list[Upload]:
        """What has come or is coming of a file in parts, in the order in which they were begun."""
        return await self._all(select(uploads).where(uploads.c.part_of == upload_id).order_by(uploads.c.sequence))

    async def begin_writing(self, upload: Upload) -> Upload:
        """From here on whoever brought bytes before acknowledges none. Raises `TakenOver` when its offset has moved."""
        of = uploads.c
        began = (
            update(uploads)
            .where(of.id == upload.id, of.offset == upload.offset)
            .values(writer=of.writer + 1)
            .returning(of.writer)
        )
        async with self._database.write(shared=True) as connection:
            writer = (await connection.execute(began)).scalar_one_or_none()
        if writer is None:
            raise TakenOver
        return replace(upload, writer=writer)

    async def move_offset(self, upload: Upload, offset: int, *, before: int, expires_at: datetime) -> None:
        """Acknowledge bytes beyond `before`, which must be durable by now. Does nothing for an upload that is gone.

        Raises `TakenOver` when another request has moved it, and `QuotaExceeded` for bytes of a file of unknown size
        that are too many; one that said its size was counted with all of it.
        """
        is_counted = upload.size is not None
        async with self._database.write(shared=is_counted) as connection:
            query = select(uploads.c.offset, uploads.c.writer).where(uploads.c.id == upload.id)
            stored = (await connection.execute(lock(query))).one_or_none()
            if stored is None:
                return
            if tuple(stored) != (before, upload.writer):
                raise TakenOver
            if not is_counted and offset > before:
                await self._quotas.require(connection, upload.owner_id, Stored.UPLOADS, offset - before)
            await self.change(connection, upload.id, offset=offset, expires_at=expires_at)

    async def set_size(self, upload: Upload, size: int) -> None:
        """What a client announced later. Raises `QuotaExceeded`."""
        async with self._database.write() as connection:
            if size > upload.offset:
                await self._quotas.require(connection, upload.owner_id, Stored.UPLOADS, size - upload.offset)
            await self.change(connection, upload.id, size=size)

    async def complete(self, upload_id: str, *, size: int, sha256: str, at: datetime) -> None:
        """The file is here; the parts it was made of are gone with this moment."""
        async with self._database.write() as connection:
            await self.change(
                connection, upload_id, size=size, offset=size, sha256=sha256, completed_at=at, expires_at=None
            )
            await connection.execute(delete(uploads).where(uploads.c.part_of == upload_id))

    async def delete(self, upload_id: str) -> None:
        """Also its parts, if it has some."""
        async with self._database.write() as connection:
            await connection.execute(
                delete(uploads).where(or_(uploads.c.id == upload_id, uploads.c.part_of == upload_id))
            )

    async def release_parts(self, upload_id: str) -> None:
        """Remove a file in parts but not its parts: they can be joined once more."""
        async with self._database.write() as connection:
            await connection.execute(
                update(uploads).where(uploads.c.part_of == upload_id).values(part_of=None, job_id=None)
            )
            await connection.execute(delete(uploads).where(uploads.c.id == upload_id))

    async def change(self, connection: AsyncConnection, upload_id: str, **values: Any) -> None:
        await connection.execute(update(uploads).where(uploads.c.id == upload_id).values(values))

    async def matching(self, connection: AsyncConnection, *conditions: ColumnElement[bool]) -> list[Upload]:
        """Inside a transaction that goes by what it reads; oldest first."""
        wanted = select(uploads).where(*conditions).order_by(uploads.c.sequence)
        return [_upload(row) for row in (await connection.execute(wanted)).all()]

    async def unknown(self, upload_ids: Collection[str]) -> set[str]:
        """Those of the ids that have no row."""
        async with self._database.read() as connection:
            return set(upload_ids) - set((await connection.execute(select(uploads.c.id))).scalars())

    async def _all(self, wanted: Select[Any]) -> list[Upload]:
        async with self._database.read() as connection:
            return [_upload(row) for row in (await connection.execute(wanted)).all()]


def followed_as(upload: Upload) -> ColumnElement[bool]:
    """All that one job follows: the upload, or the file with all its parts."""
    return or_(uploads.c.id == upload.followed_as, uploads.c.part_of == upload.followed_as)


def _upload(row: Row[Any]) -> Upload:
    return Upload(**row._asdict())

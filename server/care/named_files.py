"""Which files the rows of a database name, as far as they know what is in them; what nothing names is an orphan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.datasets.version_rows import rejects_key
from server.jobs.old_jobs import HAS_REJECTS
from server.storage.quotas import LIST_OF_JOB
from server.storage.tables import batches, brands, dataset_versions, jobs, reports, uploads
from server.uploads.files import PART

BLOBS, UPLOADS = "blobs", "uploads"
BLOB_KINDS = ("datasets", "images", "imports", "reports")  # how the keys of all blobs begin
MARK = "mark"  # the key of what says whose store it is: no row names it (`file_marks.py`)
_HASHED = "images"  # blobs of this kind are called by their sha256
CACHE = "first-page.webp"  # drawn again when it is looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFile:
    """What a row says of a file: `what` names it to a person; `at_least` is how long it is, exactly if `is_whole`."""

    what: str
    at_least: int = 0
    is_whole: bool = False
    sha256: str = ""


@dataclass(slots=True)
class NamedFiles:
    """By place in the data directory. `required` has to be there; what `may_be` owned is no orphan."""

    required: dict[str, NamedFile] = field(default_factory=dict)
    allowed: set[str] = field(default_factory=set)
    batch_ids: set[str] = field(default_factory=set)
    job_ids: set[str] = field(default_factory=set)

    def may_be(self, place: str) -> bool:
        if place in self.required or place in self.allowed:
            return True
        kind, _, rest = place.removeprefix(f"{BLOBS}/").partition("/")
        owner = rest.partition("/")[0]
        owners = self.batch_ids if kind == "reports" else self.job_ids if kind in ("datasets", "imports") else ()
        return owner in owners

    def blob(self, key: str, **known: Any) -> None:
        sha256 = key.rpartition("/")[2] if key.startswith(f"{_HASHED}/") else ""
        self.required[f"{BLOBS}/{key}"] = NamedFile(**{"sha256": sha256, **known})


async def named_files(connection: AsyncConnection) -> NamedFiles:
    """As the transaction of `connection` sees it."""
    named = NamedFiles()
    for add in (_of_versions, _of_jobs, _of_batches, _of_brands, _of_reports, _of_uploads):
        await add(connection, named)
    return named


_OF_EACH = 3


async def places_of_newest(connection: AsyncConnection) -> list[str]:
    """Of a few files that have to be there, and came last; of uploads only where nothing was made of any."""
    versions = select(dataset_versions.c.files).order_by(dataset_versions.c.created_at.desc()).limit(_OF_EACH)
    made = select(reports.c.artifacts).order_by(reports.c.id.desc()).limit(_OF_EACH)
    keys = [key for files in await connection.scalars(versions) for key in files[-1:]]
    keys += [each["blob"] for artifacts in await connection.scalars(made) for each in artifacts[:1]]
    if keys:
        return [f"{BLOBS}/{key}" for key in keys]
    whole = uploads.c.completed_at.is_not(None)
    sent = select(uploads.c.id).where(whole).order_by(uploads.c.id.desc()).limit(_OF_EACH)
    return [f"{UPLOADS}/{upload_id}" for upload_id in await connection.scalars(sent)]


async def _of_versions(connection: AsyncConnection, named: NamedFiles) -> None:
    of = dataset_versions.c
    for row in await connection.execute(select(of.job_id, of.files)):
        for key in row.files:
            named.blob(key, what="a dataset")
        if row.job_id:
            named.allowed.add(f"{BLOBS}/{rejects_key(row.job_id)}")
    lists = select(of.job_id, of.rejects_bytes).where(HAS_REJECTS, of.rejects_bytes.is_not(None))
    for job_id, size in await connection.execute(lists):
        named.blob(rejects_key(job_id), what="a list of rejects", at_least=size, is_whole=True)


async def _of_jobs(connection: AsyncConnection, named: NamedFiles) -> None:
    """A job may have published what its row does not say yet; and imports of an older version did not count lists."""
    named.job_ids.update(await connection.scalars(select(jobs.c.id)))
    for job_id, size in await connection.execute(select(jobs.c.id, LIST_OF_JOB).where(LIST_OF_JOB > 0)):
        named.blob(rejects_key(job_id), what="a list of rejects", at_least=size, is_whole=True)


async def _of_batches(connection: AsyncConnection, named: NamedFiles) -> None:
    """Batches remember the versions they were made from, which may have gone since."""
    of = batches.c
    for row in await connection.execute(select(of.id, of.images, of.brand, of.dataset_versions)):
        named.batch_ids.add(row.id)
        _pictures(named, row.images.values(), row.brand)
        for version in row.dataset_versions.values():
            named.allowed.update(f"{BLOBS}/{key}" for key in version["files"])


async def _of_brands(connection: AsyncConnection, named: NamedFiles) -> None:
    for brand in await connection.scalars(select(brands.c.brand)):
        _pictures(named, (), brand)


def _pictures(named: NamedFiles, keys: Iterable[str], brand: dict[str, Any]) -> None:
    logo = brand.get("logo")
    for key in (*keys, *([logo["blob"]] if logo else [])):
        named.blob(key, what="a picture")


async def _of_reports(connection: AsyncConnection, named: NamedFiles) -> None:
    for artifacts in await connection.scalars(select(reports.c.artifacts)):
        for each in artifacts:
            named.blob(each["blob"], what="a report", at_least=each["size"], is_whole=True, sha256=each["sha256"])


async def _of_uploads(connection: AsyncConnection, named: NamedFiles) -> None:
    """The bytes of a file in parts lie in its parts until it is whole."""
    of = uploads.c
    rows = select(of.id, of.offset, of.sha256, of.completed_at, of.concat, of.name)
    for row in await connection.execute(rows):
        place = f"{UPLOADS}/{row.id}"
        named.allowed.add(place)
        is_whole = row.completed_at is not None
        if is_whole or (row.offset and row.concat in (None, PART)):
            sha256 = row.sha256 or "" if is_whole else ""
            named.required[place] = NamedFile(what="an upload", at_least=row.offset, is_whole=is_whole, sha256=sha256)

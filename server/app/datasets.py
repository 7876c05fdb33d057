"""The catalogue of datasets, and the jobs that read files for it."""

from __future__ import annotations

from dataclasses import dataclass

from server.app.live import LiveParts
from server.app.storage import StorageParts
from server.app.uploads import UploadParts
from server.datasets.catalog import Catalog
from server.datasets.import_checking import ImportCheck
from server.datasets.import_correction import ImportCorrection
from server.datasets.import_reading import ImportReading
from server.datasets.importing import DataImport
from server.datasets.publishing import VersionPublisher
from server.datasets.schema import FileLimits
from server.datasets.work import QueryLimits
from server.jobs.kinds import JobKind
from server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetParts:
    catalog: Catalog
    file_limits: FileLimits
    query_limits: QueryLimits
    job_kinds: tuple[JobKind, ...]


def build_datasets(settings: Settings, *, storage: StorageParts, uploads: UploadParts, live: LiveParts) -> DatasetParts:
    catalog = Catalog(storage.database, storage.blobs, announce=live.announcing.publish)
    limits = FileLimits.from_settings(settings)
    reading = ImportReading(
        uploads=uploads.store,
        pieces=uploads.pieces,
        catalog=catalog,
        blobs=storage.blobs,
        limits=limits,
        room=storage.room,
    )
    publisher = VersionPublisher(
        reading, catalog=catalog, blobs=storage.blobs, database=storage.database, quotas=storage.quotas
    )
    seconds = settings.import_seconds
    data_import = DataImport(reading, publisher, catalog=catalog, scratch=storage.scratch, seconds=seconds)
    correction = ImportCorrection(
        reading,
        publisher,
        catalog=catalog,
        blobs=storage.blobs,
        scratch=storage.scratch,
        database=storage.database,
        seconds=seconds,
    )
    check = ImportCheck(reading, catalog=catalog, scratch=storage.scratch, seconds=seconds)
    return DatasetParts(
        catalog=catalog,
        file_limits=limits,
        query_limits=QueryLimits(seconds=settings.query_seconds, rows=settings.query_rows),
        job_kinds=(data_import.kind(), check.kind(), correction.kind()),
    )

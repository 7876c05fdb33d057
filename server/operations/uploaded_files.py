"""The files somebody uploaded: how far each is, what became of it, and when it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.auth.permissions import Principal
from server.datasets.importing import KIND as IMPORT
from server.jobs.job import Job
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.operations.uploads import UploadOperations
from server.storage.database import Database
from server.storage.pages import Listing
from server.uploads.files import Upload
from server.uploads.old_uploads import LastUse, last_uses


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """`imports` are newest first; `job` brings the file in, as long as it does. `goes_at` is None while it is kept."""

    upload: Upload
    imports: Sequence[Job]
    job: Job | None
    goes_at: datetime | None


class UploadedFiles:
    """`days` and `refused_days` are how long files stay after their last use; 0 is for ever."""

    def __init__(
        self,
        *,
        uploads: UploadOperations,
        store: JobStore,
        table: JobTable,
        database: Database,
        days: float,
        refused_days: float,
    ) -> None:
        self._uploads = uploads
        self._store = store
        self._table = table
        self._database = database
        self._days = days
        self._refused_days = refused_days

    async def search(
        self, principal: Principal, *, limit: int, cursor: str | None = None, containing: str | None = None
    ) -> Listing[UploadedFile]:
        """Own ones, newest first."""
        page = await self._uploads.search(principal, limit=limit, cursor=cursor, containing=containing)
        ids = [upload.id for upload in page.items]
        uses = await last_uses(self._database, ids)
        imports: dict[str, list[Job]] = {upload_id: [] for upload_id in ids}
        for job in await self._store.with_upload(principal.user_id, IMPORT, ids):
            # Of one that runs, the table knows more: its row is stored only now and then.
            imports[job.parameters["upload_id"]].append(self._table.newest(job))
        items = [self._file(upload, imports[upload.id], uses) for upload in page.items]
        return Listing(items=items, next_cursor=page.next_cursor, total=page.total)

    def _file(self, upload: Upload, imports: Sequence[Job], uses: Mapping[str, LastUse]) -> UploadedFile:
        job = self._table.get(upload.job_id) if upload.job_id else None
        return UploadedFile(
            upload=upload,
            imports=imports,
            job=None if job is None or job.state.is_final else job,
            goes_at=self._goes_at(uses[upload.id]) if upload.id in uses else upload.expires_at,
        )

    def _goes_at(self, use: LastUse) -> datetime | None:
        days = self._refused_days if use.is_refused else self._days
        return use.at + timedelta(days=days) if days and not use.is_kept else None

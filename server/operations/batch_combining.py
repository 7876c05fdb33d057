"""All PDFs of a batch as one file, made when somebody asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from server.auth.permissions import Principal
from server.errors import Conflict
from server.jobs.shared_workers import SharedWorkers
from server.languages import Languages
from server.operations.batches import BatchOperations
from server.operations.made_files import MadeFile
from server.reports.archive_index import outcome, summary
from server.reports.batch_store import BatchStore
from server.reports.batches import Batch, BatchReport, StoredArtifact
from server.reports.file_names import served_name
from server.reports.image_library import fetched_logo
from server.reports.shown_reports import ShownReports, everything
from server.reports.work import MEDIA_TYPES, CombinedReport, CombinedWords, CombineRequest, combine
from server.storage.blob_store import BlobStore
from server.storage.room import Room
from server.storage.scratch import Scratch
from server.texts import Translate

_SECONDS = 600.0
_MOST_REPORTS = 1_000  # all their pages are held at once: some 300 KB each
_MOST_BYTES = 256 * 1024 * 1024


class BatchCombining:
    def __init__(
        self,
        *,
        batches: BatchOperations,
        store: BatchStore,
        blobs: BlobStore,
        workers: SharedWorkers,
        scratch: Scratch,
        room: Room,
        languages: Languages,
    ) -> None:
        """`workers` are those for what takes long."""
        self._batches = batches
        self._store = store
        self._blobs = blobs
        self._workers = workers
        self._scratch = scratch
        self._room = room
        self._languages = languages

    async def combined(self, principal: Principal, batch_id: str) -> MadeFile:
        """A list of all reports, then those that are made. Raises `Conflict` when there are no PDFs, or too many."""
        batch = await self._batches.get(principal, batch_id)
        shown = await self._batches.shown_to(principal, batch)
        return await self.made(batch_id, turn_of=principal.user_id, shown=shown)

    async def made(self, batch_id: str, *, turn_of: str, shown: ShownReports = everything) -> MadeFile:
        """The same for whoever may have it without being asked here; `turn_of` says among whose work it waits."""
        batch = await self._store.get(batch_id)
        reports = shown(await self._store.all_reports(batch_id))
        pdfs = [(report, pdf) for report in reports if (pdf := report.of_format("pdf")) is not None]
        size = _require_fits([pdf for _report, pdf in pdfs])
        async with (
            self._blobs.fetch([pdf.blob for _report, pdf in pdfs]) as paths,
            fetched_logo(batch.brand, self._blobs) as logo,
            self._scratch.workplace() as directory,
            self._scratch.place(".pdf") as target,
        ):
            gettext = self._languages.of(batch.language).gettext
            found = {report.id: path for (report, _pdf), path in zip(pdfs, paths, strict=True)}
            made = directory / "combined.pdf"
            request = CombineRequest(
                title=batch.name,
                template_source=batch.template_source,
                words=_words(batch, reports, gettext),
                reports=tuple(
                    CombinedReport(
                        position=report.position,
                        title=report.title,
                        pdf=found.get(report.id),
                        missing="" if report.id in found else outcome(report, gettext),
                    )
                    for report in reports
                ),
                clock=batch.clock,
                language=batch.language,
                time_zone=batch.time_zone,
                target=made,
                scratch=directory,
                brand=batch.brand,
                logo=logo,
            )
            work = self._workers.run(turn_of, combine, request, timeout_seconds=_SECONDS)
            await self._room.within(work, needed=2 * size)
            await asyncio.to_thread(made.rename, target)
        return MadeFile(content=target, name=served_name(batch.name, "pdf"), media_type=MEDIA_TYPES["pdf"])


def _require_fits(pdfs: Sequence[StoredArtifact]) -> int:
    if not pdfs:
        raise Conflict(
            "No report of this batch has a PDF yet; order it with the format pdf, or wait for the first one."
        )
    size = sum(pdf.size for pdf in pdfs)
    if len(pdfs) > _MOST_REPORTS or size > _MOST_BYTES:
        raise Conflict(
            "{count} PDFs of {size} MiB together are too many for one file, which holds {most} of {most_size} MiB. "
            "Download the zip instead.",
            code="combined_too_large",
            count=len(pdfs),
            size=size // 2**20,
            most=_MOST_REPORTS,
            most_size=_MOST_BYTES // 2**20,
        )
    return size


def _words(batch: Batch, reports: Sequence[BatchReport], gettext: Translate) -> CombinedWords:
    return CombinedWords(
        summary=summary(batch, reports, gettext),
        number=gettext("No."),
        report=gettext("Report"),
        page=gettext("Page"),
        not_here=gettext("Not in this file"),
        reason=gettext("State"),
    )

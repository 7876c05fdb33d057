"""Templates to begin with from the gallery: what there is, and taking one together with the data it is shown with."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from server.auth.permissions import Principal
from server.datasets.import_orders import ImportRequest
from server.errors import Conflict, NotFound, PreconditionFailed
from server.jobs.job import Job, State
from server.languages import Languages
from server.operations.dataset_access import DatasetAccess
from server.operations.imports import ImportOperations
from server.operations.jobs import JobOperations
from server.operations.samples import chunks_of
from server.operations.template_starts import StartedTemplate, free_name
from server.operations.templates import TemplateOperations
from server.operations.uploads import NewUpload, UploadOperations
from server.reports.gallery import GALLERY, GalleryTemplate
from server.reports.template_store import TemplateStore, is_template_name, require_template_name

_IMPORTED_WITHIN_SECONDS = 30.0  # all of them are some hundred kilobytes
_ASK_AGAIN_SECONDS = 0.05


class GalleryItem(msgspec.Struct, frozen=True, kw_only=True):
    """A template of the gallery in the reader's language; `datasets` are those that it is shown with."""

    key: str
    title: str
    description: str
    needs: str
    datasets: tuple[str, ...]


class GalleryOperations:
    """Sources and data are files of the program; whoever takes a template gets copies of their own."""

    def __init__(
        self,
        *,
        access: DatasetAccess,
        store: TemplateStore,
        templates: TemplateOperations,
        uploads: UploadOperations,
        imports: ImportOperations,
        jobs: JobOperations,
        languages: Languages,
        files: Path,
        within_seconds: float = _IMPORTED_WITHIN_SECONDS,
    ) -> None:
        """`within_seconds` is how long whoever takes a template waits for its data."""
        self._access = access
        self._store = store
        self._templates = templates
        self._uploads = uploads
        self._imports = imports
        self._jobs = jobs
        self._languages = languages
        self._files = files
        self._within_seconds = within_seconds

    def list(self, principal: Principal, *, language: str) -> Sequence[GalleryItem]:
        principal.require_read()
        text = self._languages.of(language).gettext
        return [
            GalleryItem(
                key=one.key,
                title=text(one.title),
                description=text(one.body),
                needs=text(one.hint),
                datasets=one.datasets,
            )
            for one in GALLERY
        ]

    async def start(self, principal: Principal, key: str, *, name: str = "", language: str = "en") -> StartedTemplate:
        """Its source, and a name that is free: the one given, else what it is called in `language`. Nothing is stored.

        Raises `NotFound`, or `InvalidInput` for what cannot be a template's name.
        """
        principal.require_read()
        if name:
            require_template_name(name)
        chosen = _found(key)
        source = await asyncio.to_thread((self._files / f"{key}.yaml").read_text, "utf-8")
        taken = await self._store.names(principal.user_id)
        return StartedTemplate(name=free_name(name or self._name(chosen, language), taken), source=source)

    async def take(self, principal: Principal, key: str, *, language: str = "en") -> str:
        """Store it under a free name, which is returned, once the datasets that it reads are there.

        Raises `Conflict` when they cannot be imported.
        """
        principal.require_write()
        chosen = _found(key)
        await self._load(principal, chosen.datasets)
        try:
            return await self._stored(principal, key, language)
        except PreconditionFailed:  # the name was taken since it was found free: by a click that came twice
            return await self._stored(principal, key, language)

    async def _stored(self, principal: Principal, key: str, language: str) -> str:
        started = await self.start(principal, key, language=language)
        await self._templates.save(principal, started.name, started.source, must_be_new=True)
        return started.name

    def _name(self, chosen: GalleryTemplate, language: str) -> str:
        """What it is called, as far as that can be a name: in Chinese letters, else as its files."""
        written = re.sub(r"\s+", "-", self._languages.of(language).gettext(chosen.title)).lower()
        return written if written.isascii() is False and is_template_name(written) else chosen.key

    async def _load(self, principal: Principal, wanted: Sequence[str]) -> None:
        missing = await self._missing(principal, wanted)
        imports = [job for name in missing if (job := await self._begin_import(principal, name))]
        try:
            async with asyncio.timeout(self._within_seconds):
                while await self._missing(principal, wanted):
                    await self._require_unbroken(principal, imports)
                    await asyncio.sleep(_ASK_AGAIN_SECONDS)
        except TimeoutError:
            raise Conflict(
                "The sample data are still being imported; choose the template again in a moment.",
                code="samples_under_way",
            ) from None

    async def _begin_import(self, principal: Principal, name: str) -> Job | None:
        """None when somebody else has begun to make the same one since."""
        path = self._files / "data" / f"{name}.csv"
        size = await asyncio.to_thread(lambda: path.stat().st_size)
        wanted = NewUpload(name=path.name, size=size, media_type="text/csv")
        upload = await self._uploads.receive_whole(principal, wanted, chunks_of(path))
        try:
            return await self._imports.start(principal, ImportRequest(upload_id=upload.id, dataset=name))
        except Conflict:
            return None

    async def _missing(self, principal: Principal, wanted: Sequence[str]) -> Sequence[str]:
        there = set(await self._access.names(principal))
        return [name for name in wanted if name not in there]

    async def _require_unbroken(self, principal: Principal, imports: Sequence[Job]) -> None:
        for job in imports:
            now = await self._jobs.get(principal, job.id)
            if now.state in (State.FAILED, State.CANCELLED):
                raise Conflict(
                    "The sample data could not be imported; look at “{title}” among your jobs.",
                    code="samples_not_imported",
                    title=now.title,
                )


def _found(key: str) -> GalleryTemplate:
    for one in GALLERY:
        if one.key == key:
            return one
    raise NotFound("The gallery has no template “{name}”.", name=key)

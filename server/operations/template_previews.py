"""How a template looks with somebody's data as they are now: one report that nobody keeps."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from server.auth.access import TEMPLATES, Right, ThingAccess
from server.auth.permissions import Principal
from server.clock import Clock, utc_now
from server.errors import InvalidInput, NotFound
from server.operations.data_reading import DataReading
from server.operations.made_files import MadeFile
from server.operations.templates import TemplateOperations, require_source_size
from server.reports.brand_store import BrandStore
from server.reports.image_library import ImageLibrary, fetched_images, fetched_logo
from server.reports.template_store import MISSING, StoredTemplate, TemplateStore
from server.reports.work import (
    DatasetSource,
    ExpandRequest,
    FileFormat,
    PreviewPlan,
    Rendered,
    RenderRequest,
    plan_preview,
    render_report,
)
from server.storage.blob_store import BlobStore
from server.storage.database import Database

_PREVIEW_CHOICE = 10_000  # a preview shows the first of so many reports


class PreviewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One report that nobody keeps; `source` instead of what is stored while it is being written.

    Parameters with `each` that are left out take the first value. `is_watched`: it is shown in a frame of the editor.
    """

    name: str
    owner: str | None = None
    source: str | None = None
    parameters: dict[str, Any] = {}
    format: FileFormat = "html"
    language: str = "en"
    is_watched: bool = False


class ReportPreview(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered file that nobody keeps."""

    format: FileFormat
    file: MadeFile


class TemplatePreviews:
    def __init__(
        self,
        templates: TemplateOperations,
        *,
        database: Database,
        store: TemplateStore,
        access: ThingAccess,
        reading: DataReading,
        blobs: BlobStore,
        images: ImageLibrary,
        brands: BrandStore,
        clock: Clock = utc_now,
    ) -> None:
        self._templates = templates
        self._database = database
        self._store = store
        self._access = access
        self._reading = reading
        self._blobs = blobs
        self._images = images
        self._brands = brands
        self._clock = clock

    async def make(self, principal: Principal, order: PreviewOrder) -> ReportPreview:
        """Render with the caller's data as it is now; nothing is kept."""
        principal.require_read()
        stored, right = await self._previewable(principal, order)
        source = order.source if order.source is not None else stored.source if stored else None
        if source is None:
            raise NotFound(MISSING, name=order.name)
        require_source_size(source)
        # Whoever only looks at another's template cannot have its owner's pictures shown by a text of their own.
        is_owners = stored is not None and (order.source is None or right >= Right.EDIT)
        owner_id = stored.owner_id if stored and is_owners else principal.user_id
        source = await self._templates.bundled(principal, source, owner_id)
        async with self._templates.sources(principal, source, owner_id) as datasets:
            return await self._previewed(principal, order, source, stored, datasets, pictures_of=owner_id)

    async def _previewable(self, principal: Principal, order: PreviewOrder) -> tuple[StoredTemplate | None, Right]:
        """What is stored under its name, if anything is, and what the caller may do with it."""
        try:
            found = await self._access.named(principal, TEMPLATES, order.name, missing=MISSING, owner=order.owner)
        except NotFound:
            if order.owner is not None:
                raise
            return None, Right.VIEW
        return await self._store.get(found.id, order.name), found.right

    async def _previewed(
        self,
        principal: Principal,
        order: PreviewOrder,
        source: str,
        stored: StoredTemplate | None,
        datasets: dict[str, DatasetSource],
        *,
        pictures_of: str,
    ) -> ReportPreview:
        now, limits = self._clock().replace(microsecond=0), self._reading.limits
        expand = ExpandRequest(
            template_source=source,
            parameters=[order.parameters],
            datasets=datasets,
            limits=limits,
            clock=now,
            time_zone=principal.time_zone,
            max_reports=_PREVIEW_CHOICE,
        )
        plan: PreviewPlan = await self._reading.in_worker(principal, plan_preview, expand)
        if plan.parameters is None:
            raise InvalidInput(
                "There is nothing to report: the parameters gave no report. Check the data they come from."
            )
        pinned = await self._images.pinned(pictures_of, plan.images)
        async with self._database.read() as connection:
            brand = await self._brands.in_force(connection, principal.user_id)
        self._reading.room.require()
        scratch = self._reading.scratch
        async with (
            fetched_images(pinned, self._blobs) as images,
            fetched_logo(brand, self._blobs) as logo,
            scratch.workplace() as output,
            scratch.place(f".{order.format}") as file,
        ):
            request = RenderRequest(
                template_source=source,
                parameters=plan.parameters,
                datasets=datasets,
                limits=limits,
                clock=now,
                output=output,
                formats=(order.format,),
                template_name=order.name,
                template_version=stored.version if stored else 1,
                language=order.language,
                time_zone=principal.time_zone,
                images=images,
                brand=brand,
                logo=logo,
                seconds=limits.seconds,
                is_watched=order.is_watched,
                is_preview=True,
            )
            rendered: Rendered = await self._reading.in_worker(principal, render_report, request)
            made = rendered.artifacts[0]
            # Out of the directory, which goes with the block; whoever sends it removes it.
            await asyncio.to_thread(made.path.rename, file)
        return ReportPreview(
            format=made.format, file=MadeFile(name=made.file, media_type=made.media_type, content=file)
        )

"""What a batch asks of the worker processes, made of its row alone: the same today and at a retry next month."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from server.datasets.dataset import Version
from server.datasets.work import QueryLimits
from server.delivery.address_books import BookVersion
from server.delivery.wishes import books_of
from server.errors import Gone, NotFound
from server.reports.batches import Batch, BatchReport, UsedDataset
from server.reports.image_library import fetched_images, fetched_logo
from server.reports.work import DatasetSource, ExpandRequest, LayoutRequest, RenderRequest
from server.storage.blob_store import BlobStore

LaidOut = Mapping[str, tuple[Path, ...]]
"""Files of datasets that were written in another order for one batch."""


def used_datasets(versions: Mapping[str, Version]) -> dict[str, UsedDataset]:
    """Versions of datasets as a batch keeps them."""
    return {
        name: UsedDataset(dataset_id=version.dataset_id, version=version.number, files=version.files)
        for name, version in versions.items()
    }


@asynccontextmanager
async def fetched_sources(
    used: Mapping[str, UsedDataset | BookVersion], blobs: BlobStore
) -> AsyncIterator[dict[str, DatasetSource]]:
    """Files to read inside the block. Raises `Gone` when a dataset was deleted since."""
    async with AsyncExitStack() as fetched:
        yield {name: await fetched.enter_async_context(_source(name, dataset, blobs)) for name, dataset in used.items()}


@asynccontextmanager
async def expand_request(
    batch: Batch, blobs: BlobStore, limits: QueryLimits, *, max_reports: int
) -> AsyncIterator[ExpandRequest]:
    """To be done inside the block."""
    books = batch.deliveries.books if batch.deliveries else {}
    async with fetched_sources(batch.dataset_versions, blobs) as sources, fetched_sources(books, blobs) as addresses:
        yield ExpandRequest(
            template_source=batch.template_source,
            parameters=batch.requested,
            datasets=sources,
            limits=limits,
            clock=batch.clock,
            time_zone=batch.time_zone,
            max_reports=max_reports,
            carried=batch.deliveries.columns if batch.deliveries else (),
            books=books_of(batch.deliveries.wishes) if batch.deliveries else (),
            addresses=addresses,
        )


@asynccontextmanager
async def layout_request(
    batch: Batch, blobs: BlobStore, limits: QueryLimits, *, output: Path, reports: int
) -> AsyncIterator[LayoutRequest]:
    """To be done inside the block."""
    async with fetched_sources(batch.dataset_versions, blobs) as sources:
        yield LayoutRequest(
            template_source=batch.template_source, datasets=sources, limits=limits, output=output, reports=reports
        )


@asynccontextmanager
async def render_request(
    batch: Batch,
    report: BatchReport,
    blobs: BlobStore,
    limits: QueryLimits,
    *,
    output: Path,
    laid_out: LaidOut,
) -> AsyncIterator[RenderRequest]:
    """To be done inside the block. `laid_out` are files that stand for those of datasets."""
    async with (
        fetched_sources(batch.dataset_versions, blobs) as sources,
        fetched_images(batch.images, blobs) as images,
        fetched_logo(batch.brand, blobs) as logo,
    ):
        yield RenderRequest(
            template_source=batch.template_source,
            parameters=report.parameters,
            datasets={
                name: DatasetSource(version=source.version, paths=laid_out.get(name, source.paths))
                for name, source in sources.items()
            },
            limits=limits,
            clock=batch.clock,
            is_as_of=batch.as_of is not None,
            output=output,
            formats=tuple(batch.formats),
            template_name=batch.template_name,
            template_version=batch.template_version,
            language=batch.language,
            time_zone=batch.time_zone,
            report_id=report.id,
            asked=batch.requested,
            images=images,
            brand=batch.brand,
            logo=logo,
        )


@asynccontextmanager
async def _source(name: str, used: UsedDataset | BookVersion, blobs: BlobStore) -> AsyncIterator[DatasetSource]:
    async with AsyncExitStack() as fetched:
        try:
            paths = await fetched.enter_async_context(blobs.fetch(used.files))
        except NotFound as error:
            raise Gone(
                "The dataset “{name}” was deleted since these reports were ordered; order them anew.", name=name
            ) from error
        yield DatasetSource(version=used.version, paths=paths)

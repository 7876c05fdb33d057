"""What a batch asks of the worker processes, made of its row alone: the same today and at a retry next month."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from server.datasets.dataset import DatasetFiles
from server.datasets.work import QueryLimits
from server.errors import Gone, NotFound
from server.reports.batch_store import Batch, BatchReport, UsedDataset
from server.reports.images import image_paths
from server.reports.work import DatasetSource, ExpandRequest, RenderRequest
from server.storage.blobs import Blobs


def used_datasets(files: Mapping[str, DatasetFiles]) -> dict[str, UsedDataset]:
    """The current versions as a batch keeps them."""
    return {
        name: UsedDataset(
            dataset_id=dataset.dataset_id,
            version=dataset.version,
            files=list(dataset.files),
        )
        for name, dataset in files.items()
    }


def sources_of(used: Mapping[str, UsedDataset], blobs: Blobs) -> dict[str, DatasetSource]:
    """Raises `Gone` when a dataset was deleted since."""
    return {name: _source(name, dataset, blobs) for name, dataset in used.items()}


def expand_request(batch: Batch, blobs: Blobs, limits: QueryLimits, *, max_reports: int) -> ExpandRequest:
    return ExpandRequest(
        template_source=batch.template_source,
        parameters=batch.requested,
        datasets=sources_of(batch.dataset_versions, blobs),
        limits=limits,
        clock=batch.clock,
        time_zone=batch.time_zone,
        max_reports=max_reports,
    )


def render_request(
    batch: Batch, report: BatchReport, blobs: Blobs, limits: QueryLimits, *, output: Path
) -> RenderRequest:
    return RenderRequest(
        template_source=batch.template_source,
        parameters=report.parameters,
        datasets=sources_of(batch.dataset_versions, blobs),
        limits=limits,
        clock=batch.clock,
        output=output,
        formats=tuple(batch.formats),
        template_name=batch.template_name,
        template_version=batch.template_version,
        language=batch.language,
        time_zone=batch.time_zone,
        report_id=report.id,
        images=image_paths(batch.images, blobs),
    )


def _source(name: str, used: UsedDataset, blobs: Blobs) -> DatasetSource:
    try:
        return DatasetSource(version=used.version, paths=tuple(blobs.path(key) for key in used.files))
    except NotFound as error:
        raise Gone(
            "The dataset “{name}” was deleted since these reports were ordered; order them anew.", name=name
        ) from error

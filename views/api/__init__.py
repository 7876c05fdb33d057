"""Every endpoint under `/api/v1`, module by module."""

from __future__ import annotations

from server.http.endpoint import Endpoint
from views.api import (
    accounts,
    admin,
    batches,
    connections,
    dataset_rows,
    dataset_versions,
    datasets,
    events,
    external_jobs,
    fetches,
    gallery,
    imports,
    jobs,
    openapi,
    queries,
    rejects,
    reports,
    retention,
    template_versions,
    templates,
    uploads,
    usage,
)

ENDPOINTS: list[Endpoint] = [
    *accounts.ENDPOINTS,
    *admin.ENDPOINTS,
    *connections.ENDPOINTS,
    *openapi.ENDPOINTS,
    *events.ENDPOINTS,
    *jobs.ENDPOINTS,
    *external_jobs.ENDPOINTS,
    *uploads.ENDPOINTS,
    *fetches.ENDPOINTS,
    *gallery.ENDPOINTS,
    *template_versions.ENDPOINTS,
    *templates.ENDPOINTS,
    *batches.ENDPOINTS,
    *reports.ENDPOINTS,
    *imports.ENDPOINTS,
    *rejects.ENDPOINTS,
    *datasets.ENDPOINTS,
    *dataset_rows.ENDPOINTS,
    *dataset_versions.ENDPOINTS,
    *queries.ENDPOINTS,
    *usage.ENDPOINTS,
    *retention.ENDPOINTS,
]

"""One report as the API tells of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from server.http.based_requests import outside
from server.reports.batches import BatchReport


class ReportFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a report failed; `errors` are places in the template (`line:column`) and what is wrong there."""

    code: str
    message: str
    errors: list[dict[str, str]] = []


class ArtifactItem(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a report."""

    file: str
    type: str
    size: int
    sha256: str
    url: str


class ReportItem(msgspec.Struct, frozen=True, kw_only=True):
    """One report: what it is about, how far it is, its files once it is done, and how many comments it has. `is_empty`:
    it shows no row."""

    id: str
    batch_id: str
    position: int
    title: str
    parameters: dict[str, Any]
    state: str
    error: ReportFailure | None
    artifacts: list[ArtifactItem]
    warnings: list[str]
    is_empty: bool
    started_at: datetime | None
    finished_at: datetime | None
    comment_count: int
    links: dict[str, str]


def report_item(report: BatchReport) -> ReportItem:
    base = outside(f"/api/v1/reports/{report.id}")
    return ReportItem(
        id=report.id,
        batch_id=report.batch_id,
        position=report.position,
        title=report.title,
        parameters=report.parameters,
        state=report.state.value,
        error=_failure(report),
        artifacts=[
            ArtifactItem(file=a.file, type=a.type, size=a.size, sha256=a.sha256, url=artifact_url(report.id, a.file))
            for a in report.artifacts
        ],
        warnings=[str(warning.get("message", "")) for warning in report.warnings],
        is_empty=report.is_empty,
        started_at=report.started_at,
        finished_at=report.finished_at,
        comment_count=report.comment_count,
        links={
            "self": base,
            "batch": outside(f"/api/v1/batches/{report.batch_id}"),
            "page": outside(f"/reports/{report.id}"),
        },
    )


def artifact_url(report_id: str, file: str) -> str:
    return outside(f"/api/v1/reports/{report_id}/{quote(file, safe='')}")


def _failure(report: BatchReport) -> ReportFailure | None:
    error = report.error
    if error is None:
        return None
    return ReportFailure(code=error.code, message=error.text, errors=error.places)

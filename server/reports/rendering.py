"""What a worker process is asked to do for reports: expand a batch, render one report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from server.datasets.query import QueryLimits

Format = Literal["pdf", "xlsx", "html"]
Report = Callable[[Any], None]


class DatasetSource(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one dataset version."""

    version: int
    paths: tuple[Path, ...]


class ExpandRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports a batch consists of.

    `parameters`: None (the template's `each` alone), a list of parameter sets (each is completed by `each` and
    defaults), or `{"query": "select …"}` whose rows are the sets. `max_reports` bounds the answer.
    """

    template_source: str
    parameters: list[dict[str, Any]] | dict[str, Any] | None
    datasets: dict[str, DatasetSource]
    limits: QueryLimits
    clock: datetime
    time_zone: str = "UTC"
    max_reports: int = 10_000


class RenderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One report: `clock` is "now" for defaults and footers, `output` an empty directory to write into.

    `language` is a wish: the template's own `language` goes before it. `formats` empty means the template's.
    """

    template_source: str
    parameters: dict[str, Any]
    datasets: dict[str, DatasetSource]
    limits: QueryLimits
    clock: datetime
    output: Path
    formats: tuple[Format, ...] = ()
    template_name: str = ""
    template_version: int = 1
    language: str = "en"
    time_zone: str = "UTC"
    report_id: str = ""
    file_stem: str = ""


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a report; `path` is where it was written, `file` how it should be called."""

    file: str
    format: Format
    media_type: str
    size: int
    sha256: str
    path: Path


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """`warnings` are sentences for whoever reads the report."""

    title: str
    artifacts: tuple[Artifact, ...]
    warnings: tuple[str, ...] = ()


def expand_batch(request: ExpandRequest, report: Report) -> list[dict[str, Any]]:
    """The parameters of every report, as JSON values, in order."""
    raise NotImplementedError


def render_report(request: RenderRequest, report: Report) -> Rendered:
    """Write the files; raises `InvalidInput` or `TemplateProblem` that says what broke and where."""
    raise NotImplementedError

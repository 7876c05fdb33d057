"""What a worker process is asked to do for reports: expand a batch, render one report."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from server.datasets.query_session import QuerySession
from server.errors import InvalidInput
from server.jobs.worker_process import OnReport
from server.reports.as_of import moment_told
from server.reports.batch_comparing import Figure
from server.reports.building import CompiledTexts, ReportBuilder
from server.reports.chart_engine import ChartEngine
from server.reports.document import Block, Document, all_blocks
from server.reports.expansion import expand
from server.reports.file_names import served_name
from server.reports.formats import Formats
from server.reports.kept_session import KeptSession
from server.reports.look import BrandLook, look_of
from server.reports.looking_up import looked_up
from server.reports.naming import report_name, written_value
from server.reports.parameters import complete
from server.reports.sandbox import time_limit
from server.reports.template import Template, parse_template
from server.reports.to_html import write_html
from server.reports.to_pdf import PdfWriter
from server.reports.to_xlsx import write_xlsx
from server.reports.words import Words
from server.reports.work import (
    MEDIA_TYPES,
    Artifact,
    DatasetSource,
    ExpandedReport,
    ExpandRequest,
    FileFormat,
    Rendered,
    RenderRequest,
)
from server.storage.full_disk import full_disk_named

_SESSION = KeptSession()
_MOST_FIGURES, _LONGEST_NAME = 100, 200  # of one report, that are kept beside it


def expand_batch(request: ExpandRequest, report: OnReport) -> list[ExpandedReport]:
    """Every report with its parameters as JSON values, in order. Raises `InvalidInput` or `TemplateProblem`."""
    template = read_template(request.template_source)
    now = request.clock.astimezone(zone_of(request.time_zone))
    with _SESSION.of(_paths(request.datasets), request.limits, now=now) as session:
        reports = expand(
            template,
            request.parameters,
            session,
            today=now.date(),
            max_reports=request.max_reports,
            carried=request.carried,
        )
    if not request.books:
        return reports
    # In a session of their own: no query of a template reads them.
    views = {name: f"addresses {place}" for place, name in enumerate(request.addresses)}
    with QuerySession({views[name]: source.paths for name, source in request.addresses.items()}, request.limits) as own:
        return looked_up(reports, {book: views[book.dataset] for book in request.books}, own)


def render_report(request: RenderRequest, report: OnReport) -> Rendered:
    """Write the files; raises `InvalidInput` or `TemplateProblem` that says what broke and where."""
    with time_limit(request.seconds):
        template = read_template(request.template_source)
        formats = Formats(template.language or request.language, str(zone_of(request.time_zone)))
        document = build_document(request, template, formats)
        artifacts = tuple(_artifacts(request, document, formats))
    return Rendered(
        title=document.name,
        artifacts=artifacts,
        warnings=tuple(document.warnings),
        figures=_figures(document),
        is_empty=document.is_empty,
    )


def build_document(request: RenderRequest, template: Template, formats: Formats) -> Document:
    """Template + parameters + rows, nothing written yet."""
    local = request.clock.astimezone(formats.zone)
    parameters = complete(template.parameters, request.parameters, local.date())
    with _SESSION.of(_paths(request.datasets), request.limits, now=local) as session:
        builder = ReportBuilder(
            template,
            parameters,
            session,
            formats=formats,
            texts=_texts(formats.language, str(formats.zone)),
            clock=request.clock,
            template_name=request.template_name,
            images=request.images,
            is_preview=request.is_preview,
        )
        title = builder.title()
        file_name = builder.file_name()
        blocks = builder.report()
        read = session.read
    words = builder.words
    wanted: tuple[str, ...] = request.formats or template.formats
    title = title or request.template_name or "Report"
    is_alone = request.asked == ()
    return Document(
        title=title,
        name=title if is_alone else report_name(template, title, parameters, request.asked, formats),
        file_name=file_name,
        description=template.description,
        language=formats.language,
        page_size=template.page.size,
        landscape=template.page.orientation == "landscape",
        blocks=blocks,
        words=words,
        made_at=request.clock,
        made_text=_made_text(request, words, formats, local),
        provenance=_provenance(request, template, words, read),
        parameters=_written(template, parameters, formats),
        formats=wanted,
        look=look_of(request.brand, request.logo) if template.brand else BrandLook(),
        warnings=builder.warnings,
        is_watched=request.is_watched,
        is_empty=_is_empty(blocks, has_rows=builder.has_rows),
    )


def _is_empty(blocks: Sequence[Block], *, has_rows: bool | None) -> bool:
    """Without a row to show; where nothing is there for rows, with figures that are all missing or zero."""
    if has_rows is not None:
        return not has_rows
    figures = [said for block in all_blocks(blocks) if (said := block.has_figures()) is not None]
    return bool(figures) and not any(figures)


def _figures(document: Document) -> tuple[Figure, ...]:
    """Each with the headings above it; those within `repeat` are often called alike."""
    found: list[Figure] = []
    above: dict[int, str] = {}
    for block in all_blocks(document.blocks):
        if heading := block.heading():
            text, level = heading
            above = {each: above[each] for each in above if each < level} | {level: text}
        heading_text = " · ".join(above.values())[:_LONGEST_NAME]
        found.extend(
            msgspec.structs.replace(figure, heading=heading_text, row=figure.row[:_LONGEST_NAME])
            for figure in block.figures()
            if len(figure.label) <= _LONGEST_NAME
        )
    return tuple(found[:_MOST_FIGURES])


def _made_text(request: RenderRequest, words: Words, formats: Formats, local: datetime) -> str:
    when = moment_told(local, formats, is_as_of=request.is_as_of)
    return (words.as_of if request.is_as_of else words.made).format(when=formats.isolated(when))


def _provenance(request: RenderRequest, template: Template, words: Words, read: set[str]) -> list[str]:
    """`read` are the datasets whose rows the report was made of."""
    used = sorted((name, source.version) for name, source in request.datasets.items() if name in read)
    lines = []
    if used:
        listed = ", ".join(f"{name} ({words.version.format(version=version)})" for name, version in used)
        lines.append(words.datasets.format(datasets=listed))
    if request.template_name:
        lines.append(words.template.format(name=request.template_name, version=request.template_version))
    if template.included:
        versions = sorted(template.included.items())
        listed = ", ".join(f"{name} ({words.version.format(version=version)})" for name, version in versions)
        lines.append(words.included.format(templates=listed))
    return lines


def _written(template: Template, parameters: dict[str, Any], formats: Formats) -> list[tuple[str, str]]:
    return [
        (parameter.label or parameter.name, written_value(parameter, parameters[parameter.name], formats))
        for parameter in template.parameters
        if parameters[parameter.name] is not None
    ]


def _artifacts(request: RenderRequest, document: Document, formats: Formats) -> Iterator[Artifact]:
    """One that cannot be written does not take the others with it: what is wrong is a warning of the report.

    Raises `InvalidInput` when none can.
    """
    failed: list[InvalidInput] = []
    for format in cast(tuple[FileFormat, ...], document.formats):  # noqa: A001 – the word of the templates
        try:
            content = _written_as(format, document, formats)
        except InvalidInput as error:
            failed.append(error)
            document.warnings.append(f"{format.upper()}: {error.text}")
            continue
        path = request.output / f"report.{format}"
        with full_disk_named():
            path.write_bytes(content)
        yield Artifact(
            file=served_name(request.file_stem or document.file_name or document.name, format),
            format=format,
            media_type=MEDIA_TYPES[format],
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            path=path,
        )

    if len(failed) == len(document.formats):
        raise failed[0]


def _written_as(format: FileFormat, document: Document, formats: Formats) -> bytes:  # noqa: A002
    charts, pdf = writers()
    match format:
        case "pdf":
            return pdf.write(document, formats)
        case "xlsx":
            return write_xlsx(document, formats)
        case "html":
            return write_html(document, formats, charts).encode()


@functools.lru_cache(maxsize=8)
def read_template(source: str) -> Template:
    """Reading a template costs more than most reports: those of a batch share it, in one worker process."""
    return parse_template(source)


@functools.lru_cache(maxsize=8)
def _texts(language: str, time_zone: str) -> CompiledTexts:
    return CompiledTexts(Formats(language, time_zone))


@functools.cache
def writers() -> tuple[ChartEngine, PdfWriter]:
    """Kept through the life of a worker process: fonts and scripts are read once, not once a report."""
    charts = ChartEngine()
    return charts, PdfWriter(charts)


def _paths(datasets: dict[str, DatasetSource]) -> dict[str, tuple[Path, ...]]:
    return {name: source.paths for name, source in datasets.items()}


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidInput("“{name}” is no time zone.", name=name) from None

"""Reads templates for what they say about themselves and for what is wrong with them. Runs in workers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from server.errors import TemplateProblem
from server.jobs.worker_process import OnReport
from server.reports.binding import bind_queries
from server.reports.naming import plain_title
from server.reports.parameters import Parameter, as_json, as_typed
from server.reports.summary import Check, CheckRequest, ParameterSummary, Sample, TemplateSummary
from server.reports.template import Template, parse_template, read_source
from server.reports.template_schema import template_schema
from server.reports.vocabulary import TemplateSchema
from server.texts import phrase

# Names that a query reads from; names it defines itself (`with x as (`) are no datasets.
_READ = re.compile(r"""\b(?:from|join)\s+["]?([^\W\d]\w*)["]?""", re.IGNORECASE)
_DEFINED = re.compile(r"""["]?([^\W\d]\w*)["]?\s+as\s+(?:(?:not\s+)?materialized\s+)?\(""", re.IGNORECASE)
_FUNCTIONS = re.compile(r"""\b(?:from|join)\s+["]?([^\W\d]\w*)["]?\s*\(""", re.IGNORECASE)


# Defaults that mean another day each day, as pages say them.
_DEFAULTS = {
    "today": phrase("today"),
    "yesterday": phrase("yesterday"),
    "this_month": phrase("this month"),
    "last_month": phrase("last month"),
    "start_of_month": phrase("start of month"),
    "end_of_month": phrase("end of month"),
    "start_of_last_month": phrase("start of last month"),
    "end_of_last_month": phrase("end of last month"),
    "start_of_year": phrase("start of year"),
    "this_year": phrase("this year"),
    "last_year": phrase("last year"),
    "last_7_days": phrase("last 7 days"),
    "last_30_days": phrase("last 30 days"),
    "this_quarter": phrase("this quarter"),
    "last_quarter": phrase("last quarter"),
    "year_to_date": phrase("year to date"),
}


def summaries_of(sources: list[str], report: OnReport) -> list[TemplateSummary]:
    """Worker side."""
    return [summary_of(source) for source in sources]


def vocabulary(request: None, report: OnReport) -> TemplateSchema:
    """Worker side: what can be written in a template."""
    return template_schema()


def check_source(request: CheckRequest, report: OnReport) -> Check:
    """Worker side: the queries are bound to empty tables of the right columns."""
    template, reading = read_source(request.source)  # once: it is most of the work
    if template is None:
        return Check(summary=TemplateSummary(), issues=reading.issues.in_order())
    columns = bind_queries(template, reading, request.datasets, request.known)
    return Check(summary=summarized(template), issues=reading.issues.in_order(), queries=columns)


def summary_of(source: str) -> TemplateSummary:
    """Never raises: a source that cannot be read has an empty summary."""
    try:
        return summarized(parse_template(source))
    except TemplateProblem:
        return TemplateSummary()


def summarized(template: Template) -> TemplateSummary:
    return TemplateSummary(
        title=template.title_text,
        plain_title=plain_title(template),
        description=template.description,
        formats=list(template.formats),
        parameters=[_parameter(parameter) for parameter in template.parameters],
        datasets=datasets_in(queries_of(template)),
        each_row=template.each_row is not None,
    )


def queries_of(template: Template) -> list[str]:
    """Every SQL text of a template."""
    queries = [*template.queries.values(), *template.option_queries.values()]
    return [query.sql for query in (*queries, template.each_row) if query is not None]


def datasets_in(queries: Iterable[str]) -> list[str]:
    """Names that queries read from, as far as their text tells."""
    found: set[str] = set()
    for sql in queries:
        own = {name.casefold() for name in _DEFINED.findall(sql) + _FUNCTIONS.findall(sql)}
        found.update(name for name in _READ.findall(sql) if name.casefold() not in own)
    return sorted(found - {"lateral", "unnest", "values"})


def _parameter(parameter: Parameter) -> ParameterSummary:
    return ParameterSummary(
        name=parameter.name,
        label=parameter.label or parameter.name,
        type=parameter.type,
        description=parameter.description,
        required=parameter.required,
        has_default=parameter.has_default,
        default_text=_default_text(parameter),
        default_is_word=_is_day_word(parameter),
        each=parameter.each is not None,
        options=[as_json(option) for option in parameter.options] if isinstance(parameter.options, tuple) else [],
    )


def _is_day_word(parameter: Parameter) -> bool:
    return parameter.type not in ("text", "choice", "list") and str(parameter.default) in _DEFAULTS


def _default_text(parameter: Parameter) -> str:
    if _is_day_word(parameter):
        return str(_DEFAULTS[parameter.default]["phrase"])
    return "" if parameter.default is None else as_typed(parameter.default)


def read_samples(directory: Path, report: OnReport) -> Sequence[Sample]:
    """Worker side."""
    sources = {path.stem: path.read_text("utf-8") for path in sorted(directory.glob("*.yaml"))}
    return [Sample(name=name, source=source, summary=summary_of(source)) for name, source in sources.items()]

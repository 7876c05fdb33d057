"""Reads templates for what they say about themselves and for what is wrong with them. Runs in workers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from server.errors import TemplateProblem
from server.jobs.worker_process import OnReport
from server.reports.binding import bind_queries
from server.reports.naming import plain_title
from server.reports.parameter_texts import value_text
from server.reports.parameters import Parameter, as_json
from server.reports.summary import Check, CheckRequest, ParameterSummary, Sample, TemplateSummary
from server.reports.template import Template, parse_template, read_source
from server.reports.template_schema import template_schema
from server.reports.vocabulary import TemplateSchema

# Names that a query reads from; names it defines itself (`with x as (`) are no datasets.
_READ = re.compile(r"""\b(?:from|join)\s+["]?([^\W\d]\w*)["]?""", re.IGNORECASE)
_DEFINED = re.compile(r"""["]?([^\W\d]\w*)["]?\s+as\s+(?:(?:not\s+)?materialized\s+)?\(""", re.IGNORECASE)
_FUNCTIONS = re.compile(r"""\b(?:from|join)\s+["]?([^\W\d]\w*)["]?\s*\(""", re.IGNORECASE)


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
        default_text="" if parameter.default is None else value_text(parameter.default).replace("_", " "),
        each=parameter.each is not None,
        options=[as_json(option) for option in parameter.options] if isinstance(parameter.options, tuple) else [],
    )


def read_samples(directory: Path, report: OnReport) -> Sequence[Sample]:
    """Worker side."""
    sources = {path.stem: path.read_text("utf-8") for path in sorted(directory.glob("*.yaml"))}
    return [Sample(name=name, source=source, summary=summary_of(source)) for name, source in sources.items()]

"""What a template says about itself, for lists and forms, and everything its author should know before storing it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from server.errors import TemplateProblem
from server.reports.parameters import Parameter, as_json
from server.reports.template import Template, TemplateIssue, check_template, parse_template, problem

# Names that a query reads from; names it defines itself (`with x as (`) are no datasets.
_READ = re.compile(r"""\b(?:from|join)\s+["]?([^\W\d]\w*)["]?""", re.IGNORECASE)
_DEFINED = re.compile(r"""["]?([^\W\d]\w*)["]?\s+as\s+(?:(?:not\s+)?materialized\s+)?\(""", re.IGNORECASE)
_FUNCTIONS = re.compile(r"""\b(?:from|join)\s+["]?([^\W\d]\w*)["]?\s*\(""", re.IGNORECASE)
_TITLE_CHARACTERS = 300
_DESCRIPTION_CHARACTERS = 2_000
_STORED_BYTES = 16 * 1024
_EXPRESSION = re.compile(r"\{\{\s*(\w*).*?\}\}|\{%.*?%\}", re.DOTALL)


class ParameterSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter. With `each`, a batch makes one report per value; `options` are its fixed values, if any."""

    name: str
    label: str
    type: str
    description: str = ""
    required: bool = True
    has_default: bool = False
    default_text: str = ""
    each: bool = False
    options: list[Any] = []


class TemplateSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`plain_title` is the title with labels in place of expressions; everything is empty for an unreadable source."""

    title: str = ""
    plain_title: str = ""
    description: str = ""
    formats: list[str] = []
    parameters: list[ParameterSummary] = []
    datasets: list[str] = []
    each_row: bool = False

    @property
    def expands(self) -> bool:
        """Whether a batch needs no parameter sets to make several reports."""
        return self.each_row or any(parameter.each for parameter in self.parameters)


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`datasets` are the columns of each dataset that the source names, `known` the names of all there are."""

    source: str
    datasets: dict[str, tuple[dict[str, Any], ...]]
    known: tuple[str, ...] = ()


class Check(msgspec.Struct, frozen=True, kw_only=True):
    summary: TemplateSummary
    issues: list[TemplateIssue]

    @property
    def errors(self) -> list[TemplateIssue]:
        return [issue for issue in self.issues if issue.severity == "error"]

    def require_no_errors(self) -> None:
        """Raises `TemplateProblem` with the place of every error."""
        if self.errors:
            raise problem(self.errors)


def stored_summary(summary: TemplateSummary) -> str:
    """As it is kept beside the source, for lists; what is too long for a list stands on the template's own page."""
    listed = msgspec.structs.replace(
        summary,
        title=summary.title[:_TITLE_CHARACTERS],
        plain_title=summary.plain_title[:_TITLE_CHARACTERS],
        description=summary.description[:_DESCRIPTION_CHARACTERS],
    )
    no_options = [msgspec.structs.replace(parameter, options=[]) for parameter in summary.parameters]
    shorter_ones: tuple[dict[str, Any], ...] = ({}, {"parameters": no_options}, {"parameters": [], "datasets": []})
    for shorter in shorter_ones:
        kept = msgspec.json.encode(msgspec.structs.replace(listed, **shorter))
        if len(kept) <= _STORED_BYTES:
            break
    return kept.decode()


def summaries_of(sources: list[str], report: Callable[[Any], None]) -> list[TemplateSummary]:
    """Worker side."""
    return [summary_of(source) for source in sources]


def check_source(request: CheckRequest, report: Callable[[Any], None]) -> Check:
    """Worker side: the queries are bound to empty tables of the right columns."""
    issues = check_template(request.source, request.datasets, request.known)
    return Check(summary=summary_of(request.source), issues=issues)


def summary_of(source: str) -> TemplateSummary:
    """Never raises: a source that cannot be read has an empty summary."""
    try:
        return summarized(parse_template(source))
    except TemplateProblem:
        return TemplateSummary()


def summarized(template: Template) -> TemplateSummary:
    return TemplateSummary(
        title=template.title_text,
        plain_title=_plain(template.title_text, {p.name: p.label or p.name for p in template.parameters}),
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
        default_text="" if parameter.default is None else str(parameter.default).replace("_", " "),
        each=parameter.each is not None,
        options=[as_json(option) for option in parameter.options] if isinstance(parameter.options, tuple) else [],
    )


def _plain(title: str, labels: Mapping[str, str]) -> str:
    text = _EXPRESSION.sub(lambda found: labels.get(found.group(1) or "", "…" if found.group(1) else ""), title)
    return re.sub(r"\s+", " ", text).strip()

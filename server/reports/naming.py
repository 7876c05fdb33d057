"""What a batch is called: its template and what its reports share; and a report: its title, and what tells it apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from server.reports.formats import Formats, ValueFormat
from server.reports.parameter_values import Wrong
from server.reports.parameters import Parameter
from server.reports.template import Template

_MOST_TOLD = 3  # values behind a title
_EXPRESSION = re.compile(r"\{\{\s*(\w*).*?\}\}|\{%.*?%\}", re.DOTALL)


def plain_title(template: Template, values: Mapping[str, str] | None = None) -> str:
    """The template's `name`, or its title with `values` in place of expressions, labels where there is none."""
    if template.name:
        return template.name
    labels = {p.name: p.label or p.name for p in template.parameters} | dict(values or {})
    return " ".join(
        _EXPRESSION.sub(lambda found: labels.get(found[1] or "", "…" if found[1] else ""), template.title_text).split()
    )


def batch_name(
    template: Template, asked: list[dict[str, Any]] | dict[str, Any] | None, formats: Formats, today: date
) -> str:
    """`Region sales · October 2026`. `asked` as in an order; what a query gives is not known yet."""
    sets = [{}] if asked is None else asked if isinstance(asked, list) else []
    values = shared_values(template, sets, today)
    told = {
        name: written_value(parameter, values[name], formats)
        for parameter in template.parameters
        if (name := parameter.name) in values
    }
    if not template.name:
        return plain_title(template, told)
    usual = {parameter.name for parameter in template.parameters if _is_usual_number(parameter, values)}
    return " · ".join([template.name, *(text for name, text in told.items() if name not in usual)])


def report_name(template: Template, title: str, values: Mapping[str, Any], asked: Any, formats: Formats) -> str:
    """The report's title; behind it what tells the report from others of its batch, where the title does not say it.

    `asked` as in the order of the batch, `values` are the report's own.
    """
    told = [
        written_value(parameter, values[parameter.name], formats)
        for parameter in _telling(template, asked)
        if values.get(parameter.name) is not None
    ]
    shown = title.casefold()
    return " · ".join([title, *(text for text in told[:_MOST_TOLD] if text.casefold() not in shown)])


def _telling(template: Template, asked: Any) -> Sequence[Parameter]:
    """Parameters that differ between reports and that the title should name, and does not."""
    sets = asked if isinstance(asked, list) else []
    query = str(asked.get("query", "")) if isinstance(asked, Mapping) else ""
    if template.each_row is not None:
        query += template.each_row.sql
    in_title = _words(" ".join(found[0] for found in _EXPRESSION.finditer(template.title_text)))
    differing = [each for each in template.parameters if _differs(each, sets, query)]
    named = [each.name for each in differing if each.name in in_title]
    others = [each for each in differing if each.name not in in_title]
    by_title = {repr([values.get(name) for name in named]) for values in sets}
    if not named or len(by_title) < len(sets):
        return others
    return [parameter for parameter in others if parameter.each is not None]


def _differs(parameter: Parameter, sets: Sequence[Mapping[str, Any]], query: str) -> bool:
    """Whether reports of a batch may have different values of it, as far as the order tells."""
    given = [values.get(parameter.name) for values in sets]
    if any(value not in (None, "", []) for value in given):
        return any(value != given[0] for value in given)
    return parameter.each is not None or "*" in query or parameter.name in _words(query)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _is_usual_number(parameter: Parameter, values: Mapping[str, Any]) -> bool:
    """A limit or a target as the template has it: it does not tell one batch from another."""
    default = parameter.default
    return isinstance(default, int | float | Decimal) and values.get(parameter.name) == default


def shared_values(template: Template, sets: Sequence[Mapping[str, Any]], today: date) -> dict[str, Any]:
    """By parameter, those that are the same in every report as far as the order tells."""
    found = ((parameter.name, _shared(parameter, template, sets, today)) for parameter in template.parameters)
    return {name: value for name, value in found if value is not None}


def written_value(parameter: Parameter, value: Any, formats: Formats) -> str:
    """As people read it."""
    if parameter.type == "integer":
        return str(value)  # years and numbers of things, not amounts
    if parameter.type == "list":
        return formats.listed(value)
    if parameter.type == "range":
        return formats.days(value["from"], value["to"])
    if isinstance(value, float) and value.is_integer():
        return formats.text(int(value))
    kind = parameter.type if parameter.type in ("month", "date", "boolean") else ""
    return formats.text(value, ValueFormat(kind=kind))


def _shared(parameter: Parameter, template: Template, sets: Sequence[Mapping[str, Any]], today: date) -> Any:
    given = [values.get(parameter.name) for values in sets]
    present = [value for value in given if value not in (None, "", [])]
    try:
        if present:
            is_same = len(present) == len(given) and all(value == present[0] for value in present)
            return parameter.value_on(present[0], today) if is_same else None
        if not sets or parameter.each is not None or template.each_row is not None:
            return None
        return parameter.default_value(today)
    except Wrong:
        return None

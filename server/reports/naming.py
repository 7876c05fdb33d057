"""What a batch is called when nobody says it: its template, and the values that all of its reports share."""

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

"""Whether the parameter sets of an order fit its template, before any report is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from server.errors import FieldError
from server.reports.parameter_values import Wrong
from server.reports.reading import near_hint
from server.reports.template import Template

_SOME_DAY = date(2026, 1, 1)  # what a word for a day means is of no matter here


def wrong_values(template: Template, number: int, given: Mapping[str, Any]) -> Iterator[FieldError]:
    """What is wrong with the set `parameters[number]`; what `each`, `each_row` or defaults fill in may be missing."""
    known = {parameter.name: parameter for parameter in template.parameters}
    for name, value in given.items():
        field = f"parameters[{number}].{name}"
        if name not in known:
            hint = near_hint(name, known)
            yield FieldError(
                field=field,
                message="The template has no parameter “{name}”.{hint}",
                parameters={"name": name, "hint": hint},
            )
        else:
            try:
                known[name].require_some(value)
                if value not in (None, "", []):
                    known[name].value_on(value, _SOME_DAY)
            except Wrong as wrong:
                yield FieldError(field=field, message=wrong.message, parameters=wrong.parameters)
    for name, parameter in known.items():
        is_filled_in = parameter.has_default or parameter.each is not None or template.each_row is not None
        if parameter.required and not is_filled_in and given.get(name) in (None, "", []):
            yield FieldError(
                field=f"parameters[{number}].{name}",
                message="“{label}” needs a value.",
                parameters={"label": parameter.label or name},
            )

"""Whether the parameter sets of an order fit its template, before any report is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from server.errors import FieldError
from server.reports.parameter_values import Wrong
from server.reports.parameters import Parameter, as_json
from server.reports.reading import near_hint
from server.reports.template import Template

_SOME_DAY = date(2026, 1, 1)  # what a word for a day means is of no matter here
_MOST_TOLD = 20


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


def repeated_sets(parameters: Sequence[Parameter], sets: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Which sets mean the same as one before, at whatever time they are made: what is left out is the default, and
    `last_month` is itself, and no month. Columns that are no parameters tell sets apart. They fit the template."""
    first: dict[bytes, int] = {}
    found: list[FieldError] = []
    for number, given in enumerate(sets):
        meant = dict(given) | {each.name: _meant(each, given.get(each.name)) for each in parameters}
        before = first.setdefault(msgspec.json.encode(meant, order="sorted"), number)
        if before != number and len(found) < _MOST_TOLD:
            message = "This set of parameters is the same as number {number}; leave one out."
            found.append(FieldError(field=f"parameters[{number}]", message=message, parameters={"number": before + 1}))
    return found


def _meant(parameter: Parameter, value: Any) -> Any:
    if value in (None, "", []) and parameter.has_default:
        value = parameter.default
    if value in (None, "", []):
        return value if parameter.type == "text" else None
    is_word = parameter.named_value(value, _SOME_DAY) is not None
    return value if is_word else as_json(parameter.converted(value), parameter.type)

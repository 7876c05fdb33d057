"""Forms made from a template's parameters: one field each, and back from what was typed to values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from server.reports.parameter_texts import value_text
from server.reports.parameter_values import list_text
from server.reports.summary import ParameterSummary, TemplateSummary
from server.reports.work import Choices

PREFIX = "p."
_INPUTS = {"integer": "number", "decimal": "number", "date": "date", "month": "month", "range": "range"}
_ENDS = ("from", "to")
_TICKED = "each"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One input. `kind` is an input's type, `select`, `lines`, or of several inputs `checks` and `range`.

    `options` are (value, text); `values` those that are chosen, or the two ends of a range. `is_followed`: what other
    fields offer depends on it. `says_none`: that nothing is ticked is told, as its default is meant where nothing is.
    """

    name: str
    label: str
    kind: str
    value: str
    values: tuple[str, ...]
    required: bool
    each: bool = False
    hint: str = ""
    error: str = ""
    step: str = "1"
    options: tuple[tuple[str, str], ...] = ()
    is_followed: bool = False
    says_none: bool = False


def fields_of(
    summary: TemplateSummary,
    choices: Choices,
    given: Mapping[str, Any],
    *,
    errors: Mapping[str, str] | None = None,
    names: Iterable[str] | None = None,
) -> list[FormField]:
    """Fields for the parameters named (all when left out), filled with what was given or else with the defaults."""
    wanted = None if names is None else set(names)
    return [
        _field(parameter, choices, given, (errors or {}).get(parameter.name, ""), is_filled_in=summary.each_row)
        for parameter in summary.parameters
        if wanted is None or parameter.name in wanted
    ]


def parameters_from(form: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The values of fields that were filled in, by parameter name; they are checked where they are used.

    Of several fields with one name a list; of `p.regions.each` one as well, however few are ticked; of `p.period.from`
    and `p.period.to` a range.
    """
    found: dict[str, Any] = {}
    for field, text in form:
        name, dot, end = field.removeprefix(PREFIX).partition(".")
        value = text.strip()
        if not field.startswith(PREFIX):
            continue
        if end == _TICKED:
            ticked = found.setdefault(name, [])
            if isinstance(ticked, list) and value:
                ticked.append(value)
        elif not value:
            continue
        elif dot:
            ends = found.setdefault(name, {})
            if isinstance(ends, dict) and end in _ENDS:
                ends[end] = value
        elif name in found:
            before = found[name]
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[name] = value
    return found


def _field(
    parameter: ParameterSummary, choices: Choices, given: Mapping[str, Any], error: str, *, is_filled_in: bool
) -> FormField:
    options: tuple[tuple[str, str], ...] = ()
    kind = _INPUTS.get(parameter.type, "text")
    default = choices.defaults.get(parameter.name, "")
    values = choices.values.get(parameter.name)
    if values is not None:
        kind = "checks" if parameter.type == "list" else "select"
        options = tuple((str(value), str(value)) for value in values)
    elif parameter.type == "list":
        kind = "lines"
    elif parameter.type == "boolean":
        kind, options = "select", (("true", "yes"), ("false", "no"))
        default = {True: "true", False: "false"}.get(default, "")
    value = given.get(parameter.name, default)
    return FormField(
        name=parameter.name,
        label=parameter.label,
        kind=kind,
        value=list_text(value) if isinstance(value, list) else value_text(value),
        values=_values(value),
        required=not parameter.has_default and not parameter.each and not is_filled_in and parameter.required,
        hint=parameter.description,
        error=error,
        step="any" if parameter.type == "decimal" else "1",
        options=options,
        each=parameter.each,
        is_followed=parameter.name in choices.followed,
        says_none=parameter.has_default and not is_filled_in,
    )


def _values(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        return tuple(str(value.get(end, "")) for end in _ENDS)
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)

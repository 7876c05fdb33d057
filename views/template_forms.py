"""Forms made from a template's parameters: one field each, and back from what was typed to values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from server.reports.summary import ParameterSummary, TemplateSummary
from server.reports.work import Choices

PREFIX = "p."
_INPUTS = {"integer": "number", "decimal": "number", "date": "date", "month": "month"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One input. `kind` is an input's type or `select`; `options` are (value, text)."""

    name: str
    label: str
    kind: str
    value: str
    required: bool
    each: bool = False
    hint: str = ""
    error: str = ""
    step: str = "1"
    options: tuple[tuple[str, str], ...] = ()


def fields_of(
    summary: TemplateSummary,
    choices: Choices,
    given: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    names: Iterable[str] | None = None,
) -> list[FormField]:
    """Fields for the parameters named (all when left out), filled with what was given or else with the defaults."""
    wanted = None if names is None else set(names)
    return [
        _field(parameter, choices, given, (errors or {}).get(parameter.name, ""))
        for parameter in summary.parameters
        if wanted is None or parameter.name in wanted
    ]


def parameters_from(form: Mapping[str, str]) -> dict[str, Any]:
    """The values of fields that were filled in, by parameter name; they are checked where they are used."""
    return {
        name.removeprefix(PREFIX): value.strip()
        for name, value in form.items()
        if name.startswith(PREFIX) and value.strip()
    }


def _field(parameter: ParameterSummary, choices: Choices, given: Mapping[str, str], error: str) -> FormField:
    options: tuple[tuple[str, str], ...] = ()
    kind = _INPUTS.get(parameter.type, "text")
    default = choices.defaults.get(parameter.name, "")
    values = choices.values.get(parameter.name)
    if values is not None:
        kind, options = "select", tuple((str(value), str(value)) for value in values)
    elif parameter.type == "boolean":
        kind, options = "select", (("true", "yes"), ("false", "no"))
        default = {True: "true", False: "false"}.get(default, "")
    return FormField(
        name=parameter.name,
        label=parameter.label,
        kind=kind,
        value=given.get(PREFIX + parameter.name, str(default)),
        required=not parameter.has_default and not parameter.each,
        hint=parameter.description,
        error=error,
        step="any" if parameter.type == "decimal" else "1",
        options=options,
        each=parameter.each,
    )

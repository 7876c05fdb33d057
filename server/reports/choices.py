"""The values each parameter of a template can take, so that people choose instead of typing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from server.datasets.query_session import QuerySession
from server.errors import InvalidInput, TemplateProblem
from server.jobs.worker_process import OnReport
from server.reports.parameter_values import Wrong
from server.reports.parameters import Parameter, as_json, bound_values
from server.reports.template import Template, parse_template
from server.reports.work import Choices, ChoicesRequest

_MAX_CHOICES = 1_000  # more than anybody scrolls through; longer lists are typed


def choices_of(request: ChoicesRequest, report: OnReport) -> Choices:
    """Of those parameters that have any; a query that fails gives none. Worker side."""
    try:
        template = parse_template(request.source)
    except TemplateProblem:
        return Choices()
    paths = {name: dataset.paths for name, dataset in request.datasets.items()}
    now = request.clock.astimezone(ZoneInfo(request.time_zone))
    today = now.date()
    values: dict[str, Any] = {parameter.name: _default(parameter, today) for parameter in template.parameters}
    defaults = {p.name: as_json(values[p.name], p.type) for p in template.parameters if values[p.name] is not None}
    given = {parameter.name: _given(parameter, request.given) for parameter in template.parameters}
    values |= {name: value for name, value in given.items() if value is not None}
    values = bound_values(values | {"today": today})
    with QuerySession(paths, request.limits, now=now) as session:
        found = {p.name: _choices(p, template, session, values) for p in template.parameters}
    return Choices(
        values={name: choices for name, choices in found.items() if choices},
        defaults=defaults,
        followed=sorted({p.name for p in template.parameters if _is_followed(p.name, template)}),
    )


def _choices(parameter: Parameter, template: Template, session: QuerySession, values: dict[str, Any]) -> list[Any]:
    for key, declared in (("options", parameter.options), ("each", parameter.each)):
        if isinstance(declared, tuple) and declared:
            return [as_json(value, parameter.type) for value in declared]
        query = template.option_queries.get(f"{key}.{parameter.name}")
        if query is None:
            continue
        try:
            rows = session.execute(query.sql, values).rows
        except InvalidInput:
            return []
        if len(rows) <= _MAX_CHOICES:
            return [as_json(row[0], parameter.type) for row in rows if row[0] is not None]
    return []


def _is_followed(name: str, template: Template) -> bool:
    """Whether what can be chosen elsewhere depends on it."""
    used = re.compile(rf"\$(?:{re.escape(name)}|{re.escape(name)}_from|{re.escape(name)}_to)\b")
    return any(used.search(query.sql) for query in template.option_queries.values())


def _given(parameter: Parameter, given: Mapping[str, Any]) -> Any:
    """What somebody has chosen so far; what does not fit is told where it is used."""
    try:
        return parameter.converted(given[parameter.name]) if given.get(parameter.name) else None
    except Wrong:
        return None


def _default(parameter: Parameter, today: Any) -> Any:
    try:
        return parameter.default_value(today)
    except Exception:  # noqa: BLE001,RUF100 – a default that does not fit is no reason to offer no choices
        return None

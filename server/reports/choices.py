"""The values each parameter of a template can take, so that people choose instead of typing."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from server.datasets.query import QuerySession
from server.errors import InvalidInput, TemplateProblem
from server.jobs.worker_process import OnReport
from server.reports.parameters import Parameter, as_json
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
    values = {parameter.name: _default(parameter, today) for parameter in template.parameters} | {"today": today}
    with QuerySession(paths, request.limits, now=now) as session:
        found = {p.name: _choices(p, template, session, values) for p in template.parameters}
    return Choices(
        values={name: choices for name, choices in found.items() if choices},
        defaults={p.name: as_json(values[p.name], p.type) for p in template.parameters if values[p.name] is not None},
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


def _default(parameter: Parameter, today: Any) -> Any:
    try:
        return parameter.default_value(today)
    except Exception:  # noqa: BLE001,RUF100 – a default that does not fit is no reason to offer no choices
        return None

"""What an order or a preview must know of its template before anything is made. Runs in worker processes.

This is the one place where a template is read for an order: its expressions, YAML and SQL are somebody's, and the
server itself evaluates none of them.
"""

from __future__ import annotations

from typing import Any

from server.datasets.dataset import mentioned
from server.errors import FieldError, InvalidInput
from server.jobs.worker_process import OnReport
from server.reports.checking import check_source, queries_of
from server.reports.formats import Formats
from server.reports.naming import batch_name
from server.reports.parameter_sets import repeated_sets, wrong_values
from server.reports.reading import near_hint
from server.reports.rendering import expand_batch, read_template, zone_of
from server.reports.summary import Check, CheckRequest
from server.reports.template import Template
from server.reports.work import ExpandRequest, Expansion, ExpansionRequest, OrderPlan, OrderRequest, PreviewPlan


def plan_order(request: OrderRequest, report: OnReport) -> OrderPlan:
    """Raises `TemplateProblem`, or `InvalidInput` naming each set and parameter that does not fit."""
    # It was right when it was saved, but its data may be gone since: better told now than by every report.
    check = CheckRequest(source=request.source, datasets=request.datasets, known=request.known)
    checked = check_source(check, report)
    checked.require_no_errors()
    template = read_template(request.source)
    _require_named(template, request.named)
    asked = request.parameters
    if isinstance(asked, list):
        known = {parameter.name for parameter in template.parameters}
        beside = {name for name in request.carried if name not in known}
        sets = [{name: value for name, value in given.items() if name not in beside} for given in asked]
        _require_fitting(template, sets, request.max_reports)
        if request.is_repeated and (same := repeated_sets(template.parameters, asked)):
            raise InvalidInput(errors=same)
    queries = [*queries_of(template), *([str(asked["query"])] if isinstance(asked, dict) else [])]
    today = request.clock.astimezone(zone_of(request.time_zone)).date()
    return OrderPlan(
        name=batch_name(template, asked, Formats(template.language or request.language, request.time_zone), today),
        formats=template.formats,
        images=template.images,
        datasets=mentioned(queries, request.datasets),
        columns=_columns(template, asked, checked),
    )


def plan_preview(request: ExpandRequest, report: OnReport) -> PreviewPlan:
    """Raises `TemplateProblem` or `InvalidInput`."""
    sets = expand_batch(request, report)
    return PreviewPlan(
        parameters=sets[0].parameters if sets else None, images=read_template(request.template_source).images
    )


def plan_expansion(request: ExpansionRequest, report: OnReport) -> Expansion:
    """Raises `TemplateProblem` or `InvalidInput`."""
    made = expand_batch(request.expand, report)
    is_carried = bool(request.expand.carried or request.expand.books)
    carried = [each.carried for each in made] if is_carried else []
    return Expansion(total=len(made), sets=[each.parameters for each in made[: request.shown]], carried=carried)


def _columns(template: Template, asked: Any, checked: Check) -> list[str] | None:
    own = checked.queries.get("each_row") if template.each_row else []
    if own is None or isinstance(asked, dict):
        return None
    given = [name for parameters in asked or [] for name in parameters]
    return list(dict.fromkeys([*(parameter.name for parameter in template.parameters), *own, *given]))


def _require_named(template: Template, named: dict[str, str]) -> None:
    known = [parameter.name for parameter in template.parameters]
    wrong = [
        FieldError(
            field=field,
            message="The template has no parameter “{name}”.{hint}",
            parameters={"name": name, "hint": near_hint(name, known)},
        )
        for field, name in named.items()
        if name not in known
    ]
    if wrong:
        raise InvalidInput(errors=wrong)


def _require_fitting(template: Template, sets: list[dict[str, Any]], max_reports: int) -> None:
    if len(sets) > max_reports:
        raise InvalidInput(
            "These are {count} reports; one batch holds at most {limit}. Ask for fewer at once.",
            code="too_many_reports",
            count=len(sets),
            limit=max_reports,
        )
    if not sets:
        raise InvalidInput(errors=[FieldError(field="parameters", message="Give at least one set of parameters.")])
    errors = [error for number, given in enumerate(sets) for error in wrong_values(template, number, given)]
    if errors:
        raise InvalidInput("Some parameters are wrong: {problem}", errors=errors, problem=errors[0].text)

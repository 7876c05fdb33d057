"""Which reports a batch consists of: parameter sets completed by `each`, `each_row` and defaults."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import product
from typing import Any

import msgspec

from server.datasets.query_session import QuerySession
from server.errors import InvalidInput
from server.reports.parameter_texts import value_text
from server.reports.parameter_values import Wrong
from server.reports.parameters import Parameter, as_json, bound_values, complete
from server.reports.reading import near_hint
from server.reports.template import Query, Template, query_problem
from server.reports.work import ExpandedReport

# Each report keeps its parameters, and lists of reports show them.
MAX_SET_BYTES = 8 * 1024
MAX_ORDER_BYTES = 16 * 1024 * 1024


def expand(
    template: Template,
    wanted: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None,
    session: QuerySession,
    *,
    today: date,
    max_reports: int,
    carried: Collection[str] = (),
) -> list[ExpandedReport]:
    """`carried` are columns to keep although they may be no parameters.

    Raises `InvalidInput` that names the wrong set and parameter, or says that there are too many.
    """
    found: list[ExpandedReport] = []
    left_bytes = MAX_ORDER_BYTES
    beside = set(carried) - {parameter.name for parameter in template.parameters}
    for index, row in enumerate(_sets(wanted, session)):
        given = {name: value for name, value in row.items() if name not in beside}
        _require_known(template, given, index)
        for values in _variants(template, given, session, today, beside):
            parameters = {name: value for name, value in values.items() if name not in beside}
            made = _json(template, _completed(template, parameters, today, f"parameters[{index}]"))
            kept = made | {name: values.get(name, row.get(name)) for name in beside}
            found.append(ExpandedReport(parameters=made, carried={name: _told(kept.get(name)) for name in carried}))
            left_bytes -= _require_small(msgspec.to_builtins(found[-1]), index)
            if left_bytes < 0:
                raise InvalidInput(
                    "The parameters of all these reports have more than {limit} bytes; ask for fewer at once.",
                    code="parameters_too_large",
                    limit=MAX_ORDER_BYTES,
                )
            if len(found) > max_reports:
                raise InvalidInput(
                    "These are more than {limit} reports; one batch holds at most that many. Ask for fewer at once.",
                    code="too_many_reports",
                    limit=max_reports,
                )
    return found


def _completed(template: Template, values: Mapping[str, Any], today: date, field: str) -> dict[str, Any]:
    """What a row of `each_row` lacks stays missing: its report alone fails, and says of what, not the whole batch."""
    try:
        return complete(template.parameters, values, today, field=field)
    except InvalidInput as error:
        lacking = {name for name, value in values.items() if value is None} if template.each_row else set()
        wrong = {each.field.rpartition(".")[2] for each in error.errors}
        if not wrong or not wrong <= lacking:
            raise
    right = tuple(parameter for parameter in template.parameters if parameter.name not in wrong)
    found = complete(right, {name: value for name, value in values.items() if name not in wrong}, today, field=field)
    return {parameter.name: found.get(parameter.name) for parameter in template.parameters}


def _require_small(values: Mapping[str, Any], index: int) -> int:
    size = len(msgspec.json.encode(values))
    if size > MAX_SET_BYTES:
        raise InvalidInput(
            "The parameters of report {number} have {size} bytes, at most {limit} are possible: parameters choose "
            "data, they do not carry it.",
            code="parameters_too_large",
            number=index + 1,
            size=size,
            limit=MAX_SET_BYTES,
        )
    return size


def _sets(wanted: Any, session: QuerySession) -> list[dict[str, Any]]:
    if isinstance(wanted, Mapping):
        result = session.execute(str(wanted.get("query", "")))
        return [dict(zip(result.names, row, strict=True)) for row in result.rows]
    return [dict(one) for one in wanted] if wanted else [{}]


def _require_known(template: Template, given: Mapping[str, Any], index: int) -> None:
    names = [parameter.name for parameter in template.parameters]
    for name in given:
        if name not in names:
            raise InvalidInput(
                "The template has no parameter “{name}”.{hint}",
                code="unknown_parameter",
                name=name,
                hint=near_hint(name, names),
            )


def _told(value: Any) -> str:
    return "" if value is None else value_text(as_json(value)).strip()


def _variants(
    template: Template, given: Mapping[str, Any], session: QuerySession, today: date, beside: Collection[str]
) -> Iterator[dict[str, Any]]:
    """One parameter set for each combination of what `each` gives and the caller did not, with columns `beside` it."""
    lists = {parameter.name for parameter in template.parameters if parameter.type == "list"}
    present = {name: value for name, value in given.items() if value not in (None, "", []) or name in lists}
    bound = _bound(template, present, today)
    if template.each_row:
        yield from _rows(template.each_row, template, present, session, bound, beside)
        return
    open_ones = [p for p in template.parameters if p.each is not None and p.name not in present]
    choices = [_each_values(parameter, template, session, bound) for parameter in open_ones]
    for combination in product(*choices):
        yield {**present, **{p.name: value for p, value in zip(open_ones, combination, strict=True)}}


def _rows(
    query: Query,
    template: Template,
    present: dict[str, Any],
    session: QuerySession,
    bound: dict[str, Any],
    beside: Collection[str],
) -> Iterator[dict[str, Any]]:
    declared = {parameter.name: parameter for parameter in template.parameters}
    result = _run(query, session, bound)
    for row in result.rows:
        values = {
            name: value for name, value in zip(result.names, row, strict=True) if name in declared or name in beside
        }
        # What the caller chose narrows the rows down.
        narrowed = [name for name in present if name in values and name in declared]
        if all(_is_same(declared[name], values[name], bound[name]) for name in narrowed):
            yield {**values, **present}


def _is_same(parameter: Parameter, value: Any, wanted: Any) -> bool:
    """Both as the parameter's own: `2026-10` is the month of 1 October, `yes` is true, `2.5` is 2.50."""
    try:
        return value is not None and bool(parameter.converted(value) == wanted)
    except Wrong:  # told where its set is completed
        return False


def _each_values(parameter: Parameter, template: Template, session: QuerySession, bound: dict[str, Any]) -> list[Any]:
    """Each once, as in “one report per value”: a query without `distinct` makes nothing twice."""
    if isinstance(parameter.each, tuple):
        values = list(parameter.each)
    else:
        query = template.option_queries[f"each.{parameter.name}"]
        values = [row[0] for row in _run(query, session, bound).rows if row[0] is not None]
    return list({repr(value): value for value in values}.values())  # lists are no keys, and are refused later


def _run(query: Query, session: QuerySession, bound: dict[str, Any]) -> Any:
    try:
        return session.execute(query.sql, bound)
    except InvalidInput as error:
        line, column, reason = query_problem(query, error)
        raise InvalidInput(
            "The query “{name}”, line {line}, column {column}, failed: {reason}",
            code=error.specific_code,
            name=query.name,
            line=line,
            column=column,
            reason=reason,
        ) from None


def _bound(template: Template, present: Mapping[str, Any], today: date) -> dict[str, Any]:
    """What `each` queries may ask for: parameters that are given or have a default."""
    bound: dict[str, Any] = {"today": today}
    for parameter in template.parameters:
        try:
            value = present.get(parameter.name)
            bound[parameter.name] = (
                parameter.default_value(today) if value is None else parameter.value_on(value, today)
            )
        except Wrong:
            bound[parameter.name] = None  # told with its name when the set is completed
    return bound_values(bound)


def _json(template: Template, values: dict[str, Any]) -> dict[str, Any]:
    types = {parameter.name: parameter.type for parameter in template.parameters}
    return {name: as_json(value, types[name]) for name, value in values.items()}

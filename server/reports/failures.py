"""What goes wrong while a report is made, told with its place in the template and the report's parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from jinja2 import TemplateError, UndefinedError
from jinja2.exceptions import SecurityError

from server.errors import InvalidInput, JinduError
from server.reports.template_issues import SourceLines
from server.texts import Phrase, phrase

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # where Python keeps something, which is nobody's business


class InTemplate(Protocol):
    """Whatever knows where in the template it stands."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


class Failures:
    """Of one report."""

    def __init__(self, template_name: str, parameters: Mapping[str, str], places: SourceLines) -> None:
        """`parameters` as somebody would write them."""
        self._template = template_name
        self._parameters = parameters
        self._places = places

    def inside(self, where: str | Phrase, place: InTemplate) -> Failing:
        """Turns whatever Jinja or arithmetic raises inside into an error that says where."""
        return Failing(self, where, place)

    def failed(
        self, where: str | Phrase, line: int, column: int, reason: str | Phrase, *, code: str = "report_failed"
    ) -> InvalidInput:
        place, own_line = self._places.of(line)
        if place is not None:
            where = phrase(
                "{where} of “{template}”, its line {line}", where=where, template=place.template, line=own_line
            )
            line, column = place.line, place.column
        given = ", ".join(f"{name} = {value}" for name, value in self._parameters.items())
        return InvalidInput(
            "{template}, {where}, line {line}, column {column}: {reason} (Parameters: {parameters})",
            code=code,
            template=self._template,
            where=where,
            line=line,
            column=column,
            reason=reason,
            parameters=given or "–",
        )


class Failing:
    """A context; no generator, since one is entered for each expression of each row."""

    __slots__ = ("_failures", "_place", "_where")

    def __init__(self, failures: Failures, where: str | Phrase, place: InTemplate) -> None:
        self._failures = failures
        self._where = where
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        reason = _reason(error)
        if reason is None:
            return
        raise self._failures.failed(self._where, self._place.line, self._place.column, reason) from error


def _reason(error: BaseException) -> str | Phrase | None:
    """What went wrong for a template's author; None when the error says so itself."""
    match error:
        case JinduError() if error.specific_code == "report_failed" and "where" in error.parameters:
            return None
        case InvalidInput() if "query" in error.parameters and "name" in error.parameters:
            return phrase(error.message, **error.parameters)
        case InvalidInput() if error.specific_code == "no_list":
            return phrase(error.message, **error.parameters)
        case JinduError():
            return None
        case ZeroDivisionError():
            return phrase("Division by zero; guard it, for example “a / b if b else 0”.")
        case TypeError():
            return phrase(
                "A value is missing or of the wrong type ({error}); guard it with “| default(0, true)” or "
                "coalesce(…, 0) in the query.",
                error=str(error),
            )
        case UndefinedError():
            return _ADDRESS.sub("", f"{error}.")
        case SecurityError() | OverflowError():
            return phrase("This is not allowed in templates: {error}.", error=str(error))
        case (
            TemplateError()
            | ValueError()
            | ArithmeticError()
            | LookupError()
            | AssertionError()
            | AttributeError()
            | RuntimeError()
            | SyntaxError()
        ):
            return _ADDRESS.sub("", f"{error or type(error).__name__}.")
    return None

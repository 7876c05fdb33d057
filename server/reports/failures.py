"""What goes wrong while a report is made, told with its place in the template and the report's parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol

from jinja2 import TemplateError
from jinja2.exceptions import SecurityError

from server.errors import InvalidInput, JinduError
from server.reports.template_issues import SourceLines
from server.reports.value_problems import missing_problem, refusal, value_problem
from server.texts import Phrase, phrase

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # where Python keeps something, which is nobody's business


_MODULE = re.compile(r"\b(?:server|jinja2)\.[\w.]*\.(?=\w)")
_OF_TEMPLATES = (
    TemplateError, ValueError, ArithmeticError, LookupError, AssertionError, AttributeError, RuntimeError, SyntaxError,
)  # fmt: skip
_WITHOUT_PLACE = frozenset({"no_list", "format_wrong"})


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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        reason = _reason(error)
        if reason is None:
            return
        line, column = _place_of(self._place, trace)
        raise self._failures.failed(self._where, line, column, reason) from error


def _place_of(place: InTemplate, trace: TracebackType | None) -> tuple[int, int]:
    """The line of a longer text in which it went wrong, as Jinja's trace has it."""
    first, within = getattr(place, "first_line", 0), 0
    while trace is not None:
        if "__jinja_exception__" in trace.tb_frame.f_globals:
            within = trace.tb_lineno
        trace = trace.tb_next
    line = first + within - 1 if first and within else place.line
    return line, place.column if line == place.line else 1


def _reason(error: BaseException) -> str | Phrase | None:
    """What went wrong for a template's author; None when the error says so itself."""
    if isinstance(error, JinduError):
        return _told_without_place(error)
    said = str(error)
    match error:
        case ZeroDivisionError():
            return phrase("Division by zero; guard it, for example “a / b if b else 0”.")
        case TypeError():
            return value_problem(said) or phrase(
                "A value is missing or of the wrong type ({error}); guard it with “| default(0, true)” or "
                "coalesce(…, 0) in the query.",
                error=said,
            )
        case SecurityError() | OverflowError():
            return phrase("This is not allowed in templates: {error}.", error=refusal(said) or said.rstrip("."))
        case _ if isinstance(error, _OF_TEMPLATES):
            return missing_problem(said) or _said(error)
    return None


def _told_without_place(error: JinduError) -> Phrase | None:
    if error.specific_code == "report_failed" and "where" in error.parameters:
        return None
    of_column = "query" in error.parameters and "name" in error.parameters
    is_without = isinstance(error, InvalidInput) and (of_column or error.specific_code in _WITHOUT_PLACE)
    return phrase(error.message, **error.parameters) if is_without else None


def _said(error: BaseException) -> str:
    """In its own words, without those of Python's insides."""
    words = str(error).rstrip(".") or type(error).__name__
    return _MODULE.sub("", _ADDRESS.sub("", f"{words}."))

"""What the author of a template should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from server.errors import FieldError, TemplateProblem
from server.texts import phrase, told

Severity = Literal["error", "warning"]


class TemplateIssue(msgspec.Struct, frozen=True, kw_only=True):
    """Something about a template that its author should know; `line` and `column` count from 1."""

    line: int
    column: int
    message: str
    severity: Severity = "error"
    parameters: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """The message in English."""
        return told(self.message, self.parameters, str)


class IncludedPlace(msgspec.Struct, frozen=True, kw_only=True):
    """An included template, and where it is."""

    template: str
    line: int
    column: int


class SourceLines:
    """Lines of a template and of those it includes: each of these has numbers that no line of another has."""

    _APART = 1_000_000  # a template has fewer lines

    def __init__(self) -> None:
        self._included: list[IncludedPlace] = []

    def include(self, place: IncludedPlace) -> int:
        """What is added to its lines."""
        self._included.append(place)
        return len(self._included) * self._APART

    def of(self, line: int) -> tuple[IncludedPlace | None, int]:
        """The included template that a line is of, if any, and its number there."""
        number, own = divmod(line, self._APART)
        return (self._included[number - 1] if number else None), own

    def told(self, issue: TemplateIssue) -> TemplateIssue:
        """Where its author sees it: what is wrong in another template, at the line that includes it."""
        place, own = self.of(issue.line)
        if place is None:
            return issue
        return TemplateIssue(
            line=place.line,
            column=place.column,
            severity=issue.severity,
            message="In “{template}”, line {line}: {problem}",
            parameters={
                "template": place.template,
                "line": own,
                "problem": phrase(issue.message, **issue.parameters),
            },
        )


def problem(issues: Sequence[TemplateIssue]) -> TemplateProblem:
    """All of a template's errors as one that can be raised."""
    errors = [
        FieldError(field=f"{issue.line}:{issue.column}", message=issue.message, parameters=issue.parameters)
        for issue in issues
    ]
    first = issues[0]
    return TemplateProblem(
        "The template is wrong at line {line}, column {column}: {problem}",
        errors=errors,
        line=first.line,
        column=first.column,
        problem=phrase(first.message, **first.parameters),
    )

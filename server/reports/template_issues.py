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

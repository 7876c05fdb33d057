"""What a template says about itself, for lists and forms, and everything its author should know before storing it."""

from __future__ import annotations

from typing import Any

import msgspec

from server.datasets.schema import Column
from server.reports.template_issues import TemplateIssue, problem

_TITLE_CHARACTERS = 300
_DESCRIPTION_CHARACTERS = 2_000
_STORED_BYTES = 16 * 1024


class ParameterSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter. With `each`, a batch makes one report per value; `options` are its fixed values, if any."""

    name: str
    label: str
    type: str
    description: str = ""
    required: bool = True
    has_default: bool = False
    default_text: str = ""
    default_is_word: bool = False
    each: bool = False
    options: list[Any] = []


class TemplateSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`plain_title` is the title with labels in place of expressions; everything is empty for an unreadable source."""

    title: str = ""
    plain_title: str = ""
    description: str = ""
    formats: list[str] = []
    parameters: list[ParameterSummary] = []
    datasets: list[str] = []
    each_row: bool = False


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`datasets` are the columns of each dataset that the source names, `known` the names of all there are."""

    source: str
    datasets: dict[str, tuple[Column, ...]]
    known: tuple[str, ...] = ()


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """`queries` are the columns of each query, where they are known."""

    summary: TemplateSummary
    issues: list[TemplateIssue]
    queries: dict[str, list[str]] = {}

    @property
    def errors(self) -> list[TemplateIssue]:
        return [issue for issue in self.issues if issue.severity == "error"]

    def require_no_errors(self) -> None:
        """Raises `TemplateProblem` with the place of every error."""
        if self.errors:
            raise problem(self.errors)


def stored_summary(summary: TemplateSummary) -> str:
    """As it is kept beside the source, for lists; what is too long for a list stands on the template's own page."""
    listed = msgspec.structs.replace(
        summary,
        title=summary.title[:_TITLE_CHARACTERS],
        plain_title=summary.plain_title[:_TITLE_CHARACTERS],
        description=summary.description[:_DESCRIPTION_CHARACTERS],
    )
    no_options = [msgspec.structs.replace(parameter, options=[]) for parameter in summary.parameters]
    shorter_ones: tuple[dict[str, Any], ...] = ({}, {"parameters": no_options}, {"parameters": [], "datasets": []})
    for shorter in shorter_ones:
        kept = msgspec.json.encode(msgspec.structs.replace(listed, **shorter))
        if len(kept) <= _STORED_BYTES:
            break
    return kept.decode()


def labels_of(stored: str) -> dict[str, str]:
    """What parameters are called by people, by name, as far as a `stored_summary` tells."""
    summary = summary_in(stored)
    return {parameter.name: parameter.label for parameter in summary.parameters} if summary else {}


def summary_in(stored: str) -> TemplateSummary | None:
    """None where there is none, or one of another version of the program."""
    try:
        return msgspec.json.decode(stored, type=TemplateSummary)
    except msgspec.MsgspecError:
        return None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A template that comes with the program."""

    name: str
    source: str
    summary: TemplateSummary

    @property
    def title(self) -> str:
        return self.summary.plain_title or self.name

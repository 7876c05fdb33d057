"""An error's fields as a form shows them: each message beside the input it is about."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from server.errors import FieldError, JinduError
from views.context import formats_for


def errors_by_field(request: web.Request, error: JinduError | None, more: Iterable[FieldError] = ()) -> dict[str, str]:
    """The first message of each field, in the reader's language; what belongs to no field stands under ``""``."""
    gettext = formats_for(request).gettext
    messages: dict[str, str] = {}
    for problem in (*(error.errors if error else ()), *more):
        messages.setdefault(problem.field, problem.translated(gettext))
    if error is not None and not error.errors:
        messages[""] = error.translated(gettext)
    return messages


def error_texts(request: web.Request, error: JinduError | None) -> list[str]:
    """Every message, for where there are no inputs to put them beside."""
    if error is None:
        return []
    gettext = formats_for(request).gettext
    return [problem.translated(gettext) for problem in error.errors] or [error.translated(gettext)]

"""An error's fields as a form shows them: each message beside the input it is about."""

from __future__ import annotations

from aiohttp import web

from server.errors import JinduError
from views.context import formats_for


def messages_by_field(request: web.Request, error: JinduError | None) -> dict[str, str]:
    """The first message of each field, in the reader's language; what belongs to no field stands under ``""``."""
    if error is None:
        return {}
    gettext = formats_for(request).gettext
    messages: dict[str, str] = {}
    for problem in error.errors:
        messages.setdefault(problem.field, problem.translated(gettext))
    if not messages:
        messages[""] = error.translated(gettext)
    return messages

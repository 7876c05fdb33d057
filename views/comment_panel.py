"""What the comments below a report need, on its page and in their own refresh."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.http.guards import require_principal
from server.http.parts import operations_of
from server.operations.comments import MAX_TEXT
from server.reports.batches import BatchReport

_SHOWN = 50


async def comment_panel(
    request: web.Request, report: BatchReport, *, typed: str = "", problem: str = "", editing: str = ""
) -> dict[str, Any]:
    """What `reports/_comments.html` and the form below it need; `editing` is the comment that the form changes."""
    principal, before = require_principal(request), request.query.get("before") or None
    page = await operations_of(request).comments.list(principal, report.id, limit=_SHOWN, cursor=before)
    changed = editing or request.query.get("edit", "")
    chosen = next((each for each in page.items if each.may_edit and each.comment.id == changed), None)
    return {
        "report": report,
        "comments": page,
        "before": before,
        "edited": chosen.comment if chosen else None,
        "typed": typed or (chosen.comment.text if chosen else ""),
        "comment_problem": problem,
        "most_characters": MAX_TEXT,
    }

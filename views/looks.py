"""Pages of things as people look at them: whether they are marked, and that they were opened."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from server.http.guards import require_principal
from server.http.parts import operations_of


async def starred_of(request: web.Request, kind: str, ids: Iterable[str]) -> frozenset[str]:
    """Which of these things, that the page shows, its reader marked; for `_star.html`."""
    return await operations_of(request).favourites.among(require_principal(request), kind, list(ids))


def note_look(request: web.Request, kind: str, thing_id: str) -> None:
    """That a person opened a page: no program, no script of the page, no browser that fetches ahead."""
    principal, headers = require_principal(request), request.headers
    is_ahead = "prefetch" in f"{headers.get('Sec-Purpose', '')} {headers.get('Purpose', '')}"
    if principal.session_id and request.method == "GET" and "X-Fragment" not in headers and not is_ahead:
        operations_of(request).recently_seen.note(principal, kind, thing_id)

"""A page to try GraphQL by hand; there is none on a server that does not offer it."""

from __future__ import annotations

from aiohttp import web

from server.errors import NotFound
from server.http.guards import require_principal
from server.http.parts import parts_of
from views.context import render

_LIST = """\
query Jobs($first: Int! = 10) {
  jobs(first: $first) {
    total
    items { jobId title state percent }
  }
}"""
_FOLLOW = """\
subscription Jobs {
  jobs {
    ... on Joined { position recovered }
    ... on JobUpdate { position job { jobId title state percent } }
    ... on JobRemoved { jobId }
  }
}"""
_START = "mutation Start {\n  startDemonstration(seconds: 10, total: 100) { jobId state }\n}"
_SEE = "{\n  me { name role scopes }\n  datasets { items { name rowCount columns { name type } } }\n}"


async def graphql_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    if not parts_of(request).settings.graphql:
        raise NotFound
    examples = [("list", _LIST), ("see", _SEE), ("follow", _FOLLOW)]
    if principal.role != "viewer":
        examples.append(("start", _START))
    return await render(request, "docs/graphql.html", examples=examples)

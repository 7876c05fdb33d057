"""`/api/v1/search`: whatever the caller may see, found by words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec

from server.auth.permissions import Principal
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint
from server.operations.search import MOST_CHARACTERS, MOST_OF_KIND, Hit

HitKind = Literal["page", "dataset", "column", "template", "batch", "report", "job", "user", "doc"]


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`q` are words; the last letters of a word may be missing, and Chinese is found from one character on. Without
    any, the pages that you may open. `kind`: of this one alone. `limit` is how many of each kind.
    """

    q: Annotated[str, msgspec.Meta(max_length=MOST_CHARACTERS)] = ""
    kind: HitKind | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_OF_KIND)] = 5


class SearchPart(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a name; `is_hit`: it is what was looked for."""

    text: str
    is_hit: bool


class SearchHit(msgspec.Struct, frozen=True, kw_only=True):
    """`parts` make up `name`. `said` is where it belongs: of a column its dataset, of a report its batch, of a template
    its title. `owner` is named for what is not yours. `url` is its page. Pages and chapters of the documentation have
    no `id`.
    """

    kind: HitKind
    id: str | None
    name: str
    parts: list[SearchPart]
    said: str
    owner: str | None
    at: datetime | None
    url: str


class SearchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Kind by kind, that of the best first, and so within one: called exactly so, beginning so, with these words, the
    newest. Of the kinds in `has_more` there are more: type more words.
    """

    items: list[SearchHit]
    has_more: list[HitKind]


async def search(call: Call[None, SearchQuery]) -> SearchAnswer:
    asked = call.query
    found = await call.operations.search.find(call.principal, asked.q, kind=asked.kind, limit=asked.limit)
    items = [_item(call.principal, hit) for hit in found.hits]
    return SearchAnswer(items=items, has_more=msgspec.convert(found.has_more, list[HitKind]))


def _item(reader: Principal, hit: Hit) -> SearchHit:
    return SearchHit(
        kind=msgspec.convert(str(hit.kind), HitKind),
        id=hit.id or None,
        name=hit.name,
        parts=[SearchPart(text=part.text, is_hit=part.is_hit) for part in hit.parts],
        said=hit.said,
        owner=hit.owner if hit.owner and hit.owner_id != reader.user_id else None,
        at=hit.at,
        url=outside(hit.url) if hit.url else _page_of(reader, hit),
    )


def _page_of(reader: Principal, hit: Hit) -> str:
    match str(hit.kind):
        case "dataset":
            return outside(f"/datasets/{_key(reader, hit, hit.name)}")
        case "column":
            return outside(f"/datasets/{_key(reader, hit, hit.said)}/columns#{quote(hit.name)}")
        case "template":
            return outside(f"/templates/{_key(reader, hit, hit.name)}")
        case "batch":
            return outside(f"/batches/{hit.id}")
        case "report":
            return outside(f"/reports/{hit.id}")
        case "user":
            return outside(f"/admin/users/{hit.id}")
    return outside(f"/jobs/{hit.id}")


def _key(reader: Principal, hit: Hit, name: str) -> str:
    return quote(name if hit.owner_id == reader.user_id else f"{hit.owner}:{name}", safe=":")


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/search",
        name="search",
        handler=search,
        summary="Find what you may see by words: datasets, columns, templates, batches, reports, jobs, pages.",
        query=SearchQuery,
        answer=SearchAnswer,
    ),
]

"""An API endpoint as a value: its types decode the request, encode the answer and describe both in OpenAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import msgspec
from aiohttp import web

from server.auth.permissions import Principal
from server.errors import UnsupportedMedia
from server.http.decoding import decoded, query_reader
from server.http.guards import require_principal
from server.http.parts import WebParts, operations_of, parts_of
from server.http.storable import require_storable_address
from server.http.values import Cursor, DigitText, Id, Limit
from server.jobs.keys import require_key
from server.operations.offered import Operations

Body = TypeVar("Body")
Query = TypeVar("Query")
Access = Literal["public", "read", "write", "admin"]
IDEMPOTENCY_KEY = "Idempotency-Key"
_ENCODER = msgspec.json.Encoder()


class NoQuery(msgspec.Struct, frozen=True):
    """The endpoint takes no query parameters."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """`cursor` is `next_cursor` of the page before."""

    limit: Limit = 50
    cursor: Cursor | None = None
    q: str | None = None


class PageById(Page, frozen=True, kw_only=True):
    """`cursor` is `next_cursor` of the page before: an id."""

    cursor: Id | None = None


class PageByNumber(Page, frozen=True, kw_only=True):
    """`cursor` is `next_cursor` of the page before: a number."""

    cursor: DigitText | None = None


class ShortPage(PageByNumber, frozen=True, kw_only=True):
    """All of it comes, unless `limit` asks for less; `cursor` is `next_cursor` of the page before."""

    limit: Limit = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Body, Query]):
    """One request after everything was checked: who asks, what for. `path` holds the URL's placeholders."""

    request: web.Request
    principal: Principal
    body: Body
    query: Query

    @property
    def path(self) -> dict[str, str]:
        return dict(self.request.match_info)

    @property
    def operations(self) -> Operations:
        return operations_of(self.request)

    @property
    def parts(self) -> WebParts:
        return parts_of(self.request)


Handler = Callable[[Call[Any, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One that a handler reads, and what may stand in it. `required`: else the request is refused."""

    name: str
    said: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method on one path under `/api/v1`.

    `headers` and `answer_headers` are those that a handler itself reads and sets, and what each says.
    `handler` returns what `answer` says (a msgspec type), or a `web.StreamResponse` for files, of one of the
    `answer_type`s. `body=None` takes no body; `body=bytes` hands over the raw text and is described as `body_type`
    and `body_schema`; where it is not `body_required`, none is an empty object. `places` are the types of the
    placeholders in `path` that are no ids.
    """

    method: str
    path: str
    name: str
    handler: Handler
    summary: str
    access: Access = "read"
    body: Any = None
    body_type: str | tuple[str, ...] = "application/json"
    body_schema: Mapping[str, Any] = field(default_factory=dict)
    body_required: bool = True
    places: Mapping[str, Any] = field(default_factory=dict)
    query: type[msgspec.Struct] = NoQuery
    answer: Any = None
    answer_type: str | tuple[str, ...] = "application/json"
    status: int = 200
    other_statuses: tuple[int, ...] = ()  # with which it may succeed as well
    max_body_bytes: int = 1024 * 1024
    errors: tuple[int, ...] = ()
    headers: Sequence[Header] = ()
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    raw: bool = (
        False  # the handler takes the `web.Request` itself (tus, multipart, streams); still guarded and described
    )

    @property
    def takes_key(self) -> bool:
        """Whatever starts work, and what else says so."""
        starts_work = self.method == "POST" and self.status == 202
        return starts_work or any(header.name == IDEMPOTENCY_KEY for header in self.headers)


def add_endpoints(app: web.Application, endpoints: Sequence[Endpoint], *, prefix: str = "/api/v1") -> None:
    """Route `endpoints`. What can be had by GET answers HEAD, too."""
    methods: dict[str, set[str]] = {}
    for endpoint in endpoints:
        methods.setdefault(endpoint.path, set()).add(endpoint.method)
    for endpoint in endpoints:
        handle = _handle(endpoint)
        resource = app.router.add_resource(prefix + endpoint.path, name=endpoint.name)
        resource.add_route(endpoint.method, handle)
        if endpoint.method == "GET" and "HEAD" not in methods[endpoint.path]:
            resource.add_route("HEAD", handle)
    for path, known in methods.items():
        if "{" not in path:
            app.router.add_route("*", prefix + path, _refuse(known | ({"HEAD"} if "GET" in known else set())))


def _refuse(known: Collection[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """For a path without placeholders: else `/jobs/demonstration` would say what `/jobs/{id}` takes."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, known)

    return refuse


def _handle(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    read_query = query_reader(endpoint.query)

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = require_principal(request, endpoint.access)
        require_storable_address(request)
        if endpoint.takes_key and IDEMPOTENCY_KEY in request.headers:
            require_key(request.headers[IDEMPOTENCY_KEY])
        call = Call(
            request=request,
            principal=principal,
            body=None if endpoint.raw else await _body(request, endpoint),
            query=read_query(request.query),
        )
        answer = await endpoint.handler(call)
        if isinstance(answer, web.StreamResponse):
            return answer
        return encoded(answer, status=endpoint.status)

    return handle


def encoded(answer: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """`answer` as a JSON response; None is an empty one."""
    if answer is None:
        return web.Response(status=204 if status == 200 else status, headers=headers)
    return web.Response(body=_ENCODER.encode(answer), status=status, content_type="application/json", headers=headers)


async def _body(request: web.Request, endpoint: Endpoint) -> Any:
    if endpoint.body is None:
        return None
    raw = await parts_of(request).bodies.read(request, endpoint.max_body_bytes)
    if endpoint.body is bytes:
        return raw
    if not raw and not endpoint.body_required:
        return decoded(b"{}", endpoint.body)
    if request.content_type not in ("application/json", "application/merge-patch+json"):
        raise UnsupportedMedia("Send the body as application/json.")
    return decoded(raw or b"{}", endpoint.body)

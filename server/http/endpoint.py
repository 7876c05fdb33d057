"""An API endpoint as a value: its types decode the request, encode the answer and describe both in OpenAPI."""

from __future__ import annotations

import types
import typing
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import msgspec
from aiohttp import web

from server.auth.permissions import Principal
from server.errors import FieldError, InvalidInput, MalformedRequest, UnsupportedMedia
from server.http import keys
from server.http.guards import require_principal

Body = TypeVar("Body")
Query = TypeVar("Query")
Access = Literal["public", "read", "write", "admin"]
_ENCODER = msgspec.json.Encoder()


class NoQuery(msgspec.Struct, frozen=True):
    """The endpoint takes no query parameters."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Query of every list. `cursor` is `next_cursor` of the page before."""

    limit: typing.Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    cursor: str | None = None
    q: str | None = None


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


Handler = Callable[[Call[Any, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method on one path under `/api/v1`.

    `headers` and `answer_headers` are those that a handler itself reads and sets, and what each says.
    `handler` returns what `answer` says (a msgspec type), or a `web.StreamResponse` for files. `body=None` takes
    no body; `body=bytes` hands over the raw text and is described as `body_type`.
    """

    method: str
    path: str
    name: str
    handler: Handler
    summary: str
    access: Access = "read"
    body: Any = None
    body_type: str = "application/json"
    query: type[msgspec.Struct] = NoQuery
    answer: Any = None
    answer_type: str = "application/json"
    status: int = 200
    max_body_bytes: int = 1024 * 1024
    errors: tuple[int, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    raw: bool = (
        False  # the handler takes the `web.Request` itself (tus, multipart, streams); still guarded and described
    )


def add_endpoints(app: web.Application, endpoints: Sequence[Endpoint], *, prefix: str = "/api/v1") -> None:
    """Route `endpoints`; their list also stands under `keys.ENDPOINTS`, from which the OpenAPI document is made.

    What can be had by GET answers HEAD, too.
    """
    app[keys.ENDPOINTS].extend(endpoints)
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
    async def handle(request: web.Request) -> web.StreamResponse:
        principal = require_principal(request, endpoint.access)
        call = Call(
            request=request,
            principal=principal,
            body=None if endpoint.raw else await _body(request, endpoint),
            query=_query(request, endpoint.query),
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
    raw = await read_limited(request, endpoint.max_body_bytes)
    if endpoint.body is bytes:
        return raw
    if request.content_type not in ("application/json", "application/merge-patch+json"):
        raise UnsupportedMedia("Send the body as application/json.")
    return decoded(raw or b"{}", endpoint.body)


async def read_limited(request: web.Request, limit_bytes: int) -> bytes:
    """The whole body; raises `TooLarge` past the limit, however it is transferred."""
    from server.errors import TooLarge

    parts = bytearray()
    async for chunk in request.content.iter_any():
        parts += chunk
        if len(parts) > limit_bytes:
            raise TooLarge("The request body is larger than {limit} bytes.", limit=limit_bytes)
    return bytes(parts)


def decoded(raw: bytes, target: Any) -> Any:
    """`raw` JSON as `target`; raises `MalformedRequest` (400) or `InvalidInput` (422) naming the field."""
    try:
        return msgspec.json.decode(raw, type=target)
    except msgspec.ValidationError as error:
        raise InvalidInput(errors=[field_error(error)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest("The body is not valid JSON: {reason}.", reason=str(error)) from error


def _query(request: web.Request, target: type[msgspec.Struct]) -> Any:
    fields = {info.encode_name: info for info in msgspec.structs.fields(target)}
    values: dict[str, Any] = {}
    for name, info in fields.items():
        given = request.query.getall(name, [])
        if given:
            values[name] = given if _takes_several(info.type) else given[-1]
    try:
        return msgspec.convert(values, target, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(errors=[field_error(error)]) from error


def _takes_several(annotation: Any) -> bool:
    origins = {typing.get_origin(annotation)}
    if origins & {types.UnionType, typing.Union}:
        origins = {typing.get_origin(part) for part in typing.get_args(annotation)}
    return bool(origins & {list, tuple, frozenset, set})


def field_error(error: msgspec.ValidationError) -> FieldError:
    """msgspec's "Expected `int`, got `str` - at `$.a[0].b`" as a field path and a sentence."""
    message, _, place = str(error).partition(" - at `")
    return FieldError(field=place.rstrip("`").removeprefix("$").removeprefix("."), message=message)

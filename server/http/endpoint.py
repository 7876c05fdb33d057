"""An API endpoint as a value: its types decode the request, encode the answer and describe both in OpenAPI."""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import msgspec
from aiohttp import web
from multidict import MultiMapping

from server.auth.permissions import Principal
from server.errors import FieldError, InvalidInput, MalformedRequest, UnsupportedMedia
from server.http.field_errors import field_error
from server.http.guards import require_principal
from server.http.parts import WebParts, operations_of, parts_of
from server.http.values import NUL_REFUSED, Cursor, DigitText, Id, Limit
from server.jobs.keys import require_key
from server.operations.offered import Operations

Body = TypeVar("Body")
Query = TypeVar("Query")
Access = Literal["public", "read", "write", "admin"]
IDEMPOTENCY_KEY = "Idempotency-Key"
_ENCODER = msgspec.json.Encoder()
_MOST_LEVELS = 100
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LARGEST_EXACT = 2**53  # a whole number that came as a float beyond it may have been another


class NoQuery(msgspec.Struct, frozen=True):
    """The endpoint takes no query parameters."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Query of every list. `cursor` is `next_cursor` of the page before."""

    limit: Limit = 50
    cursor: Cursor | None = None
    q: str | None = None


class PageById(Page, frozen=True, kw_only=True):
    """Of a list in the order of ids."""

    cursor: Id | None = None


class PageByNumber(Page, frozen=True, kw_only=True):
    """Of a list in the order of numbers."""

    cursor: DigitText | None = None


class ShortPage(PageByNumber, frozen=True, kw_only=True):
    """Of a list that is seldom long: all of it, unless somebody asks for less."""

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
    and `body_schema`. `places` are the types of the placeholders in `path` that are no ids.
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
    read_query = _query_reader(endpoint.query)

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = require_principal(request, endpoint.access)
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
    if request.content_type not in ("application/json", "application/merge-patch+json"):
        raise UnsupportedMedia("Send the body as application/json.")
    return decoded(raw or b"{}", endpoint.body)


def decoded(raw: bytes, target: Any) -> Any:
    """`raw` JSON as `target`; raises `MalformedRequest` (400) or `InvalidInput` (422) naming the field."""
    _require_shallow(raw)
    try:
        value = _decoded(raw, target)
    except msgspec.ValidationError as error:
        raise InvalidInput(errors=[field_error(error)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest("The body is not valid JSON: {reason}.", reason=str(error)) from error
    if b"\\u0000" in raw:  # nothing else becomes a NUL, and not every database stores one
        _require_no_nul(msgspec.json.decode(raw))
    return value


def _require_no_nul(value: Any, place: str = "") -> None:
    if isinstance(value, str) and "\0" in value:
        raise InvalidInput(errors=[FieldError(field=place, message=NUL_REFUSED)])
    if isinstance(value, list):
        for number, each in enumerate(value):
            _require_no_nul(each, f"{place}[{number}]")
    if isinstance(value, dict):
        for key, each in value.items():
            _require_no_nul(key, place)
            _require_no_nul(each, f"{place}.{key}".removeprefix("."))


def _require_shallow(raw: bytes) -> None:
    """What is nested deeper than anybody means cannot be handed to workers, stored or searched for mistakes."""
    brackets = _STRINGS.sub(b"", raw).translate(None, delete=_NO_BRACKETS)
    for _level in range(_MOST_LEVELS):
        inner = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(inner) == len(brackets):
            if len(brackets) <= _MOST_LEVELS:
                return  # a few that never close are told by the decoder
            break
        brackets = inner
    if brackets:
        raise MalformedRequest("The body is nested deeper than {limit} levels.", limit=_MOST_LEVELS)


def _decoded(raw: bytes, target: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=target)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise
    # JSON has one kind of number, as some languages do: from them, 1.0 comes where 1 is meant.
    return msgspec.convert(_with_whole_numbers(msgspec.json.decode(raw)), target)


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_EXACT:
        return int(value)
    if isinstance(value, list):
        return [_with_whole_numbers(each) for each in value]
    if isinstance(value, dict):
        return {key: _with_whole_numbers(each) for key, each in value.items()}
    return value


@functools.cache
def _query_reader(target: type[msgspec.Struct]) -> Callable[[MultiMapping[str]], Any]:
    """Reads the parameters of an address as `target`; one that is not there, or twice, is wrong, as is `null`.

    What takes no parameters at all does not look.
    """
    fields = {info.encode_name: info for info in msgspec.structs.fields(target)}
    types_of = {name: _without_none(info.type) for name, info in fields.items()}

    def read(given: MultiMapping[str]) -> Any:
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        for name in dict.fromkeys(given) if types_of else ():
            kind, texts = types_of.get(name), given.getall(name)
            if kind is None:
                errors.append(FieldError(field=name, message="There is no parameter of this name here."))
            elif len(texts) > 1 and not _takes_several(kind):
                errors.append(FieldError(field=name, message="This can be given once only."))
            else:
                try:
                    values[fields[name].name] = _parameter(texts, kind)
                except msgspec.ValidationError as error:
                    errors.append(FieldError(field=name, message=str(error)))
        if errors:
            raise InvalidInput(errors=errors)
        return target(**values)

    return read


def _parameter(given: list[str], kind: Any) -> Any:
    if _takes_several(kind):
        return msgspec.convert(given, kind)
    return msgspec.convert(given[0], kind, strict=not _is_number(kind))


def _without_none(annotation: Any) -> Any:
    """An address says nothing by leaving a parameter out; to msgspec, the text "null" would be None, too."""
    parts = [part for part in typing.get_args(annotation) if part is not types.NoneType]
    is_union = typing.get_origin(annotation) in (types.UnionType, typing.Union)
    return typing.Union[tuple(parts)] if is_union else annotation  # noqa: UP007 – of a tuple


def _is_number(kind: Any) -> bool:
    """Whether texts have to be read as what JSON has no quotes around."""
    plain = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
    return plain in (bool, int, float)


def _takes_several(kind: Any) -> bool:
    return typing.get_origin(kind) in (list, tuple)

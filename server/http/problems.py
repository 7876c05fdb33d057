"""Errors to answers, in one place: problem+json (RFC 9457) for programs, the same as a page for people."""

from __future__ import annotations

import asyncio
import http
import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from sqlalchemy.exc import IntegrityError

from server.errors import (
    ChangedMeanwhile,
    InvalidInput,
    JinduError,
    MalformedRequest,
    NotFound,
    NotSignedIn,
    RateLimited,
    SecondFactorMissing,
    TooLarge,
    Unavailable,
    WorkerDied,
)
from server.http.guards import current_principal
from server.http.parts import parts_of
from server.http.sessions import wanted_language

REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
_LOG = logging.getLogger("jindu.http")
_CLIENT_CLOSED = 499  # as nginx calls it in its log; never sent
PROBLEM_TYPE = "application/problem+json"
# Errors that aiohttp raises itself, in our words.
_MESSAGES = {
    404: NotFound.__doc__,
    405: "This address does not take that method.",
    411: "The request must say how long its body is.",
    413: TooLarge.__doc__,
    416: "The file does not have that range.",
    417: "The server does not meet that expectation.",
}


class FieldProblem(msgspec.Struct, frozen=True):
    """One wrong value: `columns[2].type`, and what to do about it."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong. `code` is stable; `detail` is for people, in their language."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] = []
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """A status, a stable code and texts, before anything is translated."""

    status: int
    code: str
    error: JinduError
    headers: dict[str, str]


ErrorPage = Callable[[web.Request, Problem], Awaitable[web.Response]]


def problem_middleware(error_page: ErrorPage) -> Middleware:
    """Turns whatever is raised into an answer."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise  # a redirect is an answer, not an error
            failure = _of_http(error)
        except JinduError as error:
            failure = _of_jindu(error)
        except web.RequestPayloadError:  # chunks or a compression that are none
            failure = _of_jindu(MalformedRequest("The body is not encoded as its headers say."))
        except asyncio.CancelledError:
            raise
        except ConnectionError:
            if request.transport is not None:
                raise
            return web.Response(status=_CLIENT_CLOSED)  # nobody is left to answer, which is no error of ours
        except Exception as error:
            failure = _of_unexpected(request, error)
        return await _answer(request, failure, error_page)

    return answer


def wants_page(request: web.Request) -> bool:
    """Whether a person is looking: outside the API, and the browser asks for HTML."""
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


_PHRASES = {status.value: status.phrase for status in http.HTTPStatus} | {460: "Checksum Mismatch"}  # 460 is tus's own


def problem_of(request: web.Request, failure: _Failure) -> Problem:
    principal = current_principal(request)
    language = principal.language if principal else wanted_language(request)
    translate = parts_of(request).languages.of(language).gettext
    return Problem(
        title=_PHRASES.get(failure.status, ""),
        status=failure.status,
        detail=failure.error.translated(translate),
        code=failure.code,
        errors=[FieldProblem(error.field, error.translated(translate)) for error in failure.error.errors],
        request_id=request[REQUEST_ID],
    )


async def _answer(request: web.Request, failure: _Failure, error_page: ErrorPage) -> web.StreamResponse:
    if request.get(PREPARED):
        # Part of another answer is out; only a broken connection says that it is not whole.
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the answer failed in the middle")
    # Whoever is signed in would come back from there at once, and be sent there again.
    if wants_page(request) and isinstance(failure.error, NotSignedIn) and current_principal(request) is None:
        target = request.path_qs if request.method in ("GET", "HEAD") else "/"
        return web.Response(status=303, headers={"Location": f"/login?next={quote(target, safe='/')}"})
    if wants_page(request) and isinstance(failure.error, SecondFactorMissing):
        return web.Response(status=303, headers={"Location": "/account/sign-in"})
    problem = problem_of(request, failure)
    response = await _problem_page(request, problem, error_page) if wants_page(request) else None
    if response is None:
        body = msgspec.json.encode(problem)
        response = web.Response(status=failure.status, body=body, content_type=PROBLEM_TYPE)
    response.headers.update(failure.headers)
    return response


async def _problem_page(request: web.Request, problem: Problem, error_page: ErrorPage) -> web.Response | None:
    """None when even this page would have to wait for too many others."""
    try:
        response = await error_page(request, problem)
    except (RateLimited, Unavailable):
        return None
    response.set_status(problem.status)
    return response


PREPARED: web.RequestKey[bool] = web.RequestKey("prepared", bool)


async def mark_prepared(request: web.Request, _response: web.StreamResponse) -> None:
    """On every response's way out: from now on no other answer can be given."""
    request[PREPARED] = True


def _of_jindu(error: JinduError) -> _Failure:
    headers: dict[str, str] = {}
    if isinstance(error, RateLimited | Unavailable):
        headers["Retry-After"] = str(math.ceil(error.retry_after_seconds))
    elif isinstance(error, WorkerDied):
        headers["Retry-After"] = "1"
    elif isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="Jindu"'
    if error.status >= 500 and error.status not in (503, 507):
        _LOG.error("%s", error.text, extra={"action": "request"}, exc_info=error)
    return _Failure(status=error.status, code=error.specific_code, error=error, headers=headers)


def _of_http(error: web.HTTPException) -> _Failure:
    """aiohttp's own: no such route, a method that isn't there, a body that is too large."""
    message = _MESSAGES.get(error.status) or "The request cannot be answered."
    code = _code_of(error.reason) if error.status != 413 else TooLarge.code
    kept = {name: value for name, value in error.headers.items() if name in ("Allow", "Retry-After", "Content-Range")}
    return _Failure(status=error.status, code=code, error=InvalidInput(message), headers=kept)


def _code_of(reason: str) -> str:
    return reason.lower().replace(" ", "_").replace("-", "_")


def http_errors() -> Iterator[tuple[int, str, str]]:
    """Status, code and text of those that no class of ours stands for."""
    for status, message in _MESSAGES.items():
        if message not in (NotFound.__doc__, TooLarge.__doc__):
            yield status, _code_of(_PHRASES[status]), message or ""


def _of_unexpected(request: web.Request, error: Exception) -> _Failure:
    where = {"action": "request", "id": request[REQUEST_ID]}
    if isinstance(error, IntegrityError):  # what the database refuses for two at once
        _LOG.warning("%s met another change: %s", _asked(request), error.orig, extra=where)
        return _of_jindu(ChangedMeanwhile())
    _LOG.error("%s failed", _asked(request), extra=where, exc_info=error)
    return _Failure(status=500, code="internal_error", error=_unexpected(), headers={})


def _asked(request: web.Request) -> str:
    """Without what stands in an address that is a secret."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource and request.path.startswith(("/s/", "/unsubscribe/")) else request.path
    return f"{request.method} {path}"


def _unexpected() -> JinduError:
    return JinduError("Something went wrong on the server. It was logged; try again.")

"""An error as a page: the same words and code that a program gets."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from yarl import URL

from server.http.based_requests import base_path_of
from server.http.problems import Problem
from views.context import formats_for, render
from views.help_links import topic_of_refusal

_ONLY_READ = frozenset({"GET", "HEAD"})
_TITLES = {
    400: "This request makes no sense",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Not possible now",
    410: "Gone",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Not accepted here",
    422: "Something has to be corrected",
    423: "In use",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Not ready",
    507: "There is no room left",
}

MENDED_AT = {"no_confirmed_address": "/account#told"}
"""By the code of an error: the part of “Your account” in which it is mended."""


async def error_page(request: web.Request, problem: Problem) -> web.Response:
    """What `problem_middleware` shows to people."""
    title = _TITLES.get(problem.status, problem.title)
    return await render(
        request,
        "shared/problem.html" if request.path.startswith(("/s/", "/unsubscribe/")) else "error.html",
        problem.status,
        title=formats_for(request).gettext(title),
        message=problem.detail,
        errors=problem.errors,
        topic=topic_of_refusal(problem.status),
        request_id=problem.request_id if problem.status >= 500 else "",
        form=_form_of(request),
        again=_again(request, problem.status),
        mended_at=MENDED_AT.get(problem.code, ""),
    )


def _again(request: web.Request, status: int) -> str:
    """Where to try again: without what was asked of a list, if that is what cannot be answered."""
    return request.rel_url.raw_path if status == HTTPStatus.UNPROCESSABLE_ENTITY else request.path_qs


def _form_of(request: web.Request) -> str:
    """The page whose form was sent: there what was typed still stands. Empty where a page was only asked for."""
    if request.method in _ONLY_READ:
        return ""
    said = URL(request.headers.get("Referer", ""))
    if said.host != request.url.host:
        return "/"
    return base_path_of(request).inside("/" + said.raw_path_qs.lstrip("/"))

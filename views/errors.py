"""An error as a page: the same words and code that a program gets."""

from __future__ import annotations

from aiohttp import web

from server.http.problems import Problem
from views.context import render


def error_page(request: web.Request, problem: Problem) -> web.Response:
    return render(
        request,
        "error.html",
        status=problem.status,
        title=problem.title,
        message=problem.detail,
        errors=problem.errors,
        request_id=problem.request_id,
    )

"""Requests below a base path: taken with it, and without it from a proxy that strips it; inside, nobody sees which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from yarl import URL

from server.base_path import BasePath

RequestFactory = Callable[..., web.BaseRequest]


def stripping(base: BasePath, make: RequestFactory) -> RequestFactory:
    """Makes requests whose address stands inside."""
    if not base.text:
        return make

    def make_inside(message: Any, *rest: Any) -> web.BaseRequest:
        url: URL = message.url
        if base.has(url.raw_path):
            path = base.inside(url.raw_path)
            inside = URL.build(path=path, query_string=url.raw_query_string, encoded=True)
            if url.absolute:
                inside = url.origin().join(inside)
            message = message._replace(path=base.inside(message.path) if base.has(message.path) else path, url=inside)
        return make(message, *rest)

    return make_inside

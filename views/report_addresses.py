"""Where the page of a report is, as it is told to people outside."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from server.http.based_requests import base_path_of
from server.http.parts import parts_of


def report_address(request: web.Request) -> Callable[[str], str]:
    """By its id: with the server's address where the settings say it, else its path."""
    public_url = parts_of(request).settings.public_url
    base = base_path_of(request).address(public_url) if public_url else base_path_of(request).text
    return lambda report_id: f"{base}/reports/{report_id}"

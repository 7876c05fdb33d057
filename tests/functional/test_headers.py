"""What browsers are told of every page: scripts and styles are files of ours, and nothing is written into pages."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.browsing import HTML
from tests.functional.doors import doors, prepared

# Policies that are not the pages': files to download, which nothing may be loaded by, and reports, which are shown in
# frames and have a policy of their own.
_FILES = re.compile(r"/(api|static|events|metrics)\b|/templates/[^/]+/preview|/uploads/|/s/[^/]+/reports/[^/]+/")
_NO_SCRIPT = {"application/json"}


class InlineCode(HTMLParser):
    """Collects what a policy without 'unsafe-inline' would refuse, so that a page would stand broken."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given and given.get("type") not in _NO_SCRIPT):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name == "style" or name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.found.append(f"<{tag} {name}={value!r}>")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, trusted_proxies=1)


async def test_every_page_has_a_strict_policy_and_nothing_that_it_would_refuse(
    server: Server, admin: aiohttp.ClientSession
) -> None:
    places = await prepared(admin)
    headers = HTML | {"X-Forwarded-Proto": "https"}
    seen = set()
    for door in doors(places):
        if door.method != "GET" or "application/json" in door.body.get("headers", {}):
            continue
        path = door.path.replace("/admin/system", "/admin/settings")
        async with admin.get(path, **{"allow_redirects": False, **door.body, "headers": headers}) as response:
            told = response.headers
            assert told["X-Content-Type-Options"] == "nosniff", door
            assert told["Referrer-Policy"] in ("same-origin", "no-referrer"), door
            assert told["Strict-Transport-Security"] == "max-age=31536000", door
            assert told["Cross-Origin-Opener-Policy"] == "same-origin", door
            assert told["Cross-Origin-Resource-Policy"] == "same-origin", door
            assert "camera=()" in told["Permissions-Policy"], door
            assert "unsafe-eval" not in told["Content-Security-Policy"], door
            if response.content_type != "text/html" or _FILES.match(door.path):
                continue
            policy = dict(part.split(" ", 1) for part in told["Content-Security-Policy"].split("; "))
            if response.status == 200 and not door.path.startswith("/reports/"):
                assert policy["default-src"] == "'none'", door
                assert policy["script-src"] == "'self'", door
                assert re.fullmatch(r"'self'( 'nonce-[\w-]+')?", policy["style-src"]), door
                assert policy["base-uri"] == "'none'", door
                assert policy["frame-ancestors"] == "'self'", door
                page = InlineCode()
                page.feed(await response.text())
                assert page.found == [], (door.path, page.found)
                seen.add(door.pattern)
    assert len(seen) > 20

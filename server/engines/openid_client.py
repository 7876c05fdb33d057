"""One request to the provider of OpenID Connect: without cookies and redirections, within a time and a size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from server.errors import OpenIdAway, OpenIdRefused

_MOST_BYTES = 256 * 1024
_TIMES = aiohttp.ClientTimeout(total=10, sock_connect=5)
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Jindu"}


async def answer(
    method: str, url: str, *, form: Mapping[str, str] | None = None, basic: tuple[str, str] | None = None
) -> dict[str, Any]:
    """Raises `OpenIdAway`, or `OpenIdRefused` where the provider says no."""
    known = {"Authorization": aiohttp.encode_basic_auth(*basic)} if basic else {}
    try:
        async with (
            aiohttp.ClientSession(
                timeout=_TIMES, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            ) as session,
            session.request(method, url, headers=_HEADERS | known, data=form, allow_redirects=False) as response,
        ):
            if method == "POST" and response.status in (400, 401):
                raise OpenIdRefused  # the code was used, is too old, or not for us
            if response.status != 200:
                raise OpenIdAway
            raw = await _body(response)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise OpenIdAway from error
    return _decoded(raw)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """No more than a byte too many of it."""
    raw = b""
    while len(raw) <= _MOST_BYTES and (more := await response.content.read(_MOST_BYTES + 1 - len(raw))):
        raw += more
    return raw


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw if len(raw) <= _MOST_BYTES else b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OpenIdAway from error
    if not isinstance(found, dict):
        raise OpenIdAway
    return found

"""Small JSON documents of the provider of OpenID Connect, over aiohttp: within a time and a size, and not elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from server.auth.openid import OpenIdAway, OpenIdRefused

_MOST_BYTES = 256 * 1024
_TIMES = aiohttp.ClientTimeout(total=10, sock_connect=5)
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Jindu"}


class OpenIdOverHttp:
    """No cookies and no redirections. The addresses are those that whoever runs the server has named."""

    async def get(self, url: str) -> dict[str, Any]:
        return await _answer("GET", url)

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None) -> dict[str, Any]:
        auth = aiohttp.BasicAuth(*basic, encoding="utf-8") if basic else None
        return await _answer("POST", url, data=dict(form), auth=auth)


async def _answer(method: str, url: str, **sent: Any) -> dict[str, Any]:
    try:
        async with (
            aiohttp.ClientSession(
                timeout=_TIMES, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            ) as session,
            session.request(method, url, headers=_HEADERS, allow_redirects=False, **sent) as response,
        ):
            if method == "POST" and response.status in (400, 401):
                raise OpenIdRefused  # the code was used, is too old, or not for us
            if response.status != 200:
                raise OpenIdAway
            raw = await response.content.read(_MOST_BYTES + 1)
            while len(raw) <= _MOST_BYTES and (more := await response.content.read(_MOST_BYTES + 1)):
                raw += more
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise OpenIdAway from error
    return _decoded(raw)


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw if len(raw) <= _MOST_BYTES else b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OpenIdAway from error
    if not isinstance(found, dict):
        raise OpenIdAway
    return found

"""Browsers without a screen: clients with cookies that send what browsers send."""

from __future__ import annotations

import aiohttp

from tests.conftest import PASSWORDS, Server

HTML = {"Accept": "text/html,application/xhtml+xml"}


def browser(server: Server, *, address: str = "127.0.0.1") -> aiohttp.ClientSession:
    """A client that keeps cookies, also those of an IP address, and says that its requests come from our pages."""
    jar = aiohttp.CookieJar(unsafe=True)
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    return aiohttp.ClientSession(server.url, cookie_jar=jar, connector=connector, headers={"Origin": server.url})


async def sign_in(client: aiohttp.ClientSession, name: str, password: str | None = None, *, target: str = "/") -> str:
    """By the form, as people do; the answer is where they are sent."""
    form = {"username": name, "password": password or PASSWORDS[name], "next": target}
    async with client.post("/login", data=form, headers=HTML, allow_redirects=False) as response:
        assert response.status == 303, await response.text()
        return response.headers["Location"]

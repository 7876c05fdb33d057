"""One's own account over the API: me, tokens, sessions; and what strangers may not see of it."""

from __future__ import annotations

import aiohttp

from tests.conftest import PASSWORDS, Server


async def test_a_token_tells_who_asks(alice: aiohttp.ClientSession) -> None:
    async with alice.get("/api/v1/me") as response:
        assert response.status == 200
        me = await response.json()
    assert (me["name"], me["role"], me["scopes"]) == ("alice", "editor", ["read", "write"])

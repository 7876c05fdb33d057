"""Links and second factors by who runs the server, beside a server that runs."""

from __future__ import annotations

import json

import aiohttp

from server.settings import Settings
from tests.conftest import PASSWORDS, Server
from tests.functional.browsing import browser, sign_in
from tests.functional.command_line import run
from tests.functional.test_account_links import CHOSEN, filled_in, path_of, sent
from tests.functional.test_second_factor import enrolled


async def test_who_cannot_get_in_gets_in(server: Server, settings: Settings, alice: aiohttp.ClientSession) -> None:
    where = {"JINDU_DATABASE_URL": settings.database_url} if settings.database_url else {}
    data = ("--data", str(settings.data))
    await enrolled(alice)
    async with browser(server) as client:
        assert (await sign_in(client, "alice")).startswith("/login/code")

        reset = await run("admin", "reset-two-factor", "Alice", *data, **where)
        assert (reset.status, reset.error) == (0, "")
        assert await sign_in(client, "alice") == "/"
        again = await run("admin", "reset-two-factor", "alice", *data, **where)
        assert again.status == 2
        assert "no second factor" in again.error

        made = await run("admin", "reset-link", "alice", "--json", *data, JINDU_PUBLIC_URL="https://x.example", **where)
        link = json.loads(made.out)["link"]
        assert link.startswith("https://x.example/reset-password?code=")
        assert await sent(client, path_of(link), filled_in(link)) == (303, "/login?done=password")
        await sign_in(client, "alice", CHOSEN)

        invited = await run("admin", "invite", "carol", "--role", "viewer", "--days", "1", *data, **where)
        link = invited.out.splitlines()[0]
        assert link.startswith("http://localhost:8000/invitation?code=")
        assert await sent(client, path_of(link), filled_in(link)) == (303, "/")

        nobody = await run("admin", "reset-link", "nobody", *data, **where)
        assert nobody.status == 2
        assert "Nobody has this name." in nobody.error
        assert PASSWORDS["alice"] not in made.out + invited.out

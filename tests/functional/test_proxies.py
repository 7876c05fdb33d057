"""Through each proxy of deploy/, as the program itself runs it, everything comes as it does without one."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import os
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from server.cli.proxy_check import check_proxy
from server.settings import Settings
from tests.conftest import PASSWORDS, serving
from tests.functional.command_line import token_of
from tests.functional.event_stream import EventStream
from tests.functional.live_client import LiveSocket
from tests.functional.proxies import PROXIES, Places, proxying

CONTENT = os.urandom(3_000_000)
TUS = {"Tus-Resumable": "1.0.0"}
MADE_UP = {
    "X-Forwarded-For": "6.6.6.6",
    "Forwarded": "for=6.6.6.6;host=evil.example",
    "X-Forwarded-Host": "evil.example",
}
Client = aiohttp.ClientSession


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, trusted_proxies=1, min_free_bytes=1)


@pytest.mark.parametrize("below", ["", "/jindu"], ids=["whole_host", "below_a_path"])
@pytest.mark.parametrize("name", PROXIES)
async def test_everything_comes_through_a_proxy(name: str, below: str, settings: Settings, tmp_path: Path) -> None:
    async with (
        serving(dataclasses.replace(settings, base_path=below)) as server,
        proxying(name, origin_of(server.url), tmp_path / name, below=below) as (places, authority),
    ):
        connector = aiohttp.TCPConnector(ssl=authority.trusting())
        async with Client(f"{places.url}{below}/", connector=connector) as client:
            await signs_in_over_tls(client)
            assert await codes(places.url + below, client, authority.trusting()) == set()
            await sockets_and_streams_are_live(client)
            await an_upload_goes_on(client)
            await what_clients_make_up_counts_for_nothing(client)
            await plain_http_is_sent_on(client, places)
            assert server.parts.auth.refused_origins.lately() == []


def origin_of(url: str) -> str:
    return str(URL(url).origin())


async def signs_in_over_tls(client: Client) -> None:
    """By the form, as our own page; then as a program."""
    form = {"username": "admin", "password": PASSWORDS["admin"]}
    headers = {"Origin": origin_of(str(client._base_url))}
    async with client.post("login", data=form, headers=headers, allow_redirects=False) as response:
        assert response.status == 303, await response.text()
        assert "Secure" in response.headers["Set-Cookie"]
        assert "max-age" in response.headers["Strict-Transport-Security"]
        assert response.headers["Location"] == URL(client._base_url or "").path
    client.cookie_jar.clear()
    wanted = {"username": "admin", "password": PASSWORDS["admin"], "name": "tests"}
    async with client.post("api/v1/tokens", json=wanted) as response:
        client.headers["Authorization"] = f"Bearer {(await response.json())['token']}"


async def codes(url: str, client: Client, tls: object) -> set[str]:
    return {finding.code for finding in await check_proxy(url, token_of(client), tls=tls)}  # type: ignore[arg-type]


async def sockets_and_streams_are_live(client: Client) -> None:
    origin = origin_of(str(client._base_url))
    forever = aiohttp.ClientTimeout(total=None)
    async with (
        client.ws_connect("ws/socket", origin=origin) as opened,
        client.get("events?client_id=stream", timeout=forever) as response,
    ):
        socket, stream = LiveSocket(opened), EventStream(response)
        await asyncio.gather(socket.next("connection"), stream.next("connection"))
        await socket.send(type="subscribe", events=["x"])
        async with client.post("events/stream", json={"type": "subscribe", "events": ["x"]}) as answer:
            assert answer.status == 202
        await asyncio.gather(socket.next("subscription"), stream.next("subscription"))
        for number in range(3):
            async with client.post("api/v1/events/x", json=number) as answer:
                assert (await answer.json())["receivers"] == 2
            both = await asyncio.gather(socket.next("event"), stream.next("event"))
            assert [event["data"] for event in both] == [number, number]


async def an_upload_goes_on(client: Client) -> None:
    """Half of it, then HEAD says where it is, then the rest at once."""
    wanted = TUS | {"Upload-Length": str(len(CONTENT)), "Upload-Metadata": "filename c2FsZXMuY3N2"}
    async with client.post("api/v1/uploads", headers=wanted) as response:
        assert response.status == 201
        place = response.headers["Location"]
        assert place.startswith(f"{URL(client._base_url or '').path}api/v1/uploads/")
    half = len(CONTENT) // 2
    for begin, end in ((0, half), (half, len(CONTENT))):
        async with client.head(place, headers=TUS) as response:
            assert int(response.headers["Upload-Offset"]) == begin
        headers = TUS | {"Upload-Offset": str(begin), "Content-Type": "application/offset+octet-stream"}
        async with client.patch(place, headers=headers, data=io.BytesIO(CONTENT[begin:end])) as response:
            assert response.status == 204, await response.text()
            assert int(response.headers["Upload-Offset"]) == end


async def what_clients_make_up_counts_for_nothing(client: Client) -> None:
    wanted = {"username": "admin", "password": PASSWORDS["admin"], "name": "made up"}
    async with client.post("api/v1/tokens", json=wanted, headers=MADE_UP) as response:
        assert response.status == 201
    async with client.get("api/v1/admin/audit") as response:
        assert (await response.json())["items"][0]["address"] == "127.0.0.1"
    foreign = {"Origin": "https://evil.example", **MADE_UP}
    async with Client(client._base_url, connector=client.connector, connector_owner=False) as stranger:
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        async with stranger.post("logout", headers=headers) as response:
            assert response.status == 403
        async with stranger.get("login", headers=foreign) as response:
            assert "evil.example" not in await response.text()


async def plain_http_is_sent_on(client: Client, places: Places) -> None:
    async with client.get(f"http://localhost:{places.http}/login?next=/", allow_redirects=False) as response:
        assert response.status == 308
        # Caddy leaves the port out: its `https_port` is for when somebody else takes 443 to it.
        assert response.headers["Location"].replace(f":{places.https}", "") == "https://localhost/login?next=/"

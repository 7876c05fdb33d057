"""What is posted is signed, goes to one place, and not into our own network unless that is meant."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from server.delivery.parcel import Channel, Hook, Parcel, ParcelState
from server.engines.web_hooks import SIGNATURE, WebHooks
from server.errors import NotDelivered
from server.settings import Settings

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def parcel() -> Parcel:
    return Parcel(
        id="01abc",
        channel=Channel.WEBHOOK,
        subject="x",
        content=Hook(payload={"text": "磁盘满了"}),
        created_at=NOON,
        state=ParcelState.WAITING,
        attempts=1,
        next_at=NOON,
        error=None,
        sent_at=None,
    )


class OtherSide:
    def __init__(self) -> None:
        self.status = 200
        self.location = ""
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        headers = {"Location": self.location} if self.location else {}
        return web.Response(status=self.status, headers=headers)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_route("*", "/hook", self.take)
        async with TestServer(app) as server:
            yield str(server.make_url("/hook"))


def hooks(url: str, **settings: Any) -> WebHooks:
    known: dict[str, Any] = {"alert_webhook_url": url, "outgoing_private": True, "alert_webhook_secret": "quiet"}
    return WebHooks(Settings(**(known | settings)), clock=lambda: NOON)


async def test_it_is_posted_as_json_with_a_signature_that_can_be_checked() -> None:
    side = OtherSide()
    async with side.listening() as url:
        await hooks(url).carry(parcel())
    (body,), (headers,) = side.bodies, side.headers
    assert msgspec.json.decode(body) == {"id": "01abc", "sent_at": "2026-11-27T12:00:00Z", "text": "磁盘满了"}
    seconds, _, digest = headers[SIGNATURE].removeprefix("t=").partition(",v1=")
    assert int(seconds) == NOON.timestamp()
    assert digest == hmac.new(b"quiet", f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()


async def test_a_redirection_is_not_followed() -> None:
    side, other = OtherSide(), OtherSide()
    async with side.listening() as url, other.listening() as elsewhere:
        side.status, side.location = 307, elsewhere
        with pytest.raises(NotDelivered, match="answered 307"):
            await hooks(url).carry(parcel())
    assert other.bodies == []


async def test_our_own_network_is_closed_unless_it_is_meant() -> None:
    side = OtherSide()
    async with side.listening() as url:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            with pytest.raises(NotDelivered, match="outgoing_private") as error:
                await hooks(address, outgoing_private=False).carry(parcel())
            assert "/hook" not in error.value.text
    assert side.bodies == []


async def test_what_goes_wrong_is_said_without_the_address() -> None:
    side = OtherSide()
    side.status = 503
    async with side.listening() as url:
        with pytest.raises(NotDelivered, match="answered 503"):
            await hooks(url).ask(url)
    with pytest.raises(NotDelivered, match="cannot be reached") as error:
        await hooks(url).ask(url)
    assert "/hook" not in error.value.text


async def test_without_an_address_nothing_is_set_up() -> None:
    assert not WebHooks(Settings()).is_set_up
    with pytest.raises(NotDelivered, match="alert_webhook_url"):
        await WebHooks(Settings()).carry(parcel())

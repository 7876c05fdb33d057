"""A server that stands for all the services outside: it checks what each of them checks, and answers as they do."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from server.delivery.messages import ChannelTarget, ChannelVia

SECRET = "whsec_" + b64encode(b"known to both sides, to nobody else").decode()
CHAT_SECRET = "SEC-known-to-both"
KEY = "s3cret-of-the-address"
LATEST_SECONDS = 300  # how old a signature may be at most
Mood = Callable[[], Awaitable[web.StreamResponse]]


@dataclass
class Outside:
    """`now` is its clock; `mood` answers in place of what it would say; `taken` are those that it took, by service."""

    now: datetime
    url: str = ""
    mood: Mood | None = None
    taken: list[tuple[ChannelVia, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: int = 0

    def target(self, via: ChannelVia) -> ChannelTarget:
        secrets = {ChannelVia.WEBHOOK: SECRET, ChannelVia.DINGTALK: CHAT_SECRET, ChannelVia.FEISHU: CHAT_SECRET}
        return ChannelTarget(via=via, url=f"{self.url}/{via}?key={KEY}", secret=secrets.get(via, ""))

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.mood is not None:
            return await self.mood()
        via = ChannelVia(request.match_info["via"])
        body = await request.read()
        self.headers.append(dict(request.headers))
        answer = await getattr(self, f"_{via}")(request, body)
        if isinstance(answer, web.Response):
            return answer
        return web.json_response(answer)

    def _took(self, via: ChannelVia, body: Any) -> None:
        self.taken.append((via, body))

    async def _webhook(self, request: web.Request, body: bytes) -> web.Response:
        head = request.headers
        if abs(self.now.timestamp() - int(head["webhook-timestamp"])) > LATEST_SECONDS:
            return web.Response(status=401, text="too old")
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        wanted = hmac.digest(b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256)
        if head["webhook-signature"] != f"v1,{b64encode(wanted).decode()}":
            return web.Response(status=401, text="signature")
        self._took(ChannelVia.WEBHOOK, await request.json())
        return web.Response(status=204)

    async def _wecom(self, request: web.Request, _body: bytes) -> dict[str, Any]:
        content = (await request.json())["markdown"]["content"]
        if len(content.encode()) > 4096:
            return {"errcode": 40058, "errmsg": "markdown.content exceed max length 4096. invalid Request Parameter"}
        self._took(ChannelVia.WECOM, content)
        return {"errcode": 0, "errmsg": "ok"}

    async def _dingtalk(self, request: web.Request, body: bytes) -> dict[str, Any]:
        stamp = request.query.get("timestamp", "0")
        wanted = hmac.digest(CHAT_SECRET.encode(), f"{stamp}\n{CHAT_SECRET}".encode(), hashlib.sha256)
        is_fresh = abs(self.now.timestamp() * 1000 - int(stamp)) < 3_600_000
        if not is_fresh or request.query.get("sign") != b64encode(wanted).decode():
            return {
                "errcode": 310000,
                "errmsg": "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳",
            }
        if len(body) > 20_000:
            return {"errcode": 460101, "errmsg": "message too long, exceed 20000 bytes"}
        self._took(ChannelVia.DINGTALK, (await request.json())["markdown"]["text"])
        return {"errcode": 0, "errmsg": "ok"}

    async def _feishu(self, request: web.Request, body: bytes) -> dict[str, Any]:
        sent = await request.json()
        key = f"{sent.get('timestamp')}\n{CHAT_SECRET}".encode()
        if sent.get("sign") != b64encode(hmac.digest(key, b"", hashlib.sha256)).decode():
            return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
        if len(body) > 20 * 1024:
            return {"code": 9499, "msg": "Bad Request", "data": {}}
        self._took(ChannelVia.FEISHU, sent["card"])
        return {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}

    async def _slack(self, request: web.Request, _body: bytes) -> web.Response:
        blocks = (await request.json())["blocks"]
        texts = [block["text"]["text"] for block in blocks if "text" in block]
        if len(blocks) > 50 or any(len(text) > 3_000 for text in texts):
            return web.Response(status=400, text="invalid_blocks")
        self._took(ChannelVia.SLACK, blocks)
        return web.Response(text="ok")

    async def _teams(self, request: web.Request, body: bytes) -> web.Response:
        if len(body) > 28 * 1024:
            return web.Response(status=413, text="Request Entity Too Large")
        self._took(ChannelVia.TEAMS, (await request.json())["attachments"][0]["content"])
        return web.Response(status=202)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Outside]:
        app = web.Application(client_max_size=10**7)
        app.router.add_route("*", "/{via}", self.take)
        async with TestServer(app, host="localhost") as server:
            self.url = f"http://localhost:{server.port}"
            yield self


def saying(status: int, text: str = "", **headers: str) -> Mood:
    async def answer() -> web.StreamResponse:
        return web.Response(status=status, text=text, headers={key.replace("_", "-"): headers[key] for key in headers})

    return answer


def hanging() -> Mood:
    async def answer() -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return answer

"""The engine asks by GET and POST, and gets the same object both ways."""

from __future__ import annotations

from aiohttp import web

from server.engines.openid_http import OpenIdOverHttp
from tests.unit.engines.test_openid_client import answering


async def test_both_ways_answer_an_object() -> None:
    async with answering(web.json_response({"a": 1})) as (url, asked):
        assert await OpenIdOverHttp().get(url) == {"a": 1}
    async with answering(web.json_response({"a": 1})) as (url, asked):
        assert await OpenIdOverHttp().post(url, {"code": "x"}, basic=None) == {"a": 1}
        assert (asked[0].method, "Authorization" in asked[0].headers) == ("POST", False)

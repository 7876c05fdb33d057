"""Small JSON documents of the provider of OpenID Connect, over HTTP: see `openid_client`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class OpenIdOverHttp:
    """The addresses are those that whoever runs the server has named, and what the provider says of itself."""

    async def get(self, url: str) -> dict[str, Any]:
        from server.engines import openid_client  # here: a program without a web needs no client of it

        return await openid_client.answer("GET", url)

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None) -> dict[str, Any]:
        from server.engines import openid_client

        return await openid_client.answer("POST", url, form=form, basic=basic)

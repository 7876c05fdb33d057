"""Below a base path the provider sends people back to it, and nothing of an attempt goes to the neighbours."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.functional.browsing import HTML, browser
from tests.functional.openid_double import OpenIdDouble


@pytest.fixture
def settings(settings: Settings, double: OpenIdDouble) -> Settings:
    return replace(
        settings,
        base_path="/jindu",
        openid_issuer=double.issuer,
        openid_client_id="jindu",
        openid_new_accounts="viewer",
    )


async def test_people_come_back_below_it(server: Server, double: OpenIdDouble) -> None:
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(server.url))
    async with browser(server) as client:
        async with client.get(f"{origin}/jindu/login", headers=HTML) as response:
            assert 'href="/jindu/login/openid?' in await response.text()
        async with client.get(f"{origin}/jindu/login/openid?next=/jobs", allow_redirects=False) as response:
            url = response.headers["Location"]
            (made,) = [cookie for name, cookie in response.cookies.items() if name.startswith("jindu_openid_")]
            assert made["path"] == "/jindu/login/openid"
        assert parse_qs(urlsplit(url).query)["redirect_uri"] == [f"{origin}/jindu/login/openid/callback"]
        told = double.sign_in_at(url, "somebody")
        async with client.get(f"{origin}/jindu/login/openid/callback", params=told, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/jindu/jobs")
        async with client.get(f"{origin}/jindu/api/v1/me") as response:
            assert response.status == 200

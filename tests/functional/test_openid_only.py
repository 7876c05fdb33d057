"""With passwords turned off for those who are linked: they come in by the provider alone, and all others as before."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import PASSWORDS, Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.openid_double import OpenIdDouble
from tests.functional.test_accounts import answer
from tests.functional.test_openid import arrive, back, name_of


@pytest.fixture
def settings(settings: Settings, double: OpenIdDouble) -> Settings:
    return replace(
        settings, openid_issuer=double.issuer, openid_client_id="jindu", openid_label="Acme", openid_only=True
    )


async def test_a_password_opens_no_account_that_is_linked(
    server: Server, double: OpenIdDouble, alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    form = {"username": "alice", "password": PASSWORDS["alice"]}
    async with browser(server) as hers, browser(server) as later:
        await sign_in(hers, "alice")
        async with hers.post("/account/linked", headers=HTML) as response:
            url = (await response.text()).partition("url=")[2].partition('"')[0].replace("&amp;", "&")
        await back(hers, double.sign_in_at(url, "elsewhere"))
        async with later.post("/login", data=form, headers=HTML) as response:
            assert (response.status, "Sign in with Acme" in await response.text()) == (401, True)
        problem = await answer(later.post("/api/v1/tokens", json=form), 401)
        assert problem["code"] == "openid_only"
        wrong = await answer(later.post("/api/v1/tokens", json=form | {"password": "wrong"}), 401)
        assert wrong["code"] == "wrong_credentials"  # whether it is linked is told to nobody else
        await arrive(later, double, "elsewhere")
        assert await name_of(later) == "alice"
    async with browser(server) as his:
        await sign_in(his, "bob")

"""Mail goes out with a token: asked for once, renewed when it ends or is not taken, and its errors are said plainly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from server.errors import ConfigurationError, NotDelivered
from server.settings import load
from tests.mail_server import MailServer
from tests.unit.engines.test_smtp import carrier, parcel


class Provider:
    """Gives a token after the other, or says why not."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.refusal: dict[str, str] = {}
        self.seconds: object = 3_600
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append({name: str(value) for name, value in (await request.post()).items()})
        if self.refusal:
            return web.json_response(self.refusal, status=400)
        token = f"token-{len(self.asked)}"
        return web.json_response({"access_token": token, "expires_in": self.seconds, "token_type": "Bearer"})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider, app = Provider(), web.Application()
    app.router.add_post("/token", provider.answer)
    async with TestServer(app) as server:
        provider.url = str(server.make_url("/token"))
        yield provider


def oauth(provider: Provider, **more: Any) -> dict[str, Any]:
    return {"smtp_user": "reports@example.com", "smtp_token_url": provider.url, "smtp_client_id": "app"} | more


async def test_one_token_does_for_many_mails_and_is_renewed(tmp_path: Path, provider: Provider) -> None:
    mails = MailServer()
    mails.takes_bearers = {"token-1"}
    async with mails.listening(auth_require_tls=False) as port:
        given = oauth(provider, smtp_client_secret="s3cret", smtp_scope="https://outlook.office365.com/.default")
        own = carrier(tmp_path, port, **given)
        await own.carry(parcel())
        await own.carry(parcel())
        assert (len(mails.taken), mails.bearers) == (2, ["token-1", "token-1"])
        assert provider.asked == [
            {
                "client_id": "app",
                "client_secret": "s3cret",
                "scope": "https://outlook.office365.com/.default",
                "grant_type": "client_credentials",
            }
        ]
        # One that is not taken any more is not shown again.
        mails.takes_bearers = {"token-2"}
        with pytest.raises(NotDelivered, match="does not take the token of smtp_user: 535") as error:
            await own.carry(parcel())
        assert not error.value.is_final
        await own.carry(parcel())
        assert mails.bearers[-1] == "token-2"


async def test_one_that_ends_at_once_is_asked_for_each_time(tmp_path: Path, provider: Provider) -> None:
    mails, provider.seconds = MailServer(), "60"
    mails.takes_bearers = {"token-1", "token-2"}
    async with mails.listening(auth_require_tls=False) as port:
        own = carrier(tmp_path, port, **oauth(provider, smtp_refresh_token="refresh"))
        await own.carry(parcel())
        await own.carry(parcel())
    assert mails.bearers == ["token-1", "token-2"]
    assert provider.asked[0]["grant_type"] == "refresh_token"
    assert provider.asked[0]["refresh_token"] == "refresh"


async def test_why_there_is_none_is_said_and_no_secret_with_it(tmp_path: Path, provider: Provider) -> None:
    provider.refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret.\nTrace"}
    own = carrier(tmp_path, 9, **oauth(provider, smtp_client_secret="s3cret"))
    with pytest.raises(NotDelivered) as error:
        await own.carry(parcel())
    assert "127.0.0.1 gave no token for the mail server: 400 invalid_client AADSTS7000215" in error.value.text
    assert "s3cret" not in error.value.text
    assert not error.value.is_final
    gone = carrier(tmp_path, 9, **oauth(provider, smtp_token_url="http://127.0.0.1:9/token"))
    with pytest.raises(NotDelivered, match="cannot be reached"):
        await gone.carry(parcel())


@pytest.mark.parametrize(
    "wrong",
    [
        {"JINDU_SMTP_TOKEN_URL": "http://login.example.com/token", "JINDU_SMTP_USER": "a", "JINDU_SMTP_CLIENT_ID": "b"},
        {"JINDU_SMTP_TOKEN_URL": "https://login.example.com/token", "JINDU_SMTP_USER": "a"},
    ],
)
def test_settings_that_do_not_go_together_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="smtp_token_url"):
        load({}, environ=wrong)

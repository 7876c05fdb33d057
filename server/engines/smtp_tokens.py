"""Tokens by which mail servers let somebody in (OAuth 2): kept in memory until shortly before they end, never told."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec

from server.errors import NotDelivered
from server.settings import Settings

_EARLY_SECONDS = 120.0  # a mail may take so long to be handed over
_USUAL_SECONDS = 3_600.0
_MOST_BYTES, _MOST_TOLD = 256 * 1024, 300
_SECONDS = 15.0


class _Answer(msgspec.Struct, frozen=True):
    access_token: str = ""
    expires_in: float | str | None = None
    refresh_token: str = ""
    error: str = ""
    error_description: str = ""


class SmtpTokens:
    """With a refresh token that grant is used, else the credentials of the client itself."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._refresh_token = settings.smtp_refresh_token
        self._token = ""
        self._until = 0.0
        self._asking = asyncio.Lock()

    @property
    def is_set_up(self) -> bool:
        return bool(self._settings.smtp_token_url)

    async def token(self) -> str:
        """One that is good for some minutes more. Raises `NotDelivered`, with what the other side says."""
        async with self._asking:
            if not self._token or time.monotonic() >= self._until:
                answer = await self._asked()
                self._token = answer.access_token
                self._until = time.monotonic() + _seconds(answer.expires_in) - _EARLY_SECONDS
                self._refresh_token = answer.refresh_token or self._refresh_token
            return self._token

    def forget(self) -> None:
        """The mail server does not take it: the next one is asked for anew."""
        self._token = ""

    async def _asked(self) -> _Answer:
        host = urlsplit(self._settings.smtp_token_url).hostname or ""
        try:
            status, raw = await _posted(self._settings.smtp_token_url, self._form())
        except (OSError, TimeoutError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise NotDelivered(
                "{host}, which gives tokens for the mail server, cannot be reached: {said}.", host=host, said=why
            ) from None
        try:
            answer = msgspec.json.decode(raw, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            answer = _Answer()
        if status != 200 or not answer.access_token:
            said = " ".join(filter(None, (str(status), answer.error, *answer.error_description.splitlines()[:1])))
            raise NotDelivered(
                "{host} gave no token for the mail server: {said}. Check smtp_client_id, smtp_client_secret, "
                "smtp_refresh_token and smtp_scope.",
                host=host,
                said=said[:_MOST_TOLD],
            )
        return answer

    def _form(self) -> dict[str, str]:
        settings = self._settings
        form = {"client_id": settings.smtp_client_id, "client_secret": settings.smtp_client_secret}
        form |= {"scope": settings.smtp_scope}
        if self._refresh_token:
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        else:
            form |= {"grant_type": "client_credentials"}
        return {name: value for name, value in form.items() if value}


async def _posted(url: str, form: dict[str, str]) -> tuple[int, bytes]:
    import aiohttp  # here: a program without mail needs no client of it

    options: dict[str, Any] = {"timeout": aiohttp.ClientTimeout(total=_SECONDS), "cookie_jar": aiohttp.DummyCookieJar()}
    try:
        async with (
            aiohttp.ClientSession(**options) as session,
            session.post(url, data=form, allow_redirects=False) as response,
        ):
            return response.status, await response.content.read(_MOST_BYTES)
    except aiohttp.ClientError as error:
        raise OSError(str(error)) from None


def _seconds(said: float | str | None) -> float:
    try:
        return float(said) if said is not None else _USUAL_SECONDS
    except ValueError:
        return _USUAL_SECONDS

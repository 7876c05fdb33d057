"""JSON posted to an address of the settings, signed; and an address asked for, so that others see we live."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from server.clock import Clock, utc_now
from server.delivery.parcel import Hook, Parcel
from server.errors import NotDelivered
from server.settings import Settings

if TYPE_CHECKING:
    from aiohttp import ClientSession

_TIMEOUT_SECONDS = 15.0
SIGNATURE = "Jindu-Signature"


class WebHooks:
    def __init__(self, settings: Settings, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock

    @property
    def is_set_up(self) -> bool:
        return bool(self._settings.alert_webhook_url)

    async def carry(self, parcel: Parcel) -> None:
        """Redirections are not followed: the secret is for one place."""
        if not self.is_set_up:
            raise NotDelivered("No address is named: set alert_webhook_url.")
        assert isinstance(parcel.content, Hook)
        body = msgspec.json.encode({"id": parcel.id, "sent_at": self._clock(), **parcel.content.payload})
        headers = {"Content-Type": "application/json"}
        if self._settings.alert_webhook_secret:
            headers[SIGNATURE] = signature(self._settings.alert_webhook_secret, body, self._clock())
        await self._request("POST", self._settings.alert_webhook_url, body=body, headers=headers)

    async def ask(self, url: str) -> None:
        """`GET` an address of the settings. Raises `NotDelivered` unless it answers well."""
        await self._request("GET", url, body=None, headers={})

    async def _request(self, method: str, url: str, *, body: bytes | None, headers: dict[str, str]) -> None:
        import aiohttp

        host = urlsplit(url).hostname or ""
        _require_outside(host, is_private_allowed=self._settings.outgoing_private)
        try:
            async with _session(is_private_allowed=self._settings.outgoing_private) as session:
                response = await session.request(method, url, data=body, headers=headers, allow_redirects=False)
                async with response:
                    status = response.status
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _in_words(error, host) from None
        if not 200 <= status < 300:
            raise NotDelivered("{host} answered {status}.", host=host, status=status)


def signature(secret: str, body: bytes, at: datetime) -> str:
    """`t=<seconds since 1970>,v1=<hex>`: the HMAC-SHA256 of `<t>.<body>`, so that an old one cannot be used again."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def _session(*, is_private_allowed: bool) -> ClientSession:
    import aiohttp

    from server.engines.https_client import CheckedResolver, is_public_address

    resolver = CheckedResolver((lambda _address: True) if is_private_allowed else is_public_address)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=1),
        timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Jindu"},
    )


def _require_outside(host: str, *, is_private_allowed: bool) -> None:
    """Of an address that is written as such, which nobody resolves. Names are looked at once they are resolved."""
    from server.engines.https_client import is_public_address

    try:
        is_public = is_private_allowed or is_public_address(host)
    except ValueError:  # a name
        return
    if not is_public:
        raise _inside(host)


def _inside(host: str) -> NotDelivered:
    return NotDelivered("{host} is inside the server's own network: set outgoing_private if that is meant.", host=host)


def _in_words(error: Exception, host: str) -> NotDelivered:
    from server.engines.https_client import PrivateAddress

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PrivateAddress) or isinstance(getattr(cause, "os_error", None), PrivateAddress):
            return _inside(host)
        cause = cause.__cause__
    if isinstance(error, TimeoutError):
        return NotDelivered("{host} did not answer in time.", host=host)
    return NotDelivered("{host} cannot be reached: {said}.", host=host, said=str(error) or type(error).__name__)

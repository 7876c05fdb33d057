"""Whether what stands in front of the server lets everything through that pages and programs need."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from server.care.findings import CareFinding, error, note, warning
from server.clock import utc_now

_SECONDS = 10.0
_FIRST_EVENT_SECONDS = 4.0
_CLOCK_TOLERATED = timedelta(seconds=60)
_BODY_BYTES = 2 * 1024 * 1024  # more than nginx takes unless it is told to
_UPLOAD = "/api/v1/uploads/doctor"
_FORWARD = "docs/operations.md, TLS, has a configuration that does."
_TUS = {"Tus-Resumable": "1.0.0"}


async def check_proxy(url: str, token: str | None, *, tls: ssl.SSLContext | None = None) -> list[CareFinding]:
    """`url` is what people have in their browsers. Without a token the event stream is not tried.

    Certificates are trusted as by any program on this machine, unless `tls` says whose.
    """
    base = url.rstrip("/")
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return [error("url_wrong", f"{url} is no address.", "Give it as https://reports.example.com.")]
    findings: list[CareFinding] = []
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    connector = aiohttp.TCPConnector(ssl=True if tls is None else tls)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as client:
        probe = _Probe(client, base, f"{parts.scheme}://{parts.netloc}", token)
        for look in (probe.reach, probe.origin, probe.websocket, probe.events, probe.uploads):
            try:
                findings += [finding async for finding in look()]
            except aiohttp.ClientConnectorCertificateError as failure:
                findings.append(_not_trusted(base, failure))
                break
            except (aiohttp.ClientError, TimeoutError, OSError) as failure:
                what = str(failure) or "no answer"
                findings.append(
                    error("not_reached", f"{base} cannot be used: {what}.", "See that server and proxy run.")
                )
                break  # the others would say the same
    return findings


def _not_trusted(base: str, failure: aiohttp.ClientConnectorCertificateError) -> CareFinding:
    why = getattr(failure.certificate_error, "verify_message", "") or str(failure.certificate_error)
    return error(
        "certificate_not_trusted",
        f"This machine does not trust the certificate of {base}: {why}.",
        "Browsers refuse it, too, unless they know who issued it. With an authority of your own: "
        "SSL_CERT_FILE=/path/to/authority.crt jindu doctor …",
    )


class _Probe:
    def __init__(self, client: aiohttp.ClientSession, base: str, origin: str, token: str | None) -> None:
        self._client = client
        self._base = base
        self._origin = origin
        self._token = token

    async def reach(self) -> AsyncIterator[CareFinding]:
        async with self._client.get(f"{self._base}/readyz", allow_redirects=False) as answer:
            if answer.status not in (200, 503) or "json" not in answer.content_type:
                yield error(
                    "not_ours",
                    f"{self._base}/readyz answers {answer.status} with {answer.content_type}: not what Jindu says.",
                    "See where the proxy sends it.",
                )
            if (date := answer.headers.get("Date")) is not None:
                apart = abs(parsedate_to_datetime(date) - utc_now())
                if apart > _CLOCK_TOLERATED:
                    yield warning(
                        "clocks_differ",
                        f"The clock behind {self._base} and this machine's are {apart.total_seconds():.0f} s apart.",
                        "Set both (timedatectl set-ntp true).",
                    )

    async def origin(self) -> AsyncIterator[CareFinding]:
        """A browser's request for a change: refused as a foreign one when the proxy rewrites Host or the scheme."""
        headers = {"Origin": self._origin}
        async with self._client.post(f"{self._base}/api/v1/tokens", json={}, headers=headers) as answer:
            if answer.status == 403:
                yield error(
                    "host_rewritten",
                    "The server takes its own pages for foreign ones: the proxy rewrites Host or does not say https.",
                    "nginx: proxy_set_header Host $http_host; X-Forwarded-Proto $scheme; and JINDU_TRUSTED_PROXIES=1. "
                    + _FORWARD,
                )

    async def websocket(self) -> AsyncIterator[CareFinding]:
        try:
            socket = await self._client.ws_connect(f"{self._base}/ws/doctor", origin=self._origin)
        except aiohttp.WSServerHandshakeError as refused:
            advice = "nginx: proxy_http_version 1.1, Upgrade and Connection; Apache: mod_proxy_wstunnel. " + _FORWARD
            if refused.status == 403:
                yield error("origin_refused", "WebSockets are refused as foreign ones.", "Have the proxy keep Host.")
            else:
                yield error("websocket_blocked", f"WebSockets do not come through ({refused.status}).", advice)
            return
        await socket.close()

    async def events(self) -> AsyncIterator[CareFinding]:
        if self._token is None:
            yield note("events_not_tried", "The event stream was not tried.", "Give a token in JINDU_TOKEN.")
            return
        try:
            async with asyncio.timeout(_FIRST_EVENT_SECONDS):
                status, content_type = await self._first_event(self._token)
        except TimeoutError:  # also when not even its head has come
            yield error(
                "events_buffered",
                "The event stream is held back: pages would stand still where WebSockets are blocked.",
                "nginx: proxy_buffering off for /events, or let X-Accel-Buffering through.",
            )
            return
        if status == 401:
            yield error("token_unknown", "The token is not known to the server.", "Make one on your account page.")
        elif content_type != "text/event-stream":
            yield error("events_blocked", f"The event stream answers {status} with {content_type}.", _FORWARD)

    async def _first_event(self, token: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        async with self._client.get(f"{self._base}/events", headers=headers) as answer:
            await answer.content.readany()
            return answer.status, answer.content_type

    async def uploads(self) -> AsyncIterator[CareFinding]:
        """An upload that is not there: whether the server itself says so, or something in front does."""
        async with self._client.options(f"{self._base}/api/v1/uploads", headers=_TUS) as answer:
            if "Tus-Version" not in answer.headers:
                yield error("options_blocked", f"OPTIONS of uploads answers {answer.status}.", _FORWARD)
        async with self._client.head(self._base + _UPLOAD, headers=_TUS) as answer:
            if not _is_ours(answer):
                yield error("head_blocked", f"HEAD of uploads does not come through ({answer.status}).", _FORWARD)
        headers = {**_TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        async with self._client.patch(self._base + _UPLOAD, headers=headers) as answer:
            if not _is_ours(answer):
                yield error("patch_blocked", f"PATCH of uploads does not come through ({answer.status}).", _FORWARD)
        try:
            async with self._client.patch(
                self._base + _UPLOAD, headers=headers, data=io.BytesIO(bytes(_BODY_BYTES))
            ) as answer:
                is_cut = answer.status == 413
        except aiohttp.ClientConnectionError:
            return  # whoever answered has not waited for the bytes, which says nothing of their number
        if is_cut:
            yield error(
                "bodies_limited",
                f"What is in front takes no {_BODY_BYTES:,} bytes in one request: uploads would fail.",
                "nginx: client_max_body_size 0; and proxy_request_buffering off.",
            )


def _is_ours(answer: aiohttp.ClientResponse) -> bool:
    return "Tus-Resumable" in answer.headers

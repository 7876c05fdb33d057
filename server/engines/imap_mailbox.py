"""The mailbox in which mails come back, over IMAP: read and marked as read, in a thread, since imaplib waits."""

from __future__ import annotations

import asyncio
import imaplib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from server.deliveries.bounce_reading import MOST_BYTES
from server.engines.smtp_tokens import SmtpTokens
from server.errors import MailboxAway, NotDelivered
from server.settings import Settings

_TIMEOUT_SECONDS = 30.0
_PORT, _OPEN_PORT = 993, 143
T = TypeVar("T")


class ImapMailbox:
    """`trust` stands in for the authorities of the world outside in tests."""

    def __init__(self, settings: Settings, *, trust: ssl.SSLContext | None = None) -> None:
        self._url = urlsplit(settings.bounces_imap_url)
        self._password = settings.bounces_password
        self._tokens = SmtpTokens(settings)
        self._trust = trust

    @asynccontextmanager
    async def open(self) -> AsyncIterator[_OpenImap]:
        """Raises `MailboxAway`."""
        token = await self._token() if self._tokens.is_set_up and not self._password else ""
        opened = _OpenImap(await self._safely(lambda: self._connect(token)), self._safely)
        try:
            yield opened
        finally:
            await asyncio.to_thread(opened.leave)

    async def _token(self) -> str:
        try:
            return await self._tokens.token()
        except NotDelivered as error:
            raise MailboxAway(host=self._host, said=error.text) from error

    async def _safely(self, ask: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(ask)
        except (imaplib.IMAP4.error, OSError) as error:
            raise MailboxAway(host=self._host, said=" ".join(str(error).split())[:300]) from error

    @property
    def _host(self) -> str:
        return self._url.hostname or ""

    def _connect(self, token: str) -> imaplib.IMAP4:
        client, user = _line(self._url, self._trust), unquote(self._url.username or "")
        try:
            if token:
                self._show(client, user, token)
            else:
                client.login(user, self._password)
            folder = unquote(self._url.path.strip("/")) or "INBOX"
            _answered(client.select(f'"{folder}"'))
        except BaseException:
            client.shutdown()
            raise
        return client

    def _show(self, client: imaplib.IMAP4, user: str, token: str) -> None:
        shown = f"user={user}\x01auth=Bearer {token}\x01\x01".encode()
        try:
            # What it says after a refusal is answered with nothing, and only then is it one (RFC 7628).
            client.authenticate("XOAUTH2", lambda said: b"" if said else shown)
        except imaplib.IMAP4.error:
            self._tokens.forget()
            raise


class _OpenImap:
    def __init__(self, client: imaplib.IMAP4, safely: Callable[[Callable[[], Any]], Any]) -> None:
        self._client = client
        self._safely = safely

    async def unread(self, limit: int) -> Sequence[tuple[str, bytes]]:
        found: Sequence[tuple[str, bytes]] = await self._safely(lambda: self._unread(limit))
        return found

    async def mark_read(self, mail_id: str) -> None:
        await self._safely(lambda: _answered(self._client.uid("STORE", mail_id, "+FLAGS.SILENT", r"(\Seen)")))

    def leave(self) -> None:
        with suppress(imaplib.IMAP4.error, OSError):
            self._client.logout()

    def _unread(self, limit: int) -> list[tuple[str, bytes]]:
        listed = _answered(self._client.uid("SEARCH", "UNSEEN"))
        ids = sorted((listed[0] or b"").split(), key=int)[:limit]
        return [(mail_id.decode(), self._begun(mail_id.decode())) for mail_id in ids]

    def _begun(self, mail_id: str) -> bytes:
        """As much of it as is looked at; nothing of one that the server cannot hand out, so that others get their
        turn."""
        answer, parts = self._client.uid("FETCH", mail_id, f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
        found = [part[1] for part in parts if isinstance(part, tuple)] if answer == "OK" else []
        return found[0][:MOST_BYTES] if found else b""


def _line(url: SplitResult, trust: ssl.SSLContext | None) -> imaplib.IMAP4:
    host = url.hostname or ""
    if url.scheme == "imap":  # of this machine alone: the settings see to that
        return imaplib.IMAP4(host, url.port or _OPEN_PORT, timeout=_TIMEOUT_SECONDS)
    context = trust or ssl.create_default_context()
    return imaplib.IMAP4_SSL(host, url.port or _PORT, ssl_context=context, timeout=_TIMEOUT_SECONDS)


def _answered(answer: tuple[str, list[Any]]) -> list[Any]:
    """Raises `IMAP4.error` where it does not."""
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(str(answer[1][0] if answer[1] else answer[0]))
    return answer[1]

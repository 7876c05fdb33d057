"""A real mail server that keeps what it is given, and refuses, delays or drops when a test wants it to."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class MailServer:
    """What it took; `answers` are what it says instead of taking something."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[EmailMessage] = []
        self.recipients: Sequence[str] = ()
        self.senders: list[str] = []  # to whom each message would come back
        self.envelopes: list[tuple[str, ...]] = []  # whom each message was for, whatever it says itself
        self.answers: dict[str, str] = {}
        self.login: LoginPassword | None = None
        self.bearers: list[str] = []  # tokens that it was shown
        self.takes_bearers: set[str] = set()
        self.delay_seconds = 0.0  # before it takes a message
        self.drops_after_data = 0  # so many messages are taken, and nobody is told

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        await asyncio.sleep(self.delay_seconds)
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self.recipients = envelope.rcpt_tos
        self.senders.append(envelope.mail_from or "")
        self.envelopes.append(tuple(envelope.rcpt_tos))
        if self.drops_after_data:
            self.drops_after_data -= 1
            _server.transport.close()
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.login = data
        return AuthResult(success=data.password == b"right", handled=False)

    async def auth_XOAUTH2(self, _server: Any, arguments: list[str]) -> AuthResult:  # noqa: N802
        self.bearers.append(base64.b64decode(arguments[1]).decode().partition("auth=Bearer ")[2].rstrip("\x01"))
        return AuthResult(success=self.bearers[-1] in self.takes_bearers, handled=False)

    @asynccontextmanager
    async def listening(self, *, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
        """With `tls` from the first byte on, if any; `options` are those of aiosmtpd, such as its own for STARTTLS."""
        loop = asyncio.get_running_loop()
        made = []

        def protocol() -> SMTP:
            made.append(SMTP(self, hostname="mail.example", loop=loop, **options))
            return made[-1]

        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await server.wait_closed()

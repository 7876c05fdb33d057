"""Mail over SMTP, by the server that the settings name."""

from __future__ import annotations

import asyncio
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr

import aiosmtplib

from server.delivery.parcel import Mail, Parcel
from server.errors import NotDelivered, NotFound
from server.settings import Settings
from server.storage.blob_store import BlobStore

_TIMEOUT_SECONDS = 30.0
_OF_GOOD = range(200, 400)
_OF_NO_USE = range(500, 600)


class SmtpMail:
    """`trust` stands in for the authorities of the world outside in tests."""

    def __init__(self, settings: Settings, blobs: BlobStore, *, trust: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._blobs = blobs
        self._trust = trust

    @property
    def is_set_up(self) -> bool:
        return bool(self._settings.smtp_host and self._settings.mail_from)

    async def carry(self, parcel: Parcel) -> None:
        if not self.is_set_up:
            raise NotDelivered("No mail server is named: set smtp_host and mail_from.")
        assert isinstance(parcel.content, Mail)
        message = await self._written(parcel, parcel.content)
        settings = self._settings
        try:
            await aiosmtplib.send(
                message,
                hostname=settings.smtp_host,
                port=settings.smtp_port,
                username=settings.smtp_user or None,
                password=settings.smtp_password or None,
                use_tls=settings.smtp_security == "tls",
                start_tls=settings.smtp_security == "starttls",
                tls_context=self._trust,
                timeout=_TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _in_words(error, f"{settings.smtp_host}:{settings.smtp_port}") from error

    async def _written(self, parcel: Parcel, mail: Mail) -> EmailMessage:
        """The same message at each attempt: who gets it twice after a crash is spared the second by its id."""
        message = EmailMessage(policy=SMTP_POLICY)
        name, sender = parseaddr(self._settings.mail_from)
        message["From"] = Address(display_name=name, addr_spec=sender)
        message["To"] = tuple(Address(addr_spec=each) for each in mail.recipients)
        message["Subject"] = " ".join(mail.subject.split())
        message["Date"] = format_datetime(parcel.created_at)
        message["Message-ID"] = mail.message_id or f"<{parcel.id}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence answers
        if mail.unsubscribe:
            message["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(mail.text)
        if mail.html:
            message.add_alternative(mail.html, subtype="html")
        for each in mail.attachments:
            maintype, _, subtype = each.media_type.partition("/")
            try:
                async with self._blobs.fetch([each.blob]) as (path,):
                    content = await asyncio.to_thread(path.read_bytes)
            except NotFound:
                raise NotDelivered("“{file}” was deleted before it was sent.", file=each.name, is_final=True) from None
            message.add_attachment(content, maintype=maintype, subtype=subtype, filename=each.name)
        return message


def _in_words(error: Exception, host: str) -> NotDelivered:
    """The server's own words are kept: they are what an administrator looks for."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0]
        is_final = all(each.code in _OF_NO_USE for each in error.recipients)
        said = f"{refused.recipient}: {refused.code} {refused.message}"
        return NotDelivered("{host} takes no mail for {said}.", host=host, said=said, is_final=is_final)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        said = f"{error.code} {error.message}"
        return NotDelivered("{host} does not take smtp_user and smtp_password: {said}.", host=host, said=said)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        is_final = error.code in _OF_NO_USE
        said = f"{error.code} {error.message}"
        return NotDelivered("{host} refused the mail: {said}.", host=host, said=said, is_final=is_final)
    if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return NotDelivered("{host} did not answer in time.", host=host)
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return NotDelivered("No safe line to {host}: {said}.", host=host, said=str(error))
    if isinstance(error, aiosmtplib.SMTPConnectError | OSError):
        return NotDelivered("{host} cannot be reached: {said}.", host=host, said=str(error))
    return NotDelivered("The mail could not be handed to {host}: {said}.", host=host, said=str(error))

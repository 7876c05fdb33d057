"""Mail over SMTP, by the server that the settings name."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from email.header import Header
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage, Message
from email.mime.base import MIMEBase
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import quote

import aiosmtplib

from server.delivery.parcel import Attachment, InlinePicture, Mail, Parcel
from server.engines.smtp_tokens import SmtpTokens
from server.errors import NotDelivered, NotFound
from server.settings import Settings
from server.storage.blob_store import BlobStore

_TIMEOUT_SECONDS = 30.0
_GOODBYE_SECONDS = 5.0
_OF_NO_USE = range(500, 600)
_FULL_FOR_NOW = re.compile(r"\b5\.2\.[02]\b")  # a quota of so many mails a day, a mailbox that is full: both pass
_NAME_CHARACTERS = 66
_PIECE = 60
_CHARSET = "utf-8''"


class _OnOneLine(UnstructuredHeader):
    """Never folded, which makes encoded words of an address that is longer than a line: programs take it as it stands,
    and show no button to end the mail where they find none."""

    def fold(self, *, policy: EmailPolicy) -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined] # of the class that it becomes


class _KeepingBlanks(UnstructuredHeader):
    """Folded by `Header`: where a line ends between two encoded words, the other kind loses the blank between them."""

    def fold(self, *, policy: EmailPolicy) -> str:
        name, text = self.name, str(self)  # type: ignore[attr-defined] # of the class that it becomes
        if text.isascii():
            folded: str = super().fold(policy=policy)  # type: ignore[misc]
            return folded
        return f"{name}: {Header(text, 'utf-8', header_name=name).encode(linesep=policy.linesep)}{policy.linesep}"


def _header_kinds() -> HeaderRegistry:
    kinds = HeaderRegistry()
    for name, kind in (("list-unsubscribe", _OnOneLine), ("subject", _KeepingBlanks)):
        kinds.map_to_type(name, kind)  # type: ignore[arg-type] # which makes a class of it and `BaseHeader`
    return kinds


# What is written in lines already stays so: to fold the type of a spreadsheet anew, which alone is longer than a line,
# is to make encoded words of it, which no program takes for a type.
_POLICY = SMTP.clone(refold_source="none", header_factory=_header_kinds())


class SmtpMail:
    """`trust` stands in for the authorities of the world outside in tests."""

    def __init__(self, settings: Settings, blobs: BlobStore, *, trust: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._blobs = blobs
        self._trust = trust
        self._tokens = SmtpTokens(settings)

    @property
    def is_set_up(self) -> bool:
        return bool(self._settings.smtp_host and self._settings.mail_from)

    async def carry(self, parcel: Parcel) -> None:
        if not self.is_set_up:
            raise NotDelivered("No mail server is named: set smtp_host and mail_from.")
        assert isinstance(parcel.content, Mail)
        message = await self._written(parcel, parcel.content)
        settings = self._settings
        content = await asyncio.to_thread(message.as_bytes)
        token = await self._tokens.token() if self._tokens.is_set_up else ""
        client = _Handing(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=settings.smtp_password or None,
            oauth_token_generator=_giving(token) if token else None,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            tls_context=self._trust,
            timeout=_TIMEOUT_SECONDS,
        )
        try:
            await client.connect()
            sender = parcel.content.comes_back_to or parseaddr(settings.mail_from)[1]
            await client.sendmail(sender, parcel.content.recipients, content)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if token and isinstance(error, aiosmtplib.SMTPAuthenticationError):
                self._tokens.forget()
                said = f"{error.code} {error.message}"
                words = "{host} does not take the token of smtp_user: {said}. Look whether smtp_user may send by SMTP."
                raise NotDelivered(words, host=settings.smtp_host, said=said) from error
            raise _in_words(error, f"{settings.smtp_host}:{settings.smtp_port}", client.is_handed_over) from error
        finally:
            await _hang_up(client)

    async def _written(self, parcel: Parcel, mail: Mail) -> EmailMessage:
        """The same message at each attempt: who gets it twice after a crash is spared the second by its id."""
        message = EmailMessage(policy=_POLICY)
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
        if mail.pictures:
            _add_pictures(message, mail.pictures)
        if mail.attachments:
            message.make_mixed()
        for each in mail.attachments:
            part = await asyncio.to_thread(attached, each, await self._content(each))
            message.attach(part)  # type: ignore[arg-type] # of the old kind, on purpose
        return message

    async def _content(self, attachment: Attachment) -> bytes:
        name = attachment.name
        try:
            async with self._blobs.fetch([attachment.blob]) as (path,):
                content = await asyncio.to_thread(path.read_bytes)
        except NotFound:
            raise NotDelivered("“{file}” was deleted before it was sent.", file=name, is_final=True) from None
        if attachment.sha256 and await asyncio.to_thread(_sha256, content) != attachment.sha256:
            raise NotDelivered("“{file}” is not what it was; nothing was sent.", file=name, is_final=True)
        return content


def _giving(token: str) -> Callable[[], Awaitable[str]]:
    async def give() -> str:
        return token

    return give


class _Handing(aiosmtplib.SMTP):
    """Knows whether the message itself is on its way: whoever does not answer then may have taken it."""

    is_handed_over = False

    async def data(self, message: str | bytes, /, **options: Any) -> aiosmtplib.SMTPResponse:
        self.is_handed_over = True
        return await super().data(message, **options)


async def _hang_up(client: aiosmtplib.SMTP) -> None:
    """Whatever becomes of the goodbye, the mail is there or is not."""
    try:
        await client.quit(timeout=_GOODBYE_SECONDS)
    except (aiosmtplib.SMTPException, OSError):
        client.close()


def _add_pictures(message: EmailMessage, pictures: Sequence[InlinePicture]) -> None:
    """`related{alternative{text, html}, pictures}`: every program takes them for pictures, not for files."""
    words = EmailMessage(policy=_POLICY)
    words["Content-Type"] = message["Content-Type"]
    words.set_payload(message.get_payload())
    del message["Content-Type"]
    message["Content-Type"] = 'multipart/related; type="multipart/alternative"'
    message.set_payload([words])
    for picture in pictures:
        part = EmailMessage(policy=_POLICY)
        part.set_content(picture.png, "image", "png", disposition="inline", cid=f"<{picture.id}>", filename="chart.png")
        del part["MIME-Version"]
        message.attach(part)


def attached(attachment: Attachment, content: bytes) -> Message:
    """Programs differ in where they look for a name that is not ASCII: `filename*` as RFC 2231 has it, and `name` as an
    encoded word, which that forbids and they read. Of the old kind of message, which leaves what we write as it is."""
    maintype, _, subtype = attachment.media_type.partition(";")[0].partition("/")
    part = MIMEBase(maintype, subtype)
    name = "".join(letter for letter in attachment.name if letter.isprintable() and letter not in '"\\')
    if name.isascii():
        part.replace_header("Content-Type", f'{maintype}/{subtype};\n name="{name}"')
        part["Content-Disposition"] = f'attachment;\n filename="{name}"'
    else:
        words = Header(name, "utf-8", maxlinelen=_NAME_CHARACTERS, continuation_ws=" ").encode()
        part.replace_header("Content-Type", f'{maintype}/{subtype};\n name="{words}"')
        part["Content-Disposition"] = f"attachment;\n {_rfc2231(name)}"
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64.encodebytes(content).decode("ascii"))
    return part


def _rfc2231(name: str) -> str:
    """In pieces that fit a line, each of whole characters: programs read them one by one."""
    pieces = [""]
    for letter in name:
        encoded = quote(letter, safe="")
        if len(pieces[-1]) + len(encoded) > _PIECE:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return f"filename*={_CHARSET}{pieces[0]}"
    return ";\n ".join(
        f"filename*{place}*={_CHARSET if place == 0 else ''}{piece}" for place, piece in enumerate(pieces)
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _in_words(error: Exception, host: str, is_handed_over: bool) -> NotDelivered:
    """The server's own words are kept: they are what an administrator looks for."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0]
        is_final = all(_is_final(each) for each in error.recipients)
        said = f"{refused.recipient}: {refused.code} {refused.message}"
        return NotDelivered("{host} takes no mail for {said}.", host=host, said=said, is_final=is_final)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        said = f"{error.code} {error.message}"
        return NotDelivered("{host} does not take smtp_user and smtp_password: {said}.", host=host, said=said)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        is_final = _is_final(error)
        said = f"{error.code} {error.message}"
        return NotDelivered("{host} refused the mail: {said}.", host=host, said=said, is_final=is_final)
    if is_handed_over and isinstance(error, aiosmtplib.SMTPServerDisconnected | aiosmtplib.SMTPTimeoutError | OSError):
        return NotDelivered("{host} did not say whether it took the mail.", host=host, may_have_arrived=True)
    if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return NotDelivered("{host} did not answer in time.", host=host)
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return NotDelivered("No safe line to {host}: {said}.", host=host, said=str(error))
    if isinstance(error, aiosmtplib.SMTPConnectError | OSError):
        return NotDelivered("{host} cannot be reached: {said}.", host=host, said=str(error))
    return NotDelivered("The mail could not be handed to {host}: {said}.", host=host, said=str(error))


def _is_final(said: aiosmtplib.SMTPResponseException) -> bool:
    return said.code in _OF_NO_USE and not _FULL_FOR_NOW.search(said.message)

"""The mailbox of mails that come back: the oldest first, no more than is looked at, and marked only by us."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from server.deliveries.bounce_reading import MOST_BYTES
from server.engines.imap_mailbox import ImapMailbox
from server.errors import MailboxAway
from server.settings import Settings
from tests.functional.certificates import Authority
from tests.mailbox_server import MailboxServer
from tests.unit.engines.test_smtp_tokens import Provider, oauth
from tests.unit.engines.test_smtp_tokens import provider as provider


def mailbox(
    port: int, *, scheme: str = "imap", password: str = "right", authority: Authority | None = None
) -> ImapMailbox:
    url = f"{scheme}://bounces%40example.com@localhost:{port}/INBOX"
    trust = authority.trusting() if authority else None
    return ImapMailbox(Settings(bounces_imap_url=url, bounces_password=password), trust=trust)


async def test_what_nobody_has_read_is_handed_out_once_it_is_marked_no_more() -> None:
    server = MailboxServer(mails={3: b"third", 2: b"x" * (MOST_BYTES + 9), 10: b"tenth", 4: b"fourth"}, seen={4})
    server.wrong = {3}
    async with server.listening() as port, mailbox(port).open() as opened:
        assert [(each, len(raw)) for each, raw in await opened.unread(2)] == [("2", MOST_BYTES), ("3", 0)]
        for each in ("2", "3"):
            await opened.mark_read(each)
        assert await opened.unread(50) == [("10", b"tenth")]
    assert server.seen == {2, 3, 4}
    assert 'LOGIN bounces@example.com "right"' in server.asked
    assert not [each for each in server.asked if "DELETED" in each.upper() or "EXPUNGE" in each]


async def test_one_that_cannot_be_read_says_why() -> None:
    server = MailboxServer()
    async with server.listening() as port:
        with pytest.raises(MailboxAway, match="wrong password"):
            async with mailbox(port, password="wrong").open():
                pass
    with pytest.raises(MailboxAway, match="localhost"):
        async with mailbox(port).open():
            pass


async def test_the_line_to_it_is_private(tmp_path: Path) -> None:
    authority, server = Authority(tmp_path), MailboxServer(mails={1: b"one"})
    authority.issue()
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    async with server.listening(tls=own) as port:
        async with mailbox(port, scheme="imaps", authority=authority).open() as opened:
            assert await opened.unread(9) == [("1", b"one")]
        with pytest.raises(MailboxAway, match="certificate"):
            async with mailbox(port, scheme="imaps").open():
                pass


async def test_without_a_password_the_token_of_the_mail_server_opens_it(provider: Provider) -> None:
    server = MailboxServer(mails={1: b"one"}, bearer="token-1")
    async with server.listening() as port:
        given = oauth(provider, bounces_imap_url=f"imap://b%40example.com@localhost:{port}/INBOX")
        own = ImapMailbox(Settings(**given))
        async with own.open() as opened:
            assert await opened.unread(9) == [("1", b"one")]
        assert "user=b@example.com\x01auth=Bearer token-1\x01\x01" in server.asked
        server.bearer = "token-2"
        with pytest.raises(MailboxAway, match="no such token"):
            async with own.open():
                pass
        async with own.open() as opened:  # with one that is asked for anew
            assert await opened.unread(9) == [("1", b"one")]
        provider.refusal, server.bearer = {"error": "invalid_client"}, "token-9"
        for said in ("no such token", "invalid_client"):
            with pytest.raises(MailboxAway, match=said):
                async with own.open():
                    pass

"""Mail as a real mail server gets it, and what is said when it does not take it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from server.delivery.parcel import Attachment, Channel, Mail, Parcel, ParcelState
from server.engines.local_files import LocalFiles
from server.engines.smtp import SmtpMail
from server.errors import NotDelivered
from server.settings import Settings
from tests.functional.certificates import Authority
from tests.mail_server import MailServer

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MAIL = Mail(
    recipients=("ops@example.com", "bob@example.com"), subject="磁盘\n满了", text="看一下。\n", html="<p>看一下。"
)


@pytest.fixture
def mail_server() -> MailServer:
    return MailServer()


def carrier(tmp_path: Path, port: int, **settings: Any) -> SmtpMail:
    known: dict[str, Any] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "mail_from": "Jindu <jindu@example.com>",
    }
    return SmtpMail(Settings(**(known | settings)), LocalFiles(tmp_path))


def parcel(mail: Mail = MAIL) -> Parcel:
    return Parcel(
        id="01abc",
        channel=Channel.MAIL,
        subject=mail.subject,
        content=mail,
        created_at=NOON,
        state=ParcelState.WAITING,
        attempts=1,
        next_at=NOON,
        error=None,
        sent_at=None,
    )


async def test_it_arrives_as_it_was_written(tmp_path: Path, mail_server: MailServer) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "1.pdf").write_bytes(b"%PDF")
    report = Attachment(name="销售.pdf", media_type="application/pdf", blob="reports/1.pdf")
    async with mail_server.listening() as port:
        await carrier(tmp_path, port).carry(
            parcel(
                Mail(
                    recipients=MAIL.recipients,
                    subject=MAIL.subject,
                    text=MAIL.text,
                    html=MAIL.html,
                    attachments=(report,),
                )
            )
        )
    (message,) = mail_server.taken
    assert message["Subject"] == "磁盘 满了"
    assert str(message["From"]) == "Jindu <jindu@example.com>"
    assert message["Message-ID"] == "<01abc@example.com>"  # the same at each attempt
    assert message["Date"].datetime == NOON
    assert mail_server.recipients == ["ops@example.com", "bob@example.com"]
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert (text.get_content().strip(), html.get_content().strip()) == ("看一下。", "<p>看一下。")
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("销售.pdf", b"%PDF")


@pytest.mark.parametrize(
    "name", ["Sales.xlsx", "销售.xlsx", "华东区域 2026 年十月份的销售与应收账款情况月报（第二版）.xlsx"]
)
async def test_files_keep_their_types_and_names(tmp_path: Path, mail_server: MailServer, name: str) -> None:
    """A type longer than a line, as that of Excel; names as RFC 2231 has them, and as encoded words."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "1.xlsx").write_bytes(b"PK")
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    mail = msgspec.structs.replace(MAIL, attachments=(Attachment(name=name, media_type=sheet, blob="reports/1.xlsx"),))
    async with mail_server.listening() as port:
        await carrier(tmp_path, port).carry(parcel(mail))
    (attached,) = mail_server.taken[0].iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == (sheet, name)
    written = str(dict(attached.raw_items())["Content-Type"])
    assert written.partition(";")[0].strip() == sheet
    said = written.partition('name="')[2].rstrip('"')
    assert str(make_header(decode_header(said))) == name  # what Gmail, QQ and Outlook look at


@pytest.mark.parametrize(
    "subject",
    [
        "Trial: would go to south@example.com · South 销售 · 2026-10",
        "· (a) , 华东 región [b] 报表 región región “月报” [b] ,",
        "月报 " * 60 + "完",
        "Monthly sales of all regions " * 8 + "end",
        "x" * 300,
    ],
)
async def test_a_subject_arrives_letter_by_letter(tmp_path: Path, mail_server: MailServer, subject: str) -> None:
    async with mail_server.listening() as port:
        await carrier(tmp_path, port).carry(parcel(msgspec.structs.replace(MAIL, subject=subject)))
    (message,) = mail_server.taken
    assert message["Subject"] == subject
    raw = "".join(dict(message.raw_items())["Subject"].splitlines())
    assert str(make_header(decode_header(raw))) == subject


async def test_the_address_that_ends_the_mail_is_sent_as_it_stands(tmp_path: Path, mail_server: MailServer) -> None:
    url = "https://reports.example.com/unsubscribe/" + "gAAAAABrC1L4_-" * 40
    async with mail_server.listening() as port:
        await carrier(tmp_path, port).carry(parcel(msgspec.structs.replace(MAIL, unsubscribe=url)))
    (message,) = mail_server.taken
    raw = dict(message.raw_items())  # encoded words are for people; no program reads an address in them
    assert raw["List-Unsubscribe"] == f"<{url}>"
    assert raw["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_it_signs_in_when_it_is_told_to(tmp_path: Path, mail_server: MailServer) -> None:
    options = {"authenticator": mail_server.authenticate, "auth_require_tls": False}
    async with mail_server.listening(**options) as port:
        await carrier(tmp_path, port, smtp_user="jindu", smtp_password="right").carry(parcel())
        with pytest.raises(NotDelivered, match="does not take smtp_user and smtp_password: 535") as error:
            await carrier(tmp_path, port, smtp_user="jindu", smtp_password="wrong").carry(parcel())
    assert "wrong" not in error.value.text.replace("Authentication credentials invalid", "")
    assert len(mail_server.taken) == 1


@pytest.mark.parametrize(
    ("answers", "said", "is_final"),
    [
        ({"RCPT": "550 nobody of that name"}, "takes no mail for .*550 nobody of that name", True),
        ({"RCPT": "450 greylisted"}, "450 greylisted", False),
        ({"DATA": "554 looks like spam"}, "refused the mail: 554 looks like spam", True),
        ({"DATA": "451 disk full"}, "451 disk full", False),
    ],
)
async def test_the_other_sides_own_words_are_kept(
    tmp_path: Path, mail_server: MailServer, answers: dict[str, str], said: str, is_final: bool
) -> None:
    mail_server.answers = answers
    async with mail_server.listening() as port:
        with pytest.raises(NotDelivered, match=said) as error:
            await carrier(tmp_path, port).carry(parcel())
    assert error.value.is_final is is_final


async def test_a_server_that_is_away_or_has_no_tls_is_said_to_be(tmp_path: Path, mail_server: MailServer) -> None:
    async with mail_server.listening() as port:
        with pytest.raises(NotDelivered, match=f"127.0.0.1:{port}"):
            await carrier(tmp_path, port, smtp_security="starttls").carry(parcel())
    with pytest.raises(NotDelivered, match="cannot be reached"):
        await carrier(tmp_path, port).carry(parcel())
    assert mail_server.taken == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_lines_are_private_and_only_to_who_proves_who_they_are(
    tmp_path: Path, mail_server: MailServer, security: Literal["starttls", "tls"]
) -> None:
    authority = Authority(tmp_path)
    authority.issue()
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    trust = ssl.create_default_context(cafile=authority.path)
    options: dict[str, Any] = {"tls_context": own, "require_starttls": True} if security == "starttls" else {"tls": own}
    async with mail_server.listening(**options) as port:
        sending = Settings(
            smtp_host="127.0.0.1", smtp_port=port, smtp_security=security, mail_from="Jindu <jindu@example.com>"
        )
        await SmtpMail(sending, LocalFiles(tmp_path), trust=trust).carry(parcel())
        with pytest.raises(NotDelivered, match="No safe line to"):
            await SmtpMail(sending, LocalFiles(tmp_path)).carry(parcel())
    assert len(mail_server.taken) == 1


async def test_a_mail_may_come_back_to_an_address_of_its_own(tmp_path: Path, mail_server: MailServer) -> None:
    async with mail_server.listening() as port:
        await carrier(tmp_path, port).carry(parcel())
        own = msgspec.structs.replace(MAIL, comes_back_to="bounces+0123@example.com")
        await carrier(tmp_path, port).carry(parcel(own))
    assert mail_server.senders == ["jindu@example.com", "bounces+0123@example.com"]
    assert {str(message["From"]) for message in mail_server.taken} == {"Jindu <jindu@example.com>"}


async def test_without_a_server_nothing_is_set_up(tmp_path: Path) -> None:
    nothing = SmtpMail(Settings(), LocalFiles(tmp_path))
    assert not nothing.is_set_up
    with pytest.raises(NotDelivered, match="smtp_host"):
        await nothing.carry(parcel())


async def test_an_attachment_that_was_deleted_is_said_for_good(tmp_path: Path, mail_server: MailServer) -> None:
    gone = Attachment(name="a.pdf", media_type="application/pdf", blob="reports/2.pdf")
    mail = Mail(recipients=("ops@example.com",), subject="x", text="y", attachments=(gone,))
    async with mail_server.listening() as port:
        with pytest.raises(NotDelivered, match=r"a\.pdf") as error:
            await carrier(tmp_path, port).carry(parcel(mail))
    assert error.value.is_final

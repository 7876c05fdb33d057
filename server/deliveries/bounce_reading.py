"""What a mail says that came back (RFC 3464): read from whatever strangers write, and believed only as far as it goes.

A mail goes out with a sender of its own, `bounces+<tag>@example.com`; whoever knows the tag has got that mail, or
carried it. So the worst that one who makes up a bounce can do is to have their own address left alone.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

MOST_BYTES = 128 * 1024  # the report stands before the mail that came back, which may be large
_TO = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_PASSES = re.compile(r"5\.2\.[02]")  # a quota, a mailbox that is full: said with a 5, and over some day
_TAG = r"[0-9a-f]{24}"
_MOST_WORDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """`has_failed`: it came back and nobody tries it any more; else it is only late. `said`: the other side's words."""

    tag: str
    status: str
    has_failed: bool
    said: str

    @property
    def is_hard(self) -> bool:
        """Whether there is no use in another mail to that address."""
        return self.has_failed and self.status.startswith("5") and not _PASSES.match(self.status)


def new_tag() -> str:
    """In small letters, as mail servers may write it, and never the same."""
    return secrets.token_hex(12)


def tagged(address: str, tag: str) -> str:
    """The sender of one mail."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{tag}@{domain}"


def read_bounce(raw: bytes, address: str) -> Bounce | None:
    """None for what is no report of a mail with a sender at `address`: an answer, a receipt, anything that cannot be
    read. `raw` may be cut off."""
    try:
        return _read(BytesParser(policy=compat32).parsebytes(raw[:MOST_BYTES]), address)
    except Exception:  # made up by anybody: whatever parsing does with it, the next mail is read
        return None


def _read(message: Message, address: str) -> Bounce | None:
    kind = str(message.get_param("report-type", "")).casefold()
    if message.get_content_type() != "multipart/report" or kind != "delivery-status":
        return None
    tag, parts = _tag_of(message, address), message.get_payload()
    if tag is None or not isinstance(parts, list):
        return None
    for part in parts:  # not those of the mail that came back
        if isinstance(part, Message) and part.get_content_type() == "message/delivery-status":
            return _of_report(part, tag)
    return None


def _tag_of(message: Message, address: str) -> str | None:
    """None where it is to no mail of ours, or nobody can say to which."""
    local, _, domain = address.rpartition("@")
    wanted = re.compile(rf"(?<![\w.+-]){re.escape(local)}\+({_TAG})@{re.escape(domain)}(?![\w.-])", re.IGNORECASE)
    texts = [str(value) for name in _TO for value in message.get_all(name, ())]
    found = {match.casefold() for text in texts for match in wanted.findall(text)}
    return found.pop() if len(found) == 1 else None


def _of_report(report: Message, tag: str) -> Bounce | None:
    """Each of our mails has one recipient, and so has its report; of several blocks the first that says something."""
    blocks = report.get_payload()
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, Message):
            continue
        action = str(block.get("Action", "")).strip().casefold()
        if action not in ("failed", "delayed"):
            continue
        status = _STATUS.search(str(block.get("Status", "")))
        said = _words(str(block.get("Diagnostic-Code", "")).partition(";")[2] or str(block.get("Status", "")))
        return Bounce(tag=tag, status=status[0] if status else "", has_failed=action == "failed", said=said)
    return None


def _words(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:_MOST_WORDS]

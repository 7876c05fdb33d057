"""What a channel tells somebody outside, where to, and what it says when that is done: all that a delivery asks of it.

    sender.require(target)                      # while it is written down: InvalidInput names the field
    receipt = await sender.send(target, message, delivery_id=row.id, event_id=row.event_id)

`NotDelivered` says how it failed: `is_final` (no use trying again), `retry_after` (seconds, what the other side asked
for), `was_tried` (False: it was not its turn yet, which uses up no attempt), `may_have_arrived` (the line broke after
everything had been sent, to a place that would show it twice: try again only when somebody says so).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

import msgspec


class ChannelVia(StrEnum):
    """By what something leaves, as far as it is no mail, folder or link."""

    WEBHOOK = "webhook"
    WECOM = "wecom"  # 企业微信
    DINGTALK = "dingtalk"  # 钉钉
    FEISHU = "feishu"  # 飞书
    SLACK = "slack"
    TEAMS = "teams"
    S3 = "s3"  # below a prefix of the store that the settings name


class ToldFile(msgspec.Struct, frozen=True, kw_only=True):
    """`blob` is where its bytes lie here; `url` where people get it, if they can."""

    name: str
    size: int
    media_type: str
    blob: str
    sha256: str
    url: str = ""


class ChannelMessage(msgspec.Struct, frozen=True, kw_only=True):
    """In the language of who reads it, and without any markup: each channel escapes what it needs to.

    `event` is what happened, for programs (`report.ready`); `url` leads to the page that has all of it.
    """

    title: str
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()  # label and value: "Rows", "49,880"
    url: str = ""
    language: str = "en"
    files: tuple[ToldFile, ...] = ()
    event: str = "report.ready"


class ChannelTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where to. `url` is a secret in itself, as `secret` is: `Seals.seal(target)` is how it is stored, and `shown` is
    all that anybody is told of it. `path` is a folder below the prefix of S3."""

    via: ChannelVia
    url: str = ""
    secret: str = ""
    path: str = ""

    @property
    def shown(self) -> str:
        return self.path or "/" if self.via is ChannelVia.S3 else host_of(self.url)

    def __repr__(self) -> str:
        return f"ChannelTarget({self.via.value}: {self.shown})"


class ChannelReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the other side said when it took it, to find it again there; often nothing."""

    said: str = ""


class ChannelSender(Protocol):
    """All channels behind one door."""

    def is_set_up(self, via: ChannelVia) -> bool:
        """False for S3 without its settings; the others need none."""
        ...

    def require(self, target: ChannelTarget) -> None:
        """Raises `InvalidInput` for what cannot be right (`url`, `secret`, `path`), before it is stored."""
        ...

    async def send(
        self, target: ChannelTarget, message: ChannelMessage, *, delivery_id: str, event_id: str
    ) -> ChannelReceipt:
        """Returns once the other side has taken it; raises `NotDelivered`.

        Both ids stay the same at each attempt. `event_id` is what is told, whoever is told of it; `delivery_id` is
        the telling of one.
        """
        ...

    async def allow_again(self, target: ChannelTarget) -> None:
        """Somebody says that a place that failed for a day works again: by *send again*, or by saving it anew."""
        ...


def host_of(url: str) -> str:
    """All of an address that may be told."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

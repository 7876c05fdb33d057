"""Something on its way out: what a channel carries, how far it is, and who can carry it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from server.delivery.messages import ChannelMessage


class Channel(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"
    PLACE = "place"  # a chat or webhook of somebody
    PUSH = "push"  # one browser of somebody


class ParcelState(StrEnum):
    WAITING = "waiting"  # for its next attempt
    SENT = "sent"  # the other side took it
    FAILED = "failed"  # given up


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that goes with a mail: the key of a blob, which has to stay until the mail is gone."""

    name: str
    media_type: str
    blob: str
    sha256: str = ""  # what it held when the mail was written; empty: nobody noted it


class InlinePicture(msgspec.Struct, frozen=True, kw_only=True):
    """PNG that the HTML of a mail shows as `cid:<id>`."""

    id: str
    png: bytes


class Mail(msgspec.Struct, frozen=True, kw_only=True, tag="mail"):
    """`html` is the same once more, for programs that show it. `comes_back_to` is where it goes if nobody can deliver
    it: empty, to whom all mail is from. `unsubscribe` is an address that ends such mail with one click; `message_id`
    stays the same as long as it is the same mail.
    """

    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    pictures: tuple[InlinePicture, ...] = ()
    unsubscribe: str = ""
    message_id: str = ""
    comes_back_to: str = ""


class Hook(msgspec.Struct, frozen=True, kw_only=True, tag="webhook"):
    """JSON for the address that the settings name: that is looked up when it is sent, as its secret is."""

    payload: dict[str, Any]


class Placed(msgspec.Struct, frozen=True, kw_only=True, tag="place"):
    """A message for a place outside, whose address is `sealed` (a `ChannelTarget`)."""

    sealed: str
    message: ChannelMessage
    event_id: str


class Push(msgspec.Struct, frozen=True, kw_only=True, tag="push"):
    """What one browser shows, in its reader's language. `url` begins with a slash, as browsers ask for it; `kind` is
    the kind of notice. Where it goes is looked up when it is sent: the subscription may have ended by then."""

    subscription_id: str
    kind: str
    title: str
    body: str = ""
    url: str = ""


ParcelContent = Mail | Hook | Placed | Push
_CHANNELS: dict[type[ParcelContent], Channel] = {
    Mail: Channel.MAIL,
    Hook: Channel.WEBHOOK,
    Placed: Channel.PLACE,
    Push: Channel.PUSH,
}


def channel_of(content: ParcelContent) -> Channel:
    return _CHANNELS[type(content)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """`error` is what the last attempt said, as a phrase."""

    id: str
    channel: Channel
    subject: str
    content: ParcelContent
    created_at: datetime
    state: ParcelState
    attempts: int
    next_at: datetime | None
    error: dict[str, Any] | None
    sent_at: datetime | None
    schedule_id: str | None = None  # that it tells of


class Carrier(Protocol):
    """What takes parcels of one channel out of the house."""

    @property
    def is_set_up(self) -> bool:
        """Whether the settings say where to."""
        ...

    async def carry(self, parcel: Parcel) -> None:
        """Returns once the other side has taken it. Raises `NotDelivered`, which says why not."""
        ...

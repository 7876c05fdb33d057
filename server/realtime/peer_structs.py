"""What browsers tell each other before a file goes from one to the other (docs/peer-to-peer.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class PeerFile(Struct, frozen=True, kw_only=True):
    """A file as its sender calls it; `size` in bytes."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    size: Annotated[int, Meta(ge=0, le=2**53 - 1)]


class PeerOffer(Struct, frozen=True, kw_only=True, tag_field="kind", tag="offer"):
    """Files for somebody, who is asked whether they want them. `transfer` is any new name for it."""

    transfer: Annotated[str, Meta(pattern="^[0-9a-z]{16,32}$")]
    files: Annotated[list[PeerFile], Meta(min_length=1, max_length=50)]


class PeerAccept(Struct, frozen=True, kw_only=True, tag_field="kind", tag="accept"):
    """A person wants them, at this device."""


class PeerDecline(Struct, frozen=True, kw_only=True, tag_field="kind", tag="decline"):
    """A person does not want them."""


class PeerAgain(Struct, frozen=True, kw_only=True, tag_field="kind", tag="again"):
    """The way between the two is lost: the sender is asked to look for another one. Each end gets a new ticket."""


class PeerDescription(Struct, frozen=True, kw_only=True, tag_field="kind", tag="description"):
    """A session description: the sender of the files makes the WebRTC offer, the receiver answers it. `attempt` counts
    the ways that were looked for, and is repeated by what belongs to one."""

    attempt: Annotated[int, Meta(ge=1, le=1_000_000)]
    type: Literal["offer", "answer"]
    sdp: Annotated[str, Meta(max_length=16_384)]


class PeerCandidate(Struct, frozen=True, kw_only=True, tag_field="kind", tag="candidate"):
    """A way to reach the browser that tells it, as `RTCIceCandidate.toJSON()` gives it."""

    attempt: Annotated[int, Meta(ge=1, le=1_000_000)]
    candidate: Annotated[str, Meta(max_length=1_000)]
    mid: Annotated[str, Meta(max_length=32)] | None = None
    line: Annotated[int, Meta(ge=0, le=1_000)] | None = None


class PeerOver(Struct, frozen=True, kw_only=True, tag_field="kind", tag="over"):
    """Nothing more comes: it was cancelled, failed, or another device has taken it (`taken`, which the server says)."""

    reason: Literal["cancelled", "failed", "taken"]


PeerSignal = PeerOffer | PeerAccept | PeerDecline | PeerAgain | PeerDescription | PeerCandidate | PeerOver


class PeerName(Struct, frozen=True, kw_only=True):
    """Who is at the other end, and at which device."""

    user: str
    device: str


class PeerWay(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A STUN or TURN server, as `RTCConfiguration.iceServers` wants it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None

"""JSON for programs, signed as Standard Webhooks (standardwebhooks.com) has it: many languages check that already."""

from __future__ import annotations

import binascii
from base64 import b64decode

import msgspec

from server.delivery.channels.asking import (
    JSON,
    Outgoing,
    OutsideAnswer,
    ServicePace,
    Telling,
    hmac_of,
    require_success,
)
from server.delivery.messages import ChannelReceipt, ChannelTarget

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
DELIVERY = "jindu-delivery"
_PREFIX = "whsec_"


class SignedWebhook:
    pace = ServicePace()
    takes_repeats = True  # by its event's id

    def written(self, target: ChannelTarget, telling: Telling) -> Outgoing:
        """Signed anew at each attempt, over the bytes as they are sent: an old one is refused by its time."""
        seconds = str(int(telling.at.timestamp()))
        body = msgspec.json.encode(_payload(telling))
        headers = {**JSON, ID: telling.event_id, TIMESTAMP: seconds, DELIVERY: telling.delivery_id}
        if target.secret:
            headers[SIGNATURE] = signature(target.secret, f"{telling.event_id}.{seconds}.".encode() + body)
        return Outgoing(url=target.url, body=body, headers=headers)

    def read(self, answer: OutsideAnswer) -> ChannelReceipt:
        require_success(answer)
        return ChannelReceipt()


def signature(secret: str, content: bytes) -> str:
    return f"v1,{hmac_of(key_of(secret), content)}"


def key_of(secret: str) -> bytes:
    """`whsec_` is followed by base 64, as the standard says; any other secret is its own bytes."""
    if secret.startswith(_PREFIX):
        try:
            return b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _payload(telling: Telling) -> dict[str, object]:
    """Where files lie here is nobody's business."""
    message = telling.message
    files = [
        {"name": each.name, "size": each.size, "type": each.media_type, "sha256": each.sha256, "url": each.url or None}
        for each in message.files
    ]
    return {
        "type": message.event,
        "timestamp": telling.at,
        "id": telling.event_id,
        "delivery_id": telling.delivery_id,
        "data": {
            "title": message.title,
            "text": message.text,
            "facts": [{"label": label, "value": value} for label, value in message.facts],
            "url": message.url or None,
            "language": message.language,
            "files": files,
        },
    }

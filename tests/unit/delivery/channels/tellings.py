"""Messages as services are told them in tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from server.delivery.channels.asking import Outgoing, OutsideAnswer, Telling
from server.delivery.messages import ChannelMessage, ToldFile

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
FILE = ToldFile(name="门店 12.pdf", size=70_000, media_type="application/pdf", blob="ab/secret-place", sha256="0f" * 32)
MESSAGE = ChannelMessage(
    title="Store 12, October 2026",
    text="Sales rose by 4 %.\nReturns fell.",
    facts=(("Rows", "49,880"), ("Data as of", "2026-11-01 08:00 +08:00")),
    url="https://reports.example.com/s/abc?x=(1)&y=2",
    files=(FILE,),
)


def telling(translate: Callable[[str], str] = str, **changed: Any) -> Telling:
    return Telling(
        message=msgspec.structs.replace(MESSAGE, **changed),
        delivery_id="01delivery",
        event_id="01event",
        at=NOON,
        translate=translate,
    )


def answer(status: int = 200, body: object = b"", **headers: str) -> OutsideAnswer:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    known = {name.replace("_", "-"): value for name, value in headers.items()}
    return OutsideAnswer(host="chat.example.com", status=status, headers=known, body=content, at=NOON)


def body_of(request: Outgoing) -> Any:
    return msgspec.json.decode(request.body)

"""Messages on their way to one reader, who may be slow: of each job only the newest progress waits."""

from __future__ import annotations

import asyncio
from typing import Any

Message = dict[str, Any]


class Mailbox:
    """Kept messages all wait, in order; progress is conflated."""

    def __init__(self) -> None:
        self._waiting: dict[object, Message] = {}
        self._count = 0
        self._something = asyncio.Event()
        self._end: Exception | None = None

    def put(self, message: Message) -> None:
        self._count += 1
        key = _conflated_as(message)
        if key is None:
            key = self._count
        self._waiting.pop(key, None)  # the newer one stands at the end, where it belongs
        self._waiting[key] = message
        self._something.set()

    def end(self, error: Exception) -> None:
        """What `take` raises once everything before was taken."""
        self._end = error
        self._something.set()

    async def take(self) -> Message:
        while not self._waiting:
            if self._end is not None:
                raise self._end
            self._something.clear()
            await self._something.wait()
        return self._waiting.pop(next(iter(self._waiting)))


def _conflated_as(message: Message) -> object:
    """What a newer message may replace; None for what must not be missed."""
    if "offset" in message:
        return None
    if "job_id" in message:
        return ("progress", message["job_id"])
    data = message.get("data")
    if message.get("type") == "event" and isinstance(data, dict) and "job_id" in data and "revision" in data:
        return ("event", message.get("event"), data["job_id"])
    return None

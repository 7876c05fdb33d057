"""A sign of life each second in a file: after a crash it says until when the server was up, which beats say to 10 s."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPulse:
    run_id: str
    at: datetime


class Pulse:
    """One of each data directory. Not in the database: that is written by others, and may be another machine's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> LastPulse | None:
        """What an earlier process left; None when there is nothing that can be read."""
        try:
            run_id, _, at = self._path.read_text("ascii").strip().partition(" ")
            return LastPulse(run_id=run_id, at=datetime.fromisoformat(at).astimezone(UTC))
        except (OSError, ValueError):
            return None

    def write(self, pulse: LastPulse) -> None:
        """In place and always as long: a full disk has the room for it."""
        text = f"{pulse.run_id} {pulse.at.astimezone(UTC).isoformat(timespec='microseconds')}\n"
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(file, text.encode("ascii"), 0)
        finally:
            os.close(file)

    async def run(self, now: Callable[[], LastPulse]) -> None:
        """Until cancelled."""
        while True:
            with suppress(OSError):  # then a crash counts from the last beat
                await asyncio.to_thread(self.write, now())
            await asyncio.sleep(EVERY_SECONDS)

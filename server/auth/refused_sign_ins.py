"""Sign-ins that were refused, in the audit log: so few lines a minute that nobody can fill it by guessing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from server.auth.audit import Audit, AuditOutcome, Via
from server.auth.users import User
from server.storage.database import NOT_STORED, Database

_PER_MINUTE = 60


class RefusedSignIns:
    """What is too much is counted, and told with the next line that is written."""

    def __init__(
        self, database: Database, *, per_minute: int = _PER_MINUTE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._clock = clock
        self._times: deque[float] = deque(maxlen=per_minute)
        self._left_out = 0

    async def record(self, user: User | None, *, address: str, reason: str) -> None:
        """`user` is whose name was given: one that nobody has is not written, since it may be a password by mistake.

        It is also well when it cannot be stored: a refusal stays one on a full disk.
        """
        if len(self._times) == self._times.maxlen and self._clock() - self._times[0] < 60:
            self._left_out += 1
            return
        self._times.append(self._clock())
        detail: dict[str, Any] = {"reason": reason} | ({"left_out": self._left_out} if self._left_out else {})
        name, user_id = (user.name, user.id) if user else ("", "")
        with suppress(*NOT_STORED):
            async with self._database.write() as connection:
                await Audit.record(
                    connection,
                    Via.STRANGER,
                    "session.refuse",
                    name,
                    detail,
                    subject_id=user_id,
                    outcome=AuditOutcome.REFUSED,
                    address=address,
                )
            self._left_out = 0

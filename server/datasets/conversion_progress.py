"""How far the reading of a file is, told a few times a second."""

from __future__ import annotations

import time
from typing import Any

from server.jobs.worker_process import OnReport

_REPORT_EVERY_SECONDS = 0.2


class ConversionProgress:
    """Tells how far reading is, a few times a second."""

    def __init__(self, report: OnReport, bytes_total: int) -> None:
        self._report = report
        self._state: dict[str, Any] = {
            "rows": 0, "rejected": 0, "named": {}, "bytes": 0, "bytes_total": bytes_total, "stage": "", "total": None,
        }  # fmt: skip
        self._due = 0.0

    def tell(self, *, stage: str, **changes: Any) -> None:
        self._state |= {"stage": stage, **changes}
        self._due = time.monotonic() + _REPORT_EVERY_SECONDS
        self._report(dict(self._state))

    def _tell_if_due(self, *, stage: str) -> None:
        """A report that comes late, since a block took its time, does not put off the one after it."""
        late = time.monotonic() - self._due
        if late >= 0:
            self.tell(stage=stage)
            self._due -= min(late, _REPORT_EVERY_SECONDS)

    def unpacked(self, done: int, total: int) -> None:
        self._state |= {"bytes": done, "bytes_total": total}
        self._tell_if_due(stage="unpacking")

    def begin_file(self, bytes_total: int) -> None:
        self.tell(stage="detecting", bytes=0, bytes_total=bytes_total)

    def read(self, rows: int, rejected: int, done: int) -> None:
        """`total` is an estimate, from the bytes that are left."""
        records = rows + rejected
        if not records:
            return
        total = round(records * self._state["bytes_total"] / done) if done else None
        self._state |= {"rows": rows, "rejected": rejected, "bytes": done, "total": total, "stage": "reading"}
        self._tell_if_due(stage="reading")

"""What a client knows of its jobs: the highest revision of each, from snapshots and messages in any order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]
_NOT_FIELDS = frozenset({"type", "timestamp", "offset"})


def merged(messages: Iterable[Json]) -> dict[str, Json]:
    """Job id → its newest fields."""
    table: dict[str, Json] = {}
    for message in messages:
        for job in message["jobs"] if message["type"] == "jobs" else [message] if "job_id" in message else []:
            known = table.get(job["job_id"])
            if known is None or job["revision"] > known["revision"]:
                table[job["job_id"]] = {name: value for name, value in job.items() if name not in _NOT_FIELDS}
    return table

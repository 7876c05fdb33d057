"""When a disk will be full, if it goes on like this."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from server.monitoring.samples import StoredSample

_LEAST_SECONDS = 86_400  # of less than a day nothing can be said
_MOST_SECONDS = 365 * 86_400  # and of what lies further away neither


def free_room(stored: Sequence[StoredSample]) -> list[tuple[int, float]]:
    """When and how much there was, of the node whose disk has the least at the end."""
    by_node: dict[str, list[tuple[int, float]]] = {}
    for each in stored:
        level = msgspec.json.decode(each.values).get("disk_free")
        if level:
            by_node.setdefault(each.node, []).append((each.at, level[2] / level[3]))
    return min(by_node.values(), key=lambda points: points[-1][1], default=[])


def full_at(free: Sequence[tuple[int, float]]) -> datetime | None:
    """From free bytes at times in seconds since 1970, oldest first, along the straight line that fits them best."""
    if len(free) < 3 or free[-1][0] - free[0][0] < _LEAST_SECONDS:
        return None
    last, left = free[-1]
    mean_at = sum(at for at, _ in free) / len(free)
    mean_free = sum(bytes_free for _, bytes_free in free) / len(free)
    spread = sum((at - mean_at) ** 2 for at, _ in free)
    slope = sum((at - mean_at) * (bytes_free - mean_free) for at, bytes_free in free) / spread
    if slope >= 0 or -left / slope > _MOST_SECONDS:
        return None
    return datetime.fromtimestamp(last - left / slope, UTC)

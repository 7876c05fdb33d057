"""What this node has to do without at the moment, of what all nodes share."""

from __future__ import annotations

from server.app.parts import Parts
from server.http.readiness import Lack


def lacks_of(parts: Parts) -> tuple[Lack, ...]:
    found = {
        Lack.FILES: parts.storage.files.is_away(),
        Lack.NODES: not parts.realtime.broker.statistics().is_whole,
    }
    return tuple(lack for lack, is_so in found.items() if is_so)

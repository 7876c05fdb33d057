"""Why a job does not move though nobody stopped it: what it waits for, at which place in line, and about how long."""

from __future__ import annotations

from enum import StrEnum

import msgspec

_FIRST_PLACES = 20  # whoever is among these sees each step
_SHARE_TOLD = 0.1  # of a place further back or of an estimate: a smaller change is not worth a message


class WaitingFor(StrEnum):
    TURN = "turn"  # in line to begin
    WORKER = "worker"  # under way, but it has no worker at this moment
    AGAIN = "again"  # it failed for a reason that may pass, and begins anew after a while
    FILES = "files"  # the store of files is away
    DATABASE = "database"
    NOBODY = "nobody"  # no node that is there runs jobs of its kind


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """`count` pieces of work of `kind` have to end first, the waiting person's own or those of others.

    `seconds` is None while nothing is known of how long such work takes.
    """

    reason: WaitingFor
    place: int | None = None
    kind: str = ""
    count: int = 0
    is_own: bool = False
    seconds: float | None = None

    def is_news_after(self, told: Waiting | None) -> bool:
        """Whether somebody who knows `told` should hear of it: a line of a thousand does not move a thousand times."""
        if told is None or (self.reason, self.is_own, self.kind) != (told.reason, told.is_own, told.kind):
            return True
        if (self.place or 0) <= _FIRST_PLACES:
            return self.place != told.place or self.count != told.count or _differs(self.seconds, told.seconds)
        return _differs(self.place, told.place)


def _differs(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > max(1.0, _SHARE_TOLD * other)

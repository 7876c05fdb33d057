"""How far each user's stream has been told at this node: which message is the next, and which shows a gap."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from server.realtime.protocol import Position


class KeptArrival(Enum):
    NEXT = auto()  # to be told now
    KNOWN = auto()  # told before
    GAP = auto()  # something before it is missing: it is told when that was read
    NOBODY = auto()  # nobody here waits for it


class Positions:
    """A position moves when its message is told, not when it is stored."""

    def __init__(self) -> None:
        self._told: dict[str, Position] = {}
        self._loading: dict[str, bool] = {}  # whether something arrived meanwhile

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._told

    def get(self, user_id: str) -> Position | None:
        return self._told.get(user_id)

    def users(self) -> list[str]:
        return list(self._told)

    def arrives(self, user_id: str, position: Position) -> KeptArrival:
        """Moves the position when this is the next one."""
        known = self._told.get(user_id)
        if known is None:
            if user_id in self._loading:
                self._loading[user_id] = True
            return KeptArrival.NOBODY
        if position.epoch != known.epoch:
            # Epochs sort by time: one of before the stream was cut comes late, one of after shows that it was.
            return KeptArrival.KNOWN if position.epoch < known.epoch else KeptArrival.GAP
        if position.offset <= known.offset:
            return KeptArrival.KNOWN
        if position.offset > known.offset + 1:
            return KeptArrival.GAP
        self._told[user_id] = position
        return KeptArrival.NEXT

    def begin_loading(self, user_id: str) -> None:
        self._loading.setdefault(user_id, False)

    def loaded(self, user_id: str, position: Position) -> bool:
        """Whether something arrived while it was read, which may have come after it."""
        self._told.setdefault(user_id, position)
        return self._loading.pop(user_id, False)

    def not_loaded(self, user_id: str) -> None:
        self._loading.pop(user_id, None)

    def move(self, user_id: str, position: Position) -> None:
        """What was read up to there is being told."""
        if user_id in self._told:
            self._told[user_id] = position

    def forget(self, user_id: str) -> None:
        self._told.pop(user_id, None)

    def cut(self, epoch: str) -> None:
        """All streams begin a new epoch where they are."""
        self._told = {user_id: Position(epoch=epoch, offset=told.offset) for user_id, told in self._told.items()}

    def behind(self, stored: Iterable[tuple[str, str, int]]) -> list[str]:
        """Whose streams have gone on: user, epoch, offset as they stand in the rows."""
        return [user_id for user_id, epoch, offset in stored if self._is_behind(user_id, epoch, offset)]

    def _is_behind(self, user_id: str, epoch: str, offset: int) -> bool:
        told = self._told.get(user_id)
        if told is None:
            return False
        return epoch != told.epoch or offset > told.offset

"""Finds what was kept and never heard of here, reads it and has it told in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from server.clock import utc_now
from server.realtime.close_codes import CloseCode
from server.realtime.history import History, KeptMessage
from server.realtime.manager import ConnectionManager
from server.storage.database import NOT_NOW

_LOG = logging.getLogger("jindu.realtime")
_ASKED_AT_ONCE = 1_000  # users
_LOOK_BACK = timedelta(seconds=40)  # longer than a transaction takes, and than clocks of nodes differ
_AGAIN_SECONDS = 1.0
_ALL_EVERY_LOOKS = 12

TellKept = Callable[[KeptMessage], None]


class CatchUp:
    """Rows are the truth. Whoever is behind is looked up at once; and now and then everybody is looked at.

    Who cannot be given all of it loses the connection, comes back and is told so.
    """

    def __init__(self, *, history: History, manager: ConnectionManager, look_seconds: float) -> None:
        self._history = history
        self._manager = manager
        self._look_seconds = look_seconds
        self._tell: TellKept = lambda kept: None
        self._behind: dict[str, None] = {}
        self._woken = asyncio.Event()
        self._all_are_asked = False
        self._turns: dict[str, asyncio.Lock] = {}
        self._looks = 0
        self.repaired = 0

    def told_by(self, tell: TellKept) -> None:
        self._tell = tell

    def is_behind(self, user_id: str) -> None:
        self._behind[user_id] = None
        self._woken.set()

    def may_have_lost(self) -> None:
        self._all_are_asked = True
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                if self._all_are_asked:
                    self._all_are_asked = False
                    await self._ask_for(self._history.positions.users())
                while self._behind:
                    user_id = next(iter(self._behind))
                    del self._behind[user_id]
                    await self._of_or_later(user_id)
            except NOT_NOW:  # said in the log already
                self._all_are_asked = True
                await asyncio.sleep(_AGAIN_SECONDS)
                self._woken.set()

    async def look(self) -> None:
        """Until cancelled: for what was lost without anybody noticing, such as by a node that died at its commit."""
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                await self._look_once()
            except NOT_NOW:
                pass
            except Exception:
                _LOG.exception("could not look for what was missed", extra={"action": "catch_up"})

    async def of(self, user_id: str) -> None:
        """Now: somebody knows of more than was told here."""
        lock = self._turns.setdefault(user_id, asyncio.Lock())
        try:
            async with lock:
                await self._read_and_tell(user_id)
        finally:
            if not lock.locked():
                self._turns.pop(user_id, None)

    async def _of_or_later(self, user_id: str) -> None:
        try:
            await self.of(user_id)
        except NOT_NOW:
            self._behind[user_id] = None
            raise
        except Exception:
            _LOG.exception("could not catch up", extra={"action": "catch_up", "user": user_id})

    async def _read_and_tell(self, user_id: str) -> None:
        missed = await self._history.missed(user_id)
        if missed is None:
            self._let_them_come_back(user_id)
            return
        self._tell_all(missed)

    def _tell_all(self, missed: Sequence[KeptMessage]) -> None:
        """In one piece with the position that moved: nobody joins in between."""
        for kept in missed:
            self.repaired += 1
            self._tell(kept)

    def _let_them_come_back(self, user_id: str) -> None:
        """They read the position anew, and are told what could not be recovered."""
        self._history.forget(user_id)
        for connection in self._manager.connections_of(user_id):
            connection.close(CloseCode.BEHIND)
            self._manager.disconnect(connection)

    async def _look_once(self) -> None:
        users = self._history.positions.users()
        self._looks += 1
        if len(users) <= _ASKED_AT_ONCE or self._looks % _ALL_EVERY_LOOKS == 0:
            await self._ask_for(users)
            return
        for user_id in await self._history.behind_since(utc_now() - _LOOK_BACK):
            self.is_behind(user_id)

    async def _ask_for(self, users: Sequence[str]) -> None:
        for start in range(0, len(users), _ASKED_AT_ONCE):
            for user_id in await self._history.behind(users[start : start + _ASKED_AT_ONCE]):
                self.is_behind(user_id)

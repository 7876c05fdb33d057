"""Backups that the server makes by itself: one a day, restored on trial, and the old ones taken away again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.backup_commands import BackupCommands
from server.clock import Clock, new_id, utc_now
from server.storage.database import NOT_NOW, Database
from server.storage.rows import insert_missing
from server.storage.tables import nightly_backups

_LOG = logging.getLogger("jindu.backups")
_LOOK_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyBackup:
    """One that was made, or tried. `problem` is why it failed, in English, as the commands tell it."""

    day: str
    began_at: datetime
    ended_at: datetime | None = None
    proven_at: datetime | None = None
    file: str = ""
    bytes: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupState:
    """The newest one, and the newest one that was restored on trial."""

    newest: NightlyBackup
    proven: NightlyBackup | None

    def is_worrying(self, now: datetime, *, late: timedelta) -> bool:
        if self.newest.problem:
            return True
        since = self.proven.proven_at if self.proven else self.newest.began_at
        return since is not None and now - since > late


class NightlyBackups:
    """`run` makes one for each day from `at` (UTC) on, also when the server was away at that time.

    Of several servers on one database, the first makes it.
    """

    def __init__(
        self,
        *,
        database: Database,
        commands: BackupCommands,
        at: time_of_day,
        keep_days: float,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._commands = commands
        self._at = at
        self._keep_days = keep_days
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.make_due()
            except NOT_NOW:  # the database is away, which is told elsewhere; it is due once it is back
                _LOG.warning("the nightly backup waits for the database", extra={"action": "nightly_backup"})
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def make_due(self) -> bool:
        """The backup of today, once its time has come; False when there is nothing to do."""
        now = self._clock()
        if now.time() < self._at:
            return False
        backup = NightlyBackup(day=now.date().isoformat(), began_at=now)
        if not await self._begin(backup):
            return False
        made = await self._made(backup)
        await self._end(made)
        if made.problem:
            _LOG.error("the nightly backup failed: %s", made.problem, extra={"action": "nightly_backup"})
        else:
            _LOG.info("made and proved the backup %s", made.file, extra={"action": "nightly_backup"})
            await self._remove_old(made)
        return True

    async def _made(self, backup: NightlyBackup) -> NightlyBackup:
        made = await self._commands.make(f"jindu-{backup.began_at:%Y-%m-%dT%H%M%SZ}.zip")
        backup = replace(backup, file=made.file, bytes=made.bytes, ended_at=self._clock(), problem=made.problem)
        if made.problem:
            return backup
        problem = await self._commands.prove(made.file)
        return replace(backup, problem=problem) if problem else replace(backup, proven_at=self._clock())

    async def _begin(self, backup: NightlyBackup) -> bool:
        """False when somebody has begun that of this day already."""
        row = {"day": backup.day, "began_at": backup.began_at, "run_id": new_id()}
        ours = select(nightly_backups.c.run_id).where(nightly_backups.c.day == backup.day)
        async with self._database.write() as connection:
            await insert_missing(connection, nightly_backups, [row], key=("day",))
            return bool((await connection.execute(ours)).scalar_one() == row["run_id"])

    async def _end(self, backup: NightlyBackup) -> None:
        values = {name: getattr(backup, name) for name in ("ended_at", "proven_at", "file", "bytes", "problem")}
        async with self._database.write() as connection:
            await connection.execute(
                update(nightly_backups).where(nightly_backups.c.day == backup.day).values(**values)
            )

    async def _remove_old(self, newest: NightlyBackup) -> None:
        """Those that we made ourselves, long ago; the newest one that was proven is never among them."""
        before = newest.began_at - timedelta(days=self._keep_days)
        old = select(nightly_backups).where(nightly_backups.c.began_at < before)
        async with self._database.read() as connection:
            found = [_backup(row) for row in await connection.execute(old)]
        for each in found:
            if each.file:
                await asyncio.to_thread(Path(each.file).unlink, missing_ok=True)
        async with self._database.write() as connection:
            await connection.execute(
                delete(nightly_backups).where(nightly_backups.c.day.in_([each.day for each in found]))
            )


async def backup_state(connection: AsyncConnection) -> BackupState | None:
    """None when there never was one."""
    newest = select(nightly_backups).order_by(nightly_backups.c.day.desc()).limit(1)
    last = (await connection.execute(newest)).one_or_none()
    proven = (await connection.execute(newest.where(nightly_backups.c.proven_at.is_not(None)))).one_or_none()
    return None if last is None else BackupState(newest=_backup(last), proven=_backup(proven) if proven else None)


def _backup(row: Row[Any]) -> NightlyBackup:
    return NightlyBackup(**{name: getattr(row, name) for name in NightlyBackup.__slots__})

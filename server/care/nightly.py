"""Backups that the server makes by itself: one a day, restored on trial, and the old ones taken away again.

The work is that of the commands `backup` and `restore --prove`, in a process of their own: packing gigabytes must not
make the server's event loop wait for the interpreter.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, new_id, utc_now
from server.storage.database import NOT_NOW, Database
from server.storage.rows import insert_missing
from server.storage.tables import nightly_backups

_LOG = logging.getLogger("jindu.backups")
_LOOK_EVERY_SECONDS = 60.0
_PRIORITY = 10  # of its process: people come first
_LONGEST_REASON = 500


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
        folder: Path,
        at: time_of_day,
        keep_days: float,
        environment: Mapping[str, str],
        clock: Clock = utc_now,
    ) -> None:
        """`environment` has the settings that the commands need."""
        self._database = database
        self._folder = folder
        self._at = at
        self._keep_days = keep_days
        self._environment = environment
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
        # With its name: where the directory is away, as a disk that is not mounted, its own name would become a file's.
        file = self._folder / f"jindu-{backup.began_at:%Y-%m-%dT%H%M%SZ}.zip"
        told, problem = await self._command("backup", str(file))
        if "file" not in told:
            return replace(backup, ended_at=self._clock(), problem=problem)
        backup = replace(backup, file=told["file"], bytes=told["archive_bytes"], ended_at=self._clock())
        if told["missing"]:
            missing = f"{len(told['missing'])} files that rows name are not there, such as {told['missing'][0]}."
            return replace(backup, problem=missing)
        proof, problem = await self._command("restore", told["file"], "--prove")
        return replace(backup, proven_at=self._clock()) if "file" in proof else replace(backup, problem=problem)

    async def _command(self, *words: str) -> tuple[dict[str, Any], str]:
        """What it told, and what it complained of."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("JINDU_")}
        here = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", *words, "--json"),
            env={**others, "PYTHONPATH": here, **self._environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the server's terminal is for the server, which ends this one
        )
        try:
            psutil.Process(process.pid).nice(_PRIORITY)
            out, complaints = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        lines = [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]
        told: dict[str, Any] = next((line for line in reversed(lines) if "file" in line), {})
        return told, complaints.decode(errors="replace").strip()[-_LONGEST_REASON:] or f"status {process.returncode}"

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

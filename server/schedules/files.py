"""Which files a schedule has taken: none is taken twice, by its size and time or by what it holds."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id
from server.jobs.job import State
from server.schedules.plans import ImportPlan
from server.storage.database import Database
from server.storage.rows import insert_or_get
from server.storage.tables import jobs, schedule_files

_KEPT = timedelta(days=400)  # of a file that is gone: one that comes back after a year is taken for a new one
_MOST_KEPT = 5_000


class TakenFile(msgspec.Struct, frozen=True, kw_only=True):
    """`job_kind` and `job_state` are None when that job was deleted since."""

    id: str
    name: str
    version: str
    sha256: str
    run_id: str
    upload_id: str
    job_id: str
    taken_at: datetime
    job_kind: str | None
    job_state: State | None

    @property
    def mark(self) -> str:
        """Size and time, as the version of a file in a folder has them behind its name."""
        return self.version.removeprefix(f"{self.name}:") if self.version.startswith(f"{self.name}:") else ""

    def is_free(self, import_kind: str, *, by_hand: bool) -> bool:
        """Whether it may be taken again: it never came here, or somebody asks by hand after its import failed."""
        if self.job_state not in (State.FAILED, State.CANCELLED):
            return False
        return by_hand or self.job_kind != import_kind


def place_key(plan: ImportPlan) -> str:
    """Another place, or another dataset, begins anew."""
    place = plan.url or f"{plan.folder}/"
    return _sha256(f"{place}\n{(plan.owner or '').casefold()}\n{plan.dataset.casefold()}")


class TakenFiles:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, schedule_id: str, plan: ImportPlan) -> list[TakenFile]:
        """The newest first."""
        names = [name for name in TakenFile.__struct_fields__ if not name.startswith("job_") or name == "job_id"]
        query = (
            sa.select(
                *(schedule_files.c[name] for name in names),
                jobs.c.kind.label("job_kind"),
                jobs.c.state.label("job_state"),
            )
            .outerjoin(jobs, jobs.c.id == schedule_files.c.job_id)
            .where(schedule_files.c.schedule_id == schedule_id, schedule_files.c.place_key == place_key(plan))
            .order_by(schedule_files.c.taken_at.desc(), schedule_files.c.id.desc())
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [msgspec.convert({str(name): value for name, value in row.items()}, TakenFile) for row in rows]


async def take_file(
    connection: AsyncConnection,
    *,
    schedule_id: str,
    run_id: str,
    plan: ImportPlan,
    name: str,
    version: str,
    sha256: str,
    upload_id: str,
    job_id: str,
    free: frozenset[str],
    now: datetime,
) -> bool:
    """False when another run has it; one whose id is in `free` may be taken again."""
    values = {
        "schedule_id": schedule_id,
        "place_key": place_key(plan),
        "file_key": _sha256(version or f"run {run_id}"),
        "name": name[:300],
        "version": version,
        "sha256": sha256,
        "run_id": run_id,
        "upload_id": upload_id,
        "job_id": job_id,
        "taken_at": now,
    }
    keys = ("schedule_id", "place_key", "file_key")
    row, is_new = await insert_or_get(connection, schedule_files, {"id": new_id(), **values}, key=keys)
    if is_new or row.run_id == run_id or row.id in free:
        await connection.execute(sa.update(schedule_files).where(schedule_files.c.id == row.id).values(values))
        return True
    return False


async def hand_over_file(connection: AsyncConnection, run_id: str, job_id: str) -> None:
    """From now on its import says what became of it."""
    await connection.execute(sa.update(schedule_files).where(schedule_files.c.run_id == run_id).values(job_id=job_id))


async def forget_files(connection: AsyncConnection, schedule_id: str, now: datetime) -> None:
    """What was taken long ago, and more than anybody has in a folder."""
    mine = schedule_files.c.schedule_id == schedule_id
    newest = sa.select(schedule_files.c.id).where(mine).order_by(schedule_files.c.taken_at.desc()).limit(_MOST_KEPT)
    is_old = sa.or_(schedule_files.c.taken_at < now - _KEPT, schedule_files.c.id.not_in(newest))
    await connection.execute(sa.delete(schedule_files).where(mine, is_old))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def move_files(connection: AsyncConnection, schedule_id: str, before: ImportPlan, plan: ImportPlan) -> None:
    """What was taken for one dataset was taken for the same under another name."""
    if place_key(before) == place_key(plan):
        return
    theirs = (schedule_files.c.schedule_id == schedule_id, schedule_files.c.place_key == place_key(before))
    await connection.execute(sa.update(schedule_files).where(*theirs).values(place_key=place_key(plan)))

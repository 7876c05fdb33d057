"""With whose rights a schedule runs: its owner's, as they are at that moment."""

from __future__ import annotations

import sqlalchemy as sa

from server.auth.permissions import SCOPES_OF_ROLE, Principal, Role
from server.schedules.schedule import Schedule
from server.storage.database import Database
from server.storage.tables import users


class ScheduleOwners:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, schedule: Schedule) -> Principal | None:
        """As if they asked now, in the zone of the schedule; None when their account is disabled."""
        query = sa.select(users.c.name, users.c.role, users.c.language).where(
            users.c.id == schedule.owner_id, users.c.disabled_at.is_(None)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return Principal(
            user_id=schedule.owner_id,
            user_name=row.name,
            role=Role(row.role),
            language=row.language or schedule.ordered.language,
            time_zone=schedule.time_zone,
            scopes=SCOPES_OF_ROLE[Role(row.role)],
        )

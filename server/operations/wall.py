"""Screens on walls: who made them, and what they show. Whoever holds the address sees figures, and can do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from server.alerts.alert import Alert
from server.auth.audit import Audit
from server.auth.permissions import Principal, Role, Scope
from server.auth.wall_tokens import (
    WallToken,
    add_wall_token,
    all_wall_tokens,
    count_wall_tokens,
    remove_wall_token,
    use_wall_token,
)
from server.clock import Clock, utc_now
from server.errors import FieldError, InvalidInput, NotFound, TokenUnknown
from server.jobs.job import Job, State
from server.jobs.job_filter import JobFilter
from server.operations.admin import AdminOperations
from server.operations.connections import ConnectionOperations
from server.operations.jobs import JobOperations
from server.operations.monitoring import LinesOf, LookBack, MetricHistory, MonitoringOperations
from server.operations.present import Present
from server.storage.database import Database

MOST_WALLS = 50
MOST_WALL_NAME = 100
_JOBS_SHOWN = 6
_POINTS = 360
WALL_METRICS = ("connections", "messages_sent", "delivery_p99", "jobs_running", "jobs_waiting", "loop_lag", "disk_free")
# What a screen shows is asked for in nobody's name, with no right to change anything.
_SCREEN = Principal(user_id="", user_name="", role=Role.ADMIN, language="", scopes=frozenset({Scope.READ, Scope.ADMIN}))


@dataclass(frozen=True, slots=True, kw_only=True)
class WallFigures:
    """`jobs` are those that run, and `owners` whose they are: empty unless the screen shows names."""

    token: WallToken
    present: Present
    firing: Sequence[Alert]
    connected: int
    running: int
    waiting: int
    jobs: Sequence[Job]
    owners: dict[str, str]


class WallOperations:
    def __init__(
        self,
        *,
        database: Database,
        monitoring: MonitoringOperations,
        jobs: JobOperations,
        connections: ConnectionOperations,
        admin: AdminOperations,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._monitoring = monitoring
        self._jobs = jobs
        self._connections = connections
        self._admin = admin
        self._clock = clock

    async def screens(self, principal: Principal) -> Sequence[WallToken]:
        principal.require_admin()
        async with self._database.read() as connection:
            return await all_wall_tokens(connection)

    async def add(self, principal: Principal, *, name: str, shows_names: bool = False) -> tuple[WallToken, str]:
        """A screen and the secret of its address, which is shown once."""
        principal.require_admin()
        name = name.strip()
        if not name or len(name) > MOST_WALL_NAME or not name.isprintable():
            message = "Say where the screen hangs, in one line of at most 100 characters."
            raise InvalidInput(errors=[FieldError(field="name", message=message)])
        async with self._database.write() as connection:
            if await count_wall_tokens(connection) >= MOST_WALLS:
                raise InvalidInput("There may be at most {limit} screens.", limit=MOST_WALLS)
            made = await add_wall_token(
                connection, name=name, created_by=principal.user_name, shows_names=shows_names, now=self._clock()
            )
            await Audit.record(
                connection, principal, "wall.add", name, {"shows_names": shows_names}, subject_id=made[0].id
            )
        return made

    async def remove(self, principal: Principal, token_id: str) -> None:
        """It goes dark at its next look."""
        principal.require_admin()
        async with self._database.write() as connection:
            name = await remove_wall_token(connection, token_id)
            if name is None:
                raise NotFound
            await Audit.record(connection, principal, "wall.remove", name, subject_id=token_id)

    async def figures(self, secret: str) -> WallFigures:
        """Raises `TokenUnknown` for an address that is none, or was taken back."""
        token = await self._known(secret)
        present = await self._monitoring.present(_SCREEN)
        running = await self._jobs.list(_SCREEN, JobFilter(states=(State.RUNNING,), limit=_JOBS_SHOWN))
        waiting = await self._jobs.list(_SCREEN, JobFilter(states=(State.QUEUED,), limit=1))
        jobs = running.items if token.shows_names else []
        return WallFigures(
            token=token,
            present=present,
            firing=[alert if token.shows_names else replace(alert, target="") for alert in present.firing],
            connected=await self._connections.count(_SCREEN),
            running=running.total or 0,
            waiting=waiting.total or 0,
            jobs=jobs,
            owners=await self._admin.names(_SCREEN, [job.owner_id for job in jobs]) if jobs else {},
        )

    async def history(self, secret: str) -> MetricHistory:
        await self._known(secret)
        found = await self._monitoring.history(
            _SCREEN, LookBack.HOUR, WALL_METRICS, most_points=_POINTS, lines_of=LinesOf.WHOLE
        )
        return replace(found, alerts=[replace(alert, target="") for alert in found.alerts])

    async def _known(self, secret: str) -> WallToken:
        token = await use_wall_token(self._database, secret, self._clock())
        if token is None:
            raise TokenUnknown
        return token

"""A node's two lines to PostgreSQL for the jobs it shares: one keeps its leases, one hears that there is work.

They belong to a thread with an event loop of its own: a loop that is busy computing does not lose its jobs to others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from server.engines.lease_rows import CANCELLED, PUT
from server.engines.postgresql_line import LIMITS, connecting

_LOG = logging.getLogger("jindu.jobs")
_AWAY = (psycopg.Error, OSError, TimeoutError)
_CHECK = "jindu_jobs_check"
_RENEWALS = 5  # in the time of a lease
_AGAIN_SECONDS = 0.5
_CHECK_SECONDS, _ANSWER_SECONDS = 15.0, 5.0
_LOOP_IS_DEAD_SECONDS = 300.0  # whoever computes for longer on the event loop does not come back
_CLOSE_SECONDS = 5.0
# A row that is locked is being stored or published at this moment: it is not lost, and has its turn right after.
_RENEW = """
WITH held AS (SELECT * FROM unnest(%(ids)s::text[], %(attempts)s::int[]) AS held(id, attempt)),
mine AS (
  SELECT jobs.id FROM jobs JOIN held USING (id, attempt) WHERE jobs.state = 'running' AND jobs.node = %(node)s
  ORDER BY jobs.id FOR UPDATE OF jobs SKIP LOCKED
), renewed AS (
  UPDATE jobs SET lease_until = clock_timestamp() + %(lease)s * interval '1 second' FROM mine WHERE jobs.id = mine.id
  RETURNING jobs.id
)
SELECT held.id, held.attempt, renewed.id IS NOT NULL,
  jobs.id IS NULL OR jobs.attempt <> held.attempt OR jobs.state <> 'running' OR jobs.node <> %(node)s,
  coalesce(jobs.cancel_requested, false)
FROM held LEFT JOIN jobs ON jobs.id = held.id LEFT JOIN renewed ON renewed.id = held.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Called on the server's event loop."""

    put: Callable[[], None]  # something may wait, or did while nobody listened
    lost: Callable[[str, int], None]  # job and attempt: another node may have it
    cancelled: Callable[[str], None]


class LeaseLines:
    def __init__(self, url: str, *, node: str, lease_seconds: float) -> None:
        given = make_url(url)
        self._address = given.set(drivername="postgresql", query={}).render_as_string(hide_password=False)
        self._arguments: dict[str, Any] = {**LIMITS, "target_session_attrs": "read-write", **given.query}
        self._node = node
        self._lease_seconds = lease_seconds
        self._held: set[tuple[str, int]] = set()
        self._turned_at = 0.0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_hurried: asyncio.Event | None = None
        self._all: asyncio.Task[None] | None = None
        self._lost: set[str] = set()  # what each line is for, of those that were lost: said once
        self._is_closing = False  # a cancellation may come out of psycopg as a line that was lost

    async def open(self, heard: Heard) -> None:
        self._heard = heard
        self._server_loop = asyncio.get_running_loop()
        self._turned_at = time.monotonic()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="leases", daemon=True)
        self._thread.start()
        await asyncio.to_thread(started.wait)

    def hold(self, job_id: str, attempt: int) -> None:
        self._held.add((job_id, attempt))  # one step of the interpreter, as all that is done to it here

    def release(self, job_id: str, attempt: int) -> None:
        self._held.discard((job_id, attempt))

    async def close(self) -> None:
        thread, loop, task = self._thread, self._loop, self._all
        self._thread, self._is_closing = None, True
        if thread is None or loop is None or task is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(task.cancel)
        await asyncio.to_thread(thread.join, _CLOSE_SECONDS)

    # in the thread

    def _run(self, started: threading.Event) -> None:
        with contextlib.suppress(asyncio.CancelledError), asyncio.Runner() as runner:
            runner.run(self._keep_all(started))

    async def _keep_all(self, started: threading.Event) -> None:
        self._loop, self._all = asyncio.get_running_loop(), asyncio.current_task()
        self._is_hurried = asyncio.Event()
        started.set()
        await asyncio.gather(self._again_and_again(self._renew_all), self._again_and_again(self._listen))

    async def _again_and_again(self, use: Callable[[Any], Awaitable[None]]) -> None:
        while not self._is_closing:
            try:
                async with await self._connected() as connection:
                    await use(connection)
            except _AWAY as error:
                if not self._lost and not self._is_closing:
                    _LOG.warning("the line of jobs to the database was lost: %s", error, extra={"action": "lease"})
                self._lost.add(use.__name__)
            except Exception:
                _LOG.exception("the line of jobs to the database failed", extra={"action": "lease"})
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        patience = max(1.0, self._lease_seconds / 3)
        return await connecting(patience_seconds=patience)(
            self._address,
            **self._arguments,
            autocommit=True,
            connect_timeout=max(2, int(patience)),
            application_name=f"jindu leases {self._node}"[:63],
        )

    async def _renew_all(self, connection: psycopg.AsyncConnection[Any]) -> None:
        assert self._is_hurried is not None
        while True:
            is_whole = await self._renew(connection, list(self._held))
            seconds = self._lease_seconds / _RENEWALS if is_whole else _AGAIN_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._is_hurried.wait()
            self._is_hurried.clear()

    async def _renew(self, connection: psycopg.AsyncConnection[Any], held: Sequence[tuple[str, int]]) -> bool:
        """False when one has to be tried again at once."""
        is_dead = time.monotonic() - self._turned_at > _LOOP_IS_DEAD_SECONDS
        self._tell(self._turned)
        if not held or is_dead:
            return True
        given = {
            "ids": [job_id for job_id, _ in held],
            "attempts": [attempt for _, attempt in held],
            "node": self._node,
            "lease": self._lease_seconds,
        }
        rows = await (await connection.execute(_RENEW, given)).fetchall()
        self._lost.discard(self._renew_all.__name__)
        is_whole = True
        for job_id, attempt, is_renewed, is_lost, is_cancelled in rows:
            if is_lost:
                self._tell(self._heard.lost, job_id, attempt)
            elif is_cancelled:
                self._tell(self._heard.cancelled, job_id)
            is_whole = is_whole and (is_renewed or is_lost)
        return is_whole

    async def _listen(self, connection: Any) -> None:
        for channel in (PUT, CANCELLED, _CHECK):
            await connection.execute(f"LISTEN {channel}")
        self._lost.discard(self._listen.__name__)
        self._tell(self._heard.put)  # after that: what came before is looked for
        watch = connection.watch
        while True:
            connection.watch = None  # nobody is at work for us while we only listen
            await self._hear(connection, seconds=_CHECK_SECONDS)
            connection.watch = watch
            await connection.execute(f"NOTIFY {_CHECK}")
            connection.watch = None
            if not await self._hear(connection, seconds=_ANSWER_SECONDS, until=_CHECK):
                raise TimeoutError("nothing is heard on it")

    async def _hear(self, connection: psycopg.AsyncConnection[Any], *, seconds: float, until: str = "") -> bool:
        """Whether `until` was heard; else after so many seconds."""
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0:
            async for told in connection.notifies(timeout=left, stop_after=1):
                self._take(told.channel)
                if told.channel == until:
                    return True
        return False

    def _take(self, channel: str) -> None:
        assert self._is_hurried is not None
        if channel == PUT:
            self._tell(self._heard.put)
        elif channel == CANCELLED:
            self._is_hurried.set()

    def _tell(self, tell: Callable[..., None], *what: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the server's loop is closed: the process ends
            self._server_loop.call_soon_threadsafe(tell, *what)

    def _turned(self) -> None:
        self._turned_at = time.monotonic()

"""What the program recorded of itself, beside what those who used it counted."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.benchmarks.live import tables
from tests.benchmarks.trouble.caller import Caller
from tests.benchmarks.trouble.ledger import Harm, Ledger
from tests.benchmarks.trouble.machine import SAMPLE_SECONDS, Machine
from tests.benchmarks.trouble.watcher import Watcher

_ASK_SECONDS = 0.2
_TRIES_SECONDS = 1.5
_START_SECONDS = 4.0  # at most, between its first beat and the moment at which it takes requests
WHAT = "its own record"


@dataclass(slots=True)
class Looker:
    """Asks all the time whether the server is there, and is a stranger now and then who is refused."""

    url: str
    away: list[tuple[float, float]] = field(default_factory=list)  # no connection, or not ready
    refused: list[float] = field(default_factory=list)

    async def look(self) -> None:
        """Until cancelled."""
        timeout = aiohttp.ClientTimeout(total=30)
        since: float | None = None
        async with aiohttp.ClientSession(self.url, timeout=timeout) as session:
            while True:
                is_there = await self._is_there(session)
                now = time.monotonic()
                if not is_there and since is None:
                    since = now
                elif is_there and since is not None:
                    self.away.append((since, now))
                    since = None
                await asyncio.sleep(_ASK_SECONDS)

    async def _is_there(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get("/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientError, OSError):
            return False
        except TimeoutError:
            return True  # frozen

    async def try_in_vain(self) -> None:
        """Until cancelled: a live connection with a wrong token."""
        async with aiohttp.ClientSession(self.url, headers={"Authorization": "Bearer jindu_wrong"}) as session:
            while True:
                try:
                    async with asyncio.timeout(20):
                        await session.ws_connect("/ws/stranger")
                except aiohttp.WSServerHandshakeError as error:
                    if error.status == 401:
                        self.refused.append(time.monotonic())
                except (aiohttp.ClientError, TimeoutError, OSError):
                    pass
                await asyncio.sleep(_TRIES_SECONDS)


async def check_record(
    admin: Caller, machine: Machine, looker: Looker, watchers: list[Watcher], *, began: float
) -> None:
    """Both must agree but for what kills took with them: the last seconds of each are in no record."""
    if machine.clock:  # what it wrote while its clock was ahead lies in its past then
        machine.clock.move(machine.clock.most_seconds)
    await asyncio.sleep(SAMPLE_SECONDS)
    ended = time.monotonic()
    statistics = (await admin("GET", "/api/v1/admin/statistics", "statistics asked for")).json
    _check_rate(admin.ledger, machine, looker, watchers, statistics["connection_failure_rate"])
    _check_uptime(admin.ledger, machine, looker, statistics["availability"]["24h"], seconds=ended - began)


def _check_rate(
    ledger: Ledger, machine: Machine, looker: Looker, watchers: list[Watcher], recorded: float | None
) -> None:
    accepted = [moment for watcher in watchers for moment in watcher.welcomed]
    gone = machine.unrecorded()
    lost_accepted, lost_refused = _within(accepted, gone), _within(looker.refused, gone)
    # Each time a line was cut, a handshake may have been done on one side alone.
    in_doubt = machine.cuts * 2 + len(machine.away) * len(watchers)
    refused, welcomed = len(looker.refused), len(accepted)
    counted = refused / max(1, refused + welcomed)
    least = (refused - lost_refused) / max(1, refused - lost_refused + welcomed + in_doubt)
    most = refused / max(1, refused + welcomed - lost_accepted)
    ledger.asked(WHAT)
    is_so = recorded is not None and least - 0.01 <= recorded <= most + 0.01
    text = f"failure rate {recorded} recorded, {counted:.4f} counted, so {least:.4f} to {most:.4f} expected"
    ledger.expect(is_so, Harm.WRONG, WHAT, text)
    ledger.acknowledged(WHAT)
    tables.show(
        "live connections refused",
        ("recorded", "counted by clients", "accepted", "refused", "of them in seconds that kills took along"),
        [(f"{recorded or 0:.4f}", f"{counted:.4f}", welcomed, refused, lost_accepted + lost_refused)],
    )


def _check_uptime(ledger: Ledger, machine: Machine, looker: Looker, found: dict[str, Any], *, seconds: float) -> None:
    away = sum(last - first for first, last in looker.away)
    killed, stopped = (sum(last - first for first, last in each) for each in (machine.away, machine.planned))
    beats = sum(last - first for first, last in machine.unrecorded())
    least = killed - _START_SECONDS * len(machine.away)
    most = killed + beats
    down, planned = found["down_seconds"], found["planned_seconds"]
    ledger.asked(WHAT)
    text = f"down for {down:.1f} s recorded, {least:.1f} to {most:.1f} expected, {away - stopped:.1f} counted"
    ledger.expect(least - 1 <= down <= most + 1, Harm.WRONG, WHAT, text)
    text = f"planned {planned:.1f} s recorded, {stopped:.1f} counted"
    ledger.expect(planned <= stopped + 1, Harm.WRONG, WHAT, text)
    ledger.acknowledged(WHAT)
    share = f"{found['share']:.4f}" if found["share"] is not None else "–"
    expected = max(1.0, seconds - stopped)
    tables.show(
        "availability",
        ("", "recorded", "counted by clients"),
        [
            ("share", share, f"{1 - max(0.0, away - stopped) / expected:.4f}"),
            ("down, s", f"{down:.1f} ({beats:.1f} at most are the last seconds before kills)", f"{away - stopped:.1f}"),
            ("planned, s", f"{planned:.1f}", f"{stopped:.1f}"),
            ("known, s", f"{found['known_seconds']:.0f}", f"{seconds:.0f}"),
        ],
    )


def _within(moments: list[float], times: list[tuple[float, float]]) -> int:
    return sum(any(first <= moment <= last for first, last in times) for moment in moments)

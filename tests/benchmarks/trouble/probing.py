"""Requests and live connections of somebody who never asks twice: how many of them fail, and during what."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from tests.benchmarks.live import tables
from tests.benchmarks.trouble.ledger import Harm, Ledger

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_PAUSE_SECONDS = 0.05
MOST_FAILURES = 0.01


class Prober:
    """By the balancer. `counting` names what is going on."""

    def __init__(self, url: str, token: str, ledger: Ledger) -> None:
        self._url, self._token, self._ledger = url, token, ledger
        self._during = "everything else"
        self._tried: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._why: Counter[str] = Counter()

    @contextmanager
    def counting(self, during: str) -> Iterator[None]:
        before, self._during = self._during, during
        try:
            yield
        finally:
            self._during = before

    async def run(self) -> None:
        """Until cancelled."""
        headers = {"Authorization": f"Bearer {self._token}"}
        async with aiohttp.ClientSession(self._url, headers=headers, timeout=_TIMEOUT) as client:
            while True:
                for ask in (self._request, self._connection):
                    during = self._during
                    why = await ask(client)
                    self._tried[during] += 1
                    if why:
                        self._failed[during] += 1
                        self._why[f"{during}: {why}"] += 1
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _request(self, client: aiohttp.ClientSession) -> str:
        try:
            async with client.get("/api/v1/me") as response:
                await response.read()
                return "" if response.ok else f"request {response.status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return f"request {type(error).__name__}"

    async def _connection(self, client: aiohttp.ClientSession) -> str:
        """Until it was welcomed."""
        try:
            async with client.ws_connect("/ws/prober") as socket:
                message = await socket.receive(timeout=30)
                return "" if message.type is aiohttp.WSMsgType.TEXT else f"connection closed {socket.close_code}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return f"connection {type(error).__name__} {getattr(error, 'status', '')}".strip()

    def show(self) -> None:
        """While nodes are restarted in order, hardly any may fail."""
        rows = [(during, tried, self._failed[during]) for during, tried in sorted(self._tried.items())]
        tables.show("requests and connections that were tried once", ("during", "tried", "failed"), rows)
        print(f"failed since: {', '.join(f'{times} × {why}' for why, times in self._why.most_common(20))}")
        for during, tried, failed in rows:
            if during != "everything else":
                text = f"{failed} of {tried} failed"
                self._ledger.expect(failed <= MOST_FAILURES * tried, Harm.WRONG, during, text)

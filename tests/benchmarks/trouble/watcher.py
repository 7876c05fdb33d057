"""Who watches: every kept message once and in order, over a connection that is broken again and again."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import jindu
from server.jobs.job import FINISHING, LEGAL_MOVES, State
from tests.benchmarks.trouble.ledger import Harm, Ledger

WHAT = "kept messages"
_PING_SECONDS = 6.0


class Watcher:
    """One device of a user. After `lives_seconds` its program ends, and the next goes on where it had read, at any of
    the addresses.

    It sets `finishing` whenever a job has nothing left to do but to store what it made.
    """

    def __init__(
        self,
        urls: Sequence[str],
        token: str,
        ledger: Ledger,
        *,
        name: str,
        seed: str,
        finishing: asyncio.Event,
        lives_seconds: float | None = None,
    ) -> None:
        self._urls, self._token, self._ledger = urls, token, ledger
        self._random = random.Random(f"{seed} {name}")
        self._finishing = finishing
        self._lives_seconds = lives_seconds
        self.name = name
        self.hops = len(urls) > 1
        self.gave_up = False
        self.position: tuple[str, int] | None = None
        self.client = self._new_client()
        self.welcomed: list[float] = []  # when handshakes were done
        self.ended: Counter[str] = Counter()  # jobs, by how often it was told that they succeeded
        self.news: Counter[str] = Counter()  # titles of notifications
        self._states: dict[str, tuple[State, int]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                seconds = self._lives_seconds and self._random.uniform(0.5, 1.5) * self._lives_seconds
                try:
                    async with asyncio.timeout(seconds):
                        async for message in self.client.messages():
                            self.take(message)
                except TimeoutError:
                    await self.client.close()
                    self.client = self._new_client()
        except jindu.ClientError as error:
            self.gave_up = True
            self._ledger.harmed(Harm.LOST, WHAT, f"{self.name} gave up: {error}")
        finally:
            await self.client.close()

    def _new_client(self) -> jindu.Client:
        url = self._random.choice(self._urls)
        return jindu.Client(url, self._token, client_id=self.name, since=self.position, ping_seconds=_PING_SECONDS)

    def take(self, message: dict[str, Any]) -> None:
        if message.get("stage") == FINISHING:
            self._finishing.set()
        if message["type"] == "connection":
            self._welcome(message)
        elif "offset" in message and message["type"] in ("job", "notification"):
            self._keep(message)

    def _welcome(self, message: dict[str, Any]) -> None:
        self.welcomed.append(time.monotonic())
        if self.position is None:
            self.position = message["epoch"], message["offset"]
        elif not message["recovered"] or message["epoch"] != self.position[0]:
            self._ledger.harmed(Harm.LOST, WHAT, f"{self.name} at {self.position} was not recovered: {message}")
            self.position = message["epoch"], message["offset"]

    def _keep(self, message: dict[str, Any]) -> None:
        assert self.position is not None
        epoch, last = self.position
        offset = message["offset"]
        self._ledger.asked(WHAT)
        if offset <= last:
            self._ledger.harmed(Harm.TWICE, WHAT, f"{self.name} had {last}, and then {offset}")
            return
        if offset > last + 1:
            self._ledger.harmed(Harm.LOST, WHAT, f"{self.name} had {last}, and then {offset}")
        self._ledger.acknowledged(WHAT)
        self.position = epoch, offset
        if message["type"] == "notification":
            self.news[message["title"]] += 1
        else:
            self._look(message)

    def _look(self, message: dict[str, Any]) -> None:
        job_id, state, revision = message["job_id"], State(message["state"]), message["revision"]
        before, known = self._states.get(job_id, (None, -1))
        is_legal = before is None or state is before or state in LEGAL_MOVES[before]
        self._ledger.expect(is_legal, Harm.WRONG, "states of jobs", f"{self.name} {job_id}: {before} → {state}")
        self._ledger.expect(
            revision > known, Harm.WRONG, "states of jobs", f"{self.name} {job_id}: revision {known} → {revision}"
        )
        self._states[job_id] = state, revision
        self.ended[job_id] += state is State.SUCCEEDED

"""Asks until it is answered: after broken connections and refusals that pass again, under one key."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.benchmarks.trouble.ledger import Harm, Ledger
from tests.benchmarks.trouble.patience import PATIENCE

PASSING = frozenset({423, 429, 502, 503, 504, 507})
PAUSE_SECONDS = 0.3
_PATIENCE_SECONDS = 180.0 * PATIENCE
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)


class UnansweredError(Exception):
    """Nobody answered for minutes, or with what nobody expects; the ledger has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes
    times: int  # asked

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Caller:
    def __init__(self, session: aiohttp.ClientSession, ledger: Ledger, *, name: str) -> None:
        self.session = session
        self.ledger = ledger
        self.name = name
        self._keys = itertools.count(1)

    def new_key(self) -> str:
        return f"{self.name}-{next(self._keys)}"

    async def __call__(
        self,
        method: str,
        path: str,
        what: str,
        *,
        ok: Collection[int] = (200,),
        headers: Mapping[str, str] | None = None,
        **given: Any,
    ) -> Answer:
        """Raises `UnansweredError`."""
        self.ledger.asked(what)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for times in itertools.count(1):
            why, content = "no answer", b""
            try:
                async with self.session.request(
                    method, path, headers=dict(headers or {}), timeout=_TIMEOUT, **given
                ) as response:
                    content = await response.read()
                    # Whatever stands in between may write their names in lower case.
                    answer = Answer(status=response.status, headers=response.headers, content=content, times=times)
                if answer.status in ok:
                    self.ledger.acknowledged(what)
                    return answer
                why = f"{answer.status} {_code(content)}".strip()
                if answer.status not in PASSING:
                    break
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                why = type(error).__name__
            self.ledger.repeated(what, why)
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        self.ledger.harmed(Harm.WRONG, what, f"{self.name} {method} {path}: {why} {content[:300]!r}")
        raise UnansweredError(f"{method} {path}: {why}")


def _code(content: bytes) -> str:
    try:
        return str(json.loads(content).get("code", ""))
    except (ValueError, AttributeError):
        return ""

"""An administrator who tells everybody something, again and again."""

from __future__ import annotations

import asyncio
import itertools

import aiohttp

from tests.benchmarks.trouble.caller import PASSING, Caller
from tests.benchmarks.trouble.ledger import Harm

_EVERY_SECONDS = 4.0
_TIMEOUT = aiohttp.ClientTimeout(total=30)


class News:
    """`told` are the titles that were acknowledged; of others nobody knows whether they went out."""

    def __init__(self, admin: Caller) -> None:
        self._admin = admin
        self.told: list[str] = []

    async def tell(self) -> None:
        """Until cancelled."""
        ledger, what = self._admin.ledger, "news told everybody"
        for number in itertools.count(1):
            title = f"News {number}"
            ledger.asked(what)
            try:
                async with self._admin.session.post(
                    "/api/v1/admin/broadcast", json={"title": title}, timeout=_TIMEOUT
                ) as response:
                    if response.status == 201:
                        self.told.append(title)
                        ledger.acknowledged(what)
                    elif response.status in PASSING:
                        ledger.repeated(what, f"{response.status}")
                    else:
                        ledger.harmed(Harm.WRONG, what, f"{response.status} {await response.text()}")
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                ledger.repeated(what, type(error).__name__)
            await asyncio.sleep(_EVERY_SECONDS)

"""Whether what is published arrives: a publication of our own that goes round by the broker and is waited for."""

from __future__ import annotations

import asyncio

from server.realtime.broker import Broker, Publication


class EchoPublished(Publication, frozen=True, kw_only=True):
    number: int


class BrokerEcho:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._number = 0
        self._heard: asyncio.Future[int] | None = None

    async def goes_round(self) -> bool:
        """Returns once it was heard; whoever asks knows how long that may take."""
        self._number += 1
        self._heard = heard = asyncio.get_running_loop().create_future()
        self._broker.send(EchoPublished(number=self._number))
        return bool(await heard == self._number)

    def heard(self, echo: EchoPublished) -> None:
        if self._heard is not None and not self._heard.done():
            self._heard.set_result(echo.number)

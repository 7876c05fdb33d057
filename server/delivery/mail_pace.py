"""How many mails a minute a mail server is given: of reports and of all else, from all nodes together.

Reports may be thousands, and a link by which somebody signs in must not wait behind them: what is no report may come a
tenth of a minute's mails ahead of its turn, one at least, and reports leave room for that. Where a minute has one mail
nothing can come ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from server.clock import Clock, utc_now
from server.delivery.channels.asking import ServicePace
from server.delivery.parcel import Carrier, Parcel
from server.delivery.places import PacedPlace
from server.delivery.turns import PlaceTurns
from server.storage.database import Database

_AHEAD = 10  # one of so many


def _ahead(a_minute: int) -> int:
    return min(max(a_minute // _AHEAD, 1), a_minute - 1)


def report_pace(a_minute: int) -> ServicePace:
    """Evenly, so that with all that comes ahead no minute has more than `a_minute`."""
    return ServicePace(seconds=60 / (a_minute - _ahead(a_minute)))


def other_pace(a_minute: int) -> ServicePace:
    return ServicePace(seconds=report_pace(a_minute).seconds, burst=1 + _ahead(a_minute))


class MailTurns:
    """`pace`: None where a server takes as many as come."""

    def __init__(
        self, *, database: Database, place: PacedPlace, pace: ServicePace | None, clock: Clock = utc_now
    ) -> None:
        self._turns = PlaceTurns(database=database, clock=clock)
        self._place = place
        self._pace = pace

    async def take(self) -> None:
        """Raises `NotDelivered` where it is not its turn yet."""
        if self._pace is not None:
            await self._turns.take(self._place, self._pace, shown=self._place.host)

    async def take_in_line(self, behind: datetime | None) -> None:
        """As `take`, first come, first served. `behind`: when the last of those goes that were here before; None for
        whoever has waited, who takes the next turn that there is."""
        if self._pace is not None:
            await self._turns.take_in_line(self._place, self._pace, shown=self._place.host, behind=behind)


@dataclass(frozen=True, slots=True)
class PacedMail:
    """A `Carrier` of mail that waits for its turn."""

    mail: Carrier
    turns: MailTurns

    @property
    def is_set_up(self) -> bool:
        return self.mail.is_set_up

    async def carry(self, parcel: Parcel) -> None:
        await self.turns.take()
        await self.mail.carry(parcel)

"""When it is the turn of what goes to a place: of all nodes together, by the pace that the place keeps."""

from __future__ import annotations

from datetime import datetime, timedelta

from server.clock import Clock, utc_now
from server.delivery.channels.asking import ServicePace
from server.delivery.places import PacedPlace, forget_places, take_turn
from server.errors import NotDelivered
from server.storage.database import Database

WAITS = "{host} takes only so many messages a minute; this one waits for its turn."
_FORGET = timedelta(hours=1)
_MOST_REMEMBERED = 10_000


class PlaceTurns:
    """Whoever waits is told when to come again; those who ask here come one after another."""

    def __init__(self, *, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._promised: dict[str, datetime] = {}  # the turn that was told last, by place
        self._forgot_at = datetime.min.replace(tzinfo=clock().tzinfo)

    async def take(self, place: PacedPlace, pace: ServicePace, *, shown: str) -> None:
        """Raises `NotDelivered` where it is not its turn yet, or nothing goes there any more; `shown` is what the place
        is called."""
        now = self._clock()
        if wait := await self._wait(place, pace, now, shown):
            raise _waits(shown, self._promise(place.id, now, now + wait, pace) - now)

    async def take_in_line(self, place: PacedPlace, pace: ServicePace, *, shown: str, behind: datetime | None) -> None:
        """As `take`, for those whose order is kept elsewhere: who is new goes `behind` the last of them, and who
        has waited takes the next turn that there is."""
        now = self._clock()
        if behind is not None:
            raise _waits(shown, max(behind, now) + timedelta(seconds=pace.seconds) - now)
        if wait := await self._wait(place, pace, now, shown):
            raise _waits(shown, wait)

    async def _wait(self, place: PacedPlace, pace: ServicePace, now: datetime, shown: str) -> timedelta:
        """Nothing where the turn is taken."""
        async with self._database.write() as connection:
            turn = await take_turn(connection, place, pace, now)
            if now - self._forgot_at > _FORGET:
                self._forgot_at = now
                await forget_places(connection, now)
        if turn.is_given_up:
            raise NotDelivered(
                "Nothing arrived at {host} for a day, so nothing more goes there. Send one again once it works.",
                host=shown,
                is_final=True,
            )
        return turn.wait

    def _promise(self, place_id: str, now: datetime, earliest: datetime, pace: ServicePace) -> datetime:
        """Everybody who waits is told another moment: else all would come at the same one, for one to be let in."""
        if len(self._promised) > _MOST_REMEMBERED:
            self._promised = {known: at for known, at in self._promised.items() if at > now}
        after = self._promised.get(place_id)
        step = timedelta(seconds=pace.seconds)
        at = earliest if after is None or after < now else max(earliest, after + step)
        self._promised[place_id] = at
        return at


def _waits(shown: str, wait: timedelta) -> NotDelivered:
    return NotDelivered(WAITS, host=shown, retry_after=wait.total_seconds(), was_tried=False)

"""A sign of life goes out only if everything works; what does not is said on the page."""

from __future__ import annotations

from datetime import UTC, datetime

from server.alerts.heartbeat import OutgoingHeartbeat
from server.errors import NotDelivered
from server.texts import phrase

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class House:
    def __init__(self) -> None:
        self.works, self.asked, self.error = True, list[str](), list[NotDelivered]()
        self.heartbeat = OutgoingHeartbeat(
            url="https://watch.example/1",
            every_seconds=60,
            chain=[(phrase("Figures are kept"), self.well), (phrase("The database answers"), self.link)],
            ask=self.ask,
            clock=lambda: NOON,
        )

    async def well(self) -> bool:
        return True

    async def link(self) -> bool:
        if self.works:
            return True
        raise TimeoutError

    async def ask(self, url: str) -> None:
        if self.error:
            raise self.error[0]
        self.asked.append(url)


async def test_it_goes_out_while_everything_works() -> None:
    house = House()
    await house.heartbeat.beat()
    assert house.asked == ["https://watch.example/1"]
    assert (house.heartbeat.state.went_out, house.heartbeat.state.last_good_at) == (True, NOON)


async def test_a_broken_link_keeps_it_in() -> None:
    house = House()
    house.works = False
    await house.heartbeat.beat()
    assert house.asked == []
    error = house.heartbeat.state.error
    assert error is not None
    assert "does not work" in str(error["phrase"])
    assert error["parameters"] == {"link": {"phrase": "The database answers", "parameters": {}}}


async def test_an_address_that_does_not_answer_is_said() -> None:
    house = House()
    house.error = [NotDelivered("{host} answered {status}.", host="watch.example", status=500)]
    await house.heartbeat.beat()
    assert (house.heartbeat.state.went_out, house.heartbeat.state.last_good_at) == (False, None)
    assert house.heartbeat.state.error is not None


async def test_without_an_address_nothing_runs() -> None:
    house = House()
    silent = OutgoingHeartbeat(url="", every_seconds=1, chain=[], ask=house.ask)
    await silent.run()
    assert not silent.state.is_set_up

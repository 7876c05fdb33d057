"""Whose frames are taken apart next, when many connections send without end."""

from __future__ import annotations

import asyncio
import time

from server.transports.grpc.turns import ReadingTurns
from tests.waiting import until


class Sender:
    """Somebody who has sent so much that it takes so many turns of the whole budget."""

    def __init__(self, turns: int, log: list[str], name: str) -> None:
        self.left, self._log, self._name = turns, log, name

    def take(self, until: float) -> bool:
        self._log.append(self._name)
        while self.left and asyncio.get_running_loop().time() < until:
            pass
        self.left = max(0, self.left - 1)
        return self.left > 0


async def test_all_of_them_together_leave_the_loop_to_others_as_soon_as_one_alone() -> None:
    log: list[str] = []
    turns, senders = ReadingTurns(), [Sender(3, log, str(number)) for number in range(10)]
    for each in senders:
        turns.wants(each)
    longest, last = 0.0, time.thread_time()
    while any(each.left for each in senders):
        count = len(log)
        await asyncio.sleep(0)
        longest, last = max(longest, time.thread_time() - last), time.thread_time()
        assert len(log) - count <= 1, "one budget for all of them"
    assert longest < 0.015
    assert log == [str(number) for number in range(10)] * 3


async def test_who_has_sent_little_goes_before_those_who_send_without_end() -> None:
    log: list[str] = []
    turns = ReadingTurns()
    for number in range(5):
        turns.wants(Sender(100, log, str(number)))
    await until(lambda: len(log) > 7)
    log.clear()
    turns.wants(Sender(0, log, "little"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert log[0] == "little"

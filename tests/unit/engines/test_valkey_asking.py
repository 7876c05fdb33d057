"""Questions to Valkey: answered, or not, but never for long."""

from __future__ import annotations

import asyncio

from server.engines.valkey_asking import ValkeyAsking
from server.engines.valkey_line import ValkeyAddress
from tests import valkey


async def test_answers_come_in_order_and_an_error_is_no_answer() -> None:
    asking = ValkeyAsking(ValkeyAddress(valkey.new_address()))
    found = await asyncio.gather(*[asking.ask([("ECHO", str(number))]) for number in range(20)])
    assert found == [[str(number).encode()] for number in range(20)]
    assert await asking.ask([("NO_SUCH_COMMAND",)]) is None
    assert await asking.ask([("PING",)]) == [b"PONG"]
    await asking.close()


async def test_who_gives_up_waiting_leaves_no_answer_for_the_next() -> None:
    asking = ValkeyAsking(ValkeyAddress(valkey.new_address()))
    await asking.ask([("PING",)])
    slow = asyncio.create_task(asking.ask([("BLPOP", "nothing", 1), ("ECHO", "slow")]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    slow.cancel()
    assert await asking.ask([("ECHO", "mine")]) == [b"mine"]
    await asking.close()


async def test_one_that_is_away_is_not_asked_again_at_once() -> None:
    asking = ValkeyAsking(ValkeyAddress("redis://127.0.0.1:1"))
    assert await asking.ask([("PING",)]) is None
    assert not asking.is_there
    assert await asking.ask([("PING",)]) is None

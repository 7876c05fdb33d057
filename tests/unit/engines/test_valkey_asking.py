"""Questions to Valkey: answered, or not, but never for long."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.engines import valkey_asking
from server.engines.valkey_asking import ValkeyAsking
from server.engines.valkey_line import ValkeyAddress
from tests import valkey
from tests.delaying import delaying_line
from tests.freezing import freezing_line


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
    slow = asyncio.create_task(asking.ask([("BLPOP", "nothing", "0.2"), ("ECHO", "slow")]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    slow.cancel()
    assert await asking.ask([("ECHO", "mine")]) == [b"mine"]
    await asking.close()


async def test_those_who_wait_at_a_line_that_is_cut_have_their_own_answer_or_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(valkey_asking, "_AWAY_SECONDS", 0.0)
    async with freezing_line(valkey.running().port) as line:
        asking = ValkeyAsking(ValkeyAddress(f"redis://127.0.0.1:{line.port}"))
        assert await asking.ask([("PING",)]) == [b"PONG"]
        line.freeze()
        waiting = [asyncio.create_task(asking.ask([("ECHO", str(number))])) for number in range(10)]
        await asyncio.sleep(0)
        line.thaw()
        for number, answer in enumerate(await asyncio.gather(*waiting)):  # some by the next line
            assert answer in (None, [str(number).encode()])
        assert await asking.ask([("PING",)]) == [b"PONG"]
        await asking.close()


async def test_many_questions_over_a_long_line_take_as_long_as_one() -> None:
    async with delaying_line(valkey.running().port, seconds=0.05) as line:
        asking = ValkeyAsking(ValkeyAddress(f"redis://127.0.0.1:{line.port}"))
        await asking.ask([("PING",)])
        began = time.monotonic()
        found = await asyncio.gather(*[asking.ask([("ECHO", str(number))]) for number in range(200)])
        assert found == [[str(number).encode()] for number in range(200)]
        assert time.monotonic() - began < 2.0  # one after the other: 20 s
        await asking.close()


async def test_one_that_is_away_is_not_asked_again_at_once() -> None:
    asking = ValkeyAsking(ValkeyAddress("redis://127.0.0.1:1"))
    assert await asking.ask([("PING",)]) is None
    assert not asking.is_there
    assert await asking.ask([("PING",)]) is None

"""What is said without anybody waiting for it: in order, counted when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.engines.valkey_line import AWAY, ValkeyAddress
from server.engines.valkey_saying import ValkeySaying
from tests import valkey
from tests.freezing import freezing_line
from tests.waiting import until

_GAP = ("RPUSH", "told", "gap")


@asynccontextmanager
async def said(saying: ValkeySaying, url: str) -> AsyncIterator[asyncio.Task[None]]:
    line = await ValkeyAddress(url).connected()
    task = asyncio.create_task(saying.use(line, begun=lambda: None))
    await until(lambda: saying.is_there)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        await line.close()


async def told(process: valkey.ValkeyProcess) -> list[str]:
    async with process.admin() as client:
        return [each.decode() for each in await client.lrange("told", 0, -1)]


async def test_commands_are_done_in_order_and_what_came_before_the_line_is_told_to_be_missing() -> None:
    with valkey.some(1) as (process,):
        saying = ValkeySaying(gap=lambda: _GAP)
        saying.add(("RPUSH", "told", "too early"))
        async with said(saying, process.url):
            for number in range(2_000):
                saying.add(("RPUSH", "told", str(number)))
            await saying.all_left(seconds=10)
            found = await told(process)
            assert [each for each in found if each != "gap"] == [str(number) for number in range(2_000)]
            assert found.count("gap") == 1
            assert saying.lost == 1


async def test_what_is_on_its_way_when_the_line_is_cut_counts_as_lost() -> None:
    with valkey.some(1) as (process,):
        async with freezing_line(process.port) as line:
            saying = ValkeySaying(gap=lambda: _GAP)
            async with said(saying, f"redis://127.0.0.1:{line.port}") as task:
                line.freeze()
                for number in range(3):
                    saying.add(("RPUSH", "told", str(number)))
                line.thaw()
                with pytest.raises(AWAY):
                    await task
            assert (saying.is_there, saying.lost) == (False, 3)


async def test_a_refusal_is_said_once_and_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    with valkey.some(1) as (process,):
        saying = ValkeySaying(gap=lambda: _GAP)
        async with said(saying, process.url):
            for _ in range(5):
                saying.add(("NO_SUCH_COMMAND",))
            saying.add(("RPUSH", "told", "after"))
            await saying.all_left(seconds=10)
            assert await told(process) == ["after"]
    assert caplog.text.count("Valkey refuses a command") == 1

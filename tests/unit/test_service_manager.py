"""What a service manager is told, at a socket of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from server.service_manager import ServiceManager

_NAME = f"@jindu-tests-{os.getpid()}"


@pytest.fixture
def told() -> Iterator[socket.socket]:
    """In the abstract namespace, which has no files."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.setblocking(False)
        listening.bind("\0" + _NAME[1:])
        yield listening


def messages(told: socket.socket) -> list[str]:
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(told.recv(4096).decode())
    return found


def test_without_a_manager_nothing_is_sent() -> None:
    manager = ServiceManager({})
    manager.ready("ready")
    assert not manager.listens
    assert manager.watchdog_seconds is None


def test_children_do_not_find_the_variables(told: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": _NAME, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    manager = ServiceManager(environ)
    manager.ready("ready on x")
    assert messages(told) == ["READY=1\nSTATUS=ready on x"]
    assert environ == {"HOME": "/"}
    assert manager.watchdog_seconds == 3.0


@pytest.mark.parametrize(("microseconds", "pid"), [("3000000", "1"), ("", ""), ("0", ""), ("soon", "")])
def test_a_watchdog_that_is_meant_for_others_is_none(microseconds: str, pid: str) -> None:
    assert ServiceManager({"WATCHDOG_USEC": microseconds, "WATCHDOG_PID": pid}).watchdog_seconds is None


async def test_a_start_may_take_longer_but_not_for_ever(told: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": _NAME})
    async with manager.waiting_for_start(every=0.01, longest=0.05):
        task = next(task for task in asyncio.all_tasks() if task.get_name() == "extend start")
        await asyncio.wait([task], timeout=10)
        assert task.done()  # it has given up
    asked = messages(told)
    assert 1 <= len(asked) <= 6
    assert all(message.startswith("EXTEND_TIMEOUT_USEC=60") for message in asked)


async def test_what_is_not_well_is_not_said_to_live(told: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    answers: Iterator[str | Exception] = iter([RuntimeError("the database is broken"), "well"])
    said = asyncio.Event()

    async def is_well() -> str:
        answer = next(answers, None)
        if answer is None:
            said.set()
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    manager = ServiceManager({"NOTIFY_SOCKET": _NAME, "WATCHDOG_USEC": "30000"})
    keeping = asyncio.create_task(manager.keep_watchdog(is_well))
    async with asyncio.timeout(10):
        await said.wait()
    keeping.cancel()
    assert messages(told) == ["WATCHDOG=1\nSTATUS=well"]
    assert "not told" in caplog.text


async def test_a_manager_that_is_gone_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    ServiceManager({"NOTIFY_SOCKET": "/nowhere/at/all"}).ready("ready")
    assert "could not be told" in caplog.text

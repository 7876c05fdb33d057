"""Messages for a slow reader: progress is conflated, kept messages never."""

from __future__ import annotations

import asyncio

import pytest

from jindu.errors import Closed
from jindu.mailbox import Mailbox


async def test_of_each_job_only_the_newest_progress_waits_and_kept_messages_all_do() -> None:
    box = Mailbox()
    box.put({"type": "job", "job_id": "a", "revision": 1, "offset": 1})
    for revision in range(2, 50):
        box.put({"type": "job", "job_id": "a", "revision": revision})
        box.put({"type": "event", "event": "jobs:*", "data": {"job_id": "a", "revision": revision}})
    box.put({"type": "event", "event": "news", "data": 1})
    box.put({"type": "event", "event": "news", "data": 2})
    box.put({"type": "job", "job_id": "a", "revision": 50, "offset": 2})
    taken = [await box.take() for _ in range(6)]
    assert [message.get("offset", message.get("data")) for message in taken] == [
        1,
        None,
        {"job_id": "a", "revision": 49},
        1,
        2,
        2,
    ]
    assert taken[1]["revision"] == 49


async def test_the_end_comes_after_what_was_put_before() -> None:
    box = Mailbox()
    waiting = asyncio.ensure_future(box.take())
    await asyncio.sleep(0)
    box.put({"type": "pong"})
    box.end(Closed(4500, "signed out"))
    assert (await waiting)["type"] == "pong"
    with pytest.raises(Closed, match=r"signed out \(4500\)"):
        await box.take()

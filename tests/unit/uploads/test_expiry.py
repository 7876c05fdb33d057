"""What nobody finishes goes; what is finished or fresh stays."""

from __future__ import annotations

from datetime import timedelta

from server.clock import Clock, utc_now
from server.uploads.expiry import ExpirySweep
from server.uploads.files import GATHERING, PART
from tests.unit.uploads.conftest import Landing
from tests.unit.uploads.test_receiving import in_pieces


def sweep_of(landing: Landing, clock: Clock = utc_now) -> ExpirySweep:
    return ExpirySweep(store=landing.store, pieces=landing.pieces, receiver=landing.receiver, clock=clock)


async def test_an_unfinished_upload_past_its_time_is_removed(landing: Landing) -> None:
    late = await landing.announce(10, expires_in=-1.0)
    fresh = await landing.announce(10)
    await sweep_of(landing).sweep()
    assert await landing.store.get(late.id) is None
    assert not landing.file(late).exists()
    assert landing.file(fresh).exists()


async def test_a_finished_upload_never_expires(landing: Landing) -> None:
    upload = await landing.announce(3, expires_in=-1.0)
    await landing.receiver.receive(upload.id, in_pieces(b"abc"), offset=0, max_bytes=10)
    await sweep_of(landing).sweep()
    assert landing.file(upload).read_bytes() == b"abc"


async def test_bytes_give_an_upload_more_time(landing: Landing) -> None:
    upload = await landing.announce(10, expires_in=-1.0)
    received = await landing.receiver.receive(upload.id, in_pieces(b"abc"), offset=0, max_bytes=10)
    assert received.expires_at is not None
    assert received.expires_at > utc_now()


async def test_bytes_without_a_row_are_removed_once_they_are_a_day_old(landing: Landing) -> None:
    upload = await landing.announce(10)
    await landing.pieces.create("stray")
    await sweep_of(landing, lambda: utc_now() + timedelta(hours=23)).sweep_strays()
    assert await lying_in(landing) == {upload.id, "stray"}
    await sweep_of(landing, lambda: utc_now() + timedelta(hours=25)).sweep_strays()
    assert await lying_in(landing) == {upload.id}


async def test_a_file_in_parts_lives_as_long_as_its_last_part(landing: Landing) -> None:
    whole = await landing.announce(None, expires_in=-1.0, concat=GATHERING)
    late = await landing.announce(10, expires_in=-1.0, concat=PART, part_of=whole.id)
    fresh = await landing.announce(10, concat=PART, part_of=whole.id)
    await sweep_of(landing).sweep()
    assert await landing.store.get(late.id) is None
    assert await landing.store.get(whole.id) is not None

    await landing.receiver.discard(fresh.id)
    assert await landing.store.get(whole.id) is None
    assert await lying_in(landing) == set()


async def lying_in(landing: Landing) -> set[str]:
    return {found.upload_id async for found in landing.pieces.all()}

"""What whoever follows an upload learns of its bytes."""

from __future__ import annotations

from datetime import timedelta

from server.clock import utc_now
from server.uploads.arrivals import Arrivals
from server.uploads.files import Upload


def upload(upload_id: str = "u", *, offset: int = 0) -> Upload:
    now = utc_now()
    return Upload(
        id=upload_id,
        owner_id="alice",
        name="sales.csv",
        media_type="text/csv",
        size=100,
        offset=offset,
        sha256=None,
        metadata={},
        concat=None,
        job_id=None,
        created_at=now,
        completed_at=None,
        expires_at=now + timedelta(hours=1),
    )


async def test_bytes_that_came_before_anybody_listened_are_known_to_who_does() -> None:
    arrivals = Arrivals()
    arrivals.announce(upload(), 40)
    with arrivals.listen("u") as arrival:
        assert arrival.bytes_of(upload()) == 40


async def test_of_a_request_that_is_over_the_row_knows() -> None:
    arrivals = Arrivals()
    arrivals.announce(upload(), 40)
    arrivals.over(upload())
    with arrivals.listen("u") as arrival:
        assert arrival.bytes_of(upload(offset=38)) == 38

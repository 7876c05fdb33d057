"""Files that come in several uploads at once: one job, one file, and no part of a stranger in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import update

from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, Locked, MalformedRequest, NotFound, StorageFull, TooLarge
from server.jobs.job import State
from server.operations.uploads import NewUpload, UploadOperations
from server.settings import Settings
from server.storage.tables import jobs
from server.uploads.files import Upload
from tests.unit.operations.conftest import House, in_pieces, refused

PIECES = (b"id,region\n", b"1,north\n")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_upload_bytes=100)


@pytest.fixture
def uploads(house: House) -> UploadOperations:
    return house.todo.uploads


async def part(house: House, owner: Principal, content: bytes, *, sent: int | None = None) -> Upload:
    """One that was begun, of which as much was `sent`: all of it, if nothing is said."""
    begun = await house.todo.uploads.create(owner, NewUpload(name="orders.csv", size=len(content), concat="partial"))
    if sent != 0:
        await house.todo.uploads.receive(owner, begun.id, in_pieces(content[:sent]), offset=0)
    return begun


async def parts(house: House, owner: Principal, pieces: Sequence[bytes] = PIECES) -> list[str]:
    return [(await part(house, owner, piece)).id for piece in pieces]


async def join(
    house: House, owner: Principal, part_ids: Sequence[str], *, idempotency_key: str | None = None
) -> Upload:
    concat = "final;" + " ".join(f"/uploads/{part_id}" for part_id in part_ids)
    wanted = NewUpload(name="orders.csv", size=None, concat=concat)
    return await house.todo.uploads.join(owner, wanted, part_ids, idempotency_key=idempotency_key)


async def content(house: House, owner: Principal, upload: Upload) -> bytes:
    async with house.todo.uploads.content(owner, upload.id) as (_, file):
        return b"".join([piece async for piece in file.stream()])


async def test_parts_become_one_file_with_one_job_in_the_order_that_is_named(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    second, first = [await part(house, alice, piece) for piece in PIECES[::-1]]
    assert first.job_id == second.job_id
    assert (await uploads.search(alice, limit=10)).total == 1  # what people see is one file
    whole = await join(house, alice, [first.id, second.id])
    assert await content(house, alice, whole) == b"".join(PIECES)
    job = await house.ended(alice, await house.todo.jobs.get(alice, str(whole.job_id)))
    assert (job.id, job.state) == (first.job_id, State.SUCCEEDED)
    with refused(NotFound):
        await uploads.find(alice, first.id)
    assert [detail["parts"] for _, _, detail in await house.audited("upload.join")] == [2]


async def test_the_same_join_under_one_key_is_one_file(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    part_ids = await parts(house, alice)
    whole = await join(house, alice, part_ids, idempotency_key="k")
    again = await join(house, alice, part_ids, idempotency_key="k")
    assert (again.id, again.sha256) == (whole.id, whole.sha256)
    with refused(Conflict, "key_reused"):
        await join(house, alice, part_ids[:1], idempotency_key="k")
    assert (await uploads.search(alice, limit=10)).total == 1


async def test_the_same_part_under_one_key_is_one_part(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    """Whoever got no answer asks again: no part is left that nobody was told of."""
    wanted = NewUpload(name="", size=3, concat="partial")
    first = await uploads.create(alice, wanted, idempotency_key="one")
    second = await uploads.create(alice, wanted, idempotency_key="two")
    assert [(await uploads.create(alice, wanted, idempotency_key=key)).id for key in ("one", "two")] == [
        first.id,
        second.id,
    ]
    assert [part.id for part in await house.parts.uploads.store.parts_of(str(first.part_of))] == [first.id, second.id]
    with refused(Conflict, "key_reused"):
        await uploads.create(alice, replace(wanted, size=4), idempotency_key="one")

    for each in (first, second):
        await uploads.receive(alice, each.id, in_pieces(b"abc"), offset=0)
    await join(house, alice, [first.id, second.id], idempotency_key="three")
    assert (await house.todo.jobs.get(alice, str(first.job_id))).state is State.CANCELLED
    assert (await uploads.search(alice, limit=10)).total == 1
    with refused(NotFound):
        await uploads.create(alice, wanted, idempotency_key="one")


async def test_an_upload_goes_with_its_job_though_whoever_cancelled_it_was_killed_in_between(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    begun, other = await part(house, alice, PIECES[0]), await uploads.create(alice, NewUpload(name="a", size=9))
    async with house.parts.storage.database.write() as connection:  # what a start makes of a cancel that was asked for
        cancelled = update(jobs).where(jobs.c.id == begun.job_id).values(state=State.CANCELLED)
        await connection.execute(cancelled)
    await house.parts.uploads.sweep.sweep()
    assert [each.id for each in (await uploads.search(alice, limit=10)).items] == [other.id]


async def test_parts_of_a_stranger_are_not_there(
    uploads: UploadOperations, house: House, alice: Principal, bob: Principal
) -> None:
    hers, his = await parts(house, alice), await parts(house, bob)
    for part_ids in (hers, [his[0], hers[0]], [*his, "nothing"]):
        for key in (None, "k"):
            with refused(NotFound):
                await join(house, bob, part_ids, idempotency_key=key)
    assert (await uploads.find(alice, hers[0])).has_all_bytes


async def test_parts_that_come_at_one_time_are_each_owners_own(house: House, alice: Principal, bob: Principal) -> None:
    hers, his = await part(house, alice, PIECES[0], sent=0), await part(house, bob, PIECES[1], sent=0)
    assert hers.job_id != his.job_id
    assert hers.part_of != his.part_of


async def test_only_whole_parts_are_joined_and_each_once(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    done, half = await part(house, alice, PIECES[0]), await part(house, alice, PIECES[1], sent=3)
    file = await house.upload(alice)
    with refused(Conflict, "part_unfinished"):
        await join(house, alice, [done.id, half.id])
    with refused(MalformedRequest):
        await join(house, alice, [done.id, file.id])
    await join(house, alice, [done.id], idempotency_key="k")
    with pytest.raises((NotFound, Conflict)):  # it is in another file by now, or just becomes part of it
        await join(house, alice, [done.id])
    assert (await uploads.find(alice, half.id)).offset == 3


async def test_a_file_that_is_too_large_or_finds_no_room_leaves_its_parts(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    part_ids = await parts(house, alice, (b"x" * 60, b"y" * 60))
    with refused(TooLarge):
        await join(house, alice, part_ids)
    house.parts.storage.room.min_free_bytes = 2**62
    with refused(StorageFull):
        await join(house, alice, part_ids[:1])
    house.parts.storage.room.min_free_bytes = 0
    assert await content(house, alice, await join(house, alice, part_ids[:1])) == b"x" * 60


async def test_parts_that_are_left_over_wait_for_a_file_of_their_own(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    first, second, third = await parts(house, alice, (b"a", b"b", b"c"))
    whole = await join(house, alice, [first, third])
    left = await uploads.find(alice, second)
    assert left.job_id not in (None, whole.job_id)
    assert await content(house, alice, await join(house, alice, [second])) == b"b"


async def test_a_gathering_takes_no_bytes_itself(uploads: UploadOperations, house: House, alice: Principal) -> None:
    begun = await part(house, alice, PIECES[0], sent=0)
    assert begun.part_of
    with refused(Forbidden):
        await uploads.receive(alice, begun.part_of, in_pieces(b"x"), offset=0)


async def test_the_last_part_that_goes_takes_the_job_with_it_and_no_other_does(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    first, second = [await part(house, alice, piece, sent=0) for piece in PIECES]
    job_id = str(first.job_id)
    await uploads.delete(alice, first.id)
    assert not (await house.todo.jobs.get(alice, job_id)).state.is_final
    await uploads.delete(alice, second.id)
    assert (await house.todo.jobs.get(alice, job_id)).state is State.CANCELLED


async def test_a_part_of_a_file_that_is_being_joined_is_not_taken_out_of_it(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    begun = await part(house, alice, PIECES[0])
    store = house.parts.uploads.store
    async with house.parts.storage.database.write() as connection:  # as it stands while its bytes are copied
        await store.change(connection, str(begun.part_of), concat="final;…")
    with refused(Locked):
        await uploads.delete(alice, begun.id)
    assert (await uploads.find(alice, begun.id)).has_all_bytes

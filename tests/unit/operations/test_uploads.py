"""Uploads: announced, sent, gone on with, taken away; each by whom it belongs to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace

import pytest

from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, StorageFull, TooLarge
from server.jobs.job import State
from server.jobs.job_filter import JobFilter
from server.operations.uploads import NewUpload, UploadOperations
from server.settings import Settings
from tests.stored import upload_ids
from tests.unit.live.conftest import joined
from tests.unit.operations.conftest import ORDERS, House, in_pieces, only_looking, opened, peopled, refused
from tests.waiting import flushed, until

FILE = NewUpload(name="orders.csv", size=len(ORDERS), media_type="text/csv")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_upload_bytes=1_000)


@pytest.fixture
def uploads(house: House) -> UploadOperations:
    return house.todo.uploads


async def breaking_off(content: bytes) -> AsyncIterator[bytes]:
    yield content
    raise ConnectionResetError


async def test_a_file_comes_in_pieces_and_its_job_ends_with_it(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    upload = await uploads.create(alice, FILE)
    half = await uploads.receive(alice, upload.id, in_pieces(ORDERS[:20]), offset=0)
    assert (half.offset, half.completed_at) == (20, None)
    await uploads.receive(alice, upload.id, in_pieces(ORDERS[20:]), offset=20)
    job = await house.ended(alice, await house.todo.jobs.get(alice, str(upload.job_id)))
    assert job.state is State.SUCCEEDED
    async with uploads.content(alice, upload.id) as (whole, file):
        assert b"".join([piece async for piece in file.stream()]) == ORDERS
    assert whole.sha256
    assert [(who, name) for who, name, _ in await house.audited("upload.create")] == [("alice", "orders.csv")]


async def test_nobody_sees_sends_or_deletes_the_file_of_another(
    uploads: UploadOperations, alice: Principal, bob: Principal
) -> None:
    upload = await uploads.create(alice, FILE)
    questions: list[Awaitable[object]] = [
        uploads.find(bob, upload.id),
        uploads.position(bob, upload.id),
        uploads.receive(bob, upload.id, in_pieces(ORDERS), offset=0),
        uploads.pause(bob, upload.id),
        uploads.delete(bob, upload.id),
    ]
    for question in questions:
        with refused(NotFound):
            await question
    with refused(NotFound):
        async with uploads.content(bob, upload.id):
            pass
    assert (await uploads.search(bob, limit=10)).items == []
    assert (await uploads.find(alice, upload.id)).offset == 0


async def test_who_may_only_look_sends_and_deletes_nothing(uploads: UploadOperations, alice: Principal) -> None:
    upload = await uploads.create(alice, FILE)
    for asks in only_looking(alice):
        changes: list[Awaitable[object]] = [
            uploads.create(asks, FILE),
            uploads.receive(asks, upload.id, in_pieces(ORDERS), offset=0),
            uploads.receive_whole(asks, FILE, in_pieces(ORDERS)),
            uploads.join(asks, FILE, [upload.id]),
            uploads.pause(asks, upload.id),
            uploads.delete(asks, upload.id),
        ]
        for change in changes:
            with refused(Forbidden):
                await change
        assert (await uploads.position(asks, upload.id)).offset == 0
    assert (await uploads.search(alice, limit=10)).total == 1


async def test_what_is_refused_is_refused_before_a_byte_is_sent_and_leaves_nothing(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    with refused(TooLarge):
        await uploads.create(alice, NewUpload(name="large.csv", size=1_001))
    house.parts.storage.room.min_free_bytes = 2**62
    with refused(StorageFull):
        await uploads.create(alice, FILE)
    assert await upload_ids(house.parts) == set()
    assert house.todo.jobs.live(alice) == []


async def test_an_announcement_that_comes_twice_is_one_upload(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    first = await uploads.create(alice, FILE, idempotency_key="k")
    assert (await uploads.create(alice, FILE, idempotency_key="k")).id == first.id
    with refused(Conflict, "key_reused"):
        await uploads.create(alice, replace(FILE, name="other.csv"), idempotency_key="k")
    assert (await uploads.create(house.bob, FILE, idempotency_key="k")).id != first.id
    assert sorted(await upload_ids(house.parts)) == sorted(
        {first.id, *(u.id for u in (await uploads.search(house.bob, limit=9)).items)}
    )


async def test_a_file_in_one_request_that_breaks_off_leaves_nothing(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    with pytest.raises(ConnectionResetError):
        await uploads.receive_whole(alice, FILE, breaking_off(ORDERS[:20]))
    assert (await uploads.search(alice, limit=10)).total == 0
    assert await upload_ids(house.parts) == set()
    assert [job.state for job in (await house.todo.jobs.list(alice, JobFilter())).items] == [State.CANCELLED]


async def test_a_file_in_one_request_sent_twice_under_one_key_is_stored_once(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    first = await uploads.receive_whole(alice, FILE, in_pieces(ORDERS), idempotency_key="k")
    again = await uploads.receive_whole(alice, FILE, in_pieces(ORDERS), idempotency_key="k")
    await house.ended(alice, await house.todo.jobs.get(alice, str(first.job_id)))  # its checksum is known
    for other in (ORDERS[:-1], ORDERS + b"x", ORDERS[:-1] + b"x"):
        with refused(Conflict, "key_reused"):
            await uploads.receive_whole(alice, FILE, in_pieces(other), idempotency_key="k")
    assert (again.id, again.sha256) == (first.id, first.sha256)
    assert (await uploads.search(alice, limit=10)).total == 1


async def test_what_was_sent_in_several_requests_stays_when_one_breaks_off(
    uploads: UploadOperations, alice: Principal
) -> None:
    upload = await uploads.create(alice, FILE)
    with pytest.raises(ConnectionResetError):
        await uploads.receive(alice, upload.id, breaking_off(ORDERS[:20]), offset=0)
    assert (await uploads.position(alice, upload.id)).offset == 20
    with refused(Conflict, "wrong_offset"):
        await uploads.receive(alice, upload.id, in_pieces(ORDERS), offset=0)
    with refused(InvalidInput, "upload_unfinished"):
        async with uploads.content(alice, upload.id):
            pass


async def test_a_deleted_upload_ends_its_job_and_is_told(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    hers, his = await joined(house.parts.realtime, alice), await joined(house.parts.realtime, house.bob)
    upload = await uploads.create(alice, FILE)
    await uploads.delete(alice, upload.id)
    with refused(NotFound):  # twice
        await uploads.delete(alice, upload.id)
    assert (await house.todo.jobs.get(alice, str(upload.job_id))).state is State.CANCELLED
    assert await upload_ids(house.parts) == set()
    await flushed(house.parts.realtime.manager)
    removed = [message for message in hers.messages if message["type"] == "removed"]
    assert [(message["thing"], message["id"]) for message in removed] == [("upload", upload.id)]
    assert his.messages == []
    assert await house.audited("upload.delete") == [("alice", "orders.csv", {})]
    assert await house.audited_ids("upload.delete") == [("alice", upload.id)]


async def test_what_was_imported_from_a_deleted_upload_stays(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    job = await house.imported(alice)
    await uploads.delete(alice, job.parameters["upload_id"])
    assert (await house.todo.datasets.get(alice, "orders")).row_count == 3


async def test_whoever_comes_back_after_their_job_was_given_up_goes_on(settings: Settings) -> None:
    async with opened(replace(settings, upload_silence_minutes=0.01)) as parts:
        house = await peopled(parts)
        uploads, alice = house.todo.uploads, house.alice
        upload = await uploads.create(alice, FILE)
        given_up = await house.ended(alice, await house.todo.jobs.get(alice, str(upload.job_id)))
        assert given_up.state is State.FAILED
        await uploads.receive(alice, upload.id, in_pieces(ORDERS), offset=0)
        await until(lambda: _is_in(house, given_up.id, State.SUCCEEDED))


async def test_a_paused_upload_says_so_and_a_whole_one_is_not_paused(
    uploads: UploadOperations, house: House, alice: Principal
) -> None:
    upload = await uploads.create(alice, FILE)
    await until(lambda: _is_in(house, str(upload.job_id), State.RUNNING))
    await uploads.pause(alice, upload.id)
    await until(lambda: any(job.stage == "paused" for job in house.todo.jobs.live(alice)))
    whole = await house.upload(alice)
    await uploads.pause(alice, whole.id)
    assert (await uploads.find(alice, whole.id)).completed_at is not None


async def test_they_come_newest_first_page_by_page(uploads: UploadOperations, alice: Principal) -> None:
    names = ["a.csv", "b.csv", "orders.csv"]
    for name in names:
        await uploads.create(alice, NewUpload(name=name, size=1))
    first = await uploads.search(alice, limit=2)
    rest = await uploads.search(alice, limit=2, cursor=first.next_cursor)
    assert [upload.name for upload in (*first.items, *rest.items)] == names[::-1]
    assert (first.total, rest.next_cursor) == (3, None)
    assert [upload.name for upload in (await uploads.search(alice, limit=2, containing="ORDER")).items] == [
        "orders.csv"
    ]
    with refused(InvalidInput):
        await uploads.search(alice, limit=2, cursor="x")


async def _is_in(house: House, job_id: str, state: State) -> bool:
    return (await house.todo.jobs.get(house.admin, job_id)).state is state


async def test_where_the_job_of_an_upload_is_no_more_another_one_follows_its_bytes(settings: Settings) -> None:
    async with opened(replace(settings, upload_silence_minutes=0.01)) as parts:
        house = await peopled(parts)
        uploads, alice = house.todo.uploads, house.alice
        upload = await uploads.create(alice, FILE)
        given_up = await house.ended(alice, await house.todo.jobs.get(alice, str(upload.job_id)))
        await house.todo.job_removal.delete(alice, given_up.id)
        whole = await uploads.receive(alice, upload.id, in_pieces(ORDERS), offset=0)
        assert whole.job_id not in (None, given_up.id)
        await until(lambda: _is_in(house, str(whole.job_id), State.SUCCEEDED))

"""What happens becomes publications, and these reach whom they concern."""

from __future__ import annotations

from sqlalchemy import update

from server.auth.permissions import Role
from server.clock import utc_now
from server.jobs.job import Job, JobError, State
from server.jobs.outcomes import Notice
from server.realtime.close_codes import CloseCode
from server.storage.tables import users
from tests.unit.live.conftest import Layer, person
from tests.waiting import flushed


def job(**fields: object) -> Job:
    known = {"id": "j1", "kind": "data_import", "owner_id": "alice", "title": "Sales", "unit": "rows", "revision": 1}
    return Job(**{**known, "created_at": utc_now(), **fields})  # type: ignore[arg-type]


async def test_an_event_reaches_its_subscribers_and_one_with_an_owner_only_those_who_may_see_it(layer: Layer) -> None:
    hers = await layer.join(person("alice"), events=("dataset:sales",))
    his = await layer.join(person("bob"), events=("dataset:sales", "news"))
    chief = await layer.join(person("chief", role=Role.ADMIN), events=("dataset:sales",))
    layer.live.announcing.publish("dataset:sales", {"version": 2}, "alice")
    layer.live.announcing.publish("news", [1, "two"])
    await flushed(layer.realtime.manager)
    assert [message["data"] for message in hers.messages] == [{"version": 2}]
    assert [message["data"] for message in his.messages] == [[1, "two"]]
    assert [message["data"] for message in chief.messages] == [{"version": 2}]


async def test_a_change_of_life_is_kept_in_the_transaction_and_told_after_it(layer: Layer) -> None:
    link = await layer.join(person("alice"))
    async with layer.database.write() as connection:
        tell = await layer.live.announcing.on_life_change(connection, job(state=State.RUNNING))
        assert link.messages == []
    tell()
    await flushed(layer.realtime.manager)
    (message,) = link.messages
    assert (message["type"], message["state"], message["offset"]) == ("job", "running", 1)
    assert layer.realtime.history.position("alice").offset == 1


async def test_what_is_not_told_moves_no_position(layer: Layer) -> None:
    """The transaction may still be rolled back, and whoever joins meanwhile is given what was told."""
    link = await layer.join(person("alice"))
    async with layer.database.write() as connection:
        await layer.live.announcing.on_life_change(connection, job())
        assert layer.realtime.history.position("alice").offset == 0
    assert link.messages == []


async def test_a_failure_is_also_a_notification_unless_its_owner_wants_none(layer: Layer) -> None:
    failed = job(state=State.FAILED, error=JobError(code="x", message="Line {line} is wrong.", parameters={"line": 3}))
    hers, his = await layer.join(person("alice")), await layer.join(person("bob"))
    async with layer.database.write() as connection:
        await connection.execute(update(users).where(users.c.id == "bob").values(notifications={"failed": False}))
    for owner in ("alice", "bob"):
        async with layer.database.write() as connection:
            tell = await layer.live.announcing.on_life_change(connection, job(**{**_fields(failed), "owner_id": owner}))
        tell()
    await flushed(layer.realtime.manager)
    assert [message["type"] for message in hers.messages] == ["job", "notification"]
    assert hers.messages[1]["body"] == "Line 3 is wrong."
    assert [message["type"] for message in his.messages] == ["job"]


async def test_what_a_job_leaves_to_be_told_is_kept_with_its_end_unless_its_owner_wants_none(layer: Layer) -> None:
    hers = await layer.join(person("alice"))
    done, ready = job(state=State.SUCCEEDED), Notice(title="“{name}” is ready", parameters={"name": "Sales"})
    for choice in (True, False):
        async with layer.database.write() as connection:
            await connection.execute(update(users).values(notifications={"finished": choice}))
            tell = await layer.live.announcing.on_life_change(connection, done, ready)
        tell()
    await flushed(layer.realtime.manager)
    assert [message["type"] for message in hers.messages] == ["job", "notification", "job"]
    assert hers.messages[1]["title"] == "“Sales” is ready"


async def test_what_rests_on_an_ended_credential_is_closed_and_nothing_else(layer: Layer) -> None:
    by_session = await layer.join(person("alice", session_id="s1"))
    by_token = await layer.join(person("alice", token_id="t1"))
    his = await layer.join(person("bob", session_id="s2"))
    layer.endings.session_ended("s1")
    assert (by_session.closed_with, by_token.closed_with) == (CloseCode.SIGNED_OUT, None)
    layer.endings.token_ended("t1")
    assert by_token.closed_with is CloseCode.SIGNED_OUT
    layer.endings.rights_changed("bob")
    assert his.closed_with is CloseCode.RIGHTS_CHANGED


async def test_one_connection_is_closed_wherever_it_is(layer: Layer) -> None:
    hers, his = await layer.join(person("alice")), await layer.join(person("bob"))
    assert hers.connection is not None
    layer.live.announcing.close_connection(hers.connection.id, CloseCode.FORBIDDEN, "closed by an administrator")
    assert (hers.closed_with, hers.reason) == (CloseCode.FORBIDDEN, "closed by an administrator")
    assert his.closed_with is None


def _fields(job: Job) -> dict[str, object]:
    return {name: getattr(job, name) for name in job.__struct_fields__}

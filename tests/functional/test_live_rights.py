"""No connection outlives what it rests on: session, token, user, role, password; not even while it is being opened."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from server.auth.endings import Endings, Validity
from server.auth.permissions import Principal, Role
from server.clock import utc_now
from server.realtime.close_codes import CloseCode
from server.storage.tables import sessions, users
from tests.conftest import PASSWORDS, Server, new_user, signed_in
from tests.functional.browsing import browser, sign_in
from tests.functional.live_client import LiveSocket, live
from tests.waiting import until

Client = aiohttp.ClientSession


async def id_of(admin: Client, name: str) -> str:
    async with admin.get("/api/v1/admin/users", params={"q": name}) as response:
        return str((await response.json())["items"][0]["id"])


async def change(admin: Client, name: str, **changes: object) -> None:
    async with admin.patch(f"/api/v1/admin/users/{await id_of(admin, name)}", json=changes) as response:
        assert response.status == 200, await response.text()


async def still_answers(socket: LiveSocket) -> None:
    await socket.send(type="ping", id="still")
    await socket.next(lambda message: message.get("id") == "still", seconds=10)


async def test_signing_out_closes_the_tabs_of_this_browser_only(server: Server, alice: Client) -> None:
    async with browser(server) as laptop, browser(server) as phone:
        await sign_in(laptop, "alice")
        await sign_in(phone, "alice")
        async with live(laptop, "a") as first, live(laptop, "b") as second, live(phone, "c") as other:
            for socket in (first, second, other):
                await socket.next("connection")
            async with laptop.post("/logout", allow_redirects=False) as response:
                assert response.status == 303
            assert await first.closed_with() == 4500
            assert await second.closed_with() == 4500
            await still_answers(other)


async def test_a_device_that_is_signed_out_elsewhere_is_closed_at_once(
    server: Server, alice: Client, bob: Client
) -> None:
    async with browser(server) as phone, live(alice, "staying") as staying, live(bob) as his:
        await sign_in(phone, "alice")
        async with live(phone, "phone") as socket:
            await socket.next("connection")
            async with alice.get("/api/v1/connections") as response:
                (mine,) = [each for each in (await response.json())["items"] if each["client_id"] == "phone"]
            async with bob.delete(f"/api/v1/sessions/{mine['session_id']}") as response:
                assert response.status == 404  # not his
            await still_answers(socket)
            async with alice.delete(f"/api/v1/sessions/{mine['session_id']}") as response:
                assert response.status == 204
            assert await socket.closed_with() == 4500
        await still_answers(staying)
        await still_answers(his)


async def test_changing_the_password_closes_other_browsers(server: Server, alice: Client) -> None:
    async with browser(server) as laptop, browser(server) as phone:
        await sign_in(laptop, "alice")
        await sign_in(phone, "alice")
        async with live(laptop, "a") as staying, live(phone, "b") as going:
            await staying.next("connection")
            await going.next("connection")
            form = {
                "current_password": PASSWORDS["alice"],
                "new_password": "another-long-secret",
                "new_password_again": "another-long-secret",
            }
            async with laptop.post("/account/password", data=form, allow_redirects=False) as response:
                assert response.status == 303
            assert await going.closed_with() == 4500
            await still_answers(staying)


async def test_a_new_password_by_an_administrator_closes_sessions_and_leaves_tokens(
    server: Server, admin: Client, alice: Client
) -> None:
    async with browser(server) as laptop:
        await sign_in(laptop, "alice")
        async with live(laptop, "a") as going, live(alice, "program") as staying:
            await going.next("connection")
            await staying.next("connection")
            await change(admin, "alice", password="another-long-secret")
            assert await going.closed_with() == 4500
            await still_answers(staying)


async def test_disabling_a_user_closes_everything_of_theirs(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    async with browser(server) as laptop:
        await sign_in(laptop, "alice")
        async with live(laptop, "a") as first, live(alice, "b") as second, live(bob) as his:
            for socket in (first, second, his):
                await socket.next("connection")
            await change(admin, "alice", disabled=True)
            assert await first.closed_with() == 4500
            assert await second.closed_with() == 4500
            await still_answers(his)
        async with laptop.get("/api/v1/me") as response:
            assert response.status == 401


async def test_expired_session_closes_its_connection(server: Server, alice: Client) -> None:
    async with browser(server) as laptop:
        await sign_in(laptop, "alice")
        async with live(laptop, "a") as socket:
            hello = await socket.next("connection")
            async with server.parts.storage.database.write() as connection:
                mine = sessions.c.user_id == hello["user"]["id"]
                past = utc_now() - timedelta(seconds=1)
                await connection.execute(sa.update(sessions).where(mine).values(expires_at=past))
            assert await socket.closed_with(seconds=20) == 4500


@pytest.mark.parametrize("role", ["viewer", "admin"])
async def test_new_role_closes_with_a_code_to_come_back_and_is_told_on_return(
    server: Server, admin: Client, alice: Client, bob: Client, role: str
) -> None:
    async with browser(server) as laptop, live(alice, "program") as program, live(bob) as his:
        await sign_in(laptop, "alice")
        async with live(laptop, "a") as socket:
            assert (await socket.next("connection"))["user"]["role"] == "editor"
            await program.next("connection")
            await change(admin, "alice", role=role)
            assert await socket.closed_with() == CloseCode.RIGHTS_CHANGED
            assert await program.closed_with() == CloseCode.RIGHTS_CHANGED
            assert CloseCode.RIGHTS_CHANGED.may_reconnect
        async with live(laptop, "a") as again:
            assert (await again.next("connection"))["user"]["role"] == role
        await still_answers(his)


async def test_demoted_administrator_hears_nothing_of_others_any_more(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    await change(admin, "alice", role="admin")
    async with await signed_in(server, "alice") as chief:
        async with live(chief, "chief") as socket:
            await socket.send(type="subscribe", events=["admin:presence", "admin:statistics", "jobs:*"])
            await socket.next("subscription")
            await change(admin, "alice", role="editor")
            async with bob.post("/api/v1/jobs/demonstration", json={"seconds": 0, "total": 10}) as response:
                job_id = (await response.json())["job_id"]
            assert await socket.closed_with() == CloseCode.RIGHTS_CHANGED
            assert job_id not in str(socket.seen)
        async with live(chief, "chief") as again:
            assert (await again.next("connection"))["user"]["role"] == "editor"
            await again.send(type="subscribe", events=["admin:presence"])
            assert (await again.next("error"))["code"] == "forbidden"
            await again.send(type="subscribe", events=[f"job:{job_id}"])
            assert (await again.next("error"))["code"] == "not_found"


async def test_administrator_who_demotes_themselves_is_asked_anew(server: Server, admin: Client, alice: Client) -> None:
    await change(admin, "alice", role="admin")
    async with live(admin, "own") as socket:
        await socket.next("connection")
        await change(admin, "admin", role="editor")
        assert await socket.closed_with() == CloseCode.RIGHTS_CHANGED


async def test_what_ends_while_a_connection_is_opened_closes_it(server: Server, admin: Client) -> None:
    """The connection knows its user from before the change, and is not there yet to be closed by it."""
    async with await new_user(server, admin, "alice") as alice:
        user_id = await id_of(admin, "alice")
        database: Any = server.parts.storage.database
        turn = getattr(database._turn, "_gate", database._turn)  # PostgreSQL's can also be shared
        async with database.write() as connection:  # while we hold it, joining waits to load the stream
            opening = asyncio.create_task(_first_close(alice))
            await until(lambda: turn._waiters, seconds=10)
            await connection.execute(sa.update(users).where(users.c.id == user_id).values(role="viewer"))
            server.parts.auth.credentials.endings.rights_changed(user_id)
        assert await opening == CloseCode.RIGHTS_CHANGED
        async with live(alice) as again:
            assert (await again.next("connection"))["user"]["role"] == "viewer"


async def _first_close(client: Client) -> int | None:
    async with live(client) as socket:
        return await socket.closed_with(seconds=20)


async def test_dataset_of_somebody_else_is_never_heard_of_even_under_a_name_once_owned(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    his_id = await id_of(admin, "bob")
    her_id = await id_of(admin, "alice")
    announcing = server.parts.live.announcing
    async with live(alice) as hers, live(bob) as his, live(admin) as chief:
        for socket in (hers, his):
            await socket.send(type="subscribe", events=["dataset:sales"])
            assert (await socket.next("error"))["code"] == "not_found"
        hello = await chief.next("connection")
        assert hello["user"]["role"] == "admin"
        # She had it once, it was deleted, and he made one of that name: what is published is the owner's.
        manager = server.parts.realtime.manager
        (hers_connection,) = manager.connections_of(her_id)
        async with server.parts.realtime.topics.of_events(["dataset:sales"]):
            manager.subscribe(hers_connection, ["dataset:sales"])
        announcing.publish("dataset:sales", {"whose": "his"}, his_id)
        announcing.publish("dataset:sales", {"whose": "hers"}, her_id)
        assert (await hers.next("event"))["data"] == {"whose": "hers"}


def test_endings_tell_what_became_of_somebody_since_they_were_known() -> None:
    endings = Endings()
    alice = Principal(user_id="a", user_name="a", role=Role.EDITOR, language="en", session_id="s", known_at=1.0)
    assert endings.standing(alice) is Validity.GOOD
    endings.rights_changed("a")
    assert endings.standing(alice) is Validity.CHANGED
    endings.session_ended("s")
    assert endings.standing(alice) is Validity.ENDED
    later = Principal(user_id="a", user_name="a", role=Role.EDITOR, language="en", known_at=time.monotonic() + 1)
    assert endings.standing(later) is Validity.GOOD

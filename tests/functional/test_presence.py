"""Who is connected: one's own devices, everybody's for administrators, closing one, and telling everybody something."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest

from server.jobs.outcomes import Notice
from server.realtime.presence import device_name
from tests.conftest import Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.event_stream import events
from tests.functional.live_client import live

Client = aiohttp.ClientSession
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def items_of(client: Client, path: str, **query: str) -> list[dict[str, object]]:
    async with client.get(path, params=query) as response:
        assert response.status == 200, await response.text()
        return list((await response.json())["items"])


async def test_own_connections_are_listed_with_device_address_and_time(alice: Client, bob: Client) -> None:
    async with live(alice, "laptop", headers={"User-Agent": FIREFOX}) as hers, live(bob, "his") as his:
        await hers.next("connection")
        await his.next("connection")
        (mine,) = await items_of(alice, "/api/v1/connections")
        assert (mine["client_id"], mine["device"], mine["address"]) == ("laptop", "Firefox · Linux", "127.0.0.1")
        assert mine["user_name"] == "alice"
        assert str(mine["connected_at"]).endswith("Z")
    async with asyncio.timeout(10):
        while await items_of(alice, "/api/v1/connections"):
            await asyncio.sleep(0.05)


async def test_only_administrators_see_everybodys(alice: Client, bob: Client, admin: Client) -> None:
    async with live(alice, "a") as hers, live(bob, "b", headers={"User-Agent": FIREFOX}) as his:
        first = await hers.next("connection")
        await his.next("connection")
        for path in ("/api/v1/admin/connections",):
            async with bob.get(path) as response:
                assert response.status == 403
        async with bob.delete(f"/api/v1/admin/connections/{first['connection_id']}") as response:
            assert response.status == 403
        found = await items_of(admin, "/api/v1/admin/connections")
        assert [each["user_name"] for each in found] == ["alice", "bob"]
        assert {"sent", "held", "conflated", "dropped", "refused", "recovered", "unsent_bytes"} <= set(found[0])
        assert [each["client_id"] for each in await items_of(admin, "/api/v1/admin/connections", q="fireFOX")] == ["b"]
        (only,) = await items_of(admin, "/api/v1/admin/connections", limit="1")
        async with admin.get("/api/v1/admin/connections", params={"limit": "1"}) as response:
            cursor = (await response.json())["next_cursor"]
        (second,) = await items_of(admin, "/api/v1/admin/connections", limit="1", cursor=cursor)
        assert [only["client_id"], second["client_id"]] == ["a", "b"]


async def test_what_carries_each_connection_is_told(alice: Client, admin: Client) -> None:
    async with live(alice, "socket") as socket, events(alice, "stream") as stream:
        await socket.next("connection")
        await stream.next("connection")
        found = await items_of(admin, "/api/v1/admin/connections")
        assert {each["client_id"]: each["transport"] for each in found} == {"socket": "websocket", "stream": "events"}
        async with admin.get("/admin/connections", headers=HTML) as response:
            page = await response.text()
        assert re.findall(r"127\.0\.0\.1</span> · ([^<]+)<", page) == ["WebSocket", "event stream"]


async def test_statistics_of_a_connection_count_what_it_did(server: Server, alice: Client, admin: Client) -> None:
    async with live(alice) as socket:
        hello = await socket.next("connection")
    async with admin.post("/api/v1/admin/broadcast", json={"title": "while away"}) as response:
        assert (response.status, await response.json()) == (201, {"users": 2})
    async with live(alice, since=f"{hello['epoch']}:{hello['offset']}") as socket:
        await socket.next("notification")
        for _ in range(60):
            await socket.send(type="ping")
        await socket.next("error", seconds=10)
        (found,) = await items_of(admin, "/api/v1/admin/connections", q="alice")
        assert found["recovered"] == 1
        assert int(str(found["refused"])) >= 1
        assert int(str(found["sent"])) >= 40


async def test_administrator_closes_a_connection_with_a_reason(alice: Client, bob: Client, admin: Client) -> None:
    async with live(alice) as hers, live(bob) as his:
        connection_id = (await hers.next("connection"))["connection_id"]
        await his.next("connection")
        path = f"/api/v1/admin/connections/{connection_id}"
        async with admin.delete(path, params={"reason": "x" * 101}) as response:
            assert response.status == 422
        async with admin.delete(path, params={"reason": "维护"}) as response:
            assert response.status == 204
        message = await hers.socket.receive(timeout=10)
        assert (message.data, message.extra) == (4502, "closed by an administrator: 维护")
        async with admin.delete(path) as response:
            assert response.status in (204, 404)
        await his.send(type="ping")
        await his.next("pong")
        async with admin.get("/api/v1/admin/audit", params={"q": "connection.close"}) as response:
            (line,) = (await response.json())["items"][-1:]
        assert (line["subject"], line["detail"]["reason"]) == ("alice", "维护")


async def test_users_hear_of_their_own_coming_and_going_only(alice: Client, bob: Client) -> None:
    async with live(alice, "watching") as hers, live(bob, "his") as his:
        for socket in (hers, his):
            await socket.send(type="subscribe", events=["me:presence"])
            await socket.next("subscription")
        async with live(alice, "phone"):
            event = await hers.next(lambda message: "phone" in str(message.get("data")), seconds=10)
            assert event["event"] == "me:presence"
            assert {each["client_id"] for each in event["data"]["connections"]} == {"watching", "phone"}
        await hers.next(lambda message: message["type"] == "event" and "phone" not in str(message["data"]), seconds=10)
        await his.send(type="subscribe", events=["admin:presence"])
        assert (await his.next("error"))["code"] == "forbidden"
        assert "alice" not in str(his.seen)
        assert "bob" not in str(hers.seen)


async def test_administrators_hear_of_everybodys_and_do_not_get_it_as_their_own(alice: Client, admin: Client) -> None:
    async with live(admin, "chief") as chief:
        await chief.send(type="subscribe", events=["admin:presence", "me:presence"])
        await chief.next("subscription")
        async with live(alice, "hers") as hers:
            hello = await hers.next("connection")
            came = await chief.next(
                lambda message: message.get("event") == "admin:presence" and "hers" in str(message["data"]), seconds=10
            )
            (joined,) = [each for each in came["data"]["joined"] if each["client_id"] == "hers"]
            assert joined["user_name"] == "alice"
        gone = await chief.next(
            lambda message: message.get("event") == "admin:presence" and message["data"]["left"], seconds=10
        )
        assert gone["data"]["left"] == [hello["connection_id"]]
        own = [message for message in chief.seen if message.get("event") == "me:presence"]
        assert "hers" not in str(own)


async def test_nobody_can_publish_presence_by_hand(alice: Client) -> None:
    for name in ("me:presence", "admin:presence"):
        async with alice.post(f"/api/v1/events/{name}", json={}) as response:
            assert response.status in (404, 422)


async def test_broadcast_waits_for_everybody_and_is_the_administrators(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    async with alice.post("/api/v1/admin/broadcast", json={"title": "x"}) as response:
        assert response.status == 403
    wanted = {"title": "Maintenance at ten", "body": "10 minutes", "level": "warning", "url": "/jobs"}
    async with live(bob) as his:
        await his.next("connection")
        async with admin.post("/api/v1/admin/broadcast", json=wanted) as response:
            assert (response.status, await response.json()) == (201, {"users": 3})
        told = await his.next("notification")
        assert {name: told[name] for name in wanted} == wanted
    async with alice.get("/notifications", headers={"X-Fragment": "1"}) as response:
        assert "Maintenance at ten" in await response.text()
        assert response.headers["X-Unread"] == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "  "},
        {"title": "x" * 201},
        {"title": "x", "level": "loud"},
        {"title": "x", "url": "https://evil.example"},
        {"title": "x", "url": "//evil.example"},
        {"title": "x", "url": "/\\evil.example"},
        {"title": "x", "url": "javascript:alert(1)"},
    ],
)
async def test_broadcast_leads_nobody_elsewhere(admin: Client, wrong: dict[str, str]) -> None:
    async with admin.post("/api/v1/admin/broadcast", json=wrong) as response:
        assert response.status == 422


async def test_reading_in_one_tab_is_told_to_all_tabs_and_to_nobody_else(
    server: Server, admin: Client, alice: Client, bob: Client
) -> None:
    async with live(alice, "one") as one, live(alice, "two") as two, live(bob) as his:
        for socket in (one, two, his):
            await socket.next("connection")
        for title in ("first", "second"):
            async with admin.post("/api/v1/admin/broadcast", json={"title": title}) as response:
                assert response.status == 201
        for socket in (one, two, his):
            await socket.next("notification")
        second = await one.next("notification")
        headers = {"X-Fragment": "1"}
        # The tab had shown the first when the second came in: that one stays unread.
        until = str(second["offset"] - 1)
        async with alice.post("/notifications/read", params={"until": until}, headers=headers) as response:
            assert (response.status, response.headers["X-Unread"]) == (204, "1")
        for socket in (one, two):
            assert (await socket.next("notifications_read"))["unread"] == 1
        async with alice.post("/notifications/read", headers=headers) as response:
            assert response.headers["X-Unread"] == "0"
        for socket in (one, two):
            assert (await socket.next("notifications_read"))["unread"] == 0
        # A tab that comes late brings nothing back.
        async with alice.post("/notifications/read", params={"until": "1"}, headers=headers) as response:
            assert response.headers["X-Unread"] == "0"
        await his.send(type="ping")
        await his.next("pong")
        assert "notifications_read" not in [message["type"] for message in his.seen]
    async with bob.get("/notifications", headers=headers) as response:
        assert response.headers["X-Unread"] == "2"


async def test_older_notifications_are_reached_page_by_page(server: Server, alice: Client) -> None:
    async with alice.get("/api/v1/me") as response:
        alice_id = (await response.json())["id"]
    for number in range(60):
        await server.parts.live.notices.notify_who_asked(alice_id, Notice(title=f"note-{number:02}"))
    async with alice.get("/notifications", headers=HTML) as response:
        newest = await response.text()
    assert "note-59" in newest
    assert "note-09" not in newest
    before = newest.partition("/notifications?before=")[2].partition('"')[0]
    async with alice.get("/notifications", params={"before": before}, headers=HTML) as response:
        older = await response.text()
    assert "note-09" in older
    assert "note-00" in older
    assert "note-10" not in older


async def test_pages_of_connections_are_the_administrators(server: Server, admin: Client, alice: Client) -> None:
    async with browser(server) as hers, live(alice, "x") as socket:
        connection_id = (await socket.next("connection"))["connection_id"]
        await sign_in(hers, "alice")
        for path in (
            "/admin/connections",
            "/admin/connections/rows",
            f"/admin/connections/{connection_id}/close",
        ):
            async with hers.get(path, headers=HTML) as response:
                assert response.status == 403, path
        for path in (f"/admin/connections/{connection_id}/close", "/admin/broadcast"):
            async with hers.post(path, data={"title": "x"}, headers=HTML) as response:
                assert response.status == 403, path
        await socket.send(type="ping")
        await socket.next("pong")


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox · Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari · iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/140 Mobile Safari/537.36 MicroMessenger/8.0", "WeChat · Android"),
        ("Python/3.11 aiohttp/3.14.5", "Python"),
        ("curl/8.5.0", "curl"),
        ("etl-nightly", "etl-nightly"),
        ("", ""),
    ],
)
def test_devices_have_names_that_people_know(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name

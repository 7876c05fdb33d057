"""The live protocol against a running server: who gets in, what is answered, who gets what."""

from __future__ import annotations

import re

import aiohttp
import pytest

from server.jobs.outcomes import Notice
from tests.conftest import Server, signed_in
from tests.functional.event_stream import events
from tests.functional.live_client import Json, connected, live
from tests.waiting import until

Client = aiohttp.ClientSession


async def demonstrate(client: Client, **parameters: object) -> str:
    async with client.post("/api/v1/jobs/demonstration", json={"seconds": 0.3, "total": 100, **parameters}) as response:
        assert response.status == 202, await response.text()
        return str((await response.json())["job_id"])


def is_final(message: Json) -> bool:
    return message["type"] == "job" and message["state"] in ("succeeded", "failed", "cancelled")


async def test_first_message_says_who_and_where(alice: Client) -> None:
    async with live(alice, "phone-1", lang="zh-CN") as socket:
        hello = await socket.next()
    assert hello["type"] == "connection"
    assert (hello["status"], hello["client_id"], hello["user"]["name"]) == ("connected", "phone-1", "alice")
    assert (hello["ping_interval"], hello["pong_timeout"]) == (25.0, 10.0)
    assert (hello["recovered"], hello["missed"], hello["offset"]) == (False, 0, 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", hello["timestamp"])
    assert hello["message"] == "WebSocket连接成功，客户端ID: phone-1"
    assert hello["server"]["version"]


async def test_ping_is_answered_with_its_id(alice: Client) -> None:
    async with live(alice) as socket:
        await socket.send(type="ping", id=7)
        assert (await socket.next("pong"))["id"] == 7
        await socket.send(type="ping")
        assert "id" not in await socket.next("pong")


async def test_what_is_no_command_is_echoed_as_it_was(alice: Client) -> None:
    sent = {"type": "hello", "text": "你好", "deep": [1, {"a": None}], "id": "x"}
    async with live(alice) as socket:
        await socket.send(**sent)
        echo = await socket.next("echo")
        assert (echo["data"], echo["id"]) == (sent, "x")
        await socket.send(no_type=True)
        assert (await socket.next("echo"))["data"] == {"no_type": True}


MALFORMED = {
    "no json": ("{", "invalid_json"),
    "empty": ("", "invalid_json"),
    "an array": ("[1]", "invalid_message"),
    "a depth bomb": ('{"a":' * 9_000 + "1" + "}" * 9_000, "invalid_json"),
    "a huge number": ('{"type":"x","n":1e999999}', "invalid_json"),
    "a huge integer": ('{"type":"x","n":' + "9" * 5_000 + "}", "invalid_json"),
    "a lone surrogate": ('{"type":"x","s":"\\ud800"}', "invalid_json"),
    "not a number": ('{"type":"x","n":NaN}', "invalid_json"),
    "a wrong type": ('{"type":"subscribe","events":"job:1"}', "invalid_message"),
    "no events": ('{"type":"subscribe","events":[]}', "invalid_message"),
    "a long event": ('{"type":"subscribe","events":["' + "x" * 200 + '"]}', "invalid_message"),
    "a wrong id": ('{"type":"ping","id":{}}', "invalid_message"),
    "a wrong position": ('{"type":"history","since":{"epoch":"x","offset":-1}}', "invalid_message"),
    "an unknown namespace": ('{"type":"subscribe","events":["secret:1"]}', "invalid_event"),
    "another auth": ('{"type":"auth","token":"x"}', "already_authenticated"),
}


@pytest.mark.parametrize(("text", "code"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_message_is_an_error_and_the_connection_goes_on(alice: Client, text: str, code: str) -> None:
    async with live(alice) as socket:
        await socket.socket.send_str(text)
        error = await socket.next("error")
        assert error["code"] == code
        assert "Traceback" not in error["message"]
        await socket.send(type="ping")
        await socket.next("pong")


async def test_binary_frame_is_an_error(alice: Client) -> None:
    async with live(alice) as socket:
        await socket.socket.send_bytes(b'{"type":"ping"}')
        assert (await socket.next("error"))["code"] == "unsupported_frame"


async def test_error_repeats_the_id_of_its_command(alice: Client) -> None:
    async with live(alice) as socket:
        await socket.send(type="subscribe", events=[], id="s1")
        assert (await socket.next("error"))["id"] == "s1"


async def test_message_over_the_limit_closes_with_1009(alice: Client) -> None:
    async with live(alice) as socket:
        await socket.send(type="big", text="x" * (64 * 1024))
        assert await socket.closed_with() == 1009


async def test_wrong_client_id_is_not_found(alice: Client) -> None:
    for client_id in ("a b", "x" * 65, "ü"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with live(alice, client_id):
                pass
        assert refused.value.status == 404


async def test_owner_sees_every_step_and_nobody_else_does(alice: Client, bob: Client) -> None:
    async with live(alice) as hers, live(alice, "other-tab") as her_other, live(bob) as his:
        for socket in (hers, her_other, his):
            await socket.next("connection")
        job_id = await demonstrate(alice)
        for socket in (hers, her_other):
            await socket.next(is_final)
            jobs = [message for message in socket.seen if message["type"] == "job"]
            assert {message["job_id"] for message in jobs} == {job_id}
            assert [message["state"] for message in jobs if "offset" in message] == ["queued", "running", "succeeded"]
            revisions = [message["revision"] for message in jobs]
            assert revisions == sorted(revisions)
            assert (jobs[-1]["progress"], jobs[-1]["total"], jobs[-1]["percent"]) == (100, 100, 100.0)
            assert any(0 < message["progress"] < 100 for message in jobs)
        await his.send(type="ping")
        await his.next("pong")
        assert [message["type"] for message in his.seen] == ["connection", "pong"]


async def test_failed_job_says_why_in_the_readers_language(alice: Client) -> None:
    async with live(alice) as socket:
        await demonstrate(alice, fail_at=30)
        failed = await socket.next(is_final)
    assert failed["state"] == "failed"
    assert failed["error"] == {"code": "asked_to_fail", "message": "It failed at 30, as it was asked to."}


async def test_snapshot_holds_own_live_jobs_only(alice: Client, bob: Client) -> None:
    job_id = await demonstrate(alice, seconds=60)
    async with live(alice) as hers, live(bob) as his:
        await hers.send(type="jobs", id=1)
        snapshot = await hers.next("jobs")
        assert [(job["job_id"], job["state"] in ("queued", "running")) for job in snapshot["jobs"]] == [(job_id, True)]
        await his.send(type="jobs")
        assert (await his.next("jobs"))["jobs"] == []


async def test_same_client_id_replaces_the_older_connection(server: Server, alice: Client, bob: Client) -> None:
    async with live(alice, "same") as older, live(bob, "same") as his:
        await older.next("connection")
        await his.next("connection")
        async with live(alice, "same") as newer:
            await newer.next("connection")
            assert await older.closed_with() == 4501
            await newer.send(type="ping")
            await newer.next("pong")
            await until(lambda: len(server.parts.realtime.manager.active_connections) == 2, seconds=5)
            manager = server.parts.realtime.manager
            (left,) = [found for found in manager.presence() if found.user_name == "alice"]
            assert manager.send_json_to_user(left.user_id, {"type": "event", "event": "x", "data": 1}) == 1
            assert (await newer.next("event"))["data"] == 1
        await his.send(type="ping")
        await his.next("pong")


async def test_subscribers_get_what_is_published(server: Server, alice: Client, bob: Client) -> None:
    has_others = bool(server.parts.settings.broker_url)
    async with live(alice, lang="zh-CN") as hers, live(bob) as his:
        await his.next("connection")
        await hers.send(type="subscribe", events=["test_events", "other"], id=1)
        subscribed = await hers.next("subscription")
        assert (subscribed["status"], subscribed["events"], subscribed["id"]) == (
            "subscribed",
            ["test_events", "other"],
            1,
        )
        assert subscribed["message"] == "已订阅 test_events, other 事件"
        async with bob.post("/api/v1/events/test_events", json={"n": [1, "二"]}) as response:
            assert await response.json() == {"event": "test_events", "receivers": 1, "at_least": has_others}
        event = await hers.next("event")
        assert (event["event"], event["data"]) == ("test_events", {"n": [1, "二"]})
        await hers.send(type="unsubscribe", events=["test_events"])
        assert (await hers.next("subscription"))["status"] == "unsubscribed"
        async with bob.post("/api/v1/events/test_events", json=1) as response:
            assert (await response.json())["receivers"] == 0
        await his.send(type="ping")
        await his.next("pong")
        assert [message["type"] for message in his.seen] == ["connection", "pong"]


async def test_stranger_cannot_watch_a_job_but_an_admin_can(alice: Client, bob: Client, admin: Client) -> None:
    job_id = await demonstrate(alice, seconds=60)
    async with live(bob) as his, live(admin) as admins:
        await his.send(type="subscribe", events=["free", f"job:{job_id}"])
        assert (await his.next("error"))["code"] == "not_found"
        await his.send(type="subscribe", events=["admin:statistics"])
        assert (await his.next("error"))["code"] == "forbidden"
        await his.send(type="subscribe", events=["jobs:*"])
        await his.next("subscription")
        await admins.send(type="subscribe", events=["jobs:*", "admin:statistics"])
        await admins.next("subscription")
        event = await admins.next(lambda message: message.get("event") == "jobs:*")
        assert event["data"]["job_id"] == job_id
        statistics = await admins.next(lambda message: message.get("event") == "admin:statistics")
        assert statistics["data"]["connections"]["connections"] == 2
        await his.send(type="ping")
        await his.next("pong")
        assert "event" not in [message["type"] for message in his.seen]


async def test_array_format_joins_what_waits(server: Server, alice: Client) -> None:
    async with live(alice, format="array") as socket:
        await socket.next("connection")
        manager = server.parts.realtime.manager
        for number in range(5):
            manager.broadcast_json({"type": "event", "event": "x", "data": number})
        frame = await socket.socket.receive_json()
    assert [message["data"] for message in frame] == [0, 1, 2, 3, 4]


async def test_what_happened_while_away_is_told_on_return(alice: Client) -> None:
    async with live(alice) as socket:
        hello = await socket.next("connection")
    job_id = await demonstrate(alice)
    async with live(alice, "watch") as socket:
        await socket.send(type="jobs")
        if any(job["state"] != "succeeded" for job in (await socket.next("jobs"))["jobs"]):
            await socket.next(is_final)
    async with live(alice, since=f"{hello['epoch']}:{hello['offset']}") as socket:
        again = await socket.next("connection")
        assert (again["recovered"], again["missed"]) == (True, 3)
        told = [await socket.next("job") for _ in range(3)]
        assert [(job["job_id"], job["state"]) for job in told] == [
            (job_id, "queued"),
            (job_id, "running"),
            (job_id, "succeeded"),
        ]
        assert [job["offset"] for job in told] == [again["offset"] - 2, again["offset"] - 1, again["offset"]]
        await socket.send(type="history", since={"epoch": again["epoch"], "offset": again["offset"] - 1}, id=9)
        history = await socket.next("history")
        assert (history["recovered"], [job["state"] for job in history["messages"]]) == (True, ["succeeded"])
    async with live(alice, since=f"{again['epoch']}:{again['offset']}") as socket:
        assert (await socket.next("connection"))["missed"] == 0


@pytest.mark.parametrize("since", ["wrong:0", "nonsense", "EPOCH:99", ""])
async def test_position_that_cannot_be_recovered_from_is_refused_whole(alice: Client, since: str) -> None:
    await demonstrate(alice, seconds=0)
    async with live(alice) as socket:
        epoch = (await socket.next("connection"))["epoch"]
    async with live(alice, "other", since=since.replace("EPOCH", epoch)) as socket:
        hello = await socket.next("connection")
        assert (hello["recovered"], hello["missed"]) == (False, 0)


async def test_position_still_to_come_is_refused_to_whoever_claims_it_alone(alice: Client) -> None:
    await demonstrate(alice, seconds=0)
    async with live(alice) as socket:
        hello = await socket.next("connection")
    good, claimed = f"{hello['epoch']}:{hello['offset']}", f"{hello['epoch']}:{hello['offset'] + 10**6}"
    async with live(alice, "liar", since=claimed) as liar, events(alice, "other", since=claimed) as other:
        assert not (await liar.next("connection"))["recovered"]
        assert not (await other.next("connection"))["recovered"]
    async with events(alice, "third", headers={"Last-Event-ID": claimed}) as third:
        assert not (await third.next("connection"))["recovered"]
    async with live(alice, "honest", since=good) as honest:
        again = await honest.next("connection")
        assert (again["recovered"], again["epoch"]) == (True, hello["epoch"])


async def test_notification_reaches_its_user_and_waits_for_them(server: Server, alice: Client, bob: Client) -> None:
    async with live(alice) as hers, live(bob) as his:
        user_id = (await hers.next("connection"))["user"]["id"]
        await his.next("connection")
        notice = Notice(title="{count} reports are ready", parameters={"count": 3}, level="success", url="/batches/1")
        await server.parts.live.notices.notify_who_asked(user_id, notice)
        told = await hers.next("notification")
        assert (told["title"], told["level"], told["url"]) == ("3 reports are ready", "success", "/batches/1")
        async with alice.get("/notifications") as response:
            assert "3 reports are ready" in await response.text()
        await his.send(type="history")
        assert (await his.next("history"))["messages"] == []
        assert await server.parts.live.notices.notify_everybody(Notice(title="Back soon")) == 3
        assert (await his.next("notification"))["title"] == "Back soon"


async def test_failed_job_is_told_with_its_reason_in_the_readers_language(server: Server, alice: Client) -> None:
    await alice.patch("/api/v1/me", json={"language": "zh-CN"})
    async with live(alice) as hers:
        await hers.next("connection")
        job_id = await demonstrate(alice, fail_at=1)
        told = await hers.next("notification")
        assert (told["level"], told["url"]) == ("error", f"/jobs/{job_id}")
        assert told["title"].endswith("失败")
        assert told["body"] == "按要求在 1 处失败。"


async def test_nobody_is_told_what_they_chose_not_to_hear(server: Server, alice: Client, bob: Client) -> None:
    choice = {"notifications": {"finished": True, "failed": False}}
    async with alice.patch("/api/v1/me", json=choice) as response:
        assert response.status == 200
    async with live(alice) as hers, live(bob) as his:
        user_id = (await hers.next("connection"))["user"]["id"]
        await his.next("connection")
        await demonstrate(bob, fail_at=1)
        assert (await his.next("notification"))["level"] == "error"
        await demonstrate(alice, fail_at=1)
        await hers.next(is_final)
        await server.parts.live.notices.notify_who_asked(user_id, Notice(title="Ready", level="success"))
        assert (await hers.next("notification"))["title"] == "Ready"


async def test_nobody_gets_in_without_credentials_and_wrong_origins_before_the_upgrade(
    server: Server, alice: Client
) -> None:
    for origin in ("https://evil.example", "null", server.url.replace("http:", "https:")):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with live(alice, headers={"Origin": origin}):
                pass
        assert refused.value.status == 403
    async with live(alice, headers={"Origin": server.url}) as socket:
        await socket.next("connection")


async def test_first_message_may_bring_the_token(server: Server, alice: Client) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    async with aiohttp.ClientSession(server.url) as anonymous:
        async with connected(anonymous) as socket:
            await socket.send(type="auth", token=token)
            assert (await socket.next())["user"]["name"] == "alice"
        async with connected(anonymous) as socket:
            await socket.send(type="auth", token="wrong")
            assert (await socket.next())["code"] == "not_signed_in"
            assert await socket.closed_with() == 4500
        async with connected(anonymous) as socket:
            await socket.send(type="ping")
            assert (await socket.next())["code"] == "not_signed_in"
            assert await socket.closed_with() == 4503


async def test_revoked_token_closes_its_sockets_and_no_others(server: Server, alice: Client) -> None:
    async with await signed_in(server, "alice") as other:
        async with other.get("/api/v1/tokens") as response:
            newest = (await response.json())["items"][0]["id"]
        async with live(alice, "a") as staying, live(other, "b") as going:
            await staying.next("connection")
            await going.next("connection")
            async with alice.delete(f"/api/v1/tokens/{newest}") as response:
                assert response.status in (200, 204)
            assert await going.closed_with() == 4500
            await staying.send(type="ping")
            await staying.next("pong")

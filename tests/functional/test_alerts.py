"""Alerts through the doors: API, page and forms, mail and webhook that really go out, a screen on a wall."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server, serving, signed_in
from tests.mail_server import MailServer
from tests.unit.engines.test_web_hooks import OtherSide
from tests.waiting import until

Client = aiohttp.ClientSession
API = "/api/v1/admin"
PERSON = {"Accept": "text/html"}


async def answer(client: Client, method: str, path: str, status: int = 200, **body: Any) -> Any:
    async with client.request(method, path, **body) as response:
        assert response.status == status, await response.text()
        return await response.json() if response.content_type.endswith("json") else await response.text()


async def test_rules_over_the_api(admin: Client) -> None:
    rules = await answer(admin, "GET", f"{API}/alerts/rules?q=disk")
    assert [rule["id"] for rule in rules["items"]] == ["disk_left", "disk_days"]
    (changed,) = [
        await answer(admin, "PATCH", f"{API}/alerts/rules/disk_left", json={"threshold": 0.2, "channels": ["mail"]})
    ]
    assert (changed["threshold"], changed["channels"], changed["changed"]) == (0.2, ["mail"], True)
    made = await answer(
        admin, "POST", f"{API}/alerts/rules", 201, json={"subject": "script_silence", "target": "nightly"}
    )
    assert made["target"] == "nightly"
    twice = await answer(
        admin, "POST", f"{API}/alerts/rules", 409, json={"subject": "script_silence", "target": "nightly"}
    )
    assert (twice["code"], twice["errors"][0]["field"]) == ("alert_rule_exists", "threshold")
    await answer(admin, "DELETE", f"{API}/alerts/rules/{made['id']}", 204)
    await answer(admin, "DELETE", f"{API}/alerts/rules/disk_left", 204)
    (error,) = (await answer(admin, "PATCH", f"{API}/alerts/rules/disk_left", 422, json={"threshold": 7}))["errors"]
    assert error["field"] == "threshold"
    assert await answer(admin, "GET", f"{API}/alerts") == {"items": [], "next_cursor": None, "total": 0}
    assert (await answer(admin, "GET", f"{API}/statistics"))["firing"] == []


async def test_the_address_of_a_screen_is_whole_where_the_server_knows_its_own(settings: Settings) -> None:
    public = dataclasses.replace(settings, public_url="https://intranet.example", base_path="/jindu")
    async with serving(public) as server, await signed_in(server, "admin") as boss:
        wall = await answer(boss, "POST", f"{API}/walls", 201, json={"name": "Hall"})
        assert wall["address"].startswith("https://intranet.example/jindu/wall#")


async def test_maintenance_and_walls_over_the_api(server: Server, admin: Client) -> None:
    window = await answer(admin, "POST", f"{API}/maintenance", 201, json={"minutes": 5, "note": "disk"})
    (listed,) = (await answer(admin, "GET", f"{API}/maintenance"))["items"]
    assert (listed["under_way"], listed["note"]) == (True, "disk")
    assert (await answer(admin, "GET", f"{API}/statistics"))["maintenance"] is True
    await answer(admin, "DELETE", f"{API}/maintenance/{window['id']}", 204)
    wall = await answer(admin, "POST", f"{API}/walls", 201, json={"name": "Hall"})
    assert wall["address"].startswith("/wall#")  # this server knows no address of its own
    headers = {"Authorization": "Wall " + wall["address"].partition("/wall#")[2]}
    async with aiohttp.ClientSession(server.url) as screen:
        assert "Live connections" in await answer(screen, "GET", "/wall/figures", headers=headers)
        assert (await answer(screen, "GET", "/wall/history", headers=headers))["step_seconds"] == 10
        assert "wall.js" in await answer(screen, "GET", "/wall")
        await answer(screen, "GET", f"{API}/walls", 401, headers=headers)  # it opens no other door
        await answer(admin, "DELETE", f"{API}/walls/{wall['id']}", 204)
        for path in ("/wall/figures", "/wall/history"):
            assert (await answer(screen, "GET", path, 401, headers=headers))["code"] == "token_unknown"


DOORS = [
    ("GET", "/alerts"),
    ("GET", "/alerts/rules"),
    ("POST", "/alerts/rules"),
    ("PATCH", "/alerts/rules/disk_left"),
    ("DELETE", "/alerts/rules/disk_left"),
    ("POST", "/alerts/test"),
    ("GET", "/outbox"),
    ("POST", "/outbox/01m8df39xm1esnyfygkvj1h7z2/send-again"),
    ("GET", "/maintenance"),
    ("POST", "/maintenance"),
    ("DELETE", "/maintenance/01m8df39xm1esnyfygkvj1h7z2"),
    ("GET", "/walls"),
    ("POST", "/walls"),
    ("DELETE", "/walls/01m8df39xm1esnyfygkvj1h7z2"),
]
PAGES = ["", "/rules", "/rules/disk_left", "/test", "/outbox/x/again", "/maintenance", "/maintenance/x/end", "/walls"]


async def test_alice_and_strangers_pass_no_door(server: Server, alice: Client) -> None:
    for method, path in DOORS:
        await answer(alice, method, API + path, 403)
    for path in PAGES:
        async with alice.request("POST" if path else "GET", f"/admin/alerts{path}", data=b"") as response:
            assert response.status == 403
    async with aiohttp.ClientSession(server.url) as stranger:
        for path in ("/wall/figures", "/wall/history"):
            await answer(stranger, "GET", path, 401)


async def test_forms_of_the_page(admin: Client) -> None:
    async def sent(path: str, status: int = 200, **fields: str) -> str:
        return str(await answer(admin, "POST", f"/admin/alerts{path}", status, data=fields or b""))

    assert "Nothing fires" in await answer(admin, "GET", "/admin/alerts")
    assert "Nothing fires" in await answer(admin, "GET", "/admin/alerts/now")
    page = await sent("/rules/disk_left", threshold="20", minutes="1.5", channels="mail")
    assert "below 20 %" in page
    (rule,) = (await answer(admin, "GET", f"{API}/alerts/rules?q=disk_left"))["items"]
    assert (rule["threshold"], rule["seconds"], rule["on"], rule["channels"]) == (0.2, 90, False, ["mail"])
    for mistyped in ("x", "-5", "101"):
        wrong = await sent("/rules/disk_left", 422, threshold=mistyped, minutes="1")
        assert "Choose a threshold from 0 to 100." in wrong  # percent, as the field asks for it
        assert re.search(r'id="threshold-disk_left"[^>]* autofocus aria-invalid="true"', wrong)
    assert "from 0 to 100." in await sent("/rules", 422, subject="memory", threshold="300", minutes="1")
    assert "from 0 to 1000000000." in await sent("/rules", 422, subject="loop_lag", threshold="-1", minutes="1")
    assert "Choose a time from" in await sent("/rules/disk_left", 422, threshold="1", minutes="many")
    await sent("/rules/disk_left/delete")
    await sent("/rules", subject="script_silence", target="nightly", threshold="60", minutes="")
    assert "Say which" in await sent("/rules", 422, subject="script_silence")
    same = {"subject": "script_silence", "target": "nightly", "threshold": "60"}
    assert "There is a rule that says just this." in await sent("/rules", 409, **same)
    await sent("/rules/nothing", 404, threshold="1")
    assert "under way" in await sent("/maintenance", when="now", maintenance_minutes="5", note="disk")
    assert "Write a time as" in await sent("/maintenance", 422, when="later", maintenance_minutes="5", begin="x")
    (window,) = (await answer(admin, "GET", f"{API}/maintenance"))["items"]
    await sent(f"/maintenance/{window['id']}/end")
    assert "/wall#jindu_wall_" in await sent("/walls", name="Hall", shows_names="1")
    assert "Say where" in await sent("/walls", 422, name="")
    (wall,) = (await answer(admin, "GET", f"{API}/walls"))["items"]
    await sent(f"/walls/{wall['id']}/delete")
    assert "The test arrived: Notifications" in await sent("/test", channel="notice")
    assert "No mail is set up" in await sent("/test", 422, channel="mail")
    await sent("/test", 404, channel="pigeon")
    await sent("/outbox/nothing/again", 404)


@pytest.fixture
def mail_server() -> MailServer:
    return MailServer()


@pytest.fixture
async def reachable(settings: Settings, mail_server: MailServer) -> AsyncIterator[tuple[Server, OtherSide]]:
    """A server whose mail and webhooks go somewhere."""
    side = OtherSide()
    async with mail_server.listening() as port, side.listening() as url:
        outside = dataclasses.replace(
            settings,
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_security="none",
            mail_from="Jindu <jindu@example.com>",
            alert_mail_to=("ops@example.com",),
            alert_webhook_url=url,
            outgoing_private=True,
            heartbeat_url=url,
            public_url="https://reports.example.com",
        )
        async with serving(outside) as server:
            yield server, side


async def test_what_a_test_says_is_what_became_of_it(
    reachable: tuple[Server, OtherSide], mail_server: MailServer
) -> None:
    server, side = reachable
    async with await signed_in(server, "admin") as admin:
        tried = await answer(admin, "POST", f"{API}/alerts/test", json={"channel": "mail"})
        assert (tried["state"], tried["error"]) == ("sent", "")
        (message,) = mail_server.taken
        assert message["Subject"] == "[Jindu] This is a test of the alerts"
        assert "https://reports.example.com/admin/alerts" in message.get_content()
        tried = await answer(admin, "POST", f"{API}/alerts/test", json={"channel": "webhook"})
        assert tried["state"] == "sent"
        assert b'"type":"test"' in side.bodies[-1]
        mail_server.answers = {"DATA": "554 looks like spam"}
        tried = await answer(admin, "POST", f"{API}/alerts/test", json={"channel": "mail"})
        assert tried["state"] == "failed"
        assert "554 looks like spam" in tried["error"]
        parcels = (await answer(admin, "GET", f"{API}/outbox"))["items"]
        assert [parcel["state"] for parcel in parcels] == ["failed", "sent", "sent"]
        assert "could not be sent" in await answer(admin, "GET", "/notifications")  # by another way
        mail_server.answers = {}
        again = await answer(admin, "POST", f"{API}/outbox/{parcels[0]['id']}/send-again")
        assert again["state"] == "sent"


async def test_the_sign_of_life_goes_through_the_whole_chain(reachable: tuple[Server, OtherSide]) -> None:
    server, side = reachable
    heartbeat = server.parts.alerts.heartbeat
    await heartbeat.beat()
    error = heartbeat.state.error
    assert error is not None
    assert "Figures are kept" in str(error)  # nobody samples yet
    assert side.bodies == []
    sampler = server.parts.monitoring.sampler
    async with sampler.running():
        await sampler.sample()
        await heartbeat.beat()
    assert heartbeat.state.went_out, heartbeat.state.error
    assert len(side.bodies) == 1
    async with await signed_in(server, "admin") as admin:
        assert "went out" in await answer(admin, "GET", "/admin/alerts")


async def test_a_rule_that_is_crossed_is_told_by_mail_and_webhook(
    reachable: tuple[Server, OtherSide], mail_server: MailServer
) -> None:
    server, side = reachable
    watch, sampler = server.parts.alerts.watch, server.parts.monitoring.sampler
    async with await signed_in(server, "admin") as admin, sampler.running():
        await answer(admin, "PATCH", f"{API}/alerts/rules/loop_lag", json={"threshold": 0, "seconds": 0})
        await answer(admin, "PATCH", f"{API}/alerts/rules/availability_24h", json={"on": False})
        await sampler.sample()
        await watch.look()
        (alert,) = (await answer(admin, "GET", f"{API}/alerts"))["items"]
        assert (alert["subject"], alert["ended_at"], alert["told"]) == ("loop_lag", None, "")
        watch._clock = server.parts.alerts.posting._clock = later(watch._clock, seconds=30)
        await watch.look()
        await until(lambda: mail_server.taken and side.bodies)
        (message,) = mail_server.taken
        # A node is named where there may be several.
        subject = r"\[Jindu\] Alert: Delay of the server itself( at \S+)? \(above 0 ms\)"
        assert re.fullmatch(subject, message["Subject"])
        assert b'"subject":"loop_lag"' in side.bodies[0]
        assert "Alert: Delay of the server itself" in await answer(admin, "GET", "/notifications")
        assert "1 alert fires" in await answer(admin, "GET", "/admin/alerts")
        assert "An alert fires" in await answer(admin, "GET", "/admin/health")
        history = await answer(admin, "GET", f"{API}/monitoring")
        assert [each["subject"] for each in history["alerts"]] == ["loop_lag"]


def later(clock: Any, *, seconds: float) -> Any:
    return lambda: clock() + timedelta(seconds=seconds)

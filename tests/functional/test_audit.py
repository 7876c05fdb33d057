"""The audit log over the API and on its page: for administrators alone, in their time, with links to what there is."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import aiohttp
import pytest

from server.auth.audit_actions import DETAILS
from tests.conftest import Server
from tests.functional.browsing import HTML, browser
from tests.functional.importing import ended, start, upload
from tests.functional.test_accounts import answer

Client = aiohttp.ClientSession
API, PAGE = "/api/v1/admin/audit", "/admin/audit"


async def lines(admin: Client, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await answer(admin.get(API, params=wanted), 200))["items"]
    return found


async def page(admin: Client, status: int = 200, **wanted: str) -> str:
    async with admin.get(PAGE, params=wanted, headers=HTML) as response:
        assert response.status == status
        return " ".join((await response.text()).split())


async def test_nobody_but_administrators_gets_in(server: Server, alice: Client, admin: Client) -> None:
    for path in (API, f"{API}/export", PAGE, f"{PAGE}/export"):
        async with alice.get(path) as response:
            assert response.status == 403, path
            assert "user.create" not in await response.text()
    assert await lines(admin, action="audit") == []
    async with aiohttp.ClientSession(server.url) as stranger:
        await answer(stranger.get(f"{API}/export"), 401)


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": "alice"},
        {"via": "telepathy"},
        {"outcome": "maybe"},
        {"action": "x y"},
        {"since": "yesterday"},
        {"since": "2026-11-27T00:00:00"},
        {"token": "1"},
        {"user": ""},
        {"format": "xml"},
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_field(admin: Client, wrong: dict[str, str]) -> None:
    for path in (API, f"{API}/export"):
        problem = await answer(admin.get(path, params=wrong), 422)
        assert problem["errors"][0]["field"].partition("[")[0] in (*wrong, ""), problem


async def test_who_what_when_and_how_narrow_it(server: Server, admin: Client, alice: Client) -> None:
    file = await upload(alice)
    await answer(alice.delete(f"/api/v1/uploads/{file}"), 204)
    async with browser(server) as guesser:
        await guesser.post("/login", data={"username": "alice", "password": "not-her-password"})
    newest = (await lines(admin, thing=file, limit=1))[0]
    assert (newest["action"], newest["subject"], newest["page"]) == ("upload.delete", "orders.csv", None)
    assert (newest["via"], newest["token_name"] is not None) == ("token", True)
    assert {line["action"] for line in await lines(admin, token=newest["token_id"])} == {
        "upload.create",
        "upload.delete",
    }
    told = {line["action"] for line in await lines(admin, user="ALICE", via=["token", "session"], action="upload")}
    assert told == {"upload.create", "upload.delete"}
    assert await lines(admin, since="2099-01-01T00:00:00+08:00") == []
    (refused,) = await lines(admin, outcome="refused", address="127.")
    assert (refused["action"], refused["subject"], refused["user_id"]) == ("session.refuse", "alice", None)
    whole = await answer(admin.get(API), 200)
    assert whole["is_counted"]


async def test_it_is_taken_out_as_a_file_and_a_look_at_the_head_takes_out_nothing(admin: Client, alice: Client) -> None:
    await upload(alice, name="=1+1.csv")
    for path in (f"{API}/export", f"{PAGE}/export"):
        async with admin.head(path) as response:
            assert response.status == 200
        async with admin.get(path, params={"user": "alice", "action": "upload.create"}) as response:
            assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
            assert "audit.csv" in response.headers["Content-Disposition"]
            (row,) = csv.DictReader(io.StringIO((await response.read()).decode("utf-8-sig"), newline=""))
        assert (row["subject"], row["via"]) == ("'=1+1.csv", "token")
        async with admin.get(path, params={"user": "alice", "format": "jsonl"}) as response:
            told = [json.loads(line) for line in (await response.text()).splitlines()]
        assert "=1+1.csv" in {line["subject"] for line in told}
    exports = await lines(admin, action="audit.export")
    assert [line["detail"]["format"] for line in exports] == ["jsonl", "csv", "jsonl", "csv"]
    assert exports[-1]["detail"] == {"format": "csv", "filters": ["user", "actions"]}


async def test_the_page_names_links_and_keeps_its_filter(admin: Client, alice: Client) -> None:
    file = await upload(alice)
    job = await start(alice, file)
    await ended(alice, job)
    shown = await page(admin, user="alice", action="import")
    assert f'<a href="/imports/{job}">orders.csv</a>' in shown
    assert "Imported a file" in shown
    assert "export?user=alice&amp;action=import&amp;format=csv" in shown
    assert "Lines are removed after 365 days." in shown
    assert "Addresses are taken out of lines after 90 days." in shown
    await answer(alice.delete(f"/api/v1/uploads/{file}"), 204)
    gone = await page(admin, action="upload.delete")
    table = gone[gone.index("<tbody>") : gone.index("</tbody>")]
    assert "orders.csv" in table
    assert f"?upload={file}" not in table


async def test_details_are_in_the_readers_language_too(admin: Client, alice: Client) -> None:
    await answer(admin.patch("/api/v1/me", json={"language": "zh-CN"}), 200)
    await ended(alice, await start(alice, await upload(alice), mode="create"))
    shown = table_of(await page(admin))
    for words in ("角色：编辑者", "方式：新建数据集", "权限范围：读取，更改", "字段：语言"):
        assert words in shown


async def test_times_are_those_of_the_reader_and_a_wrong_one_is_said_beside_its_field(admin: Client) -> None:
    await answer(admin.patch("/api/v1/me", json={"time_zone": "Pacific/Kiritimati"}), 200)  # fourteen hours ahead
    (made,) = await lines(admin, action="account.change", limit=1)
    hour = int(made["at"][11:13])
    local = f"{made['at'][:10]}T{hour:02}:00"
    assert "Changed their account" not in table_of(await page(admin, until=local, action="account"))
    assert "Changed their account" in table_of(
        await page(admin, since=local, until="2099-01-01T00:00", action="account")
    )
    wrong = await page(admin, 422, since="yesterday")
    assert 'id="since-error"' in wrong
    assert "Nothing was recorded" in wrong


async def test_every_action_has_a_name_in_words(admin: Client) -> None:
    shown = await page(admin)
    options = set(re.findall(r'<option value="([a-z_]+\.[a-z_]+)"', shown))
    assert options == set(DETAILS)
    assert set(re.findall(r'<option value="([a-z_]+)"', shown)) >= {action.partition(".")[0] for action in DETAILS}


async def test_odd_texts_find_nothing_and_break_nothing(admin: Client) -> None:
    await page(admin, 422, q="\0")
    for text in ("%", "_", "'; drop table audit", "\\", "x" * 500):
        await page(admin, q=text, user=text, thing=text, address=text, action=text, token=text)


def table_of(text: str) -> str:
    return text.partition("<tbody>")[2].partition("</tbody>")[0]

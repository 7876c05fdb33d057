"""Share links: whoever has one sees the report or batch that it shows, without an account, and nothing else."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from pypdf import PdfReader
from sqlalchemy import update

from server.clock import utc_now
from server.storage.tables import share_links
from tests.conftest import PASSWORDS, Server, new_user, signed_in
from tests.functional.batches import RIGHT, SALES, made, put_template, read, reports_of
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.importing import import_text
from tests.functional.test_accounts_admin import id_of

Client = aiohttp.ClientSession
Json = dict[str, Any]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LINKS = "/api/v1/links"
GONE = "This link leads nowhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """What Alice has: a batch of two reports in three formats, and another one of which no link speaks."""

    batch: str
    report: str
    neighbour: str
    others: str
    files: Mapping[str, bytes]


async def things_of(alice: Client, *, formats: str = "html") -> Things:
    await import_text(alice, "region,amount,paid\nNorth,120,yes\nSouth,80,yes\n")
    await put_template(alice, source=RIGHT.replace("html, xlsx", formats))
    batch = await made(alice, name="October")
    report, neighbour = await reports_of(alice, batch["id"])
    files = {}
    for artifact in report["artifacts"]:
        async with alice.get(artifact["url"]) as response:
            files[artifact["file"]] = await response.read()
    other = await made(alice, parameters=[{"region": "North"}], formats=["html"], name="Of nobody else")
    (others,) = await reports_of(alice, other["id"])
    return Things(batch=batch["id"], report=report["id"], neighbour=neighbour["id"], others=others["id"], files=files)


@pytest.fixture
async def stranger(server: Server) -> AsyncIterator[Client]:
    """Somebody at a browser who has no account."""
    async with browser(server) as client:
        client.headers["User-Agent"] = FIREFOX
        client.headers.update(HTML)
        yield client


async def link(client: Client, *, status: int = 201, **wanted: Any) -> Json:
    async with client.post(LINKS, json=wanted) as response:
        assert response.status == status, await response.text()
        answer: Json = await response.json()
        return answer


def path_of(made: Json) -> str:
    return "/s/" + str(made["url"]).rpartition("/s/")[2]


async def status_of(client: Client, path: str, **sent: Any) -> int:
    async with client.get(path, allow_redirects=False, **sent) as response:
        return response.status


async def text_of(client: Client, path: str, *, status: int = 200) -> str:
    async with client.get(path, allow_redirects=False) as response:
        assert response.status == status, (path, response.status)
        return await response.text()


async def test_whoever_has_a_link_sees_what_it_shows_and_nothing_else(
    server: Server, alice: Client, stranger: Client
) -> None:
    things = await things_of(alice, formats="html, xlsx, pdf")
    await see_one_report(server, alice, stranger, things)
    await see_a_batch(alice, stranger, things)
    await see_nothing_of_what_failed(alice, stranger)


async def see_one_report(server: Server, alice: Client, stranger: Client, things: Things) -> None:
    shared = await link(alice, report=things.report)
    assert shared["url"].startswith(f"{server.url}/s/")
    assert (shared["report"], shared["batch"], shared["title"]) == (things.report, None, "North sales")
    here = path_of(shared)
    page = await text_of(stranger, here)
    assert "North sales" in page
    assert "alice" in page
    for unsaid in ("October", "orders", "Template", "South"):
        assert unsaid not in page
    addresses = set(re.findall(r'(?:href|src)="(/s/[^"]+)"', page))
    assert {address.partition("/reports/")[0] for address in addresses} == {here}
    for file, content in things.files.items():
        async with stranger.get(f"{here}/reports/{things.report}/{file}") as response:
            assert (response.status, await response.read()) == (200, content)
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["X-Robots-Tag"].startswith("noindex")
            assert response.headers["Referrer-Policy"] == "no-referrer"
            if file.endswith("html"):
                assert "sandbox" in response.headers["Content-Security-Policy"]
        part = {"Range": "bytes=0-9"}
        async with stranger.get(f"{here}/reports/{things.report}/{file}", headers=part) as response:
            assert (response.status, await response.read()) == (206, content[:10])
    for elsewhere in (
        *(f"/reports/{other}{file}" for other in (things.neighbour, things.others) for file in ("", "/x.html")),
        *(f"/reports/{things.report}/{file}" for file in ("nothing.pdf", "..%2f..%2fx", "%00")),
        *("/download.zip", "/combined.pdf", "/batch", "/reports"),
    ):
        assert await status_of(stranger, here + elsewhere) in (404, 422), elsewhere
    for file in things.files:
        assert await status_of(stranger, f"{here}/reports/{things.neighbour}/{file}") == 404
    for inside in (f"/reports/{things.report}", f"/batches/{things.batch}", "/account/links"):
        assert await status_of(stranger, inside) == 303
    for api in (f"/api/v1/reports/{things.report}", LINKS):
        assert await status_of(stranger, api) == 401


async def see_a_batch(alice: Client, stranger: Client, things: Things) -> None:
    """Its reports, its zip, all PDFs as one."""
    here = path_of(await link(alice, batch=things.batch))
    page = await text_of(stranger, here)
    assert "October" in page
    assert "North sales" in page
    assert "South sales" in page
    assert "South sales" not in await text_of(stranger, f"{here}?q=North")
    assert "No report matches" in await text_of(stranger, f"{here}?q=nowhere")
    assert "South sales" in await text_of(stranger, f"{here}/reports/{things.neighbour}")
    for file, content in things.files.items():
        async with stranger.get(f"{here}/reports/{things.report}/{file}") as response:
            assert await response.read() == content
    async with stranger.get(f"{here}/download.zip") as response:
        names = zipfile.ZipFile(io.BytesIO(await response.read())).namelist()
    assert len([name for name in names if name.endswith(".pdf")]) == 2
    async with stranger.get(f"{here}/combined.pdf") as response:
        assert (response.status, response.content_type) == (200, "application/pdf")
        assert (await response.read()).startswith(b"%PDF")
    async with stranger.head(f"{here}/combined.pdf") as response:
        assert response.status == 200
    assert await status_of(stranger, f"{here}/reports/{things.others}") == 404


async def see_nothing_of_what_failed(alice: Client, stranger: Client) -> None:
    """Neither the reason, nor the values that it is called by; nor parameters that no page shows."""
    await put_template(alice, source=SALES.replace("queries:", "  note: {type: text, label: Note}\nqueries:"))
    parameters = [{"region": region, "note": "hushhush"} for region in ("North", "Atlantis")]
    batch = (await made(alice, parameters=parameters, formats=["html", "pdf"], name="Half"))["id"]
    failed = next(report for report in await reports_of(alice, batch) if report["error"])
    reason = failed["error"]["message"]
    here = path_of(await link(alice, batch=batch))

    async def files_of(client: Client, path: str) -> Mapping[str, str]:
        async with client.get(f"{path}/download.zip") as response:
            found = zipfile.ZipFile(io.BytesIO(await response.read()))
        async with client.get(f"{path}/combined.pdf") as response:
            pages = PdfReader(io.BytesIO(await response.read())).pages
        told = {name: found.read(name).decode() for name in ("index.html", "index.csv")}
        return told | {"combined.pdf": " ".join(page.extract_text() for page in pages)}

    own = await files_of(alice, f"/api/v1/batches/{batch}")
    assert reason in own["index.csv"]
    assert all("Atlantis" in text for text in own.values())
    assert "hushhush" in own["index.csv"]
    shared = await files_of(stranger, here)
    for unsaid in (reason, failed["error"]["code"], "Atlantis", "parameters"):
        assert [name for name, text in shared.items() if unsaid in text] == [], unsaid
    assert "hushhush" not in shared["index.csv"] + shared["index.html"]
    assert "1 of 2 reports were made" in shared["index.html"]
    assert "1 of 2 reports were made" in " ".join(shared["combined.pdf"].split())
    for hidden in ("hushhush", "Atlantis"):
        assert "No report matches" in await text_of(stranger, f"{here}?q={hidden}")
    await text_of(stranger, f"{here}/reports/{failed['id']}", status=404)
    alone = await text_of(stranger, path_of(await link(alice, report=failed["id"])))
    assert "This report could not be made" in alone
    assert "Atlantis" not in alone


async def test_unknown_ended_revoked_and_orphaned_links_read_alike(
    server: Server,
    admin: Client,
    alice: Client,
    bob: Client,
    stranger: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    things = await things_of(alice)
    monkeypatch.setitem(PASSWORDS, "vera", "correct-horse-vera")
    async with await new_user(server, admin, "vera", role="viewer") as vera:
        await who_sees_and_revokes(server, admin, alice, bob, things)
        await look_as_a_colleague(server, alice, bob, things)
        await look_as_a_viewer(server, vera, things)
    await end_in_every_way(server, admin, alice, stranger, things)


async def end_in_every_way(server: Server, admin: Client, alice: Client, stranger: Client, things: Things) -> None:
    async def seen(path: str) -> str:
        page = await text_of(stranger, path, status=404)
        assert GONE in page
        return page

    unknown = await seen("/s/" + "x" * 43)
    ended, revoked, sleeping, orphaned = [await link(alice, report=things.report) for _ in range(4)]
    of_batch = await link(alice, batch=things.batch)
    hour_ago = utc_now() - timedelta(hours=1)
    async with server.parts.storage.database.write() as connection:
        await connection.execute(update(share_links).where(share_links.c.id == ended["id"]).values(expires_at=hour_ago))
    assert await seen(path_of(ended)) == unknown
    states = {item["id"]: item["state"] for item in (await read(alice, LINKS))["items"]}
    assert states[ended["id"]] == "ended"
    assert states[revoked["id"]] == "open"

    async with alice.delete(f"{LINKS}/{revoked['id']}") as response:
        assert response.status == 204
    assert await seen(path_of(revoked)) == unknown
    file = next(iter(things.files))
    assert GONE in await text_of(stranger, f"{path_of(revoked)}/reports/{things.report}/{file}", status=404)
    assert GONE in await text_of(stranger, f"{path_of(revoked)}/download.zip", status=404)

    user = f"/api/v1/admin/users/{await id_of(admin, 'alice')}"
    for change, back in (({"role": "viewer"}, {"role": "editor"}), ({"disabled": True}, {"disabled": False})):
        async with admin.patch(user, json=change) as response:
            assert response.status == 200, await response.text()
        assert await seen(path_of(sleeping)) == unknown
        resting = {item["id"]: item["state"] for item in (await read(admin, LINKS))["items"]}
        assert resting[sleeping["id"]] == "resting"
        async with admin.patch(user, json=back) as response:
            assert response.status == 200, await response.text()
        assert await status_of(stranger, path_of(sleeping)) == 200
    async with await signed_in(server, "alice") as again:
        async with again.delete(f"/api/v1/batches/{things.batch}") as response:
            assert response.status == 204
        assert await seen(path_of(orphaned)) == unknown
        assert await seen(path_of(of_batch)) == unknown
        assert (await read(again, LINKS))["total"] == 0


async def look_as_a_colleague(server: Server, alice: Client, bob: Client, things: Things) -> None:
    """To whom it was given to edit, which is not to hand it on."""
    access = f"/api/v1/batches/{things.batch}/access"
    async with alice.put(access, json={"grants": [{"user": "bob", "right": "edit"}]}) as response:
        assert response.status == 200, await response.text()
    await link(bob, status=403, batch=things.batch)
    assert (await read(bob, f"{LINKS}?batch={things.batch}"))["total"] == 0
    async with browser(server) as pages:
        await sign_in(pages, "bob")
        for page in (f"/batches/{things.batch}", f"/reports/{things.report}"):
            assert "share-links" not in await text_of(pages, page)
    async with alice.put(access, json={"grants": []}) as response:
        assert response.status == 200, await response.text()


async def look_as_a_viewer(server: Server, vera: Client, things: Things) -> None:
    await link(vera, status=403, report=things.report)
    assert (await read(vera, LINKS))["total"] == 0
    async with browser(server) as pages:
        await sign_in(pages, "vera")
        async with pages.post("/links", data={"report": things.report}, headers=HTML) as response:
            assert response.status == 403
        assert await status_of(pages, "/account/links") == 200


async def who_sees_and_revokes(server: Server, admin: Client, alice: Client, bob: Client, things: Things) -> None:
    own = await link(alice, report=things.report)
    of_admin = await link(admin, batch=things.batch)
    assert own["made_by"] == "alice"
    for thing in ({"report": things.report}, {"batch": things.batch}):
        await link(bob, status=404, **thing)
        async with bob.get(LINKS, params=thing) as response:
            assert response.status == 404
    assert (await read(bob, LINKS))["total"] == 0
    async with bob.delete(f"{LINKS}/{own['id']}") as response:
        assert response.status == 404

    mine = (await read(alice, LINKS))["items"]
    assert mine[-1] == await read(alice, f"{LINKS}/{own['id']}") == own
    await read(bob, f"{LINKS}/{own['id']}", status=404)
    assert {item["id"]: bool(item["url"]) for item in mine} == {own["id"]: True, of_admin["id"]: False}
    assert [item["id"] for item in (await read(alice, f"{LINKS}?batch={things.batch}"))["items"]] == [of_admin["id"]]
    assert [item["id"] for item in (await read(alice, f"{LINKS}?report={things.report}"))["items"]] == [own["id"]]
    assert (await read(admin, LINKS))["total"] == 2
    assert [item["url"] for item in mine if item["id"] == own["id"]] == [own["url"]]
    async with alice.post("/api/v1/tokens", json={"name": "reads", "scopes": ["read"]}) as response:
        token = (await response.json())["token"]
    async with aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {token}"}) as reading:
        told = [*(await read(reading, LINKS))["items"], await read(reading, f"{LINKS}/{own['id']}")]
    assert [item["url"] for item in told] == [None] * 3
    first = await read(alice, f"{LINKS}?limit=1")
    second = await read(alice, f"{LINKS}?limit=1&cursor={first['next_cursor']}")
    assert [first["items"][0]["id"], second["items"][0]["id"]] == [of_admin["id"], own["id"]]
    assert second["next_cursor"] is None

    async with alice.delete(f"{LINKS}/{of_admin['id']}") as response:
        assert response.status == 204  # what is hers, whoever shared it

    async def revoke(client: Client) -> int:
        async with client.delete(f"{LINKS}/{own['id']}") as response:
            return response.status

    assert sorted(await asyncio.gather(*(revoke(client) for client in (admin, alice) * 3))) == [204, *[404] * 5]
    lines = (await read(admin, "/api/v1/admin/audit?limit=50"))["items"]
    told = [(line["action"], line["detail"]) for line in lines if line["action"].startswith("link.")]
    assert (
        [action for action, _ in told].count("link.create") == [action for action, _ in told].count("link.revoke") == 2
    )
    assert ("link.revoke", {"openings": 0, "owner": "admin", "shows": "batch"}) in told


async def test_links_are_made_with_an_end_counted_copied_and_revoked(
    server: Server, alice: Client, stranger: Client
) -> None:
    things = await things_of(alice)
    await count_openings(server, alice, stranger, things)
    await make_on_pages(server, alice, stranger, things)
    await end_days_where_the_maker_is(alice, stranger, things)


async def end_days_where_the_maker_is(alice: Client, stranger: Client, things: Things) -> None:
    async with alice.patch("/api/v1/me", json={"time_zone": "Asia/Shanghai"}) as response:
        assert response.status == 200
    day = (utc_now() + timedelta(days=20)).date()
    by_day = await link(alice, report=things.report, expires_at=day.isoformat())
    assert datetime.fromisoformat(by_day["expires_at"]) == datetime(day.year, day.month, day.day, 16, tzinfo=UTC)
    moment = utc_now().replace(microsecond=0) + timedelta(hours=3)
    by_moment = await link(alice, report=things.report, expires_at=moment.isoformat())
    assert datetime.fromisoformat(by_moment["expires_at"]) == moment
    usual = await link(alice, report=things.report)
    lasts = datetime.fromisoformat(usual["expires_at"]) - utc_now()
    assert timedelta(days=30) < lasts <= timedelta(days=31)
    for wrong in (
        "2020-01-01",
        "2026-02-30",
        "soon",
        "",
        None,
        "9999-12-31",
        (moment + timedelta(days=500)).isoformat(),
    ):
        answer = await link(alice, status=201 if wrong == "" else 422, report=things.report, expires_at=wrong)
        assert wrong == "" or [each["field"] for each in answer["errors"]] == ["expires_at"], answer
    for body in ({}, {"report": things.report, "batch": things.batch}):
        await link(alice, status=422, **body)
    short = await link(alice, status=422, report=things.report, password="abc")
    assert short["errors"] == [{"field": "password", "message": "Use at least 6 characters."}]
    jar = {"Cookie": "time_zone=Asia/Shanghai"}
    async with stranger.get(path_of(by_day), headers=jar) as response:
        assert "24:00 UTC+08:00" in await response.text()


async def count_openings(server: Server, alice: Client, stranger: Client, things: Things) -> None:
    """Of people, each once in a while."""
    shared = await link(alice, report=things.report)
    here, file = path_of(shared), next(iter(things.files))

    async def openings() -> int:
        (item,) = (await read(alice, LINKS))["items"]
        assert bool(item["last_opened_at"]) == bool(item["openings"])
        found: int = item["openings"]
        return found

    await status_of(stranger, f"{here}/reports/{things.report}/{file}")
    for agent in ("", "curl/8", "Mozilla/5.0 (compatible; Googlebot/2.1)", "Mozilla/5.0 Slackbot-LinkExpanding 1.0"):
        assert await status_of(stranger, here, headers={"User-Agent": agent}) == 200
    assert await status_of(stranger, here, headers={"Sec-Purpose": "prefetch;prerender"}) == 200
    async with stranger.head(here) as response:
        assert response.status == 200
    async with browser(server) as own:
        await sign_in(own, "alice")
        assert await status_of(own, here, headers={"User-Agent": FIREFOX}) == 200
    assert await openings() == 0
    for _ in range(3):
        assert await status_of(stranger, here) == 200
    assert await openings() == 1
    async with browser(server, address="127.0.0.2") as somebody:
        assert await status_of(somebody, here, headers={"User-Agent": FIREFOX}) == 200
    assert await openings() == 2
    async with alice.delete(f"{LINKS}/{shared['id']}") as response:
        assert response.status == 204


async def make_on_pages(server: Server, alice: Client, stranger: Client, things: Things) -> None:
    async with browser(server) as pages:
        await sign_in(pages, "alice")
        for kind, thing in (("report", things.report), ("batch", things.batch)):
            page = {"report": "reports", "batch": "batches"}[kind]
            assert 'id="share-links"' in await text_of(pages, f"/{page}/{thing}")
            wrong = {kind: thing, "expires_at": "2020-01-01", "password": "monsoon"}
            async with pages.post("/links", data=wrong, headers=HTML) as response:
                assert response.status == 422
                again = await response.text()
            assert 'value="2020-01-01"' in again
            assert "name a later day" in again
            form = {kind: thing, "expires_at": ""}
            async with pages.post("/links", data=form, allow_redirects=False) as response:
                assert response.status == 303
                target = response.headers["Location"]
            assert target.startswith(f"/{page}/{thing}?link=")
            shown = await text_of(pages, target.partition("#")[0])
            assert "The link is ready." in shown
            (address,) = re.findall(r'<a class="mono" id="link-\w+" href="([^"]+)"', shown)
            assert await status_of(stranger, address.removeprefix(server.url)) == 200
            assert address in await text_of(pages, "/account/links")
            made_id = target.partition("?link=")[2].partition("#")[0]
            form = {"back": f"/{page}/{thing}"}
            revoke = f"/links/{made_id}/delete"
            async with pages.post(revoke, data=form, allow_redirects=False) as response:
                assert response.headers["Location"] == f"/{page}/{thing}"
            assert await status_of(stranger, address.removeprefix(server.url)) == 404
        assert "No share links" in await text_of(pages, "/account/links")
        async with pages.post("/links", data={"report": things.report, "back": "x"}, headers=HTML) as response:
            assert response.status == 200
        assert "All of my reports" in await text_of(pages, "/account/links?of=all")

"""Comments, favourites and what was seen lately go with the right to a report: for everybody whom it was given to."""

from __future__ import annotations

import re
from typing import Any

from tests.conftest import Server
from tests.functional.batches import made, put_template, read, reports_of
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.colleagues import Client, People
from tests.functional.importing import import_text
from tests.functional.live_client import LiveSocket, live
from tests.functional.test_sharing import call

HOSTILE = "<script>alert(1)</script> see https://example.com/a?b=1&c=2. javascript:alert(1) @bob @sam"


async def report_of(alice: Client) -> tuple[str, str]:
    await import_text(alice)
    await put_template(alice)
    batch = (await made(alice, formats=["html"], parameters=[{"region": "North"}]))["id"]
    (report,) = await reports_of(alice, batch)
    return batch, report["id"]


async def share(alice: Client, batch: str, *grants: dict[str, str]) -> None:
    await call(alice, "PUT", f"/api/v1/batches/{batch}/access", json={"grants": list(grants)})


async def page_of(client: Client, path: str, status: int = 200) -> str:
    async with client.get(path, headers=HTML) as response:
        assert response.status == status, path
        return await response.text()


async def status_of(client: Client, method: str, path: str, **sent: Any) -> int:
    async with client.request(method, path, **sent) as response:
        return response.status


async def test_they_go_with_the_right_to_the_report(server: Server, people: People) -> None:
    batch, report = await report_of(people.alice)
    await call(people.admin, "POST", "/api/v1/admin/groups", json={"name": "Finance", "members": ["mel"]})
    looking, editing = {"user": "bob", "right": "view"}, {"user": "edith", "right": "edit"}
    grants = (looking, editing, {"group": "Finance", "right": "view"}, {"user": "vera", "right": "view"})
    await share(people.alice, batch, *grants)
    address = f"/api/v1/reports/{report}/comments"
    async with browser(server) as vera, browser(server) as bob, live(people.member) as socket:
        await sign_in(vera, "vera")
        await sign_in(bob, "bob")
        await watch(socket, people, report)
        for who in (people.alice, people.looks, people.edits, people.member, vera, people.admin):
            written = await call(who, "POST", address, json={"text": HOSTILE})
            assert (written["mentions"], written["untold"]) == (["bob"] if who is not bob else [], ["sam"])
            heard = await socket.next("event")
            assert heard["data"] == {"comment": written["id"], "change": "added"}
        async with people.viewer.post(address, json={"text": "by a token"}) as response:
            assert (response.status, "in the browser" in await response.text()) == (403, True)
        assert await status_of(people.stranger, "POST", address, json={"text": "x"}) == 404
        await see_them(server, people, vera, batch, report)
        await change_them(people, bob, report)
        await mark_and_open(people, bob, batch, report)
        await call(people.admin, "PATCH", "/api/v1/admin/groups/Finance", json={"members": []})
        await socket.next(lambda told: told["type"] == "event" and told["data"] == {"access": "ended"})
        assert (await socket.next("subscription"))["status"] == "unsubscribed"
        await share(people.alice, batch)
        for who in (people.looks, people.edits, people.member, people.viewer, people.stranger):
            for method, path, sent in (
                ("GET", address, {}),
                ("POST", address, {"json": {"text": "x"}}),
                ("GET", f"/api/v1/reports/{report}/readers", {}),
                ("GET", f"/reports/{report}/comments", {}),
            ):
                no_scope = who is people.viewer and method == "POST"
                assert await status_of(who, method, path, **sent) == (403 if no_scope else 404)
        assert await call(people.looks, "GET", "/api/v1/favourites") == {"items": [], "next_cursor": None, "total": 0}
        assert (await call(people.looks, "GET", "/api/v1/recent"))["total"] == 0
        assert "North" not in await page_of(bob, "/")
        await share(people.alice, batch, looking)
        assert {each["kind"] for each in (await call(bob, "GET", "/api/v1/favourites"))["items"]} == {"batch", "report"}
        assert {each["kind"] for each in (await call(bob, "GET", "/api/v1/recent"))["items"]} == {"batch", "report"}


async def watch(socket: LiveSocket, people: People, report: str) -> None:
    await socket.next("connection")
    await socket.send(type="subscribe", events=[f"report:{report}"])
    assert (await socket.next("subscription"))["status"] == "subscribed"
    async with live(people.stranger) as other:
        await other.send(type="subscribe", events=[f"report:{report}"])
        assert (await other.next("error"))["code"] == "not_found"


async def see_them(server: Server, people: People, vera: Client, batch: str, report: str) -> None:
    """On the pages of those who may, as text; and by a share link not at all."""
    shown = await page_of(vera, f"/reports/{report}")
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 6 + 1  # which she may still change
    assert "<script>alert(1)" not in shown
    addresses = set(re.findall(r'href="(https?://example[^"]*|javascript[^"]*)"', shown))
    assert addresses == {"https://example.com/a?b=1&amp;c=2"}
    assert 'rel="noopener noreferrer nofollow"' in shown
    assert shown.count("“sam” was not told") == 1  # below her own alone
    assert "6 comments" in await page_of(vera, f"/batches/{batch}")
    items = (await read(people.looks, f"/api/v1/batches/{batch}/reports"))["items"]
    assert [each["comment_count"] for each in items] == [6]
    link = await call(people.alice, "POST", "/api/v1/links", json={"batch": batch})
    path = "/s/" + link["url"].rpartition("/s/")[2]
    async with browser(server) as stranger:
        for address in (path, f"{path}/reports/{report}"):
            public = await page_of(stranger, address)
            assert "alert(1)" not in public
            assert "omment" not in public
        assert await status_of(stranger, "GET", f"/api/v1/reports/{report}/comments") == 401
        assert await status_of(stranger, "GET", f"{path}/reports/{report}/comments") == 404


async def change_them(people: People, bob: Client, report: str) -> None:
    """With the forms of the page, as where there is no script."""
    (own, *_) = [each for each in (await comments_of(bob, report)) if each["author"] == "bob"]
    (others, *_) = [each for each in (await comments_of(bob, report)) if each["author"] == "edith"]
    at = f"/reports/{report}/comments"
    assert await status_of(bob, "POST", f"{at}/{own['id']}", data={"text": "changed"}, allow_redirects=False) == 303
    assert "changed" in await page_of(bob, f"/reports/{report}?edit={own['id']}")
    assert await status_of(bob, "POST", f"{at}/{others['id']}", data={"text": "x"}) == 403
    assert await status_of(bob, "POST", f"{at}/{others['id']}/delete") == 403
    assert await status_of(people.alice, "DELETE", f"/api/v1{at}/{others['id']}") == 204
    assert await status_of(bob, "POST", at, data={"text": " "}) == 422
    assert await status_of(bob, "POST", at, data={"text": "second"}, allow_redirects=False) == 303
    texts = [(each["text"], each["deleted"], each["edited_at"] is not None) for each in await comments_of(bob, report)]
    assert texts[0] == ("second", False, False)
    assert ("changed", False, True) in texts
    assert ("", True, False) in texts
    told = await page_of(bob, "/notifications")
    assert "mentioned you in a comment" in told


async def comments_of(client: Client, report: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await read(client, f"/api/v1/reports/{report}/comments"))["items"]
    return items


async def mark_and_open(people: People, bob: Client, batch: str, report: str) -> None:
    for kind, thing_id in (("batch", batch), ("report", report)):
        assert await status_of(bob, "PUT", f"/api/v1/favourites/{kind}/{thing_id}") == 204
        assert await status_of(people.stranger, "PUT", f"/api/v1/favourites/{kind}/{thing_id}") == 404
    form = {"on": "1", "next": f"/reports/{report}"}
    assert await status_of(bob, "POST", f"/favourites/report/{report}", data=form, allow_redirects=False) == 303
    home = await page_of(bob, "/")
    assert home.count(f'href="/reports/{report}"') == 1
    assert (await call(bob, "GET", "/api/v1/favourites?kind=report"))["total"] == 1
    shown = await page_of(bob, "/batches?whose=favourites")
    assert f'href="/batches/{batch}"' in shown
    assert 'aria-pressed="true"' in shown
    await page_of(bob, f"/batches/{batch}")
    await page_of(people.looks, "/templates")
    recent = (await call(bob, "GET", "/api/v1/recent"))["items"]
    assert [(each["kind"], each["within"] != "") for each in recent] == [("batch", False), ("report", True)]
    assert [each["links"]["page"] for each in recent] == [f"/batches/{batch}", f"/reports/{report}"]
    assert (await call(people.edits, "GET", "/api/v1/recent"))["total"] == 0

"""Reports by mail: each to whom it is meant for, once, as a real mail server gets them; and nobody else sees it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import pytest
from PIL import Image
from sqlalchemy import update

from server.clock import utc_now
from server.deliveries.freezing import Freezing
from server.delivery.mail_pace import report_pace
from server.settings import Settings
from server.storage.tables import users
from tests.conftest import Server
from tests.functional.batches import Json, ended, put_template, reports_of
from tests.functional.command_line import as_user, run
from tests.functional.importing import import_text
from tests.functional.test_schedules import answer
from tests.mail_server import MailServer

Client = aiohttp.ClientSession
ORDERS = "region,amount,mail\nNorth,120,north@example.com\nSouth,80,south@example.com\nWest,5,North@example.com\n"
SALES = """\
title: "{{ region }} 销售"
formats: [html, xlsx]
parameters:
  region: {type: text}
  month: {type: month, default: last_month}
each_row: select region, any_value(mail) as mail from orders group by region order by region
queries:
  totals: select sum(amount) as revenue from orders where region = $region
blocks:
  - kpis: [{label: Revenue, value: totals.revenue}]
"""


@pytest.fixture
async def mails() -> AsyncIterator[MailServer]:
    mails = MailServer()
    async with mails.listening() as port:
        mails.port = port
        yield mails


@pytest.fixture
def settings(settings: Settings, mails: MailServer, tmp_path: Any) -> Settings:
    (tmp_path / "archive").mkdir()
    return replace(
        settings,
        smtp_host="127.0.0.1",
        smtp_port=mails.port,
        smtp_security="none",
        mail_from="Jindu <jindu@example.com>",
        public_url="https://reports.example.com",
        delivery_folders=(f"archive={tmp_path / 'archive'}",),
        mail_domains=("example.com",),
    )


async def ordered(client: Client, *deliveries: Json, **more: Any) -> Json:
    """The batch, made."""
    order = {"template": "sales", "deliveries": list(deliveries)} | more
    started = await answer(client, "POST", "/api/v1/batches", 202, json=order)
    return await ended(client, started["batch_id"])


async def deliveries_of(client: Client, batch: Json) -> list[Json]:
    found: list[Json] = (await answer(client, "GET", f"/api/v1/batches/{batch['id']}/deliveries?limit=500"))["items"]
    return found


async def sent(server: Server, client: Client, batch: Json) -> list[Json]:
    await server.parts.operations.deliveries.sending.settle()
    return await deliveries_of(client, batch)


def files_of(mail: EmailMessage) -> list[str | None]:
    return [part.get_filename() for part in mail.iter_attachments()]


async def prepared(client: Client) -> None:
    await import_text(client, ORDERS)
    await put_template(client, "sales", SALES)


async def test_each_gets_theirs_alone(
    server: Server, mails: MailServer, alice: Client, bob: Client, admin: Client
) -> None:
    await prepared(alice)
    wish = {"via": "mail", "to_column": "mail", "to": ["boss@example.com"], "subject": "{{ period }}: {{ count }}"}
    trial = {"template": "sales", "deliveries": [wish]}
    preview = await answer(alice, "POST", "/api/v1/deliveries/preview", json=trial)
    assert [(each["to"], each["report_count"]) for each in preview["items"]] == [
        ("boss@example.com", 3),
        ("north@example.com", 2),
        ("south@example.com", 1),
    ]
    assert mails.taken == []
    batch = await ordered(alice, wish)
    items = await sent(server, alice, batch)
    assert {each["state"] for each in items} == {"sent"}, items
    assert sorted(mails.envelopes) == [("boss@example.com",), ("north@example.com",), ("south@example.com",)]
    by_recipient = {mail["To"]: mail for mail in mails.taken}
    north, south = by_recipient["north@example.com"], by_recipient["south@example.com"]
    month = north["Subject"].partition(":")[0]
    assert north["Subject"] == f"{month}: 2"
    assert len(files_of(north)) == 4
    assert files_of(south) == ["South 销售.xlsx", "South 销售.html"]
    body = south.get_body(("plain",)).get_content()
    assert "South 销售" in body
    assert "Revenue: 80" in body
    assert "North" not in body
    assert "North" not in south.get_body(("html",)).get_content()

    # Nobody else sees any of it, at any door.
    one, all_of = f"/api/v1/deliveries/{items[0]['id']}/retry", f"/api/v1/batches/{batch['id']}/deliveries"
    for method, path, given in (
        ("GET", all_of, {}),
        ("POST", all_of, {"json": {"deliveries": [wish]}}),
        ("POST", f"{all_of}/release", {}),
        ("POST", one, {}),
        ("GET", one.removesuffix("/retry"), {}),
    ):
        await answer(bob, method, path, 404, **given)
    await answer(bob, "POST", "/api/v1/deliveries/preview", 404, json=trial)
    assert (await answer(admin, "GET", all_of))["total"] == 3
    access = {"grants": [{"user": "bob", "right": "view"}]}
    await answer(alice, "PUT", f"/api/v1/batches/{batch['id']}/access", json=access)
    await answer(bob, "GET", all_of, 403)
    await answer(bob, "POST", one, 403)

    # Again by hand, and never by itself.
    assert len(await sent(server, alice, batch)) == 3
    again = await answer(alice, "POST", one, 202)
    assert again["state"] in ("waiting", "sending", "sent")
    await sent(server, alice, batch)
    assert len(mails.taken) == 4
    assert len({mail["Message-ID"] for mail in mails.taken}) == 4


async def test_a_mail_shows_the_first_chart_on_white_and_tells_it(
    server: Server, mails: MailServer, alice: Client
) -> None:
    await prepared(alice)
    chart = "  - chart: {kind: bar, query: by_region, x: region, y: revenue, title: 每个区域}\n"
    rows = "  by_region: select region, sum(amount) as revenue from orders group by region order by region\nblocks:"
    labelled = SALES.replace("region: {type: text}", "region: {type: text, label: 区域}")
    await put_template(alice, "charted", labelled.replace("blocks:", rows) + chart)
    wish = {"via": "mail", "to_column": "mail"}
    batch = await ordered(alice, wish, template="charted")
    assert {each["state"] for each in await sent(server, alice, batch)} == {"sent"}
    south = next(mail for mail in mails.taken if mail["To"] == "south@example.com")
    related, *files = south.iter_parts()
    assert (related.get_content_type(), len(files)) == ("multipart/related", 2)
    words, picture = related.iter_parts()
    assert (words.get_content_type(), picture.get_content_type()) == ("multipart/alternative", "image/png")
    html = south.get_body(("html",)).get_content()
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html
    assert "区域: South" in html  # as people call it
    assert "每个区域" in html.partition('alt="')[2].partition('"')[0]
    with Image.open(io.BytesIO(picture.get_content())) as shown:
        assert (shown.width > 900, shown.convert("RGB").getpixel((2, 2))) == (True, (255, 255, 255))
    assert len(picture.get_content()) < 200_000
    north = next(mail for mail in mails.taken if mail["To"] == "north@example.com")
    assert [part.get_content_type() for part in north.walk()].count("image/png") == 2  # of each report
    batch = await ordered(alice, wish, parameters=[{"region": "South"}])
    await sent(server, alice, batch)
    assert "image/png" not in [part.get_content_type() for part in mails.taken[-1].walk()]  # it has no chart


async def test_what_cannot_be_sent_is_said_before(server: Server, mails: MailServer, alice: Client) -> None:
    await import_text(
        alice, "region,amount,mail\nNorth,1,\nSouth,2,nobody\nWest,3,west@example.com\nEast,3,e@else.org\n"
    )
    await put_template(alice, "sales", SALES)
    wish = {"via": "mail", "to_column": "mail"}
    preview = await answer(
        alice, "POST", "/api/v1/deliveries/preview", json={"template": "sales", "deliveries": [wish]}
    )
    assert preview["problems"] == 3
    batch = await ordered(alice, wish)
    items = await sent(server, alice, batch)
    assert sorted((each["to"], each["state"]) for each in items) == [
        ("", "failed"),
        ("e@else.org", "failed"),
        ("nobody", "failed"),
        ("west@example.com", "sent"),
    ]
    assert mails.envelopes == [("west@example.com",)]
    for wrong, field in (
        ({"via": "mail"}, "deliveries[0].to"),
        ({"via": "mail", "to": ["a@b@c"]}, "deliveries[0].to"),
        ({"via": "mail", "to": ["x@else.org"]}, "deliveries[0].to"),
        ({"via": "mail", "to": ["a@example.com", "A@example.com"]}, "deliveries[0].to"),
        ({"via": "mail", "to": ["a@example.com"], "subject": "x\r\nBcc: b@example.com"}, "deliveries[0].subject"),
        ({"via": "mail", "to": ["a@example.com"], "body": "{{ secrets }}"}, "deliveries[0].body"),
        ({"via": "folder", "path": "elsewhere"}, "deliveries[0].path"),
        ({"via": "folder", "path": "archive/../x"}, "deliveries[0].path"),
        ({"via": "slack"}, "deliveries[0].url"),
        ({"via": "mail", "to_column": "boss at example.com"}, "deliveries[0].to_column"),
    ):
        problem = await answer(alice, "POST", "/api/v1/batches", 422, json={"template": "sales", "deliveries": [wrong]})
        assert field in str(problem), (wrong, problem)
    known = "the reports have no column of that name; they have region, month, mail."
    assert known in str(problem)
    later = {"deliveries": [wrong]}  # of reports that there are
    assert known in str(await answer(alice, "POST", f"/api/v1/batches/{batch['id']}/deliveries", 422, json=later))
    await answer(alice, "POST", f"/api/v1/batches/{batch['id']}/deliveries", 202, json={"deliveries": [wish]})
    # A query of the order may give any column: only running it tells.
    asked = {"query": "select 'North' as region, 'n@example.com' as who"}
    order = {"template": "sales", "parameters": asked, "deliveries": [{"via": "mail", "to_column": "who"}]}
    preview = await answer(alice, "POST", "/api/v1/deliveries/preview", json=order)
    assert [each["to"] for each in preview["items"]] == ["n@example.com"]


async def test_refused_delayed_and_lost(
    server: Server, mails: MailServer, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepared(alice)
    mails.answers = {"RCPT": "450 greylisted"}
    one = {"via": "mail", "to": ["boss@example.com"]}
    batch = await ordered(alice, one, parameters=[{"region": "North"}])
    (item,) = await sent(server, alice, batch)
    assert (item["state"], item["attempts"]) == ("waiting", 1)
    assert "greylisted" in item["error"]
    mails.answers = {"DATA": "554 5.2.0 quota of today"}
    await answer(alice, "POST", f"/api/v1/deliveries/{item['id']}/retry", 202)
    (item,) = await sent(server, alice, batch)
    assert item["state"] == "waiting"
    mails.answers = {"RCPT": "550 nobody of that name"}
    await answer(alice, "POST", f"/api/v1/deliveries/{item['id']}/retry", 202)
    (item,) = await sent(server, alice, batch)
    assert item["state"] == "failed"
    notices = await answer(alice, "GET", "/notifications")
    assert "did not reach boss@example.com" in str(notices)
    # It took the mail and did not say so: nobody sends it again but a person.
    mails.answers, mails.drops_after_data = {}, 1
    await answer(alice, "POST", f"/api/v1/deliveries/{item['id']}/retry", 202)
    (item,) = await sent(server, alice, batch)
    assert item["state"] == "perhaps_sent"
    (item,) = await sent(server, alice, batch)
    assert (item["state"], len(mails.taken)) == ("perhaps_sent", 1)
    # So it is with one that takes longer than anybody waits; one that only takes its time is waited for.
    mails.delay_seconds = 0.5
    with monkeypatch.context() as impatient:
        impatient.setattr("server.deliveries.sending._CARRY_SECONDS", 0.2)
        await answer(alice, "POST", f"/api/v1/deliveries/{item['id']}/retry", 202)
        (item,) = await sent(server, alice, batch)
    assert item["state"] == "perhaps_sent"
    assert "took too long" in item["error"]
    await answer(alice, "POST", f"/api/v1/deliveries/{item['id']}/retry", 202)
    (item,) = await sent(server, alice, batch)
    assert item["state"] == "sent"
    assert len({mail["Message-ID"] for mail in mails.taken}) == 1  # programs know the second for what it is
    # A server that takes one a minute gets one; the others wait, and it is said until when.
    mails.delay_seconds = 0
    carrying = server.parts.operations.deliveries._carrying
    monkeypatch.setattr(carrying._mail_turns, "_pace", report_pace(1))
    three = {"via": "mail", "to": [f"{name}@example.com" for name in ("a", "b", "c")]}
    batch = await ordered(alice, three, parameters=[{"region": "North"}])
    items = await sent(server, alice, batch)
    assert sorted(each["state"] for each in items) == ["sent", "waiting", "waiting"]
    waiting = [each for each in items if each["state"] == "waiting"]
    assert {each["attempts"] for each in waiting} == {0}
    assert all("takes only so many messages a minute" in each["error"] and each["next_at"] for each in waiting)
    page = await answer(alice, "GET", f"/batches/{batch['id']}")
    assert page.count("takes only so many messages a minute") == 2
    assert (page.count("Send again"), page.count("Send now"), page.count("goes on")) == (1, 0, 2)
    for each in waiting:  # it keeps its turn: another one would come after those of all who wait
        again = await answer(alice, "POST", f"/api/v1/deliveries/{each['id']}/retry", 202)
        assert (again["next_at"], again["error"]) == (each["next_at"], each["error"])


LATE = """\
title: "{{ region }} late"
formats: [html]
parameters: {region: {type: text}}
each_row: select region, any_value(mail) as mail from orders group by region order by region
queries:
  late: select region, amount from orders where region = $region and amount > 100
blocks:
  - text: Late orders
  - table: {query: late}
"""


async def test_reports_without_rows_are_not_sent_where_somebody_wants_it_so(
    server: Server, mails: MailServer, alice: Client
) -> None:
    await import_text(alice, ORDERS)
    await put_template(alice, "late", LATE)
    full = {"via": "mail", "to": ["all@example.com"]}
    wishes = [
        {"via": "mail", "to_column": "mail", "unless_empty": True},
        {"via": "mail", "to": ["boss@example.com"], "unless_empty": True},
        {"via": "folder", "path": "archive", "unless_empty": True},
        full,
    ]
    trial = {"template": "late", "deliveries": wishes}
    preview = (await answer(alice, "POST", "/api/v1/deliveries/preview", json=trial))["items"]
    assert {each["to"] for each in preview if not each["unless_empty"]} == {"all@example.com"}
    batch = await ordered(alice, *wishes, template="late")
    reports = await reports_of(alice, batch["id"])
    assert [(each["title"], each["is_empty"]) for each in reports] == [
        ("North late", False), ("South late", True), ("West late", True)
    ]  # fmt: skip
    items = await sent(server, alice, batch)
    south_has_none, west_has_none = (f"Not sent: “{name} late” has no rows." for name in ("South", "West"))
    assert sorted((each["to"], each["report_count"], each["state"], each["error"]) for each in items) == [
        ("all@example.com", 3, "sent", None),
        ("archive", 0, "skipped", south_has_none),
        ("archive", 0, "skipped", west_has_none),
        ("archive", 1, "sent", None),
        ("boss@example.com", 1, "sent", None),
        ("north@example.com", 1, "sent", None),
        ("south@example.com", 0, "skipped", south_has_none),
    ]
    by_recipient = {mail["To"]: mail for mail in mails.taken}
    assert sorted(by_recipient) == ["all@example.com", "boss@example.com", "north@example.com"]
    north, boss = (by_recipient[f"{name}@example.com"] for name in ("north", "boss"))
    assert files_of(boss) == ["North late.html"]
    assert "Not sent, since they have no rows: South late, West late." in boss.get_body(("plain",)).get_content()
    assert "South" not in north.get_body(("plain",)).get_content()

    # It is seen on the pages, is no fault, and nobody gets it later.
    page = await answer(alice, "GET", f"/batches/{batch['id']}")
    single = await answer(alice, "GET", "/batches?by=report")
    assert single.count('<span class="badge">No rows</span>') == 2
    assert (south_has_none in page, page.count('<span class="badge">No rows</span>')) == (True, 2)
    assert "No rows" in await answer(alice, "GET", f"/reports/{reports[1]['id']}")
    assert "cannot be sent" not in str(await answer(alice, "GET", "/notifications"))
    (south,) = [each for each in items if each["to"] == "south@example.com"]
    assert south["report_title"] == "South late"
    await answer(alice, "POST", f"/api/v1/deliveries/{south['id']}/retry", 409)
    door, form = f"/batches/{batch['id']}/deliveries", {"via": "mail", "to": "mail", "empty": "left_out"}
    await answer(alice, "POST", door, 303, data=form)
    assert len(await sent(server, alice, batch)) == len(items) + 2
    assert [mail["To"] for mail in mails.taken[3:]] == ["north@example.com"]

    # Several in one: none of them has rows, or what could be made has none.
    batch = await ordered(alice, wishes[1], template="late", parameters=[{"region": "South"}, {"region": "West"}])
    (item,) = await sent(server, alice, batch)
    assert (item["state"], item["error"]) == (
        "skipped",
        "Not sent: none of the 2 reports has rows: South late, West late",
    )
    await put_template(alice, "late", LATE.replace("Late orders", "'{{ 1 / (region | length - 5) }}'"))
    batch = await ordered(alice, wishes[1], template="late", parameters=[{"region": "South"}, {"region": "West"}])
    (item,) = await sent(server, alice, batch)
    assert item["error"] == "Not sent: some of the reports could not be made, and the others have no rows: West late"
    assert len(mails.taken) == 4


async def test_what_is_made_later_goes_to_whom_it_was_meant_for(
    server: Server, mails: MailServer, alice: Client
) -> None:
    await prepared(alice)
    south_fails = SALES.replace("value: totals.revenue", "value: totals.revenue / totals.fits")
    south_fails = south_fails.replace("as revenue", "as revenue, (max(region) <> 'South')::int as fits")
    await put_template(alice, "sales", south_fails)
    batch = await ordered(alice, {"via": "mail", "to_column": "mail"}, {"via": "mail", "to": ["boss@example.com"]})
    states = {each["to"]: each["state"] for each in await sent(server, alice, batch)}
    assert states == {"boss@example.com": "sent", "north@example.com": "sent", "south@example.com": "skipped"}, states
    (boss,) = [mail for mail in mails.taken if mail["To"] == "boss@example.com"]
    assert "could not be made: 1" in boss.get_body(("plain",)).get_content()
    await answer(alice, "POST", f"/api/v1/batches/{batch['id']}/retry", 202)
    await ended(alice, batch["id"])
    assert len(await sent(server, alice, batch)) == 3
    assert len(mails.taken) == 2  # nobody has again what they have


async def test_large_ones_become_links_and_folders_are_never_written_over(
    server: Server, mails: MailServer, alice: Client, settings: Settings
) -> None:
    await prepared(alice)
    batch = await ordered(
        alice,
        {"via": "mail", "to": ["boss@example.com"], "attach": False},
        {"via": "folder", "path": "archive/{{ period }}"},
        {"via": "link"},
        parameters=[{"region": "North", "month": "2026-10"}, {"region": "West", "month": "2026-10"}],
    )
    items = await sent(server, alice, batch)
    assert {each["state"] for each in items} == {"sent"}, items
    (mail,) = mails.taken
    assert files_of(mail) == []
    text = mail.get_body(("plain",)).get_content()
    url = next(word for word in text.split() if word.startswith("https://reports.example.com/s/"))
    assert "The links work until" in text
    shared = await answer(alice, "GET", url.removeprefix("https://reports.example.com"))
    assert "North 销售" in shared
    folder = next(each for each in items if each["via"] == "folder" and "North" in each["receipt"])
    assert folder["report_id"] in [report["id"] for report in await reports_of(alice, batch["id"])]
    (placed, *_) = folder["receipt"].splitlines()
    root = settings.delivery_folders[0].partition("=")[2]
    assert placed.startswith("archive/2026-10/North 销售 ")
    assert await asyncio.to_thread(Path(root, placed.removeprefix("archive/")).read_bytes)
    link = next(each for each in items if each["via"] == "link")
    assert (await answer(alice, "GET", link["url"].removeprefix("https://reports.example.com"))).count("West") > 0
    await answer(alice, "POST", f"/api/v1/deliveries/{folder['id']}/retry", 202)
    assert {each["state"] for each in await sent(server, alice, batch)} == {"sent"}


async def test_made_later_is_sent_later_and_rights_are_asked_anew(
    server: Server, mails: MailServer, alice: Client, admin: Client
) -> None:
    await prepared(alice)
    batch = await ordered(alice, parameters=[{"region": "North"}])
    assert await sent(server, alice, batch) == []
    door = f"/api/v1/batches/{batch['id']}/deliveries"
    wish = {"via": "mail", "to": ["boss@example.com"]}
    await answer(alice, "POST", door, 202, json={"deliveries": [wish]})
    (item,) = await sent(server, alice, batch)
    assert item["state"] == "sent"
    (user,) = (await answer(admin, "GET", "/api/v1/admin/users?q=alice"))["items"]
    mails.answers = {"RCPT": "450 later"}
    await answer(alice, "POST", door, 202, json={"deliveries": [wish]})
    await sent(server, alice, batch)
    mails.answers = {}
    await answer(admin, "PATCH", f"/api/v1/admin/users/{user['id']}", json={"disabled": True})
    retried = [each["id"] for each in await deliveries_of(admin, batch) if each["state"] == "waiting"]
    await answer(admin, "POST", f"/api/v1/deliveries/{retried[0]}/retry", 202)
    states = sorted(each["state"] for each in await sent(server, admin, batch))
    assert states == ["failed", "sent"]
    assert len(mails.taken) == 1
    assert "The account of its owner is disabled" in str(await answer(admin, "GET", "/notifications"))


async def test_pages_of_deliveries_and_the_link_that_ends_mail(
    server: Server,
    mails: MailServer,
    alice: Client,
    bob: Client,
    admin: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await prepared(alice)
    assert "Mail them to" in await answer(alice, "GET", "/templates/sales")
    form = {"template": "sales", "repeat": "daily", "time": "08:00", "time_zone": "UTC", "name": "Daily"}
    form |= {"via": "mail", "to": "mail", "subject": "{{ title }}", "empty": "left_out"}
    tried = await answer(alice, "POST", "/schedules/new", data=form | {"try": "1"})
    assert "south@example.com" in tried
    wrong = await answer(alice, "POST", "/schedules/new", 422, data=form | {"to": "x@else.org"})
    assert "Mail to “x@else.org” is not allowed here." in wrong
    planned = {"template": "sales", "repeat": "daily", "time": "08:00", "mail_to": "x@else.org"}
    wrong = await answer(alice, "POST", "/schedules/new", 422, data=planned)  # of the three fields of a template's page
    assert 'id="to" name="to" value="x@else.org"' in wrong
    # A secret stays in the form while it is worked on: whoever adds a way does not see that another one lost it.
    hook = {"via": "dingtalk", "to": "https://oapi.example.com/x", "secret": "SEC-kept"}
    for pressed in ({"add_delivery": "1"}, {"try": "1"}):
        again = await answer(alice, "POST", "/schedules/new", data=form | hook | pressed)
        assert ('value="SEC-kept"' in again, '"left_out" selected' in again) == (True, True)
    page = await answer(alice, "POST", "/schedules/new", 303, data=form)
    assert "E-mail to each whom “mail” names, only where there are rows" in await answer(alice, "GET", page)
    (told,) = (await answer(alice, "GET", f"/api/v1{page}"))["deliveries"]
    assert (told["via"], told["to_column"], told["unless_empty"]) == ("mail", "mail", True)
    edited = await answer(alice, "GET", f"{page}/edit")
    assert ("{{ title }}" in edited, '"left_out" selected' in edited) == (True, True)
    tried = await answer(alice, "POST", f"{page}/edit", data=form | {"try": "1"})
    assert "south@example.com" in tried
    # Every delivery stands in the form, comes and goes there, and is kept with what it does not show.
    wishes = [{"via": "webhook", "url": "https://hooks.example.com/secret"}, {"via": "folder", "path": "archive"}]
    mail = {"via": "mail", "to_column": "mail", "subject": "{{ title }}"}
    await answer(alice, "PATCH", f"/api/v1{page}", json={"deliveries": [mail, *wishes]})
    edited = await answer(alice, "GET", f"{page}/edit")
    assert edited.count('<fieldset class="delivery-fields') == 3
    assert "hooks.example.com/secret" not in edited
    three = [
        ("via", "mail"),
        ("to", "mail"),
        ("was", "1"),
        ("via", "webhook"),
        ("to", "hooks.example.com"),
    ]
    three += [("was", "2"), ("via", "folder"), ("to", "archive"), ("was", "3")]
    rest = [(name, value) for name, value in form.items() if name not in ("via", "to", "subject")]
    more = await answer(alice, "POST", f"{page}/edit", data=[*rest, *three, ("add_delivery", "1")])
    assert more.count('<fieldset class="delivery-fields') == 4
    less = await answer(alice, "POST", f"{page}/edit", data=[*rest, *three, ("remove_delivery", "1")])
    assert less.count('<fieldset class="delivery-fields') == 2
    await answer(alice, "POST", f"{page}/edit", 303, data=[*rest, *three])
    kept = (await answer(alice, "GET", f"/api/v1{page}"))["deliveries"]
    assert [(each["via"], each["host"] or each["path"] or each["to_column"]) for each in kept] == [
        ("mail", "mail"), ("webhook", "hooks.example.com"), ("folder", "archive")
    ]  # fmt: skip
    await answer(alice, "POST", f"{page}/edit", 303, data=[*rest, *three[:3]])
    await answer(alice, "POST", f"{page}/run", 303)
    (run,) = (await answer(alice, "GET", f"/api/v1{page}"))["last_runs"]
    panel = f"/batches/{run['batch_id']}/deliveries"
    batch = await ended(alice, run["batch_id"])
    await sent(server, alice, batch)
    assert "data-unsettled" not in await answer(alice, "GET", panel)
    assert "data-unsettled" not in await answer(alice, "GET", f"{page}?fragment")
    told = "Delivered: 2, not delivered: 0, left out: 0"
    month = await answer(alice, "GET", "/schedules")
    assert told in month
    assert f"/batches/{batch['id']}#deliveries" in month
    assert told not in await answer(bob, "GET", "/schedules")
    south = next(mail for mail in mails.taken if mail["To"] == "south@example.com")
    shown = await answer(alice, "GET", f"/batches/{batch['id']}")
    assert "south@example.com" in shown
    assert "south@example.com" in await answer(alice, "GET", f"/batches/{batch['id']}/deliveries")
    await answer(bob, "GET", f"/batches/{batch['id']}/deliveries", 404)
    (item, *_) = await deliveries_of(alice, batch)
    await answer(bob, "POST", f"/deliveries/{item['id']}/retry", 404)
    await answer(bob, "POST", f"/batches/{batch['id']}/deliveries", 404, data={"via": "mail", "to": "a@example.com"})
    await answer(bob, "POST", f"/batches/{batch['id']}/deliveries/release", 404)
    refused = await answer(alice, "POST", f"/batches/{batch['id']}/deliveries", 422, data={"via": "mail", "to": ""})
    assert "Name an address" in refused
    await answer(alice, "POST", f"/batches/{batch['id']}/deliveries/release", 303)
    # A page that is written before they are is looked at again once its events are heard.
    with monkeypatch.context() as patched:
        patched.setattr(Freezing, "freeze_due", AsyncMock())
        one = {"via": "mail", "to": "boss@example.com"}
        await answer(alice, "POST", f"/batches/{batch['id']}/deliveries", 303, data=one)
        wanted = await answer(alice, "GET", panel)
        assert ("They go out once the reports are made." in wanted, "data-unsettled" in wanted) == (True, True)

    # The link asks, and only its button acts; with one click of a mail program, too.
    assert south["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = south["List-Unsubscribe"].strip("<>").removeprefix("https://reports.example.com")
    async with aiohttp.ClientSession(server.url) as stranger:
        assert "would get no more mail" in await answer(stranger, "GET", url)
        assert "would get no more mail" in await answer(stranger, "GET", url)
        await answer(stranger, "POST", url, data={"List-Unsubscribe": "One-Click"})
        assert "gets no more mail" in await answer(stranger, "GET", url)
        assert "gets no more mail" in await answer(stranger, "POST", url)
        await answer(stranger, "GET", "/unsubscribe/guessed", 404)
        for _ in range(12):
            async with stranger.post("/unsubscribe/guessed") as response:
                status = response.status
        assert status == 429
    assert "wants no more mail of “Daily”" in await answer(alice, "GET", "/notifications")
    (south_id,) = [each["id"] for each in await deliveries_of(alice, batch) if each["to"] == "south@example.com"]
    await answer(alice, "POST", f"/api/v1/deliveries/{south_id}/retry", 202)
    (told,) = [each for each in await sent(server, alice, batch) if each["id"] == south_id]
    assert (told["state"], bool(told["sent_at"])) == ("skipped", True)
    assert "It was sent before:" in await answer(alice, "GET", panel)
    assert "Delivered: 3, not delivered: 0, left out: 0" in await answer(alice, "GET", "/schedules")
    again = await answer(alice, "POST", f"/api/v1{page}/run", 202)
    batch = await ended(alice, again["batch_id"])
    states = {each["to"]: each["state"] for each in await sent(server, alice, batch)}
    assert states == {"north@example.com": "sent", "south@example.com": "skipped"}
    shown = await answer(alice, "GET", page)
    door = next(part for part in shown.split('"') if "/optouts/" in part)
    await answer(bob, "POST", door, 404)
    await answer(alice, "POST", door, 303)
    assert "south@example.com" not in await answer(alice, "GET", page)
    mails.answers = {"RCPT": "550 nobody of that name"}
    again = await answer(alice, "POST", f"/api/v1{page}/run", 202, headers={"Idempotency-Key": "refused"})
    await sent(server, alice, await ended(alice, again["batch_id"]))
    shown = await answer(alice, "GET", page)
    assert ("2 deliveries did not arrive" in shown, shown.count("did not arrive")) == (True, 1)
    planned = await answer(admin, "GET", "/schedules?whose=all")
    assert "2 deliveries of the last week did not arrive" in planned
    assert f"/batches/{again['batch_id']}#deliveries" in planned
    assert "whose=all&amp;month=" in planned
    kept = await answer(admin, "GET", "/api/v1/admin/audit?limit=10")
    actions = [each["action"] for each in kept["items"]]
    assert {"delivery.refuse", "delivery.allow"} <= set(actions)


async def test_the_command_line_delivers_to_addresses_and_by_a_column(
    server: Server, mails: MailServer, alice: Client, tmp_path: Path
) -> None:
    await prepared(alice)
    to = ("--deliver", "boss@example.com", "--deliver", "mail")
    user = as_user(server, alice)
    made = await run("report", "sales", *to, "--format", "html", "--output", str(tmp_path / "out"), **user)
    assert made.status == 0, made
    (batch,) = (await answer(alice, "GET", "/api/v1/batches"))["items"]
    assert {(each["to"], each["state"]) for each in await sent(server, alice, batch)} == {
        (to, "sent") for to in ("boss@example.com", "north@example.com", "south@example.com")
    }
    assert sorted(len(files_of(mail)) for mail in mails.taken) == [1, 2, 3]
    refused = await run("report", "sales", "--deliver", "x@elsewhere.com", "--output", str(tmp_path / "no"), **user)
    assert (refused.status != 0, (tmp_path / "no").exists()) == (True, False)
    assert "elsewhere.com" in refused.error


async def test_to_me_first_marks_what_comes_and_nobody_else_gets_it(
    server: Server, mails: MailServer, alice: Client, bob: Client, admin: Client
) -> None:
    await prepared(alice)
    wish = {"via": "mail", "to_column": "mail", "to": ["boss@example.com"]}
    batch = await ordered(alice, wish)
    real = await sent(server, alice, batch)
    assert len(mails.envelopes) == 3
    all_of = f"/api/v1/batches/{batch['id']}/deliveries"
    order = {"deliveries": [wish], "trial": True}
    problem = await answer(alice, "POST", all_of, 409, json=order)
    assert (problem["code"], "open the link" in problem["detail"]) == ("no_confirmed_address", True)
    form = {"via": "mail", "to": "boss@example.com", "to_me": "yes"}
    for path in (f"/batches/{batch['id']}/deliveries", f"/deliveries/{real[0]['id']}/retry"):
        page = await answer(alice, "POST", path, 409, data=form, headers={"Accept": "text/html"})
        assert ("open the link that is sent there" in page, "/account#told" in page) == (True, True)
        assert "Changed meanwhile" not in page
    values = {"email": "alice@example.com", "email_confirmed_at": utc_now()}
    async with server.parts.storage.database.write() as connection:
        await connection.execute(update(users).where(users.c.name == "alice").values(values))
    await answer(bob, "POST", all_of, 404, json=order)
    await answer(alice, "POST", all_of, 202, json=order)
    items = await sent(server, alice, batch)
    assert {(each["to"], each["trial_for"], each["state"]) for each in items if each["trial_for"]} == {
        ("alice@example.com", f"{name}@example.com", "sent") for name in ("boss", "north", "south")
    }
    assert mails.envelopes[3:] == [("alice@example.com",)] * 3
    trial, *_ = (each["id"] for each in items if each["trial_for"])
    again = f"/deliveries/{trial}/retry"
    for person, is_hers in ((alice, True), (admin, False)):  # nobody else has mail sent to her
        assert (again in await answer(person, "GET", f"/batches/{batch['id']}")) is is_hers
    assert "goes to somebody else" in str(await answer(admin, "POST", f"/api/v1{again}", 409))
    (north,) = [mail for mail in mails.taken[3:] if "north" in mail["Subject"]]
    assert north["Subject"].startswith("Trial: would go to north@example.com · ")
    assert "List-Unsubscribe" not in north
    assert "This is a trial." in north.get_body(("plain",)).get_content()

    # By pages: the form stays as it was written, to be sent; and a mail that was sent comes to her once more.
    page = await answer(alice, "POST", f"/batches/{batch['id']}/deliveries", data=form)
    assert "On its way to you" in page
    assert 'value="boss@example.com"' in page
    one = f"/deliveries/{real[0]['id']}/retry"
    await answer(bob, "POST", one, 404, data={"to_me": "yes"})
    await answer(alice, "POST", one, 303, data={"to_me": "yes"})
    await answer(bob, "POST", f"/api/v1{one}", 404, json={"trial": True})
    again = await answer(alice, "POST", f"/api/v1{one}", 202, json={"trial": True})
    assert (again["to"], again["trial_for"]) == ("alice@example.com", real[0]["to"])
    await sent(server, alice, batch)
    assert mails.envelopes.count((real[0]["to"],)) == 1
    page = await answer(alice, "GET", f"/batches/{batch['id']}")
    assert "would go to boss@example.com" in page

    # So it is with a schedule.
    new = {"template": "sales", "cron": "0 8 1 1 *", "deliveries": [wish]}
    plan = await answer(alice, "POST", "/api/v1/schedules", 201, json=new)
    assert "To me first" in await answer(alice, "GET", f"/schedules/{plan['id']}")
    before = len(mails.envelopes)
    run = f"/schedules/{plan['id']}/run"
    await answer(bob, "POST", run, 404, data={"to_me": "yes"})
    await answer(bob, "POST", f"/api/v1{run}", 404, json={"trial": True})
    begun = await answer(alice, "POST", f"/api/v1{run}", 202, json={"trial": True})
    assert begun["cause"] == "trial"
    await sent(server, alice, await ended(alice, begun["batch_id"]))
    assert mails.envelopes[before:] == [("alice@example.com",)] * 3
    assert "on trial, to one person alone" in await answer(alice, "GET", f"/schedules/{plan['id']}")
    lines = (await answer(admin, "GET", "/api/v1/admin/audit?limit=500"))["items"]
    assert {"delivery.trial", "schedule.trial"} <= {line["action"] for line in lines}


async def test_with_their_own_rights_only_those_get_it_who_may_see_the_data(
    server: Server, mails: MailServer, alice: Client, bob: Client, admin: Client
) -> None:
    await prepared(alice)
    wish = {"via": "mail", "to_column": "mail", "rights": "recipient"}
    trial = {"template": "sales", "deliveries": [wish]}

    async def problems() -> dict[str, str | None]:
        items = (await answer(alice, "POST", "/api/v1/deliveries/preview", json=trial))["items"]
        return {each["to"]: each["problem"] for each in items}

    unknown = "Left out: no user of this server has confirmed this address."
    assert await problems() == {"north@example.com": unknown, "south@example.com": unknown}
    theirs = update(users).where(users.c.name == "bob")
    async with server.parts.storage.database.write() as connection:
        await connection.execute(theirs.values(email="North@example.com"))
    assert (await problems())["north@example.com"] == unknown
    async with server.parts.storage.database.write() as connection:
        await connection.execute(theirs.values(email_confirmed_at=utc_now()))
    assert (await problems())["north@example.com"] == "Left out: may not see orders."
    batch = await ordered(alice, wish)
    items = await sent(server, alice, batch)
    assert {each["to"]: (each["state"], each["error"]) for each in items} == {
        "north@example.com": ("skipped", "Left out: may not see orders."),
        "south@example.com": ("skipped", unknown),
    }
    assert mails.envelopes == []
    assert "was not sent to" in str(await answer(alice, "GET", "/notifications"))
    assert "Left out: may not see orders." in await answer(alice, "GET", f"/batches/{batch['id']}")

    # Once it is shared with them, it goes out; the moment of sending counts, not the one of making.
    grants = {"grants": [{"user": "bob", "right": "view"}]}
    await answer(alice, "PUT", "/api/v1/datasets/orders/access", json=grants)
    (north,) = [each["id"] for each in items if each["to"] == "north@example.com"]
    await answer(alice, "POST", f"/api/v1/deliveries/{north}/retry", 202)
    states = {each["to"]: each["state"] for each in await sent(server, alice, batch)}
    assert (states["north@example.com"], mails.envelopes) == ("sent", [("north@example.com",)])
    nobody = {"template": "sales", "deliveries": [{"via": "link", "rights": "recipient"}]}
    problem = await answer(alice, "POST", "/api/v1/batches", 422, json=nobody)
    assert "deliveries[0].rights" in str(problem)


async def test_a_dataset_says_who_gets_each(
    server: Server, mails: MailServer, alice: Client, bob: Client, admin: Client
) -> None:
    await prepared(alice)
    await import_text(
        alice,
        "area,who\nNorth,n@example.com\nNorth,N@example.com\nSouth,s@example.com\nSouth,t@example.com\n",
        dataset="contacts",
    )
    book = {"dataset": "contacts", "key": "area", "column": "who", "parameter": "region"}
    wish = {"via": "mail", "to_dataset": book}
    trial = {"template": "sales", "deliveries": [wish]}
    preview = await answer(alice, "POST", "/api/v1/deliveries/preview", json=trial)
    assert {(each["to"], each["problem"]) for each in preview["items"]} == {
        ("n@example.com", None),
        ("", "“South” is several times in “contacts”, with different addresses."),
        ("", "“West” is not in “contacts”."),
    }
    batch = await ordered(alice, wish)
    items = await sent(server, alice, batch)
    assert sorted((each["to"], each["state"]) for each in items) == [
        ("", "failed"), ("", "failed"), ("n@example.com", "sent")
    ]  # fmt: skip
    assert mails.envelopes == [("n@example.com",)]
    assert len(mails.taken) == 1

    # What is named wrongly is said field by field; another's dataset is none.
    for wrong, field in (
        (book | {"dataset": "nobodys"}, "to_dataset.dataset"),
        (book | {"key": "aria"}, "to_dataset.key"),
        (book | {"column": "mail"}, "to_dataset.column"),
        (book | {"parameter": "area"}, "to_dataset.parameter"),
    ):
        order = {"template": "sales", "deliveries": [{"via": "mail", "to_dataset": wrong}]}
        problem = await answer(alice, "POST", "/api/v1/batches", 422, json=order)
        assert f"deliveries[0].{field}" in str(problem), (wrong, problem)
    both = {"template": "sales", "deliveries": [wish | {"to_column": "mail"}]}
    assert "leave one out" in str(await answer(alice, "POST", "/api/v1/batches", 422, json=both))
    later = await answer(alice, "POST", f"/api/v1/batches/{batch['id']}/deliveries", 422, json={"deliveries": [wish]})
    assert "order them anew" in str(later)
    for name, kind in (("orders", "datasets"), ("sales", "templates")):
        await answer(alice, "PUT", f"/api/v1/{kind}/{name}/access", json={"grants": [{"user": "bob", "right": "view"}]})
    order = {"template": "sales", "owner": "alice", "deliveries": [wish]}
    problem = await answer(bob, "POST", "/api/v1/deliveries/preview", 422, json=order)
    assert "There is no dataset named “contacts”." in str(problem)
    # Whoever may see the data of the reports need not see where the addresses stand.
    async with server.parts.storage.database.write() as connection:
        known = update(users).where(users.c.name == "bob")
        await connection.execute(known.values(email="n@example.com", email_confirmed_at=utc_now()))
    batch = await ordered(alice, wish | {"rights": "recipient"})
    assert {each["state"] for each in await sent(server, alice, batch)} == {"failed", "sent"}

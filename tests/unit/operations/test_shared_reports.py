"""What strangers have by a link: the one thing that it shows, asked for anew each time."""

from __future__ import annotations

import pytest

from server.auth.permissions import Principal
from server.errors import LinkLocked, LinkUnknown, NotFound, RateLimited
from server.operations import shared_reports
from server.operations.share_links import WantedLink
from server.operations.shared_reports import LinkVisit, SharedReports
from server.reports.batches import ReportFilter
from server.reports.link_openings import LinkOpenings
from tests.unit.operations.conftest import House, bytes_of, refused

SOURCE = """\
title: "{{ region }}"
formats: [pdf]
parameters:
  region: {each: ["North", "South"]}
blocks:
  - text: "{{ region }}"
"""
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def shared(house: House) -> SharedReports:
    return house.todo.shared_reports


async def test_a_link_opens_its_thing_and_no_other(shared: SharedReports, house: House, alice: Principal) -> None:
    await house.todo.templates.save(alice, "regions", SOURCE)
    batch_id = (await house.reported(alice, "regions")).batch_id
    page = await house.todo.batches.reports(alice, batch_id, ReportFilter())
    north, south = page.items
    made = await house.todo.share_links.make(alice, WantedLink(batch_id=batch_id))
    whole = LinkVisit(secret=made.secret or "")
    assert [report.id for report in (await shared.reports(whole)).items] == [north.id, south.id]
    assert (await shared.report(whole, south.id)).title == "South"
    assert (await shared.batch(whole)).id == batch_id
    assert bytes_of(await shared.combined(whole)).startswith(b"%PDF")
    async with shared.archive(whole) as (batch, archive):
        assert (batch.id, bool(archive.size)) == (batch_id, True)

    one = await house.todo.share_links.make(alice, WantedLink(report_id=north.id))
    single = LinkVisit(secret=one.secret or "")
    artifact, content = await shared.artifact(single, north.id, north.artifacts[0].file)
    assert await content.size() == artifact.size
    assert content.address(said={}) is None  # nothing that would outlive the link
    for closed in (
        shared.report(single, south.id),
        shared.artifact(single, south.id, south.artifacts[0].file),
        shared.reports(single),
        shared.combined(single),
        shared.report(whole),
    ):
        with refused(NotFound):
            await closed
    await house.todo.share_links.revoke(alice, one.link.id)
    for over in (shared.look(single), shared.report(single), shared.unlock(single.secret, "x", address="")):
        with refused(LinkUnknown):
            await over


async def test_a_proof_is_of_one_link_and_one_password(
    shared: SharedReports, house: House, alice: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_reports, "_REFUSED_SECONDS", 0)
    await house.todo.templates.save(alice, "regions", SOURCE)
    batch_id = (await house.reported(alice, "regions", parameters=[{"region": "North"}])).batch_id
    first, second = [
        (await house.todo.share_links.make(alice, WantedLink(batch_id=batch_id, password="monsoon"))).secret or ""
        for _ in range(2)
    ]
    with refused(LinkLocked):
        await shared.look(LinkVisit(secret=first))
    with refused(LinkLocked, "wrong_password"):
        await shared.unlock(first, "typhoon", address="10.0.0.1")
    proof = await shared.unlock(first, "monsoon", address="10.0.0.1")
    assert (await shared.look(LinkVisit(secret=first, proof=proof))).batch_id == batch_id
    with refused(LinkLocked):
        await shared.look(LinkVisit(secret=second, proof=proof))
    for _ in range(10):
        with refused(LinkLocked, "wrong_password"):
            await shared.unlock(second, "typhoon", address="10.0.0.1")
    with refused(RateLimited):
        await shared.unlock(second, "monsoon", address="10.0.0.1")
    assert await shared.unlock(first, "monsoon", address="10.0.0.1")
    assert await shared.unlock(second, "monsoon", address="10.0.0.2")
    assert (await shared.look(LinkVisit(secret=first, proof=proof))).openings == 0


@pytest.mark.parametrize(
    ("agent", "counts"),
    [
        (FIREFOX, True),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140 Mobile Safari/537.36",
            True,
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) MicroMessenger/8.0", True),
        ("", False),
        ("curl/8.5", False),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", False),
        ("Mozilla/5.0 Slackbot-LinkExpanding 1.0", False),
        ("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", False),
        ("facebookexternalhit/1.1", False),
    ],
)
def test_people_count_and_machines_do_not(agent: str, *, counts: bool) -> None:
    assert LinkOpenings().is_new("a", address="10.0.0.1", user_agent=agent) is counts


def test_each_counts_once_in_a_while() -> None:
    now = 0.0
    openings = LinkOpenings(clock=lambda: now)
    visits = [("a", "10.0.0.1"), ("a", "10.0.0.1"), ("a", "10.0.0.2"), ("b", "10.0.0.1")]
    counted = [openings.is_new(link, address=address, user_agent=FIREFOX) for link, address in visits]
    assert counted == [True, False, True, True]
    now = 601.0
    assert openings.is_new("a", address="10.0.0.1", user_agent=FIREFOX)

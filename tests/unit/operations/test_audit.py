"""The audit log as administrators ask for it: found by everything a line says, page by page, taken out as a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from server.auth.audit import Audit, AuditLine, AuditOutcome, Via
from server.auth.audit_search import MOST_COUNTED, AuditFilter
from server.auth.permissions import Principal, Scope
from server.clock import utc_now
from server.errors import Forbidden, NotSignedIn
from server.operations.audit import AuditOperations
from server.operations.audit_files import AuditFormat
from server.operations.tokens import NewToken
from server.operations.uploads import NewUpload
from server.storage.tables import audit, users
from tests.unit.operations.conftest import House, in_pieces, refused


@pytest.fixture
def operations(house: House) -> AuditOperations:
    return house.todo.audit


async def found(house: House, **wanted: Any) -> Sequence[AuditLine]:
    return (await house.todo.audit.page(house.admin, AuditFilter(**wanted))).lines


async def exported(house: House, file_format: AuditFormat, **wanted: Any) -> str:
    pieces = await house.todo.audit.export(house.admin, AuditFilter(**wanted), file_format)
    return b"".join([piece async for piece in pieces]).decode()


async def record(house: House, by: Principal | Via | None, action: str, subject: str = "", **more: Any) -> None:
    async with house.parts.storage.database.write() as connection:
        await Audit.record(connection, by, action, subject, **more)


async def test_whoever_is_no_administrator_reads_and_takes_out_nothing(
    operations: AuditOperations, house: House, alice: Principal
) -> None:
    for asks in (alice, replace(house.admin, scopes=frozenset({Scope.READ, Scope.WRITE}))):
        with refused(Forbidden):
            await operations.page(asks, AuditFilter())
        with refused(Forbidden):
            await operations.export(asks, AuditFilter(), AuditFormat.CSV)
        with refused(Forbidden):
            await house.todo.retention.of_kinds(asks, ("audit",))
    assert await house.audited("audit.export") == []


async def test_it_comes_newest_first_page_by_page(operations: AuditOperations, house: House) -> None:
    for name in ("carol", "dan"):
        await house.user(name)
    wanted = AuditFilter(actions=["user.create"])
    first = await operations.page(house.admin, wanted, limit=2)
    rest = await operations.page(house.admin, wanted, limit=2, before=int(str(first.next_cursor)))
    names = [line.subject for line in (*first.lines, *rest.lines)]
    assert names[:2] == ["dan", "carol"]
    assert names[-1] == "admin"
    assert (first.total, first.is_counted, rest.next_cursor) == (len(names), True, None)


async def test_a_line_is_found_by_everything_it_says(house: House) -> None:
    before = utc_now()
    await record(house, replace(house.alice, session_id="s1"), "dataset.delete", "orders", subject_id="d1")
    await record(
        house, replace(house.bob, token_id="t1", address="10.1.2.3"), "job.cancel", "Ökologie", subject_id="j1"
    )
    await record(house, Via.COMMAND_LINE, "user.create", "carol", subject_id="u1")
    await record(house, Via.STRANGER, "session.refuse", "alice", outcome=AuditOutcome.REFUSED, address="10.2.0.1")
    for wanted, actions in (
        ({"user": "ALICE"}, {"dataset.delete"}),
        ({"user": house.alice.user_id}, {"dataset.delete"}),
        ({"vias": [Via.TOKEN]}, {"job.cancel"}),
        ({"token_id": "t1"}, {"job.cancel"}),
        ({"vias": [Via.COMMAND_LINE]}, {"user.create"}),
        ({"actions": ["dataset", "job.cancel"]}, {"dataset.delete", "job.cancel"}),
        ({"thing": "d1"}, {"dataset.delete"}),
        ({"thing": "ORD"}, {"dataset.delete"}),
        ({"outcomes": [AuditOutcome.REFUSED]}, {"session.refuse"}),
        ({"address": "10."}, {"job.cancel", "session.refuse"}),
        ({"address": "10.1."}, {"job.cancel"}),
        ({"text": "bob 10.1.2.3"}, {"job.cancel"}),
        ({"text": "100%"}, set()),
        ({"since": before, "vias": [Via.SESSION]}, {"dataset.delete"}),
        ({"until": before, "actions": ["dataset"]}, set()),
    ):
        lines = await found(house, **wanted)
        told = {line.action for line in lines if line.at >= before}
        assert told == actions, wanted


async def test_somebody_who_was_renamed_is_found_whole_and_somebody_who_is_gone_by_their_name(
    house: House, alice: Principal
) -> None:
    await house.todo.accounts.change_me(alice, {"time_zone": "Asia/Tokyo"})
    await house.todo.accounts.change_me(alice, {"name": "Alicia"})
    assert len(await found(house, user="alicia", actions=["account"])) == 2
    assert await found(house, user="alice", actions=["dataset"]) == []
    async with house.parts.storage.database.write() as connection:
        await connection.execute(delete(users).where(users.c.id == alice.user_id))
    assert len(await found(house, user="ALICE", actions=["account"])) == 2
    assert len(await found(house, user=alice.user_id, actions=["account"])) == 2


async def test_what_is_there_is_known_by_its_id_and_what_is_gone_is_only_named(
    operations: AuditOperations, house: House
) -> None:
    upload = await house.upload(house.alice)
    page = await operations.page(house.admin, AuditFilter(thing=upload.id))
    assert page.present[upload.id].owner_id == house.alice.user_id
    await house.todo.uploads.delete(house.alice, upload.id)
    page = await operations.page(house.admin, AuditFilter(thing=upload.id))
    assert page.present == {}
    assert [(line.action, line.subject) for line in page.lines] == [
        ("upload.delete", "orders.csv"),
        ("upload.create", "orders.csv"),
    ]


async def test_a_token_is_named_also_when_it_is_gone(operations: AuditOperations, house: House) -> None:
    token, _ = await house.todo.tokens.create(house.alice, NewToken(name="crawler"))
    by_token = replace(house.alice, token_id=token.id)
    await house.todo.uploads.receive_whole(by_token, NewUpload(name="a.csv", size=2), in_pieces(b"a\n"))
    await house.todo.tokens.delete(house.alice, token.id)
    page = await operations.page(house.admin, AuditFilter(token_id=token.id))
    assert [line.action for line in page.lines] == ["upload.create"]
    assert page.token_names == {token.id: "crawler"}


async def test_past_ten_thousand_nobody_counts(operations: AuditOperations, house: House) -> None:
    row = {"at": utc_now(), "action": "event.publish", "subject": "shop"}
    async with house.parts.storage.database.write() as connection:
        await connection.execute(insert(audit), [row] * MOST_COUNTED)
    exactly = await operations.page(house.admin, AuditFilter(actions=["event"]))
    more = await operations.page(house.admin, AuditFilter())
    assert (exactly.total, exactly.is_counted) == (MOST_COUNTED, True)
    assert (more.total, more.is_counted) == (MOST_COUNTED, False)
    lines = (await exported(house, AuditFormat.JSON_LINES, actions=["event"])).splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == MOST_COUNTED


async def test_a_csv_file_opens_in_a_spreadsheet_program_and_runs_nothing(house: House) -> None:
    await record(house, house.alice, "event.publish", "=cmd|' /C calc'!A0")
    text = await exported(house, AuditFormat.CSV, actions=["event"])
    assert text.startswith("\ufeffid,at,via,")
    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert (row["subject"], row["user_name"], row["thing"]) == ("'=cmd|' /C calc'!A0", "alice", "event")
    assert row["at"].endswith("Z")


async def test_an_export_is_a_line_itself_and_not_in_its_own_file(house: House) -> None:
    await record(house, house.alice, "event.publish", "shop", address="10.0.0.1")
    since = utc_now() - timedelta(hours=1)
    told = await exported(house, AuditFormat.JSON_LINES, user="alice", text="shop", since=since)
    assert [json.loads(line)["subject"] for line in told.splitlines()] == ["shop"]
    ((who, _, detail),) = await house.audited("audit.export")
    assert who == "admin"
    assert detail == {"format": "jsonl", "filters": ["text", "user", "since"], "since": detail["since"]}


async def test_a_refused_sign_in_is_written_without_what_was_typed(house: House) -> None:
    for name, password in (("alice", "the-wrong-password"), ("correct-horse-alice", "oops")):
        with pytest.raises(NotSignedIn):
            await house.todo.sessions.sign_in(name, password, address="10.9.9.9", user_agent="")
    lines = await found(house, outcomes=[AuditOutcome.REFUSED])
    assert [(line.via, line.subject, line.detail) for line in lines] == [
        (Via.STRANGER, "", {"reason": "wrong_credentials"}),
        (Via.STRANGER, "alice", {"reason": "wrong_credentials"}),
    ]
    assert {line.address for line in lines} == {"10.9.9.9"}


async def test_addresses_go_before_their_lines(house: House) -> None:
    await record(house, Via.STRANGER, "session.refuse", "old", address="10.9.9.9")
    await record(house, Via.STRANGER, "session.refuse", "new", address="10.9.9.9")
    ninety = utc_now() - timedelta(days=91)
    async with house.parts.storage.database.write() as connection:
        await connection.execute(update(audit).where(audit.c.subject == "old").values(at=ninety))
    before = {
        kept.kind: kept for kept in (await house.todo.retention.of_kinds(house.admin, ("audit_addresses",))).kinds
    }
    assert before["audit_addresses"].due.count == 1
    await house.parts.chores.retention.sweep()
    lines = await found(house, actions=["session.refuse"])
    assert [(line.subject, line.address) for line in lines] == [("new", "10.9.9.9"), ("old", "")]
    swept = await found(house, actions=["retention"])
    assert [(line.subject, line.via, line.detail["count"]) for line in swept] == [("audit_addresses", Via.SYSTEM, 1)]

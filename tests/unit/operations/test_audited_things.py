"""Of everything that a line of the audit log speaks of it is known whether it is still there, and whose it is."""

from __future__ import annotations

import dataclasses

import pytest

from server.auth.audit_search import AuditFilter
from server.operations.audited_things import present_things, thing_of
from server.operations.uploads import NewUpload
from tests.unit.operations.conftest import House, in_pieces


async def test_things_are_found_by_their_ids_whoever_owns_them(house: House) -> None:
    await house.imported(house.alice)
    page = await house.todo.audit.page(house.admin, AuditFilter(user="alice"))
    owners = {(thing_of(line.action), page.present[line.subject_id].owner_id) for line in page.lines}
    assert owners == {("upload", house.alice.user_id), ("import", house.alice.user_id)}


@pytest.mark.parametrize("action", ["token.create", "made.up", "event.publish"])
async def test_what_has_no_page_is_not_looked_for(house: House, action: str) -> None:
    await house.todo.uploads.receive_whole(house.alice, NewUpload(name="a.csv", size=2), in_pieces(b"a\n"))
    (line,) = (await house.todo.audit.page(house.admin, AuditFilter(actions=["upload"]))).lines
    async with house.parts.storage.database.read() as connection:
        assert set(await present_things(connection, [line])) == {line.subject_id}
        assert await present_things(connection, [dataclasses.replace(line, action=action)]) == {}
        assert await present_things(connection, [dataclasses.replace(line, subject_id="")]) == {}

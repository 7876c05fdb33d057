"""Who may invite, what is wrong with an invitation, and what stays of it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from server.auth.permissions import Role
from server.errors import Conflict, Forbidden, Gone, InvalidInput, NotFound
from server.operations.invitations import InvitationOperations
from tests.unit.operations.conftest import House, only_looking, refused

CHOICE = {"password": "a few words to remember", "language": None, "time_zone": None, "address": "192.0.2.1"}


@pytest.fixture
def invitations(house: House) -> InvitationOperations:
    return house.todo.invitations


def code_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["code"][0]


async def test_only_administrators_invite(house: House, invitations: InvitationOperations) -> None:
    for principal in (house.alice, *only_looking(house.admin)):
        with refused(Forbidden):
            await invitations.create(principal, role=Role.VIEWER)
        with refused(Forbidden):
            await invitations.open_ones(principal)
        with refused(Forbidden):
            await invitations.revoke(principal, "x")


async def test_whoever_runs_the_server_invites_without_a_name(house: House, invitations: InvitationOperations) -> None:
    await invitations.create(None, role=Role.ADMIN)
    (found,) = await invitations.open_ones(house.admin)
    assert (found.made_by, found.link.role) == ("", Role.ADMIN)


async def test_what_cannot_be_is_told(house: House, invitations: InvitationOperations) -> None:
    with refused(InvalidInput, fields=("name", "days")):
        await invitations.create(house.admin, role=Role.VIEWER, name="a/b", days=31)
    with refused(NotFound):
        await invitations.revoke(house.admin, "x")
    with refused(Gone, "invitation_over"):
        await invitations.look("x")


async def test_a_name_that_is_taken_gives_the_link_back(house: House, invitations: InvitationOperations) -> None:
    _, link = await invitations.create(house.admin, role=Role.VIEWER, name="carol")
    with refused(Conflict, "name_taken", fields=("username",)):
        await invitations.accept(code_of(link), name="alice", **CHOICE)
    user = await invitations.accept(code_of(link), name="carol", **CHOICE)
    assert user.role is Role.VIEWER
    with refused(Gone, "invitation_over"):
        await invitations.accept(code_of(link), name="dave", **CHOICE)
    (invited,) = await house.audited("invitation.create")
    assert invited == ("admin", "carol", {"role": "viewer"})
    (made,) = [line for line in await house.audited("user.create") if line[1] == "carol"]
    assert made == ("", "carol", {"role": "viewer", "by": "invitation", "invited_by": "admin"})

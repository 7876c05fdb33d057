"""One's own address, which one shows to be one's own; links that end mails; nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from server.auth.permissions import Principal, Scope
from server.delivery.mail_choices import MailProof, MailStop
from server.delivery.outbox import latest_parcels
from server.delivery.parcel import Mail
from server.errors import Forbidden, InvalidInput, LinkUnknown, NotFound, RateLimited
from server.live.notice_kinds import NoticeKind
from server.operations.mail_choices import MOST_PROOFS_AN_HOUR, MailChoiceOperations
from server.settings import Settings
from tests.unit.operations.conftest import House

ADDRESS = "alice@example.com"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings, smtp_host="localhost", smtp_port=1, mail_from="j@example.com", public_url="https://x.example"
    )


async def mails(house: House) -> Sequence[Mail]:
    async with house.parts.storage.database.read() as connection:
        return [parcel.content for parcel in await latest_parcels(connection, limit=20)]


def proof(house: House, who: Principal, email: str = ADDRESS) -> str:
    return house.parts.auth.seals.seal(MailProof(user_id=who.user_id, email=email))


def stop(house: House, who: Principal, *kinds: str, email: str = ADDRESS) -> str:
    return house.parts.auth.seals.seal(MailStop(user_id=who.user_id, email=email, kinds=kinds))


async def test_an_address_is_confirmed_by_what_was_sent_there(house: House, alice: Principal, bob: Principal) -> None:
    choices = house.todo.mail_choices
    choice = await choices.set_address(alice, f" {ADDRESS} ")
    assert (choice.address, choice.confirmed_at, choice.is_set_up) == (ADDRESS, None, True)
    (mail,) = await mails(house)
    assert mail.recipients == (ADDRESS,)
    code = mail.text.partition("?code=")[2].split()[0]
    assert "https://x.example/mail/confirm?code=" in mail.html
    assert await choices.look_at_proof(code) == ADDRESS
    assert (await choices.mine(alice)).confirmed_at is None  # looking confirms nothing
    for _ in range(2):
        assert await choices.confirm(code, address="10.0.0.1") == ADDRESS
    assert (await choices.mine(alice)).confirmed_at is not None
    assert (await choices.mine(bob)).address == ""
    await choices.set_address(alice, ADDRESS)  # the same: nothing is asked anew
    assert (await choices.mine(alice)).confirmed_at is not None
    assert len(await mails(house)) == 1
    assert (await choices.set_address(alice, "new@example.com")).confirmed_at is None
    with pytest.raises(LinkUnknown):
        await choices.confirm(code, address="")  # of the one before
    assert (await choices.set_address(alice, "")).address == ""


async def test_a_link_of_nobody_or_for_something_else_leads_nowhere(house: House, alice: Principal) -> None:
    choices = house.todo.mail_choices
    for code in ("", "nonsense", stop(house, alice, "failed"), proof(house, alice)):
        with pytest.raises(LinkUnknown):
            await choices.look_at_proof(code)
    for code in ("", proof(house, alice)):
        with pytest.raises(LinkUnknown):
            await choices.stop(code, address="")


async def test_what_is_no_address_is_refused_and_strangers_are_not_flooded(house: House, alice: Principal) -> None:
    choices = house.todo.mail_choices
    for address in ("alice", "a@b c", "a@x.example, b@x.example", "a@x.example\nBcc: b@x.example", "@x.example"):
        with pytest.raises(InvalidInput):
            await choices.set_address(alice, address)
    with pytest.raises(InvalidInput):
        await choices.prove_again(alice)
    await choices.set_address(alice, ADDRESS)
    for _ in range(MOST_PROOFS_AN_HOUR - 1):
        await choices.prove_again(alice)
    for attempt in (choices.prove_again(alice), choices.set_address(alice, "victim@example.com")):
        with pytest.raises(RateLimited):
            await attempt
    assert (await choices.mine(alice)).address == ADDRESS
    assert len(await mails(house)) == MOST_PROOFS_AN_HOUR


async def test_a_choice_leaves_the_others_and_a_link_ends_its_kinds_alone(house: House, alice: Principal) -> None:
    choices = house.todo.mail_choices
    await choices.set_address(alice, ADDRESS)
    await choices.choose(alice, {NoticeKind.FAILED: True, NoticeKind.SHARED: True})
    choice = await choices.choose(alice, {NoticeKind.COMMENTED: True, NoticeKind.SHARED: False})
    assert choice.kinds == {NoticeKind.FAILED, NoticeKind.COMMENTED}
    code = stop(house, alice, "failed", "shared", "of another version")
    assert await choices.look_at_stop(code) == {NoticeKind.FAILED, NoticeKind.SHARED}
    assert NoticeKind.FAILED in (await choices.mine(alice)).kinds  # a scanner that looks ends nothing
    await choices.stop(code, address="10.0.0.1")
    assert (await choices.mine(alice)).kinds == {NoticeKind.COMMENTED}
    await choices.stop(stop(house, alice, "commented", email="before@example.com"), address="")
    assert (await choices.mine(alice)).kinds == {NoticeKind.COMMENTED}


async def test_reading_does_not_allow_to_change_and_who_is_gone_has_none(house: House, alice: Principal) -> None:
    reader, gone = replace(alice, scopes=frozenset({Scope.READ}), token_id="t"), replace(alice, user_id="nobody")
    choices = house.todo.mail_choices
    assert (await choices.mine(reader)).kinds == frozenset()
    calls = (choices.set_address(reader, ADDRESS), choices.choose(reader, {}), choices.prove_again(reader))
    for refused in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(refused, Forbidden)
    for call in (choices.mine(gone), choices.set_address(gone, ADDRESS)):
        with pytest.raises(NotFound):
            await call


async def test_without_mail_it_is_said_so(house: House, alice: Principal) -> None:
    parts = house.parts
    for base, leaves in (("", True), ("https://x.example", False)):
        choices = MailChoiceOperations(
            database=parts.storage.database,
            languages=parts.languages,
            language="en",
            base=base,
            seals=parts.auth.seals,
            is_set_up=lambda leaves=leaves: leaves,
            hurry=lambda: None,
        )
        assert not (await choices.mine(alice)).is_set_up
        for call in (choices.set_address(alice, ADDRESS), choices.prove_again(alice)):
            with pytest.raises(InvalidInput, match="sends no mail"):
                await call
        assert (await choices.set_address(alice, "")).address == ""

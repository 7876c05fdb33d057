"""Who comes back from the provider: somebody linked, somebody new, or nobody; and what passwords still open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from server.auth.identities import IdentityStore
from server.auth.openid import OpenIdSettings
from server.auth.openid_attempts import OpenIdAttempts
from server.auth.openid_provider import OpenIdProvider
from server.auth.permissions import Principal, Role
from server.engines.openid_http import OpenIdOverHttp
from server.errors import Conflict, NotFound, NotSignedIn, OpenIdRefused
from server.operations.openid import OpenIdArrival, OpenIdOperations
from tests.conftest import PASSWORDS
from tests.functional.openid_double import OpenIdDouble, openid_double
from tests.unit.operations.conftest import House, refused

BACK = "http://here.example/login/openid/callback"


@pytest.fixture
async def double() -> AsyncIterator[OpenIdDouble]:
    async with openid_double() as made:
        yield made


def over(house: House, double: OpenIdDouble | None, *, is_alone: bool = False, **told: Any) -> OpenIdOperations:
    database, auth = house.parts.storage.database, house.parts.auth
    values: dict[str, Any] = {
        "issuer": double.issuer if double else "",
        "client_id": "jindu",
        "client_secret": "",
        "scopes": ("openid",),
        "label": "Acme",
        "new_role": None,
        "domains": (),
        "groups_claim": "groups",
        "roles": {},
    }
    provider = OpenIdProvider(OpenIdSettings(**values | told), OpenIdOverHttp()) if double else None
    return OpenIdOperations(
        database=database,
        credentials=auth.credentials,
        identities=IdentityStore(database),
        provider=provider,
        attempts=OpenIdAttempts(auth.secret_key),
        is_alone=is_alone,
    )


async def arrives(
    operations: OpenIdOperations, double: OpenIdDouble, subject: str = "s", *, linking: Principal | None = None
) -> OpenIdArrival:
    url, _attempt, sealed = await operations.begin(redirect_uri=BACK, linking=linking)
    told = double.sign_in_at(url, subject)
    _, arrival = await operations.finish(
        sealed,
        state=told["state"],
        code=told["code"],
        issuer=told["iss"],
        redirect_uri=BACK,
        principal=linking,
        address="10.0.0.1",
        user_agent="",
    )
    return arrival


async def reasons(house: House) -> Sequence[str]:
    return [detail["reason"] for _, _, detail in await house.audited("session.refuse")]


async def test_where_none_is_set_there_is_no_way_and_passwords_are_enough(house: House, alice: Principal) -> None:
    operations = over(house, None, is_alone=True)
    assert operations.label == ""
    with refused(NotFound):
        await operations.begin(redirect_uri=BACK)
    await operations.require_password_way(await house.todo.accounts.me(alice))
    assert await operations.end_session_url("x", back=BACK) is None


async def test_nobody_new_is_let_in_unless_the_settings_say_so(house: House, double: OpenIdDouble) -> None:
    operations = over(house, double)
    with refused(OpenIdRefused, "openid_unknown"):
        await arrives(operations, double)
    assert await reasons(house) == ["openid_unknown"]
    arrival = await arrives(over(house, double, new_role=Role.EDITOR), double)
    assert (arrival.user.name, arrival.user.role, bool(arrival.secret)) == ("user", Role.EDITOR, True)


async def test_a_name_that_is_taken_or_odd_becomes_a_free_one(house: House, double: OpenIdDouble) -> None:
    operations = over(house, double, new_role=Role.VIEWER)
    names = []
    for subject, name in (("1", "alice"), ("2", "Alice"), ("3", "<b>../x"), ("4", "李 雷"), ("5", "x" * 500)):
        double.changed = lambda claims, name=name: claims.update(preferred_username=name)  # type: ignore[misc]
        names.append((await arrives(operations, double, subject)).user.name)
    assert names == ["alice 2", "Alice 3", "b .. x", "李 雷", "x" * 64]


async def test_only_confirmed_addresses_of_a_domain_come_in(house: House, double: OpenIdDouble) -> None:
    operations = over(house, double, new_role=Role.VIEWER, domains=("Example.com",))
    for claims in (
        {},
        {"email": "a@example.com"},
        {"email": "a@example.com", "email_verified": "true"},
        {"email": "a@example.com.evil.test", "email_verified": True},
        {"email": "example.com", "email_verified": False},
    ):
        double.changed = lambda told, claims=claims: told.update(claims)  # type: ignore[misc]
        with refused(OpenIdRefused, "openid_domain"):
            await arrives(operations, double)
    double.changed = lambda told: told.update(email="a@EXAMPLE.com", email_verified=True)
    assert (await arrives(operations, double)).secret


async def test_the_last_administrator_stays_one_whatever_the_groups_say(house: House, double: OpenIdDouble) -> None:
    operations = over(house, double, roles={"bosses": Role.ADMIN})
    admin = replace(house.admin, session_id="s")
    await arrives(operations, double, linking=admin)
    double.changed = lambda claims: claims.update(groups=["others"])
    assert (await arrives(operations, double)).user.role is Role.ADMIN
    await house.user("second", role=Role.ADMIN)
    assert (await arrives(operations, double)).user.role is Role.VIEWER


async def test_one_account_there_is_linked_to_one_here(house: House, double: OpenIdDouble, alice: Principal) -> None:
    operations = over(house, double)
    await arrives(operations, double, linking=alice)
    with refused(OpenIdRefused, "openid_linked"):
        await arrives(operations, double, linking=house.bob)
    (linked,) = await operations.identities(alice)
    with refused(NotFound):
        await operations.unlink(house.bob, linked.id, password=PASSWORDS["bob"])
    with refused(Conflict, "wrong_password"):
        await operations.unlink(alice, linked.id, password="wrong")
    await operations.unlink(alice, linked.id, password=PASSWORDS["alice"])
    assert await operations.identities(alice) == []


async def test_passwords_can_be_turned_off_for_those_who_are_linked(
    house: House, double: OpenIdDouble, alice: Principal
) -> None:
    accounts = house.todo.accounts
    alone = over(house, double, is_alone=True)
    await alone.require_password_way(await accounts.me(alice))
    await arrives(alone, double, linking=alice)
    with refused(NotSignedIn, "openid_only"):
        await alone.require_password_way(await accounts.me(alice))
    await over(house, double).require_password_way(await accounts.me(alice))
    await alone.require_password_way(await accounts.me(house.bob))

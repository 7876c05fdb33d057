"""What several modules of functional tests stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.conftest import PASSWORDS, Server, new_user
from tests.functional.colleagues import Client, People
from tests.functional.openid_double import OpenIdDouble, openid_double


@pytest.fixture
async def double() -> AsyncIterator[OpenIdDouble]:
    async with openid_double() as made:
        yield made


@pytest.fixture
async def people(
    server: Server, admin: Client, alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:

        async def user(name: str, role: str = "editor") -> Client:
            monkeypatch.setitem(PASSWORDS, name, f"correct-horse-{name}")
            return await stack.enter_async_context(await new_user(server, admin, name, role=role))

        yield People(
            alice=alice,
            looks=bob,
            edits=await user("edith"),
            member=await user("mel"),
            viewer=await user("vera", role="viewer"),
            stranger=await user("sam"),
            admin=admin,
        )

"""Tokens are shown once, kept as a hash, and belong to one user."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from server.auth.endings import Endings
from server.auth.permissions import Scope
from server.auth.tokens import Token, TokenStore
from server.auth.users import User
from server.clock import utc_now
from server.errors import TokenExpired, TokenRevoked, TokenUnknown, UserDisabled
from server.storage import tables
from server.storage.database import Database
from tests.unit.auth.conftest import MovableClock


@pytest.fixture
def ended() -> list[dict[str, str | None]]:
    return []


@pytest.fixture
def tokens(database: Database, clock: MovableClock, ended: list[dict[str, str | None]]) -> TokenStore:
    endings = Endings()
    endings.on_end(lambda **what: ended.append(what))
    return TokenStore(database, endings=endings, clock=clock)


async def make(
    tokens: TokenStore, database: Database, user: User, expires_at: datetime | None = None
) -> tuple[Token, str]:
    async with database.write() as connection:
        return await tokens.add(connection, user_id=user.id, name="test", scopes={Scope.READ}, expires_at=expires_at)


async def test_a_token_is_found_and_can_be_recognised_by_scanners(
    tokens: TokenStore, database: Database, alice: User
) -> None:
    token, secret = await make(tokens, database, alice)
    assert secret.startswith("jindu_")
    found, user = await tokens.use(secret)
    assert (found.id, found.scopes, user.name) == (token.id, {Scope.READ}, "Alice")


async def test_the_secret_is_not_in_the_database(tokens: TokenStore, database: Database, alice: User) -> None:
    _, secret = await make(tokens, database, alice)
    async with database.read() as connection:
        row = (await connection.execute(sa.select(tables.tokens))).one()
    assert secret not in str(tuple(row))


@pytest.mark.parametrize("secret", ["", "jindu_", "jindu_\udcff", "jindu_é", "Jindu_x", "x" * 100_000])
async def test_a_made_up_token_is_nobody(tokens: TokenStore, database: Database, alice: User, secret: str) -> None:
    await make(tokens, database, alice)
    with pytest.raises(TokenUnknown):
        await tokens.use(secret)


async def test_an_expired_token_ends_and_that_is_told(
    tokens: TokenStore, database: Database, alice: User, clock: MovableClock, ended: list[dict[str, str | None]]
) -> None:
    token, secret = await make(tokens, database, alice, clock() + timedelta(days=1))
    lasting, _ = await make(tokens, database, alice)
    clock.pass_time(days=1)
    with pytest.raises(TokenExpired):
        await tokens.use(secret)
    await tokens.end_expired()
    with pytest.raises(TokenExpired):  # its bearer learns of it later as well
        await tokens.use(secret)
    assert ended == [{"token_id": token.id}]
    assert [left.id for left in await tokens.of_user(alice.id)] == [lasting.id]


async def test_last_use_is_written_at_most_once_a_minute(
    tokens: TokenStore, database: Database, alice: User, clock: MovableClock
) -> None:
    token, secret = await make(tokens, database, alice)
    first = clock()
    await tokens.use(secret)
    clock.pass_time(seconds=30)
    await tokens.use(secret)
    found = await tokens.get(token.id)
    assert found is not None
    assert found.last_used_at == first


async def test_a_disabled_user_has_no_token(tokens: TokenStore, database: Database, alice: User) -> None:
    _, secret = await make(tokens, database, alice)
    async with database.write() as connection:
        await connection.execute(tables.users.update().values(disabled_at=utc_now()))
    for _ in range(2):
        with pytest.raises(UserDisabled):
            await tokens.use(secret)
        await tokens.end_all(alice.id)


async def test_bob_neither_sees_nor_ends_a_token_of_alice(
    tokens: TokenStore, database: Database, alice: User, bob: User
) -> None:
    token, secret = await make(tokens, database, alice)
    assert await tokens.of_user(bob.id) == []
    assert not await tokens.end(token.id, user_id=bob.id)
    await tokens.use(secret)
    assert await tokens.end(token.id, user_id=alice.id)
    with pytest.raises(TokenRevoked):
        await tokens.use(secret)

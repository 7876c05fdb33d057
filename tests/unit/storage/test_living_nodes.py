"""Who said a moment ago that it lives is among the living, with what it was set up with."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from server.clock import utc_now
from server.storage.database import Database
from server.storage.living_nodes import (
    UNHEARD,
    NodeSetup,
    forget_node,
    forget_nodes_of_backup,
    forget_silent_nodes,
    living_nodes,
    say_alive,
)
from server.storage.tables import nodes

SETUP = NodeSetup(key="a", files="s3", mark="m", broker="b", hears=True)


async def names(database: Database) -> list[str]:
    async with database.read() as connection:
        return [each.name for each in await living_nodes(connection)]


async def silent_for(database: Database, start_id: str, time: timedelta) -> None:
    async with database.write() as connection:
        seen_at = (await connection.execute(select(nodes.c.seen_at).where(nodes.c.id == start_id))).scalar_one()
        await connection.execute(update(nodes).where(nodes.c.id == start_id).values(seen_at=seen_at - time))


async def test_a_node_lives_until_it_leaves_or_is_silent(database: Database) -> None:
    async with database.write() as connection:
        for name in ("west", "east", "north"):
            await say_alive(connection, start_id=name, name=name, host="here", setup=SETUP)
        (east,) = await living_nodes(connection, but=("west", "north"))
        assert (east.host, east.setup) == ("here", SETUP)
    assert await names(database) == ["east", "north", "west"]
    async with database.write() as connection:
        await forget_node(connection, "north")
    await silent_for(database, "east", UNHEARD)
    assert await names(database) == ["west"]
    async with database.write() as connection:
        for name in ("east", "north"):  # it was frozen; it was forgotten
            await say_alive(connection, start_id=name, name=name, host="here", setup=SETUP)
    assert await names(database) == ["east", "north", "west"]
    await silent_for(database, "west", timedelta(days=2))
    async with database.write() as connection:
        await forget_silent_nodes(connection)
        assert set(await connection.scalars(select(nodes.c.id))) == {"east", "north"}
        await forget_nodes_of_backup(connection, utc_now())
        assert not await living_nodes(connection)

"""The key by which push services know this server is made once, for all nodes, and lies encrypted."""

from __future__ import annotations

import asyncio

from cryptography.fernet import Fernet
from sqlalchemy import select

from server.auth.seals import Seals
from server.delivery.push import PushKeys, endpoint_hash, topic_of
from server.engines.outgoing_hosts import OutgoingHosts
from server.engines.outgoing_posts import OutgoingPosts
from server.engines.web_push import WebPush
from server.storage.database import Database
from server.storage.tables import secrets

SERVICE = WebPush(OutgoingPosts(OutgoingHosts(["push.example.com"])), contact="mailto:ops@example.com")


def keys(database: Database, seals: Seals) -> PushKeys:
    return PushKeys(database=database, seals=seals, service=SERVICE)


async def test_all_nodes_have_the_same_key_which_lies_encrypted(database: Database) -> None:
    seals = Seals(Fernet(Fernet.generate_key()))
    found = await asyncio.gather(*(keys(database, seals).key() for _ in range(3)))
    assert len({each.private for each in found}) == 1
    assert len(await keys(database, seals).public()) == 87
    async with database.read() as connection:
        (row,) = (await connection.execute(select(secrets).where(secrets.c.name == "push_key"))).all()
    assert found[0].private not in row.value


async def test_with_another_secret_key_there_is_a_new_one(database: Database) -> None:
    before = await keys(database, Seals(Fernet(Fernet.generate_key()))).key()
    seals = Seals(Fernet(Fernet.generate_key()))
    after = await keys(database, seals).key()
    assert after != before
    assert await keys(database, seals).key() == after


def test_what_push_services_see_tells_nothing() -> None:
    topic = topic_of("failed", "/jobs/1")
    assert topic != topic_of("failed", "/jobs/2")
    assert len(topic) == 32
    assert len(endpoint_hash("https://push.example.com/x")) == 64

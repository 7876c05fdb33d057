"""What is found out about a Valkey before nodes rest on it."""

from __future__ import annotations

import socket

import pytest

from server.care.findings import Gravity
from server.engines.valkey_checks import check_valkey
from tests import valkey
from tests.freezing import freezing_line


async def codes(url: str, *, listens_at: str = "") -> list[str]:
    return [each.code for each in await check_valkey(url, listens_at=listens_at)]


async def test_one_that_does_all_that_nodes_need_has_nothing_wrong_and_keeps_nothing() -> None:
    assert await codes(valkey.new_address()) == []
    with valkey.some(1) as (process,):
        assert await codes(process.url) == []
        async with process.admin() as client:
            for key in await client.keys("*"):
                assert 0 < await client.ttl(key) <= 5


async def test_one_that_is_not_there_or_wants_another_password_is_named_without_the_password() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert await codes(f"redis://127.0.0.1:{nobody.getsockname()[1]}") == ["broker_away"]
    with valkey.some(1) as (process,):
        (found,) = await check_valkey(f"redis://:hunter2@127.0.0.1:{process.port}")
        assert (found.code, found.severity) == ("broker_away", Gravity.ERROR)
        assert "hunter2" not in found.text + found.advice
    assert await codes("redis://host:port/0") == ["broker_url_wrong"]


@pytest.mark.parametrize(
    "rules",
    [
        ["~jindu:*", "+@all", "resetchannels"],
        ["&jindu:*", "+@all", "resetkeys"],
        ["~jindu:*", "&jindu:*", "+@all", "-eval"],
    ],
    ids=["channels", "keys", "commands"],
)
async def test_a_user_who_may_not_all_of_it_is_told_what_to_allow(rules: list[str]) -> None:
    with valkey.some(1) as (process,):
        await process.let("jindu", "on", ">secret", *rules)
        (found,) = await check_valkey(f"redis://jindu:secret@127.0.0.1:{process.port}")
        assert found.code == "broker_not_allowed"
        assert "~jindu:* &jindu:* +@all" in found.advice
        await process.let("jindu", "~jindu:*", "&jindu:*", "+@all")
        assert await codes(f"redis://jindu:secret@127.0.0.1:{process.port}") == []


async def test_a_replica_is_for_listening_and_only_while_it_has_its_primary() -> None:
    with valkey.some(2) as (primary, replica):
        await replica.follow(primary)
        assert await codes(primary.url, listens_at=replica.url) == []
        assert await codes(replica.url) == ["broker_is_replica"]
        assert await codes(primary.url, listens_at=primary.url) == ["broker_subscribe_is_primary"]
        primary.kill()
        primary.start()
        await replica.lead()
        assert await codes(primary.url, listens_at=replica.url) == ["broker_deaf"]
        async with replica.admin() as client:
            await client.replicaof("127.0.0.1", "1")
        assert await codes(primary.url, listens_at=replica.url) == ["broker_replica_cut"]


async def test_a_line_that_brings_nothing_is_found() -> None:
    with valkey.some(1) as (process,):
        async with freezing_line(process.port) as line:
            line.freeze()
            assert await codes(f"redis://127.0.0.1:{line.port}") == ["broker_away"]

"""Attempts to sign in at several nodes: the rules of one, counted together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.auth.throttle import Attempt, LoginThrottle
from server.engines.valkey_asking import ValkeyAsking
from server.engines.valkey_line import ValkeyAddress
from server.engines.valkey_throttle import ValkeyThrottle
from server.errors import RateLimited
from tests import valkey

ALICE = Attempt(name_key="alice", address="192.0.2.1")


@asynccontextmanager
async def throttles(url: str, *, attempts: int = 4) -> AsyncIterator[list[ValkeyThrottle]]:
    """Of two nodes."""
    address = ValkeyAddress(url)
    async with ValkeyAsking(address).open() as one, ValkeyAsking(address).open() as other:
        yield [ValkeyThrottle(LoginThrottle(attempts), asking, prefix=address.prefix) for asking in (one, other)]


async def test_attempts_at_two_nodes_count_together_and_a_right_one_begins_anew() -> None:
    async with throttles(valkey.new_address()) as (one, other):
        for node in (one, other, one, other):
            await node.begin(ALICE)
        for node in (one, other):
            with pytest.raises(RateLimited, match="minutes"):
                await node.begin(ALICE)
        await other.begin(Attempt(name_key="alice", address="198.51.100.7"))  # another place is not shut out
        await other.begin(Attempt(name_key="bob", address="192.0.2.1"))
        assert await one.is_worth_telling(ALICE)
        assert not await other.is_worth_telling(ALICE)  # its owner knows
        await one.succeeded(ALICE)
        await one.begin(ALICE)


async def test_a_name_besieged_from_everywhere_has_turns_that_all_share() -> None:
    async with throttles(valkey.new_address(), attempts=1) as (one, other):
        for number in range(10):
            await (one, other)[number % 2].begin(Attempt(name_key="alice", address=f"192.0.{number}.1"))
        with pytest.raises(RateLimited, match="seconds"):
            await one.begin(Attempt(name_key="alice", address="203.0.113.5"))
        known = Attempt(name_key="alice", address="203.0.113.5", device="hers")
        await other.begin(known)


async def test_without_valkey_each_node_counts() -> None:
    async with throttles("redis://127.0.0.1:1", attempts=2) as (one, other):
        for node in (one, one, other, other):
            await node.begin(ALICE)
        with pytest.raises(RateLimited):
            await one.begin(ALICE)
        assert await other.is_worth_telling(ALICE)
        await other.succeeded(ALICE)
        await other.begin(ALICE)

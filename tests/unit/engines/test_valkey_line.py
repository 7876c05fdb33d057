"""Addresses of Valkey, and one line to it."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from server.engines.valkey_line import AWAY, ValkeyAddress
from server.errors import ConfigurationError
from tests import valkey


async def test_a_line_answers_in_order_and_says_which_command_was_wrong() -> None:
    line = await ValkeyAddress(valkey.new_address()).connected()
    first, wrong, last = await line.ask([("ECHO", "a"), ("NO_SUCH_COMMAND",), ("ECHO", "b")])
    assert (first, last) == (b"a", b"b")
    assert isinstance(wrong, ResponseError)
    await line.close()
    await line.close()


async def test_one_to_nobody_is_away() -> None:
    with pytest.raises(AWAY):
        await ValkeyAddress("redis://127.0.0.1:1").connected()


@pytest.mark.parametrize("url", ["redis://host:port", "http://host", "redis://host?db=x", "redis://host/0?prefx=a"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="broker_url"):
        ValkeyAddress(url)


def test_who_shares_a_server_is_set_apart() -> None:
    assert ValkeyAddress("redis://host").prefix == "jindu:"
    assert ValkeyAddress("valkey://host/0?prefix=mine:").prefix == "mine:"

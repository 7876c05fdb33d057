"""What is posted goes where it was checked to go, once, and no error tells the address."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import unused_port

from server.delivery.channels.asking import Outgoing
from server.engines.outgoing_hosts import OutgoingHosts
from server.engines.outgoing_posts import OutgoingPosts
from server.errors import NotDelivered
from tests.chat_doubles import KEY, Outside, hanging, saying
from tests.unit.delivery.channels.tellings import NOON


class Names(AbstractResolver):
    """Says of any name another address each time that it is asked."""

    def __init__(self, *addresses: str) -> None:
        self.answers = [address.split() for address in addresses]
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in found
        ]

    async def close(self) -> None:
        return


def posts(*hosts: str, **options: Any) -> OutgoingPosts:
    return OutgoingPosts(OutgoingHosts(hosts or ("localhost",)), clock=lambda: NOON, **options)


def request(url: str) -> Outgoing:
    return Outgoing(url=url, body=b'{"a":1}', headers={"webhook-id": "1"})


async def refused(carrier: OutgoingPosts, url: str) -> NotDelivered:
    with pytest.raises(NotDelivered) as raised:
        await carrier.post(request(url))
    assert KEY not in raised.value.text
    return raised.value


async def test_an_answer_is_told_with_its_status_headers_and_beginning() -> None:
    async with Outside(NOON).listening() as side:
        side.mood = saying(429, "x" * 100_000, Retry_After="7")
        answer = await posts().post(request(f"{side.url}/webhook?key={KEY}"))
    assert (answer.host, answer.status, answer.headers["retry-after"]) == ("localhost", 429, "7")
    assert len(answer.body) == 16 * 1024
    assert answer.at == NOON


async def test_a_redirection_is_an_answer_and_is_not_followed() -> None:
    async with Outside(NOON).listening() as side, Outside(NOON).listening() as inside:
        side.mood = saying(307, Location=f"{inside.url}/webhook")
        answer = await posts().post(request(f"{side.url}/webhook"))
    assert (answer.status, side.asked, inside.asked) == (307, 1, 0)


async def test_a_name_is_asked_for_once_and_connected_to_at_what_was_checked() -> None:
    """It means a public address when it is looked at and another one a moment later: there is no second look."""
    async with Outside(NOON).listening() as side:
        side.mood = saying(200)
        port = side.url.rpartition(":")[2]
        url, names = f"http://hooks.example.com:{port}/webhook?key={KEY}", Names("127.0.0.1", "169.254.169.254")
        carrier = posts("hooks.example.com", resolver=names)
        await carrier.post(request(url))
        assert (side.asked, names.asked) == (1, 1)
        error = await refused(carrier, url)
        assert (error.is_final, side.asked, names.asked) == (True, 1, 2)
        assert "inside the server's own network" in error.text


@pytest.mark.parametrize("means", ["127.0.0.1", "93.184.216.34 127.0.0.1", "::ffff:127.0.0.1", "100.64.1.1", "::1"])
async def test_a_name_that_leads_inside_is_refused(means: str) -> None:
    async with Outside(NOON).listening() as side:
        url = f"https://hooks.example.com:{side.url.rpartition(':')[2]}/webhook?key={KEY}"
        error = await refused(posts("*", resolver=Names(means)), url)
    assert (error.is_final, error.may_have_arrived, side.asked) == (True, False, 0)


async def test_an_address_inside_is_refused_before_anything_is_connected() -> None:
    async with Outside(NOON).listening() as side:
        port = side.url.rpartition(":")[2]
        for host in ("127.0.0.1", "[::ffff:7f00:1]", "2130706433", "localhost"):
            assert (await refused(posts("*"), f"https://{host}:{port}/webhook?key={KEY}")).is_final
        assert (await refused(posts("*"), f"http://hooks.example.com:{port}/webhook?key={KEY}")).is_final
    assert side.asked == 0


async def test_where_nobody_answers_nothing_has_arrived() -> None:
    error = await refused(posts(), f"http://localhost:{unused_port()}/webhook?key={KEY}")
    assert (error.text, error.is_final, error.may_have_arrived) == ("localhost cannot be reached.", False, False)


async def test_who_hangs_may_have_taken_it() -> None:
    async with Outside(NOON).listening() as side:
        side.mood = hanging()
        error = await refused(posts(patience_seconds=0.2), f"{side.url}/webhook?key={KEY}")
    assert (error.text, error.may_have_arrived) == ("localhost did not answer in time.", True)


async def test_who_breaks_off_may_have_taken_it() -> None:
    async def break_off(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(break_off, "localhost", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await refused(posts(), f"http://localhost:{port}/webhook?key={KEY}")
    assert (error.text, error.may_have_arrived) == ("localhost broke off without an answer.", True)


async def test_a_certificate_of_nobody_is_said() -> None:
    async with Outside(NOON).listening() as side:  # which speaks no TLS at all
        url = f"https://localhost:{side.url.rpartition(':')[2]}/webhook?key={KEY}"
        assert not (await refused(posts(), url)).may_have_arrived

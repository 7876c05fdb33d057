"""Connections to the world outside: to public addresses alone, and told without what an address may hide."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from server.engines import https_client
from server.errors import NotFetched, NotFetchedNow

SECRET = "?token=s3cret"


def anything(_address: str) -> bool:
    return True


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Answers `/404` with that status, and any other word with a file."""

    async def answer(request: web.Request) -> web.Response:
        word = request.match_info["word"]
        return web.Response(status=int(word)) if word.isdigit() else web.Response(body=b"a\n1\n")

    app, port = web.Application(), unused_port()
    app.router.add_get("/{word}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "localhost", port).start()
    yield f"http://localhost:{port}"
    await runner.cleanup()


async def asked(url: str, *, is_public: Callable[[str], bool] | None = anything, unless: str | None = None) -> bool:
    """Whether there is a file."""
    async with https_client.opened(is_public=is_public, trust=None, unless=unless) as session:
        return https_client.found(await https_client.answer(session, url)) is not None


async def test_a_name_that_leads_inside_is_not_followed(url: str) -> None:
    with pytest.raises(NotFetched, match="localhost is inside") as raised:
        await asked(f"{url}/orders.csv{SECRET}", is_public=None)
    assert not raised.value.temporary
    assert await asked(f"{url}/orders.csv")


async def test_where_nobody_answers_it_is_tried_again_later_and_no_secret_is_told() -> None:
    with pytest.raises(NotFetchedNow) as raised:
        await asked(f"http://localhost:{unused_port()}/orders.csv{SECRET}")
    assert raised.value.text == "localhost cannot be reached."


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429])
async def test_what_may_pass_is_tried_again(url: str, status: int) -> None:
    with pytest.raises(NotFetchedNow) as raised:
        await asked(f"{url}/{status}{SECRET}")
    assert raised.value.text == f"localhost answered {status}."


@pytest.mark.parametrize("status", [204, 206, 400, 401, 403, 404, 410])
async def test_what_will_not_change_is_told_at_once(url: str, status: int) -> None:
    with pytest.raises(NotFetched) as raised:
        await asked(f"{url}/{status}{SECRET}")
    assert not raised.value.temporary
    assert str(status) in raised.value.text
    assert "s3cret" not in raised.value.text


async def test_a_version_that_could_not_stand_in_a_head_is_left_out(url: str) -> None:
    for version in ('"v1"', "Thu, 26 Nov 2026 10:00:00 GMT", "版本", "a\r\nX-Evil: 1", ""):
        assert await asked(f"{url}/orders.csv", unless=version)


async def test_an_unchanged_file_is_none(url: str) -> None:
    assert not await asked(f"{url}/304", unless='"v1"')


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("2002:a00:1::", False),
    ],
)
def test_addresses_inside_are_known_in_every_form(address: str, is_public: bool) -> None:
    assert https_client.is_public_address(address) is is_public

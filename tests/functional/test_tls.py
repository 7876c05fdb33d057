"""A server that speaks TLS itself: what it offers, and certificates that are renewed while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from server.care.certificates import check_certificate, end_of
from server.cli.proxy_check import check_proxy
from server.errors import ConfigurationError
from server.http.certificate import Certificate
from server.settings import Settings
from tests.conftest import PASSWORDS, Server, serving
from tests.functional.certificates import Authority
from tests.functional.command_line import run
from tests.functional.live_client import live
from tests.ports import free_port
from tests.process import ServerProcess

Client = aiohttp.ClientSession


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path)
    authority.issue()
    return authority


@pytest.fixture
def settings(settings: Settings, authority: Authority) -> Settings:
    folder = authority.folder
    return dataclasses.replace(
        settings,
        host="127.0.0.1",
        tls_cert=str(folder / "server.crt"),
        tls_key=str(folder / "server.key"),
        http_redirect_port=free_port(),
    )


def client_of(server: Server, authority: Authority) -> Client:
    return Client(server.url, connector=aiohttp.TCPConnector(ssl=authority.trusting()))


async def test_all_of_it_works_over_tls(server: Server, authority: Authority, settings: Settings) -> None:
    assert server.url.startswith("https://127.0.0.1:")
    async with client_of(server, authority) as client:
        form = {"username": "admin", "password": PASSWORDS["admin"]}
        headers = {"Origin": server.url}
        async with client.post("/login", data=form, headers=headers, allow_redirects=False) as response:
            assert response.status == 303
            assert "Secure" in response.headers["Set-Cookie"]
            assert response.headers["Strict-Transport-Security"] == "max-age=31536000"  # subdomains are not ours
            assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        wanted = {"username": "admin", "password": PASSWORDS["admin"], "name": "tests"}
        async with client.post("/api/v1/tokens", json=wanted) as response:
            client.headers["Authorization"] = f"Bearer {(await response.json())['token']}"
        async with live(client) as first, live(client, "other") as second:
            for socket in (first, second):
                await socket.send(type="subscribe", events=["x"])
                await socket.next("subscription")
            async with client.post("/api/v1/events/x", json="over TLS") as response:
                assert (await response.json())["receivers"] == 2
            for socket in (first, second):
                assert (await socket.next("event"))["data"] == "over TLS"
        async with client.get("/static/css/base.css") as response:
            assert len(await response.read()) > 1_000


async def test_doctor_says_that_it_is_the_certificate_and_not_the_server(server: Server, authority: Authority) -> None:
    (finding,) = await check_proxy(server.url, None)
    assert finding.code == "certificate_not_trusted"
    assert "unable to get local issuer certificate" in finding.text
    trusted = await check_proxy(server.url, None, tls=authority.trusting())
    assert "certificate_not_trusted" not in [each.code for each in trusted]


async def test_old_protocols_and_plain_http_are_refused_and_nobody_is_hurt(
    server: Server, authority: Authority
) -> None:
    url = urlsplit(server.url)
    old = authority.trusting()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(url.hostname, url.port, ssl=old)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"HTTP" not in await reader.read()
    writer.close()
    newest = authority.trusting()
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=newest)
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    writer.close()
    async with client_of(server, authority) as client, client.get("/healthz") as response:
        assert response.status == 200
    assert server.web.open_sockets.statistics().open <= 1  # none of them left a place taken


async def test_plain_http_is_sent_on_and_without_a_host_refused(server: Server, settings: Settings) -> None:
    plain = f"http://127.0.0.1:{settings.http_redirect_port}"
    async with Client(plain) as client:
        async with client.post("/api/v1/jobs?x=1", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (308, f"{server.url}/api/v1/jobs?x=1")
        async with client.get("/", headers={"Host": "evil.example/@x"}, allow_redirects=False) as response:
            assert response.status == 400


async def test_the_server_process_does_it_on_its_own_loop(authority: Authority, tmp_path: Path) -> None:
    """uvloop, which has TLS of its own; broadcasts do not go past it to the socket."""
    environ = {"JINDU_TLS_CERT": str(authority.folder / "server.pem"), "JINDU_WORKERS": "1"}
    process = ServerProcess(tmp_path / "data", environ=environ)
    await asyncio.to_thread(process.start)
    try:
        assert process.url.startswith("https://")
        connector = aiohttp.TCPConnector(ssl=authority.trusting())
        async with Client(process.url, connector=connector) as client:
            wanted = {"username": "admin", "password": PASSWORDS["admin"], "name": "tests"}
            async with client.post("/api/v1/tokens", json=wanted) as response:
                client.headers["Authorization"] = f"Bearer {(await response.json())['token']}"
            async with contextlib.AsyncExitStack() as stack:
                sockets = [await stack.enter_async_context(live(client, f"tab-{number}")) for number in range(10)]
                for socket in sockets:
                    await socket.send(type="subscribe", events=["x"])
                    await socket.next("subscription")
                async with client.post("/api/v1/events/x", json="over TLS") as response:
                    assert (await response.json())["receivers"] == 10
                for socket in sockets:
                    assert (await socket.next("event"))["data"] == "over TLS"
        assert await run_health(process.url) == 0
    finally:
        assert await asyncio.to_thread(process.stop) == 0


async def run_health(url: str) -> int:
    """As the health check of a container asks: it is the server that it looks at, not its certificate."""
    return (await run("health", JINDU_TLS_CERT="set", JINDU_PORT=url.rpartition(":")[2])).status


async def test_hsts_can_be_left_out(settings: Settings, authority: Authority) -> None:
    async with (
        serving(dataclasses.replace(settings, hsts_days=0)) as server,
        client_of(server, authority) as client,
        client.get("/login", allow_redirects=False) as response,
    ):
        assert "Strict-Transport-Security" not in response.headers


def serial_of(url: str, authority: Authority) -> str:
    """Of the certificate that whoever comes now is shown."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return ssl.get_server_certificate((parts.hostname, parts.port), ca_certs=str(authority.path))


async def test_a_renewed_certificate_is_taken_and_one_that_does_not_fit_is_not(
    server: Server, authority: Authority, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = server.certificate
    assert certificate is not None
    first = await asyncio.to_thread(serial_of, server.url, authority)
    async with client_of(server, authority) as client, client.get("/healthz"):
        key = (authority.folder / "server.key").read_bytes()
        authority.issue()
        new_key = (authority.folder / "server.key").read_bytes()
        (authority.folder / "server.key").write_bytes(key)  # the certificate is new, its key not yet
        with caplog.at_level(logging.INFO, "jindu"):
            certificate.renew()
            certificate.renew()
        assert [record.levelname for record in caplog.records if "certificate" in record.getMessage()] == ["ERROR"]
        assert await asyncio.to_thread(serial_of, server.url, authority) == first
        (authority.folder / "server.key").write_bytes(new_key)
        watching = asyncio.create_task(certificate.watch(every=0.02))
        async with asyncio.timeout(10):
            while await asyncio.to_thread(serial_of, server.url, authority) == first:
                pass
        watching.cancel()
        (authority.folder / "server.crt").unlink()
        certificate.renew()
        async with client.get("/healthz") as response:  # who is connected stays connected
            assert response.status == 200
        assert await asyncio.to_thread(serial_of, server.url, authority) != first


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "server.key").unlink(), "server.key cannot be read"),
        (lambda folder: (folder / "server.crt").write_text("nothing"), "cannot be used for TLS"),
        (lambda folder: (folder / "server.key").write_bytes((folder / "other").read_bytes()), "cannot be used for TLS"),
    ],
)
def test_what_is_wrong_at_the_start_is_said(authority: Authority, spoil: object, told: str) -> None:
    (authority.folder / "server.key").rename(authority.folder / "other")
    authority.issue()
    assert callable(spoil)
    spoil(authority.folder)
    with pytest.raises(ConfigurationError) as raised:
        Certificate(authority.folder / "server.crt", authority.folder / "server.key")
    assert told in raised.value.text


@pytest.mark.parametrize(
    ("life", "ends", "code"),
    [
        (timedelta(days=90), timedelta(days=20), None),
        (timedelta(days=90), timedelta(days=10), "certificate_ends"),
        (timedelta(days=6), timedelta(days=3), None),  # those are renewed every few days
        (timedelta(days=6), timedelta(days=1), "certificate_ends"),
        (timedelta(days=90), timedelta(hours=-1), "certificate_ended"),
        (timedelta(days=1), timedelta(days=3), "certificate_not_yet"),
    ],
)
def test_doctor_and_overview_say_that_a_certificate_ends(
    authority: Authority, life: timedelta, ends: timedelta, code: str | None
) -> None:
    authority.issue(life=life, ends=ends)
    settings = Settings(tls_cert=str(authority.folder / "server.crt"))
    now = datetime.now(UTC)
    assert [finding.code for finding in check_certificate(settings, now)] == ([code] if code else [])
    assert (end_of(settings, now) is not None) is (code in ("certificate_ends", "certificate_ended"))


def test_doctor_says_what_is_no_certificate(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    (tmp_path / "x").write_text("nothing")
    for name in ("x", "not there"):
        settings = Settings(tls_cert=str(tmp_path / name))
        assert [finding.code for finding in check_certificate(settings, now)] == ["certificate_unreadable"]
        assert end_of(settings, now) is None
    assert [finding.code for finding in check_certificate(Settings(tls_key="x"), now)] == ["tls_wrong"]

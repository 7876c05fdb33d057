"""Files at addresses: from a real server over TLS, and everything that such an address must not lead to."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server.engines.https_files import HttpsFiles
from server.errors import InvalidInput, NotFetched, NotFetchedNow
from server.uploads.elsewhere import Place

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `localhost`, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


class Outside:
    """A server of somebody else: what it answers by path, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: dict[str, Handler] = {}
        self.asked: list[web.Request] = []

    def url(self, path: str, *, host: str = "localhost") -> str:
        return f"https://{host}:{self.port}{path}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return await self.answers[request.path](request)


@pytest.fixture
async def outside(certificate: Path) -> AsyncIterator[Outside]:
    server = Outside(unused_port())
    app = web.Application()
    app.router.add_get("/{path:.*}", server.handle)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "localhost", server.port, ssl_context=context).start()
    yield server
    await runner.cleanup()


@pytest.fixture
def files(outside: Outside, certificate: Path) -> HttpsFiles:
    """That takes our own machine for the internet."""
    trust = ssl.create_default_context(cafile=str(certificate))
    return HttpsFiles([f"localhost:{outside.port}"], is_public=lambda _address: True, trust=trust)


async def read(files: HttpsFiles, url: str, unless: str | None = None) -> tuple[str, int | None, str | None, bytes]:
    async with files.open(Place(url=url, unless=unless)) as found:
        assert found is not None
        return found.name, found.size, found.version, b"".join([chunk async for chunk in found.chunks])


def answering(body: bytes = b"a\n1\n", status: int = 200, **headers: str) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(
            body=body, status=status, headers={name.replace("_", "-"): headers[name] for name in headers}
        )

    return answer


async def test_a_file_comes_with_its_name_size_and_version(files: HttpsFiles, outside: Outside) -> None:
    outside.answers["/data/订单 1.csv"] = answering(ETag='"v1"')
    assert await read(files, outside.url("/data/%E8%AE%A2%E5%8D%95%201.csv?token=s3cret")) == (
        "订单 1.csv", 4, '"v1"', b"a\n1\n",
    )  # fmt: skip
    outside.answers["/export"] = answering(
        Content_Disposition='attachment; filename="../orders.csv"', Last_Modified="Thu, 26 Nov 2026 10:00:00 GMT"
    )
    name, _, version, _ = await read(files, outside.url("/export"))
    assert (name.endswith("orders.csv"), version) == (True, "Thu, 26 Nov 2026 10:00:00 GMT")


async def test_a_version_that_is_known_is_not_sent_again(files: HttpsFiles, outside: Outside) -> None:
    outside.answers["/a.csv"] = answering(b"", 304)
    for version, header in (('"v1"', "If-None-Match"), ("Thu, 26 Nov 2026 10:00:00 GMT", "If-Modified-Since")):
        async with files.open(Place(url=outside.url("/a.csv"), unless=version)) as found:
            assert found is None
        assert outside.asked[-1].headers[header] == version


async def test_redirections_are_followed_to_allowed_places_alone(files: HttpsFiles, outside: Outside) -> None:
    outside.answers["/old"] = answering(b"", 302, Location="/new.csv")
    outside.answers["/new.csv"] = answering()
    assert (await read(files, outside.url("/old")))[0] == "new.csv"
    for place in (
        "http://localhost/x",
        "https://169.254.169.254/latest",
        f"https://127.0.0.1:{outside.port}/new.csv",
        "file:///etc/passwd",
        "https://elsewhere.example/x",
    ):
        outside.answers["/away"] = answering(b"", 302, Location=place)
        with pytest.raises(NotFetched, match="sent us on"):
            await read(files, outside.url("/away"))
    outside.answers["/round"] = answering(b"", 302, Location="/round")
    with pytest.raises(NotFetched, match="on and on"):
        await read(files, outside.url("/round"))


@pytest.mark.parametrize(
    "url",
    [
        "http://data.example.com/a.csv",
        "https://other.example.com/a.csv",
        "https://data.example.com:8443/a.csv",
        "https://data.example.com.evil.test/a.csv",
        "https://user:secret@data.example.com/a.csv",
        "https://data.example.com@evil.test/a.csv",
        "https://example.org/a.csv",
        "https://127.0.0.1/a.csv",
        "https://2130706433/a.csv",
        "https://[::1]/a.csv",
        "ftp://data.example.com/a.csv",
        "https://data.example.com:99999/a.csv",
        "//data.example.com/a.csv",
        "https://",
    ],
)
def test_addresses_that_nobody_allowed_are_refused(url: str) -> None:
    files = HttpsFiles(["data.example.com", "*.example.org", "127.0.0.1"])
    with pytest.raises(InvalidInput):
        files.require(Place(url=url))


def test_allowed_addresses_are_taken() -> None:
    files = HttpsFiles(["data.example.com", "*.example.org", "b.example.com:8443"])
    for url in ("https://data.example.com/a", "https://DATA.example.com:443/a", "https://x.y.example.org/",
                "https://b.example.com:8443/?q=1"):  # fmt: skip
        files.require(Place(url=url))


async def test_a_name_that_leads_inside_is_not_connected_to(outside: Outside, certificate: Path) -> None:
    files = HttpsFiles([f"localhost:{outside.port}"], trust=ssl.create_default_context(cafile=str(certificate)))
    with pytest.raises(NotFetched, match="inside the server's own network") as caught:
        await read(files, outside.url("/a.csv?token=s3cret"))
    assert "s3cret" not in str(caught.value)
    assert outside.asked == []


async def test_a_certificate_that_nobody_signed_is_refused(outside: Outside) -> None:
    files = HttpsFiles([f"localhost:{outside.port}"], is_public=lambda _address: True)
    with pytest.raises(NotFetched, match="certificate"):
        await read(files, outside.url("/a.csv"))


@pytest.mark.parametrize(("status", "is_passing"), [(404, False), (401, False), (403, False), (429, True), (503, True)])
async def test_what_may_pass_is_told_from_what_stays(
    files: HttpsFiles, outside: Outside, status: int, is_passing: bool
) -> None:
    outside.answers["/a.csv"] = answering(b"", status)
    with pytest.raises(NotFetched, match=str(status)) as caught:
        await read(files, outside.url("/a.csv"))
    assert caught.value.temporary is is_passing


async def test_a_body_that_breaks_off_is_no_file(files: HttpsFiles, outside: Outside) -> None:
    async def torn(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"a\n1\n")
        assert request.transport is not None
        request.transport.abort()
        return response

    outside.answers["/a.csv"] = torn
    with pytest.raises(NotFetchedNow):
        await read(files, outside.url("/a.csv"))

"""The proxies of deploy/, as the programs themselves run them: on free ports, out of a folder of the test."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.functional.certificates import Authority
from tests.ports import free_port
from tests.process import ROOT

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_START_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    folder: Path
    http: int
    https: int
    backend: str  # host:port, or several, comma-separated
    said: list[str] = field(default_factory=list)  # by the program, while it runs

    @property
    def url(self) -> str:
        return f"https://localhost:{self.https}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyProgram:
    """`configured` makes a file of its own out of what stands in deploy/; the command runs it in the foreground."""

    program: str
    file: str
    configured: Callable[[str, Places], str]
    command: Callable[[Path], list[str]]


def for_nginx(text: str, places: Places) -> str:
    text = re.sub(r"listen \[::\]:\d+.*;\n", "", text)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{places.http};").replace(
        "listen 443 ", f"listen 127.0.0.1:{places.https} "
    )
    text = text.replace("https://$http_host$", f"{places.url}$")  # the usual ports need no name
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {places.folder / kind};\n" for kind in kinds)
    user = "user root;\n" if os.getuid() == 0 else ""
    return (
        f"{user}daemon off;\npid {places.folder / 'nginx.pid'};\nerror_log stderr;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{text}}}\n"
    )


def _caddy(text: str, places: Places) -> str:
    text = text.replace(
        "reports.example.com {", f"{places.url} {{\n\ttls {places.folder}/server.crt {places.folder}/server.key"
    )
    return f"{{\n\tadmin off\n\tgrace_period 1s\n\thttp_port {places.http}\n\thttps_port {places.https}\n}}\n{text}"


def for_haproxy(text: str, places: Places) -> str:
    text = re.sub(r"    bind :::.*\n", "", text)
    text = text.replace("bind :80", f"bind 127.0.0.1:{places.http}").replace(
        "bind :443", f"bind 127.0.0.1:{places.https}"
    )
    text = text.replace("maxconn 20000", "maxconn 200")  # as many files as a test may open
    return text.replace("redirect scheme https", f"redirect prefix {places.url}")


def _apache(text: str, places: Places) -> str:
    modules = "mpm_event authz_core ssl http2 headers alias proxy proxy_http proxy_wstunnel socache_shmcb reqtimeout"
    loaded = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in modules.split())
    text = text.replace("*:80", f"127.0.0.1:{places.http}").replace("*:443", f"127.0.0.1:{places.https}")
    text = text.replace("Redirect 308 / https://reports.example.com/", f"Redirect 308 / {places.url}/")
    text = text.replace("ServerName reports.example.com", "ServerName localhost")
    return (
        f"{loaded}ServerName localhost\nPidFile {places.folder / 'apache.pid'}\nErrorLog {places.folder / 'errors'}\n"
        f"DefaultRuntimeDir {places.folder}\nMutex file:{places.folder}\nListen 127.0.0.1:{places.http}\n"
        f"Listen 127.0.0.1:{places.https}\n{text}"
    )


PROXIES = {
    "nginx": ProxyProgram(
        program="nginx",
        file="nginx.conf",
        configured=for_nginx,
        command=lambda path: ["-c", str(path), "-p", str(path.parent)],
    ),
    "caddy": ProxyProgram(
        program="caddy",
        file="Caddyfile",
        configured=_caddy,
        command=lambda path: ["run", "--config", str(path), "--adapter", "caddyfile"],
    ),
    "haproxy": ProxyProgram(
        program="haproxy", file="haproxy.cfg", configured=for_haproxy, command=lambda path: ["-db", "-f", str(path)]
    ),
    "apache": ProxyProgram(
        program="apache2",
        file="apache.conf",
        configured=_apache,
        command=lambda path: ["-D", "FOREGROUND", "-f", str(path)],
    ),
}


@asynccontextmanager
async def proxying(
    name: str, backend: str, folder: Path, *, below: str = ""
) -> AsyncIterator[tuple[Places, Authority]]:
    """With `below`, the lines that deploy/ has for a base path are taken."""
    async with running(PROXIES[name], backend, folder, below=below) as found:
        yield found


@asynccontextmanager
async def running(
    proxy: ProxyProgram, backend: str, folder: Path, *, below: str = ""
) -> AsyncIterator[tuple[Places, Authority]]:
    program = shutil.which(proxy.program, path=_PATH)
    if program is None:
        pytest.skip(f"{proxy.program} is not installed (make proxies)")
    places = Places(folder=folder, http=free_port(), https=free_port(), backend=backend.removeprefix("http://"))
    authority, config = _prepared(proxy, places, below)
    process = await asyncio.create_subprocess_exec(
        program,
        *proxy.command(config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
    )
    assert process.stdout is not None
    output = asyncio.create_task(_read(process.stdout, places.said))
    try:
        await _accepting(process, output, places)
        yield places, authority
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 20)
        await output


def _prepared(proxy: ProxyProgram, places: Places, below: str) -> tuple[Authority, Path]:
    places.folder.mkdir()
    authority = Authority(places.folder)
    authority.issue()
    text = (ROOT / "deploy" / proxy.file).read_text("utf-8")
    if below:
        text = re.sub(r"# below a path: (.*)\n.*\n", r"\1\n", text).replace("/jindu", below)
    config = places.folder / Path(proxy.file).name
    config.write_text(proxy.configured(_placed(text, places), places), "utf-8")
    return authority, config


def _placed(text: str, places: Places) -> str:
    text = text.replace("127.0.0.1:8000", places.backend)
    return re.sub(r"/etc/\w+/reports\.example\.com\.(crt|key|pem)", rf"{places.folder}/server.\1", text)


async def _read(output: asyncio.StreamReader, said: list[str]) -> None:
    while line := await output.readline():
        said.append(line.decode())


async def _accepting(process: asyncio.subprocess.Process, output: asyncio.Task[None], places: Places) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            if process.returncode is not None:
                await output
            assert process.returncode is None, "".join(places.said)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", places.https)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return

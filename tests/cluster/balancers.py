"""The balancers of deploy/cluster/, as the programs themselves run them, before the nodes of a test."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.functional.proxies import PROXIES, Places, ProxyProgram, for_haproxy, for_nginx, running
from tests.process import ServerProcess

_IN_THE_FILE = ("10.0.0.1:8000", "10.0.0.2:8000")


@dataclass(frozen=True)
class Balancer:
    url: str
    connector: Callable[[], aiohttp.TCPConnector]
    said: list[str]

    def client(self, token: str) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.url, connector=self.connector(), headers={"Authorization": f"Bearer {token}"})


def _with_nodes(configured: Callable[[str, Places], str]) -> Callable[[str, Places], str]:
    def of_nodes(text: str, places: Places) -> str:
        for written, node in zip(_IN_THE_FILE, places.backend.split(","), strict=True):
            text = text.replace(written, node)
        return configured(text, places)

    return of_nodes


BALANCERS: dict[str, ProxyProgram] = {
    name: dataclasses.replace(PROXIES[name], file=f"cluster/{PROXIES[name].file}", configured=_with_nodes(configured))
    for name, configured in (("haproxy", for_haproxy), ("nginx", for_nginx))
}


@asynccontextmanager
async def balancing(name: str, nodes: tuple[ServerProcess, ServerProcess], folder: Path) -> AsyncIterator[Balancer]:
    backend = ",".join(node.url.removeprefix("http://") for node in nodes)
    async with running(BALANCERS[name], backend, folder) as (places, authority):
        yield Balancer(places.url, lambda: aiohttp.TCPConnector(ssl=authority.trusting(), limit=0), places.said)

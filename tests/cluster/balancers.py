"""The balancers of deploy/cluster/, as the programs themselves run them, before the nodes of a test."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.functional.proxies import PROXIES, Places, ProxyProgram, for_haproxy, for_nginx, running
from tests.process import ServerProcess

_FIRST, _SECOND = "10.0.0.1:8000", "10.0.0.2:8000"  # in the files


@dataclass(frozen=True)
class Balancer:
    url: str
    connector: Callable[[], aiohttp.TCPConnector]
    said: list[str]

    def client(self, token: str) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.url, connector=self.connector(), headers={"Authorization": f"Bearer {token}"})


def with_nodes(configured: Callable[[str, Places], str]) -> Callable[[str, Places], str]:
    """As many as there are: the line of the second is written again for each one more."""

    def of_nodes(text: str, places: Places) -> str:
        first, *others = places.backend.split(",")
        lines = []
        for line in text.splitlines():
            if _SECOND in line:
                lines += [
                    line.replace(_SECOND, node).replace("west", f"west{number or ''}")
                    for number, node in enumerate(others)
                ]
            else:
                lines.append(line.replace(_FIRST, first))
        return configured("\n".join(lines) + "\n", places)

    return of_nodes


def of_cluster(name: str, configured: Callable[[str, Places], str]) -> ProxyProgram:
    return dataclasses.replace(PROXIES[name], file=f"cluster/{PROXIES[name].file}", configured=with_nodes(configured))


BALANCERS: dict[str, ProxyProgram] = {
    name: of_cluster(name, configured) for name, configured in (("haproxy", for_haproxy), ("nginx", for_nginx))
}


@asynccontextmanager
async def balancing(name: str, nodes: Sequence[ServerProcess], folder: Path) -> AsyncIterator[Balancer]:
    async with running(BALANCERS[name], behind(nodes), folder) as (places, authority):
        yield Balancer(places.url, lambda: aiohttp.TCPConnector(ssl=authority.trusting(), limit=0), places.said)


def behind(nodes: Sequence[ServerProcess]) -> str:
    return ",".join(node.url.removeprefix("http://") for node in nodes)

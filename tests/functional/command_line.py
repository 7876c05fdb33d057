"""The command line as scripts use it: real processes against a running server."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass

import aiohttp

from tests.beginnings import command
from tests.conftest import Server
from tests.process import ENGINES, ROOT

ORDERS = "region,amount\n" + "".join(f"{'East' if n % 2 else 'West'},{n}\n" for n in range(400)) + "West,oops\n"
TEMPLATE = """
title: "Sales of {{ region }}"
formats: [html]
parameters:
  region: {type: text, each: "select distinct region from orders order by 1"}
queries:
  totals: select sum(amount) as revenue from orders where region = $region
blocks:
  - text: "{{ region }}: {{ totals.revenue }}"
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    out: str
    error: str


async def begin(*arguments: str, **environ: str) -> asyncio.subprocess.Process:
    """`python run.py …` with nothing of our own environment's settings, and no terminal."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("JINDU_")}
    clean |= {name.replace("TEST", "JINDU", 1): os.environ.get(name, "") for name in ENGINES} | environ
    # What a Python reads when it starts is told to one that starts for it alone.
    is_ordinary = all(name.startswith("JINDU_") for name in environ)
    told, inherited = command(arguments, clean) if is_ordinary else ([sys.executable, "run.py", *arguments], ())
    return await asyncio.create_subprocess_exec(
        *told,
        cwd=ROOT,
        env=clean,
        pass_fds=inherited,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(*arguments: str, given: bytes = b"", **environ: str) -> Outcome:
    """The same, with `given` on standard input, until it has ended."""
    return await ended(await begin(*arguments, **environ), given)


async def ended(process: asyncio.subprocess.Process, given: bytes = b"") -> Outcome:
    async with asyncio.timeout(60):
        out, error = await process.communicate(given)
    return Outcome(process.returncode or 0, out.decode(), error.decode())


def token_of(client: aiohttp.ClientSession) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


def as_user(server: Server, client: aiohttp.ClientSession) -> dict[str, str]:
    return {"JINDU_URL": server.url, "JINDU_TOKEN": token_of(client)}

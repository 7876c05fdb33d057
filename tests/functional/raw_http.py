"""Requests written by hand, whole or in part."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.conftest import Server

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def sent(server: Server, data: bytes, address: str = "127.0.0.1") -> AsyncIterator[Pair]:
    host, _, port = server.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(address, 0), limit=64 * 1024)
    try:
        writer.write(data)
        yield reader, writer
    finally:
        writer.transport.abort()


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: x", *lines, "", "")).encode()

"""Sending a file by tus, piece by piece; lost connections and restarts of the server are survived."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp

from jindu.errors import ClientError, Problem
from jindu.requests import Requests, raise_for_problem, wait_to_retry

Progress = Callable[[int, int], None]
"""Called with bytes sent and bytes in all."""

_TUS = {"Tus-Resumable": "1.0.0"}
_PATCH_BYTES = 16 * 1024 * 1024  # acknowledged piece by piece: so much is sent again at most
_READ_BYTES = 256 * 1024


async def upload(requests: Requests, path: Path, on_progress: Progress | None = None) -> dict[str, Any]:
    """Send a file and answer the upload. Raises `Unreachable` after a minute without an answer."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        sending = _Sending(requests, await _announce(requests, path.name, size), file, size, on_progress)
        offset = 0
        failures = 0
        while offset < size:
            try:
                offset = await sending.send(offset)
                failures = 0
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError, Problem) as error:
                failures = await wait_to_retry(error, failures)
                offset = await sending.offset(offset)
    answer: dict[str, Any] = await requests.json("GET", sending.place)
    return answer


async def _announce(requests: Requests, name: str, size: int) -> str:
    encoded = base64.b64encode(name.encode("utf-8", "replace")).decode("ascii")
    headers = _TUS | {
        "Upload-Length": str(size),
        "Upload-Metadata": f"filename {encoded}",
        "Idempotency-Key": uuid.uuid4().hex,
    }
    try:
        async with requests.session.post(f"{requests.url}/api/v1/uploads", headers=headers) as response:
            await raise_for_problem(response)
            return response.headers["Location"]
    except (aiohttp.ClientError, asyncio.TimeoutError) as error:
        raise requests.unreachable(error) from error


class _Sending:
    def __init__(self, requests: Requests, place: str, file: BinaryIO, size: int, on_progress: Progress | None) -> None:
        self._requests = requests
        self._file = file
        self._size = size
        self._on_progress = on_progress
        self.place = place

    async def send(self, offset: int) -> int:
        """Up to one piece; where the server stands then."""
        length = min(_PATCH_BYTES, self._size - offset)
        headers = _TUS | {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
        }
        place = self._requests.absolute(self.place)
        async with self._requests.session.patch(place, headers=headers, data=self._body(offset, length)) as response:
            await raise_for_problem(response)
            return int(response.headers["Upload-Offset"])

    async def offset(self, last_known: int) -> int:
        """Where to go on; while the server cannot say, where we believe to be."""
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, OSError):
            async with self._requests.session.head(self._requests.absolute(self.place), headers=_TUS) as response:
                if response.status == 404:
                    raise ClientError("The upload was removed on the server; send the file again.")
                return int(response.headers.get("Upload-Offset", last_known))
        return last_known

    async def _body(self, offset: int, length: int) -> AsyncIterator[bytes]:
        await asyncio.to_thread(self._file.seek, offset)
        sent = 0
        while sent < length:
            chunk = await asyncio.to_thread(self._file.read, min(_READ_BYTES, length - sent))
            if not chunk:
                raise ClientError("The file became shorter while it was sent; send it again.")
            yield chunk
            sent += len(chunk)
            if self._on_progress:
                self._on_progress(offset + sent, self._size)

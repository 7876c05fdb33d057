"""Sending a file by tus, piece by piece; lost connections and restarts of the server are survived."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
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
_READ_SECONDS = 120.0  # for the server to read through what it was sent
_LOOK_SECONDS = 0.1
_GONE = frozenset({404, 410})
_MOST_TURNS = 20  # uploads of one file that were removed again; then it is sent as any other


async def upload(
    requests: Requests, path: Path, on_progress: Progress | None = None, *, dataset: str = ""
) -> dict[str, Any]:
    """Send a file and answer the upload. Raises `Unreachable` after a minute without an answer."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        place = await _announce(requests, path.name, size, key=uuid.uuid4().hex, dataset=dataset)
        return await _sent(_Sending(requests, place, file, size, on_progress), 0)


async def resume(
    requests: Requests, path: Path, on_progress: Progress | None = None, *, dataset: str = ""
) -> dict[str, Any]:
    """The same; what another process began to send of this very file goes on where it was.

    Which file it is, its place, size and time say: an `Idempotency-Key` made of them stands for one upload.
    """
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        known = f"{_place_of(path)}|{facts.st_size}|{facts.st_mtime_ns}"
        for turn in range(_MOST_TURNS):
            key = hashlib.sha256(f"{known}|{turn}".encode()).hexdigest()
            announced = _announce(requests, path.name, facts.st_size, key=key, dataset=dataset)
            if sent := await _resumed(requests, announced, file, facts.st_size, on_progress):
                return sent
    return await upload(requests, path, on_progress, dataset=dataset)


async def _resumed(
    requests: Requests, announced: Awaitable[str], file: BinaryIO, size: int, on_progress: Progress | None
) -> dict[str, Any] | None:
    """None when the upload of this key is of no use: removed meanwhile, or of another content."""
    try:
        sending = _Sending(requests, await announced, file, size, on_progress)
        begun_at = await sending.position()
        sent = await _sent(sending, begun_at)
    except Problem as error:
        if error.status in _GONE:
            return None
        raise
    if begun_at and await _sha256(sending, sent) != await asyncio.to_thread(_digest, file):
        await delete(requests, sent["id"])
        return None
    return sent


async def _sha256(sending: _Sending, sent: dict[str, Any]) -> str:
    """As the server found it, which has to read the file again first when several nodes took it in."""
    waited = 0.0
    while sent["sha256"] is None:
        if waited >= _READ_SECONDS:
            raise ClientError("The server has the whole file and has not read it through yet; call again in a while.")
        pause = max(_LOOK_SECONDS, waited / 4)
        await asyncio.sleep(pause)
        waited += pause
        sent.update(await sending.requests.json("GET", sending.place))
    return str(sent["sha256"])


async def delete(requests: Requests, upload_id: str) -> None:
    await requests.json("DELETE", f"/api/v1/uploads/{upload_id}", headers=_TUS)


async def _sent(sending: _Sending, offset: int) -> dict[str, Any]:
    """Send what is missing from `offset` on."""
    failures = 0
    while offset < sending.size:
        try:
            offset = await sending.send(offset)
            failures = 0
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, Problem) as error:
            failures = await wait_to_retry(error, failures)
            offset = await sending.offset(offset)
    answer: dict[str, Any] = await sending.requests.json("GET", sending.place)
    return answer


async def _announce(requests: Requests, name: str, size: int, *, key: str, dataset: str = "") -> str:
    """`dataset`: what it is to be imported into, which people see meanwhile."""
    metadata = {"filename": name, "dataset": dataset} if dataset else {"filename": name}
    headers = _TUS | {
        "Upload-Length": str(size),
        "Upload-Metadata": ",".join(f"{key} {_encoded(value)}" for key, value in metadata.items()),
        "Idempotency-Key": key,
    }
    try:
        async with requests.session.post(f"{requests.url}/api/v1/uploads", headers=headers) as response:
            await raise_for_problem(response)
            return response.headers["Location"]
    except (aiohttp.ClientError, asyncio.TimeoutError) as error:
        raise requests.unreachable(error) from error


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode("utf-8", "replace")).decode("ascii")


class _Sending:
    def __init__(self, requests: Requests, place: str, file: BinaryIO, size: int, on_progress: Progress | None) -> None:
        self.requests = requests
        self._file = file
        self.size = size
        self._on_progress = on_progress
        self.place = place

    async def send(self, offset: int) -> int:
        """Up to one piece; where the server stands then."""
        length = min(_PATCH_BYTES, self.size - offset)
        headers = _TUS | {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
        }
        place = self.requests.absolute(self.place)
        async with self.requests.session.patch(place, headers=headers, data=self._body(offset, length)) as response:
            await raise_for_problem(response)
            return int(response.headers["Upload-Offset"])

    async def position(self) -> int:
        """How much is there already. Raises `Problem`."""
        try:
            async with self.requests.session.head(self.requests.absolute(self.place), headers=_TUS) as response:
                await raise_for_problem(response)
                return int(response.headers["Upload-Offset"])
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            raise self.requests.unreachable(error) from error

    async def offset(self, last_known: int) -> int:
        """Where to go on; while the server cannot say, where we believe to be."""
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, OSError):
            async with self.requests.session.head(self.requests.absolute(self.place), headers=_TUS) as response:
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
                self._on_progress(offset + sent, self.size)


def _place_of(path: Path) -> Path:
    return Path.cwd() / path


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_READ_BYTES):
        digest.update(chunk)
    return digest.hexdigest()

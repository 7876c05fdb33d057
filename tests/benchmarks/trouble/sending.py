"""Files on their way to the server, as tus clients send them: in pieces, in parallel parts, by our own client."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import time
from pathlib import Path
from typing import Any

import aiohttp

import jindu
from tests.benchmarks.trouble.caller import PASSING, PAUSE_SECONDS, Caller
from tests.benchmarks.trouble.ledger import Harm

_TUS = {"Tus-Resumable": "1.0.0"}
_BYTES = _TUS | {"Content-Type": "application/offset+octet-stream"}
_PIECES = (16_384, 65_536, 200_000, 700_000)
_PARTS = 3
_WHOLE_SECONDS = 120.0
WHAT = "uploads"
PIECES = "pieces of files"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Sending:
    def __init__(self, call: Caller, client: jindu.Client, chance: random.Random, folder: Path) -> None:
        self._call = call
        self._client = client
        self._random = chance
        self._folder = folder

    async def send(self, name: str, content: bytes) -> dict[str, Any]:
        """The upload once it is whole."""
        way = self._random.choice((self._in_pieces, self._in_pieces, self._in_parts, self._by_client))
        return await way(name, content)

    async def _in_pieces(self, name: str, content: bytes) -> dict[str, Any]:
        place = await self._announced(name, content)
        await self._fill(place, content)
        return await self._found(place)

    async def _in_parts(self, name: str, content: bytes) -> dict[str, Any]:
        """At once, and joined by the server."""
        size = len(content) // _PARTS + 1
        pieces = [content[start : start + size] for start in range(0, len(content), size)]

        async def part(piece: bytes) -> str:
            place = await self._announced("", piece, **{"Upload-Concat": "partial"})
            await self._fill(place, piece)
            return place

        places = await asyncio.gather(*(part(piece) for piece in pieces))
        headers = _TUS | _metadata(name) | {"Upload-Concat": "final;" + " ".join(places)}
        headers["Idempotency-Key"] = self._call.new_key()
        joined = await self._call("POST", "/api/v1/uploads", "files joined of parts", ok=(201,), headers=headers)
        return await self._found(joined.headers["Location"])

    async def _by_client(self, name: str, content: bytes) -> dict[str, Any]:
        path = self._folder / name
        await asyncio.to_thread(path.write_bytes, content)
        self._call.ledger.asked("uploads by jindu.Client")
        while True:
            try:
                sent = await self._client.resume_upload(path)
            except jindu.ClientError as error:
                self._call.ledger.repeated("uploads by jindu.Client", type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self._call.ledger.acknowledged("uploads by jindu.Client")
                return sent

    async def _announced(self, name: str, content: bytes, **more: str) -> str:
        headers = _TUS | _metadata(name) | {"Upload-Length": str(len(content))} | more
        headers["Idempotency-Key"] = self._call.new_key()
        answer = await self._call("POST", "/api/v1/uploads", "uploads announced", ok=(201,), headers=headers)
        return answer.headers["Location"]

    async def _fill(self, place: str, content: bytes) -> None:
        """Piece by piece: what was acknowledged is never less at the next look."""
        acknowledged = 0
        while acknowledged < len(content):
            piece = content[acknowledged : acknowledged + self._random.choice(_PIECES)]
            self._call.ledger.asked(PIECES)
            why = await self._patch(place, acknowledged, piece)
            if why is None:
                self._call.ledger.acknowledged(PIECES)
                acknowledged += len(piece)
                await asyncio.sleep(self._random.uniform(0, 0.2))
                continue
            self._call.ledger.repeated(PIECES, why)
            await asyncio.sleep(PAUSE_SECONDS)
            answer = await self._call("HEAD", place, "positions asked for", headers=_TUS)
            offset = int(answer.headers["Upload-Offset"])
            text = f"{self._call.name} {place}: {acknowledged:,} were acknowledged, {offset:,} are there"
            self._call.ledger.expect(offset >= acknowledged, Harm.LOST, PIECES, text)
            acknowledged = offset

    async def _patch(self, place: str, offset: int, piece: bytes) -> str | None:
        """Why it was not taken."""
        headers = _BYTES | {"Upload-Offset": str(offset)}
        if self._random.random() < 0.3:
            headers["Upload-Checksum"] = "sha1 " + base64.b64encode(hashlib.sha1(piece).digest()).decode()
        timeout = aiohttp.ClientTimeout(total=30, sock_connect=5)
        try:
            async with self._call.session.patch(place, headers=headers, data=piece, timeout=timeout) as response:
                if response.status == 204:
                    reached = int(response.headers["Upload-Offset"])
                    text = f"{self._call.name} {place}: {offset + len(piece):,} were sent, {reached:,} acknowledged"
                    self._call.ledger.expect(reached == offset + len(piece), Harm.WRONG, PIECES, text)
                    return None
                said = await response.text()
                if response.status not in PASSING | {409}:
                    self._call.ledger.harmed(Harm.WRONG, PIECES, f"{place} at {offset:,}: {response.status} {said}")
                return f"PATCH {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__

    async def _found(self, place: str) -> dict[str, Any]:
        """Once it is whole: a worker may have to put its pieces together."""
        deadline = time.monotonic() + _WHOLE_SECONDS
        while True:
            found: dict[str, Any] = (await self._call("GET", place, "uploads asked for")).json
            if found["completed_at"] is not None or time.monotonic() > deadline:
                return found
            await asyncio.sleep(PAUSE_SECONDS)


def _metadata(name: str) -> dict[str, str]:
    return {"Upload-Metadata": f"filename {base64.b64encode(name.encode()).decode()}"} if name else {}

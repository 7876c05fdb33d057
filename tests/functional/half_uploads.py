"""An upload that is half done: whoever moves a server must be able to go on with it."""

from __future__ import annotations

import aiohttp

HALVES = b"region,amount\n", b"north,1\n"
TUS = {"Tus-Resumable": "1.0.0"}


async def halfway(client: aiohttp.ClientSession) -> str:
    """An upload of which one half has come."""
    headers = {**TUS, "Upload-Length": str(sum(map(len, HALVES))), "Upload-Metadata": "filename aGFsZi5jc3Y="}
    async with client.post("/api/v1/uploads", headers=headers) as response:
        assert response.status == 201, await response.text()
        place = response.headers["Location"]
    await go_on(client, place, 0)
    return place


async def go_on(client: aiohttp.ClientSession, place: str, number: int) -> None:
    headers = {**TUS, "Upload-Offset": str(number * len(HALVES[0])), "Content-Type": "application/offset+octet-stream"}
    async with client.patch(place, headers=headers, data=HALVES[number]) as response:
        assert response.status == 204, await response.text()

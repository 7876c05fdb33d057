"""For supervisors and load balancers: `/healthz` says that the process lives, `/readyz` that it takes requests."""

from __future__ import annotations

from aiohttp import web

from server.http.parts import parts_of
from server.http.readiness import SAID_OF, Lack
from server.storage.room import Space

_LITTLE_ROOM = "New data is refused. Delete datasets, uploads or batches that nobody needs, or make the disk larger."


async def healthz(_request: web.Request) -> web.Response:
    """It asks no engine: a process that is started anew brings none of them back."""
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """Answers 503 while it can take nobody; what else is wrong is said with 200."""
    parts = parts_of(request)
    await parts.readiness.require(parts.database)
    lacks, storage = parts.lacks(), parts.room.state
    body: dict[str, str] = {"status": "degraded" if lacks else parts.readiness.phase, "storage": storage}
    if storage is not Space.OK:
        body["detail"] = _LITTLE_ROOM
    if parts.settings.broker_url:
        body["nodes"] = "degraded" if Lack.NODES in lacks else "ok"
    if Lack.NODES in lacks:
        body["detail"] = SAID_OF[Lack.NODES]
    if Lack.FILES in lacks:
        body |= {"files": "away", "detail": SAID_OF[Lack.FILES]}
    return web.json_response(body, headers={"Cache-Control": "no-store"})

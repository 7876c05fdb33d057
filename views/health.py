"""For supervisors and load balancers: `/healthz` says that the process lives, `/readyz` that it takes requests."""

from __future__ import annotations

from aiohttp import web

from server.errors import Unavailable
from server.http.parts import parts_of
from server.storage.room import Space

_LITTLE_ROOM = "New data is refused. Delete datasets, uploads or batches that nobody needs, or make the disk larger."

_FILES_AWAY = "The store of files does not answer. What needs files waits; see its log and JINDU_STORAGE_URL."


async def healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """Answers 503 while the server starts or drains.

    Not on a full disk, on which it still reads and deletes, and not without the store of files: all nodes share that,
    and a balancer without nodes helps nobody.
    """
    readiness = parts_of(request).readiness
    if not readiness.is_ready:
        raise Unavailable
    storage = parts_of(request).room.state
    body: dict[str, str] = {"status": readiness.phase, "storage": storage}
    if storage is not Space.OK:
        body["detail"] = _LITTLE_ROOM
    if parts_of(request).settings.broker_url:
        # No reason to be sent nobody: people are served, and told a little later what happens at other nodes.
        body["nodes"] = "ok" if parts_of(request).reaches_others() else "degraded"
    if parts_of(request).files_are_away():
        body |= {"files": "away", "detail": _FILES_AWAY}
    return web.json_response(body, headers={"Cache-Control": "no-store"})

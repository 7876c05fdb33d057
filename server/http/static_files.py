"""The files under `/static`: those that were there when the server started, and nothing else of the disk."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

_CHUNK_BYTES = 32 * 1024  # in memory of each that is being sent, to strangers, too
_TYPES = {".webp": "image/webp"}  # which the tables of Python and of some machines lack


def static_route(path: str, directory: Path) -> web.RouteDef:
    """Serves the files that are in `directory` now. Any other name is not found, without a look at the disk."""
    files = {
        found.relative_to(directory).as_posix(): found for found in directory.rglob("*") if found.is_file()
    }  # of a few hundred

    async def send(request: web.Request) -> web.StreamResponse:
        found = files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        response = web.FileResponse(found, chunk_size=_CHUNK_BYTES)
        if found.suffix in _TYPES:
            response.content_type = _TYPES[found.suffix]
        return response

    return web.get(f"{path}/{{name:.+}}", send, name="static")

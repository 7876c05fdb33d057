"""The files under `/static`: those that were there when the server started, and nothing else of the disk.

Pages name them as `/static/<digest>/js/app.js`, where the digest is of all files, so that what a page loads once it
need never ask for again, and modules find each other by relative addresses. `/static/js/app.js` is the file as it was
written, for pages of others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiohttp import hdrs, web

from server.http.static_cache import StaticCache, can_be_packed
from server.http.static_tree import Signature, StaticTree, read_tree, signature
from server.places import IN_SOURCE_TREE

_LOG = logging.getLogger("jindu.http")
_CHUNK_BYTES = 32 * 1024  # in memory of each that is being sent, to strangers, too
_TYPES = {".webp": "image/webp", ".js": "text/javascript"}  # which the tables of Python and of some machines lack
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"  # for whether it is still the same
_LOOK_SECONDS = 1.0
_PACKING_NICENESS = 19  # of its thread alone, as Linux counts
_OF_ANY_VERSION = re.compile(r"([0-9a-f]{16})/(.+)")


class StaticFiles:
    def __init__(self, directory: Path, *, templates: Path, cache: Path) -> None:
        self._directory = directory
        self._templates = templates
        self._cache = StaticCache(cache)
        self._tree = StaticTree()
        self._seen: Signature = ()
        self._look_again = 0.0

    def read(self) -> None:
        """What there is now."""
        self._seen = signature(self._directory)
        self._tree = read_tree(self._directory, self._templates, self._cache.directory, self._seen)

    def address(self, name: str) -> str:
        """Where pages find it."""
        if IN_SOURCE_TREE:
            self._look()
        return f"/static/{self._tree.digest}/{name}"

    def _look(self) -> None:
        """For whoever writes at them: after a change the next page has new addresses. Takes some milliseconds."""
        now = time.monotonic()
        if now < self._look_again:
            return
        self._look_again = now + _LOOK_SECONDS  # from this look on: pages in between do not put it off
        if signature(self._directory) != self._seen:
            self.read()

    async def pack(self) -> None:
        """What was not packed by an earlier start; until it is, files go out as they are.

        It takes seconds, in which everybody comes back to a server that was upgraded: they go first.
        """
        loop, tree = asyncio.get_running_loop(), self._tree
        thread = ThreadPoolExecutor(1, "pack", initializer=os.nice, initargs=(_PACKING_NICENESS,))
        try:
            for place in await loop.run_in_executor(thread, self._cache.unpacked, tree.places):
                await loop.run_in_executor(thread, self._cache.pack, place, tree.places[place])
            if self._tree is tree:  # nobody has written at them meanwhile
                self._tree = await loop.run_in_executor(thread, tree.packed)
            await loop.run_in_executor(thread, self._cache.sweep, tree.places)
        except OSError as error:
            _LOG.warning("scripts and style sheets are not packed: %s", error, extra={"action": "static_files"})
        finally:
            thread.shutdown(wait=False, cancel_futures=True)

    async def send(self, request: web.Request) -> web.StreamResponse:
        tree, name, caching = self._tree, request.match_info["name"], _ASK_AGAIN
        files = tree.plain
        if versioned := _OF_ANY_VERSION.fullmatch(name):
            # A page from before an upgrade gets what there is now, and asks again.
            files, name = tree.linked, versioned[2]
            caching = _FOR_EVER if versioned[1] == tree.digest else _ASK_AGAIN
        found = files.get(name)
        if found is None:
            raise web.HTTPNotFound
        response = web.FileResponse(found, chunk_size=_CHUNK_BYTES, headers={hdrs.CACHE_CONTROL: caching})
        if found.suffix in _TYPES:
            response.content_type = _TYPES[found.suffix]
        if can_be_packed(name):
            response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        return response

    def as_written(self, name: str) -> web.FileResponse:
        """One that has an address of its own besides; it is asked for whether it is still the same."""
        return web.FileResponse(self._tree.plain[name], headers={hdrs.CACHE_CONTROL: _ASK_AGAIN})

    def route(self) -> web.RouteDef:
        """Any other name is not found, without a look at the disk."""
        return web.get("/static/{name:.+}", self.send, name="static")

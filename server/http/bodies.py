"""Bodies of requests that are read as a whole: each is bounded, and so is what all of them together keep in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from server.errors import RateLimited, TooLarge, Unavailable
from server.http.guards import current_principal

MOST_OF_A_STRANGER = 16 * 1024  # bytes: names, passwords, a language
_MEBIBYTE = 1024 * 1024
_RETRY_SECONDS = 2.0


class Bodies:
    """A body whose end does not come keeps what has come: 450 sockets with a megabyte each were a gigabyte.

    Small ones are not counted; sockets are limited, too.
    """

    def __init__(self, *, total_bytes: int = 64 * _MEBIBYTE, user_bytes: int = 16 * _MEBIBYTE) -> None:
        self._total_bytes = total_bytes
        self._user_bytes = user_bytes
        self._of_user: Counter[str] = Counter()

    async def read(self, request: web.Request, limit_bytes: int) -> bytes:
        """The whole body. Raises `TooLarge`, also for more than a stranger may send, `RateLimited`, `Unavailable`."""
        principal = current_principal(request)
        if principal is None:
            return await _read(request, min(limit_bytes, MOST_OF_A_STRANGER))
        declared = request.content_length
        expected = limit_bytes if declared is None else min(declared, limit_bytes)
        if expected <= MOST_OF_A_STRANGER:
            return await _read(request, limit_bytes)
        with self._room(principal.user_id, expected):
            return await _read(request, limit_bytes)

    @contextmanager
    def _room(self, user_id: str, expected_bytes: int) -> Iterator[None]:
        if self._of_user[user_id] + expected_bytes > self._user_bytes:
            raise RateLimited(
                "You are sending too many large requests at once; wait until some of them have come.",
                retry_after_seconds=_RETRY_SECONDS,
            )
        if self._of_user.total() + expected_bytes > self._total_bytes:
            raise Unavailable(
                "Too many large requests are being sent at the moment; try again in a moment.",
                code="busy",
                retry_after_seconds=_RETRY_SECONDS,
            )
        self._of_user[user_id] += expected_bytes
        try:
            yield
        finally:
            self._of_user -= Counter({user_id: expected_bytes})


async def _read(request: web.Request, limit_bytes: int) -> bytes:
    if (request.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    pieces, size = [], 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > limit_bytes:  # however it is transferred
            raise _too_large(limit_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge("The request body is larger than {limit} bytes.", limit=limit_bytes)

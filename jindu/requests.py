"""JSON over HTTP with aiohttp: a session with the token, refusals as `Problem`, silence as `Unreachable`."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from jindu.errors import Problem, Unreachable
from jindu.place import Place

_READ_BYTES = 256 * 1024
# The request may succeed when it is sent again: our offset was stale, somebody else was busy, or the server restarts.
PASSING_STATUSES = frozenset({409, 423, 429, 500, 502, 503, 504})
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class Requests:
    """One session of the server at `place`."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.url = place.url
        self.session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {place.token}"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120),
        )

    async def json(self, method: str, path: str, **options: Any) -> Any:
        try:
            async with self.session.request(method, self.absolute(path), **options) as response:
                await raise_for_problem(response)
                return await response.json() if response.status != 204 else None
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            raise self.unreachable(error) from error

    async def any(self, method: str, path: str, body: Any, *, content_type: str) -> Any:
        """Any request, and any answer: JSON, bytes, or None when it is empty."""
        is_raw = isinstance(body, bytes)
        options = {"data": body, "headers": {"Content-Type": content_type}} if is_raw else {"json": body}
        try:
            async with self.session.request(
                method, self.absolute(path), **({} if body is None else options)
            ) as response:
                await raise_for_problem(response)
                content = await response.read()
                is_json = response.content_type == "application/json"
                return json.loads(content) if content and is_json else content or None
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            raise self.unreachable(error) from error

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Sent once only, under a key of its own: the server would know a repetition."""
        return await self.json("POST", path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})

    async def save(self, path: str, target: Path) -> None:
        """Save a file; it appears under its name only once it is whole."""
        partial = target.with_name(f".{target.name}.part")
        try:
            async with self.session.get(self.absolute(path)) as response:
                await raise_for_problem(response)
                with partial.open("wb") as file:
                    async for chunk in response.content.iter_chunked(_READ_BYTES):
                        await asyncio.to_thread(file.write, chunk)
            partial.replace(target)
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            raise self.unreachable(error) from error
        finally:
            partial.unlink(missing_ok=True)

    def absolute(self, path: str) -> str:
        return path if path.startswith(("http://", "https://")) else f"{self.url}{path}"

    def unreachable(self, error: Exception) -> Unreachable:
        reason = str(error) or type(error).__name__
        return Unreachable(f"{self.url} cannot be reached ({reason}). Is the server running?")


async def raise_for_problem(response: aiohttp.ClientResponse) -> None:
    """Raises `Problem` for every status from 400."""
    if response.status < 400:
        return
    try:
        problem = await response.json(content_type=None)
        detail = str(problem.get("detail") or problem.get("title"))
        code = str(problem.get("code", ""))
        fields = [f"{error.get('field', '')}: {error.get('message', '')}" for error in problem.get("errors") or ()]
    except (ValueError, AttributeError):
        detail, code, fields = f"The server answered {response.status} {response.reason}.", "", []
    raise Problem(response.status, code, "\n".join([detail, *fields]))


async def wait_to_retry(error: Exception, failures: int) -> int:
    """Sleep longer with each failure in a row; raises `error` when it will not pass, or has not for a minute."""
    if isinstance(error, Problem) and error.status not in PASSING_STATUSES:
        raise error
    if failures >= len(RETRY_SECONDS):
        if isinstance(error, (Problem, Unreachable)):
            raise error
        raise Unreachable(
            f"The connection is lost ({error or type(error).__name__}). Is the server running?"
        ) from error
    await asyncio.sleep(RETRY_SECONDS[failures])
    return failures + 1

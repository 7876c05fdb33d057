"""An asynchronous client of a Jindu server. It needs the address and a token, and nothing of the server's code."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import aiohttp

Job = dict[str, Any]
Progress = Callable[[int, int], None]
"""Called with bytes sent and bytes in all."""

FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})
_TUS = {"Tus-Resumable": "1.0.0"}
_PATCH_BYTES = 16 * 1024 * 1024  # acknowledged piece by piece: so much is sent again at most
_READ_BYTES = 256 * 1024
_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
# The request may succeed when it is sent again: our offset was stale, somebody else was busy, or the server restarts.
_PASSING_STATUSES = frozenset({409, 423, 429, 500, 502, 503, 504})


class ClientError(Exception):
    """Something a person should read; the text says what to do."""


class Unreachable(ClientError):
    """The server does not answer."""


class Problem(ClientError):
    """The server refused a request and said why."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class JinduClient:
    """Use it as an asynchronous context manager."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120),
        )

    async def __aenter__(self) -> JinduClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, **query: str) -> Any:
        return await self._json("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Sent once only, under a key of its own: the server would know a repetition."""
        return await self._json("POST", path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})

    async def job(self, job_id: str) -> Job:
        job: Job = await self.get(f"/api/v1/jobs/{job_id}")
        return job

    async def upload(self, path: Path, on_progress: Progress | None = None) -> dict[str, Any]:
        """Send a file; lost connections and restarts of the server are survived. Answers the upload."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            place = await self._announce(path.name, size)
            offset = 0
            failures = 0
            while offset < size:
                try:
                    offset = await self._send(place, file, offset, size, on_progress)
                    failures = 0
                except (aiohttp.ClientError, TimeoutError, OSError, Problem) as error:
                    failures = await _wait_to_retry(error, failures)
                    offset = await self._offset(place, offset)
        upload: dict[str, Any] = await self.get(place)
        return upload

    async def watch(self, job_id: str) -> AsyncIterator[Job]:
        """Every newer snapshot of a job until it is over, over a WebSocket that is opened again when it breaks."""
        revision = -1
        failures = 0
        while True:
            try:
                async with self._session.ws_connect(f"{self.url}/ws/cli-{uuid.uuid4().hex}", heartbeat=20) as socket:
                    await socket.send_json({"type": "subscribe", "events": [f"job:{job_id}"]})
                    # Asked for once the socket stands: what happens from here on is told.
                    snapshot = await self.job(job_id)
                    async for job in _merged(snapshot, _jobs_told(socket, job_id)):
                        if job["revision"] > revision:
                            failures, revision = 0, job["revision"]
                            yield job
                        if job["state"] in FINAL_STATES:
                            return
                raise aiohttp.ClientConnectionError("the live connection was closed")
            except (aiohttp.ClientError, TimeoutError, OSError, Unreachable) as error:
                failures = await _wait_to_retry(_refusal(error), failures)

    async def reports(self, batch_id: str) -> AsyncIterator[dict[str, Any]]:
        """All reports of a batch, page by page."""
        query = {"limit": "500"}
        while True:
            page = await self.get(f"/api/v1/batches/{batch_id}/reports", **query)
            for report in page["items"]:
                yield report
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]

    async def download(self, place: str, target: Path) -> None:
        """Save a file; it appears under its name only once it is whole."""
        partial = target.with_name(f".{target.name}.part")
        try:
            async with self._session.get(self._absolute(place)) as response:
                await _raise_for_problem(response)
                with partial.open("wb") as file:
                    async for chunk in response.content.iter_chunked(_READ_BYTES):
                        await asyncio.to_thread(file.write, chunk)
            partial.replace(target)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error
        finally:
            partial.unlink(missing_ok=True)

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        try:
            async with self._session.request(method, self._absolute(path), **options) as response:
                await _raise_for_problem(response)
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error

    async def _announce(self, name: str, size: int) -> str:
        encoded = base64.b64encode(name.encode("utf-8", "replace")).decode("ascii")
        headers = _TUS | {
            "Upload-Length": str(size),
            "Upload-Metadata": f"filename {encoded}",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        try:
            async with self._session.post(f"{self.url}/api/v1/uploads", headers=headers) as response:
                await _raise_for_problem(response)
                return response.headers["Location"]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error

    async def _send(self, place: str, file: BinaryIO, offset: int, size: int, on_progress: Progress | None) -> int:
        length = min(_PATCH_BYTES, size - offset)
        headers = _TUS | {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
        }

        async def body() -> AsyncIterator[bytes]:
            await asyncio.to_thread(file.seek, offset)
            sent = 0
            while sent < length:
                chunk = await asyncio.to_thread(file.read, min(_READ_BYTES, length - sent))
                if not chunk:
                    raise ClientError("The file became shorter while it was sent; send it again.")
                yield chunk
                sent += len(chunk)
                if on_progress:
                    on_progress(offset + sent, size)

        async with self._session.patch(self._absolute(place), headers=headers, data=body()) as response:
            await _raise_for_problem(response)
            return int(response.headers["Upload-Offset"])

    async def _offset(self, place: str, last_known: int) -> int:
        """Where to go on; while the server cannot say, where we believe to be."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._session.head(self._absolute(place), headers=_TUS) as response:
                if response.status == 404:
                    raise ClientError("The upload was removed on the server; send the file again.")
                return int(response.headers.get("Upload-Offset", last_known))
        return last_known

    def _absolute(self, place: str) -> str:
        return place if place.startswith(("http://", "https://")) else f"{self.url}{place}"

    def _unreachable(self, error: Exception) -> Unreachable:
        reason = str(error) or type(error).__name__
        return Unreachable(f"{self.url} cannot be reached ({reason}). Is the server running?")


async def _jobs_told(socket: aiohttp.ClientWebSocketResponse, job_id: str) -> AsyncIterator[Job]:
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            continue
        told = json.loads(message.data)
        job = told.get("data") if told.get("type") == "event" else told
        if isinstance(job, dict) and job.get("job_id") == job_id and "revision" in job:
            yield job


async def _merged(first: Job, others: AsyncIterator[Job]) -> AsyncIterator[Job]:
    yield first
    async for job in others:
        yield job


async def _raise_for_problem(response: aiohttp.ClientResponse) -> None:
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


def _refusal(error: Exception) -> Exception:
    """A WebSocket that was refused, as the problem it is; other errors as they are."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return Problem(error.status, "", f"The server refused the live connection ({error.status} {error.message}).")
    return error


async def _wait_to_retry(error: Exception, failures: int) -> int:
    """Sleep longer with each failure in a row; raises `error` when it will not pass, or has not for a minute."""
    if isinstance(error, Problem) and error.status not in _PASSING_STATUSES:
        raise error
    if failures >= len(_RETRY_SECONDS):
        if isinstance(error, ClientError):
            raise error
        raise Unreachable(
            f"The connection is lost ({error or type(error).__name__}). Is the server running?"
        ) from error
    await asyncio.sleep(_RETRY_SECONDS[failures])
    return failures + 1

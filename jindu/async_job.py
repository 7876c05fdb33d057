"""`async with client.job(…)`: a script's progress, sent by a task instead of a thread."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

import aiohttp

from jindu.handle import JobHandle
from jindu.report import Answer, Report, Request
from jindu.requests import Requests

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_PAUSE_SECONDS = 0.05  # while the script waits for its end to be told


class AsyncJob(JobHandle):
    """Use it as an asynchronous context manager; its methods are plain ones. See `jindu.job`."""

    def __init__(
        self,
        requests: Requests,
        report: Report,
        *,
        strict: bool,
        raise_on_cancel: bool,
        interval_seconds: float,
        close_seconds: float,
    ) -> None:
        super().__init__(report, strict=strict, raise_on_cancel=raise_on_cancel)
        self._requests = requests
        self._interval_seconds = interval_seconds
        self._close_seconds = close_seconds
        self._closing = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AsyncJob:
        if self._strict:
            await self._send()
            refusal = self._report.problem or self._report.trouble
            if refusal is not None:
                raise refusal
        self._sending = asyncio.create_task(self._run(), name=f"jindu {self._report.title}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._sending is not None
        self._write_end(error)
        self._closing.set()
        await asyncio.wait({self._sending}, timeout=self._close_seconds)
        if not self._sending.done():
            self._report.give_up()
            self._sending.cancel()
            await asyncio.wait({self._sending})
        if self._strict and error is None and self._report.problem is not None:
            raise self._report.problem

    async def _run(self) -> None:
        while not self._report.is_over:
            if not await self._send() and self._closing.is_set():
                await asyncio.sleep(_PAUSE_SECONDS)
            try:
                async with asyncio.timeout(self._interval_seconds):
                    await self._closing.wait()
            except TimeoutError:
                continue

    async def _send(self) -> bool:
        request = self._report.next_request(time.monotonic())
        if request is None:
            return False
        try:
            answer = await self._answer(request)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._report.unreachable(self._requests.url, error, time.monotonic())
        else:
            self._report.answered(request, answer, time.monotonic())
        self._heard()
        return True

    async def _answer(self, request: Request) -> Answer:
        address = self._requests.absolute(request.path)
        async with self._requests.session.request(
            request.method, address, json=request.body, headers=request.headers, timeout=_TIMEOUT, allow_redirects=False
        ) as response:
            try:
                body = await response.json(content_type=None)
            except ValueError:
                body = None
            retry_after = response.headers.get("Retry-After", "")
        seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
        return Answer(response.status, body if isinstance(body, dict) else {}, seconds)

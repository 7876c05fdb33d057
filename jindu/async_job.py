"""`async with client.job(…)`: a script's progress, sent by a task instead of a thread."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

import aiohttp

from jindu import open_jobs
from jindu.courier import send_once
from jindu.handle import JobHandle, LeftOpen, patience
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
        close_seconds: float | None,
    ) -> None:
        super().__init__(report, strict=strict, raise_on_cancel=raise_on_cancel)
        self._requests = requests
        self._interval_seconds = interval_seconds
        self._patience_seconds = patience(close_seconds)
        self._closing = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AsyncJob:
        self.begin()
        if self._strict:
            await self._send()
            refusal = self._report.problem or self._report.trouble
            if refusal is not None:
                raise refusal
        self._sending = asyncio.create_task(self._run(), name=f"jindu {self._report.title}")
        open_jobs.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_a_childs:
            return
        assert self._sending is not None
        self._write_end(error)
        self._closing.set()
        while not self._sending.done() and self._is_worth_waiting():
            await asyncio.wait({self._sending}, timeout=_PAUSE_SECONDS)
        open_jobs.remove(self)
        if not self._sending.done():
            self._report.give_up()
            self._heard()
            self._sending.cancel()
            await asyncio.wait({self._sending})
        if self._strict and error is None and self._report.problem is not None:
            raise self._report.problem

    def finish(self, error: BaseException | None = None) -> None:
        """From outside of its loop; the end of the block does the same."""
        self._write_end(error)
        self._closing.set()

    def end_at_exit(self) -> None:
        self._write_end(LeftOpen())
        send_once(self._requests.place, self._report)  # there is no loop any more

    def end_by_signal(self, name: str) -> None:
        self._write_signal(name)
        send_once(self._requests.place, self._report)  # the loop waits for us

    def _is_worth_waiting(self) -> bool:
        return self._report.is_worth_waiting(time.monotonic(), self._patience_seconds)

    async def _run(self) -> None:
        while not self._report.is_over:
            sent = await self._send()
            if self._closing.is_set():
                await asyncio.sleep(0 if sent else _PAUSE_SECONDS)
            else:
                closing = asyncio.ensure_future(self._closing.wait())
                await asyncio.wait({closing}, timeout=self._interval_seconds)
                closing.cancel()

    async def _send(self) -> bool:
        request = self._report.next_request(time.monotonic())
        if request is None:
            return False
        try:
            answer = await self._answer(request)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
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

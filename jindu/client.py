"""The asynchronous client: follow jobs live, upload, import, order reports, download, show own progress."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from jindu import uploads
from jindu.async_job import AsyncJob
from jindu.errors import ClientError, Unreachable
from jindu.live import Live
from jindu.mailbox import Message
from jindu.place import Place
from jindu.report import Report
from jindu.requests import Requests, wait_to_retry

Job = dict[str, Any]
FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})
_PATIENCE_SECONDS = 60.0  # a server that restarts is back by then


class Client:
    """One user of one server. Make it inside the event loop; use it as an asynchronous context manager, or `close` it.

    The server is that of `url` and `token`, else of `JINDU_URL` and `JINDU_TOKEN`; raises `NotConfigured` without.
    `language` (`en`, `zh-CN`) is that of the texts in messages; `client_id` names this program among one's devices.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        client_id: str = "",
        language: str = "",
        since: tuple[str, int] | None = None,
        ping_seconds: float = 25.0,
    ) -> None:
        """`since`: the (epoch, offset) up to which an earlier process has read the kept messages; go on from there."""
        place = Place.given(url, token)
        self.url = place.url
        self._requests = Requests(place)
        self._live = Live(
            self._requests, client_id=client_id, language=language, since=since, ping_seconds=ping_seconds
        )

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._live.close()
        await self._requests.session.close()

    # live

    @property
    def is_connected(self) -> bool:
        """Whether the live connection stands at this moment, as far as we know."""
        return self._live.is_connected

    def messages(self, *, give_up_seconds: float | None = None) -> AsyncIterator[Message]:
        """`async for message in client.messages()`: everything the server tells, from this call on.

        Connects, and connects again whenever that breaks, going on after the last kept message. After each
        `connection` message comes a `jobs` message, the snapshot; with `recovered: false` there, kept messages may be
        missing: reload what you show. Raises `Closed` when the server wants no return (signed out, replaced),
        `Problem` when it refuses the connection, `Unreachable` after `give_up_seconds` without one (None: never).
        """
        return self._live.messages(give_up_seconds=give_up_seconds)

    async def subscribe(self, *events: str) -> None:
        """Have publications on `events` among the messages, also after reconnecting. Raises `Problem`."""
        await self._live.subscribe(*events)

    async def unsubscribe(self, *events: str) -> None:
        await self._live.unsubscribe(*events)

    async def history(self, since: tuple[str, int] | None = None, *, limit: int = 100) -> Message:
        """Kept messages after a position (epoch, offset), or the newest: `messages`, `epoch`, `offset`, `recovered`."""
        position = {"since": {"epoch": since[0], "offset": since[1]}} if since else {}
        return await self._live.command("history", limit=limit, **position)

    async def jobs(self) -> list[Job]:
        """My jobs that are not over, and those that ended within the last minute."""
        jobs: list[Job] = (await self._live.command("jobs"))["jobs"]
        return jobs

    async def ping(self) -> None:
        """Returns when the server answers over the live connection."""
        await self._live.command("ping")

    async def watch(self, job_id: str) -> AsyncIterator[Job]:
        """Every newer state of a job until it is over.

        Raises `Problem` when there is no such job, `Unreachable` after a minute without the server.
        """
        event = f"job:{job_id}"
        messages = self._live.messages(give_up_seconds=_PATIENCE_SECONDS)
        await self._subscribed(event)
        job = await self._found(job_id)  # asked for once subscribed: what happens from here on is told
        yield job
        while job["state"] not in FINAL_STATES:
            told = await messages.__anext__()
            if told["type"] == "subscription" and event in told["events"]:
                told = await self._found(job_id)  # connected again: something may have happened meanwhile
            elif told["type"] == "event" and told["event"] == event:
                told = told["data"]
            if told.get("job_id") == job_id and told.get("revision", -1) > job["revision"]:
                job = told
                yield job
        with contextlib.suppress(ClientError):
            await self._live.unsubscribe(event)

    def job(
        self,
        title: str,
        *,
        total: float | None = None,
        unit: str = "steps",
        strict: bool = False,
        raise_on_cancel: bool = True,
        interval_seconds: float = 0.5,
        close_seconds: float | None = None,
    ) -> AsyncJob:
        """`async with client.job("Nightly ETL", total=n) as job: … job.advance()`. See `jindu.job`."""
        return AsyncJob(
            self._requests,
            Report(title, total=total, unit=unit),
            strict=strict,
            raise_on_cancel=raise_on_cancel,
            interval_seconds=interval_seconds,
            close_seconds=close_seconds,
        )

    # HTTP

    async def get(self, path: str, **query: str) -> Any:
        """The JSON at `path`, such as `/api/v1/datasets`. Raises `Problem` and `Unreachable`."""
        return await self._requests.json("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Sent once only, under an `Idempotency-Key` of its own. Raises `Problem` and `Unreachable`."""
        return await self._requests.post(path, body)

    async def request(self, method: str, path: str, body: Any = None, *, content_type: str = "application/json") -> Any:
        """Any other request. `body` is sent as JSON, or as it is when it is bytes, which are of `content_type`.

        Answers JSON, bytes where it is something else, None where there is nothing. Raises `Problem` and `Unreachable`.
        """
        return await self._requests.any(method, path, body, content_type=content_type)

    async def find_job(self, job_id: str) -> Job:
        """A job as it is now. Raises `Problem` 404 when there is none."""
        job: Job = await self.get(f"/api/v1/jobs/{job_id}")
        return job

    async def cancel(self, job_id: str) -> Job:
        """Stop a job; one that is over already stays as it is."""
        job: Job = await self.post(f"/api/v1/jobs/{job_id}/cancel", {})
        return job

    async def upload(
        self, path: Path, on_progress: uploads.Progress | None = None, *, dataset: str = ""
    ) -> dict[str, Any]:
        """Send a file; lost connections and restarts of the server are survived. Answers the upload.

        `on_progress(sent, size)` is called with bytes. `dataset`: what you will import it into, for lists of jobs.
        """
        return await uploads.upload(self._requests, path, on_progress, dataset=dataset)

    async def resume_upload(
        self, path: Path, on_progress: uploads.Progress | None = None, *, dataset: str = ""
    ) -> dict[str, Any]:
        """The same; an upload of this file that another process left unfinished, or that is still there, goes on."""
        return await uploads.resume(self._requests, path, on_progress, dataset=dataset)

    async def delete_upload(self, upload_id: str) -> None:
        """Remove an upload; what was imported from it stays. Raises `Problem`."""
        await uploads.delete(self._requests, upload_id)

    async def start_import(self, upload_id: str, dataset: str, *, mode: str = "create", **more: Any) -> dict[str, Any]:
        """Import an upload into a dataset; `mode` is create, replace or append. The answer has the `job_id`."""
        body = {"upload_id": upload_id, "dataset": dataset, "mode": mode, **more}
        answer: dict[str, Any] = await self.post("/api/v1/imports", body)
        return answer

    async def start_batch(
        self,
        template: str,
        *,
        owner: str | None = None,
        parameters: Sequence[Mapping[str, Any]] | None = None,
        formats: Sequence[str] = (),
        as_of: str = "",
        deliveries: Sequence[Mapping[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Order reports; the answer has `job_id` and `batch_id`. Without parameters: one per value of `each`.

        `as_of` is the moment they speak of, as a day or RFC 3339: the same order gives the same bytes. `owner`: whose
        template it is, when it is shared with you. `deliveries` say who gets them, as in `POST /api/v1/batches`.
        """
        order: dict[str, Any] = {"template": template}
        if owner is not None:
            order["owner"] = owner
        if parameters:
            order["parameters"] = [dict(given) for given in parameters]
        if formats:
            order["formats"] = list(formats)
        if as_of:
            order["as_of"] = as_of
        if deliveries:
            order["deliveries"] = [dict(wish) for wish in deliveries]
        answer: dict[str, Any] = await self.post("/api/v1/batches", order)
        return answer

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

    async def download(self, path: str, target: Path) -> None:
        """Save what is at `path` (an artifact's `url`); the file appears under its name only once it is whole."""
        await self._requests.save(path, target)

    async def _subscribed(self, event: str) -> None:
        failures = 0
        while True:
            try:
                return await self._live.subscribe(event)
            except Unreachable as error:
                failures = await wait_to_retry(error, failures)

    async def _found(self, job_id: str) -> Job:
        failures = 0
        while True:
            try:
                return await self.find_job(job_id)
            except ClientError as error:
                failures = await wait_to_retry(error, failures)

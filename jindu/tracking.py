"""`with jindu.job(…)` and `jindu.track(…)`: a script's progress on the pages of Jindu."""

from __future__ import annotations

import atexit
import operator
import os
import sys
from collections.abc import Generator, Iterable
from types import TracebackType
from typing import TypeVar

from jindu.errors import ClientError
from jindu.handle import JobHandle, warn_once
from jindu.place import Place
from jindu.report import Report
from jindu.sender import Sender

Item = TypeVar("Item")
_LEFT_OPEN = "The script ended without saying how this went."


class Job(JobHandle):
    """Use it as a context manager, or call `start` and `finish`. A thread of its own sends what changed."""

    def __init__(
        self,
        title: str,
        *,
        total: float | None = None,
        unit: str = "steps",
        url: str | None = None,
        token: str | None = None,
        strict: bool = False,
        raise_on_cancel: bool = True,
        interval_seconds: float = 0.5,
        close_seconds: float = 5.0,
    ) -> None:
        """`interval_seconds`: between two updates. `close_seconds`: how long the end may wait for the server."""
        super().__init__(Report(title, total=total, unit=unit), strict=strict, raise_on_cancel=raise_on_cancel)
        self._url = url
        self._token = token
        self._interval_seconds = interval_seconds
        self._close_seconds = close_seconds
        self._sender: Sender | None = None
        self._process_id = os.getpid()

    @classmethod
    def like(cls, other: Job, *, total: float | None) -> Job:
        """A new job that is told and sent as `other` is."""
        return cls(
            other._report.title,
            total=total,
            unit=other._report.unit,
            url=other._url,
            token=other._token,
            strict=other._strict,
            raise_on_cancel=other._raise_on_cancel,
            interval_seconds=other._interval_seconds,
            close_seconds=other._close_seconds,
        )

    def start(self) -> Job:
        """Begin to send. Raises `ClientError` only when strict: the script matters more than its picture."""
        try:
            place = Place.given(self._url, self._token)
        except ClientError as error:
            if self._strict:
                raise
            warn_once(str(error))
            self._report.is_over = True
            return self
        self._process_id = os.getpid()
        self._sender = Sender(self._report, place, interval_seconds=self._interval_seconds, on_answer=self._heard)
        if self._strict:
            self._sender.send_once()
            refusal = self._report.problem or self._report.trouble
            if refusal is not None:
                raise refusal
        self._sender.start()
        atexit.register(self._left_open)
        return self

    def finish(self, error: BaseException | None = None) -> None:
        """The end: succeeded, or what `error` says. Waits until it is told, for at most `close_seconds`."""
        sender, self._sender = self._sender, None
        if sender is None or os.getpid() != self._process_id:
            return  # a fork has no thread to send with; its parent tells the end
        atexit.unregister(self._left_open)
        self._write_end(error)
        sender.close(self._close_seconds)
        if self._strict and error is None and self._report.problem is not None:
            raise self._report.problem

    def leave_early(self) -> None:
        """The loop was left before its end, and nobody said whether that is good or bad."""
        self.message("The loop was left before its end.")
        self._report.end("cancelled")

    def __enter__(self) -> Job:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(error)

    def _left_open(self) -> None:
        is_done = self.total is not None and self.n >= self.total
        crash = getattr(sys, "last_value", None)
        self.finish(crash if isinstance(crash, BaseException) else None if is_done else RuntimeError(_LEFT_OPEN))


def job(
    title: str,
    *,
    total: float | None = None,
    unit: str = "steps",
    url: str | None = None,
    token: str | None = None,
    strict: bool = False,
    raise_on_cancel: bool = True,
    interval_seconds: float = 0.5,
    close_seconds: float = 5.0,
) -> Job:
    """`with jindu.job("Nightly ETL", total=n, unit="rows") as job: … job.advance()`.

    The server is that of `url` and `token`, else of `JINDU_URL` and `JINDU_TOKEN`. An exception in the block makes the
    job failed and goes on its way; Ctrl-C makes it cancelled; *Cancel* on the page raises `Cancelled` at the next
    `advance()`.
    """
    return Job(
        title,
        total=total,
        unit=unit,
        url=url,
        token=token,
        strict=strict,
        raise_on_cancel=raise_on_cancel,
        interval_seconds=interval_seconds,
        close_seconds=close_seconds,
    )


def track(
    iterable: Iterable[Item],
    title: str = "",
    *,
    total: float | None = None,
    unit: str = "items",
    url: str | None = None,
    token: str | None = None,
    strict: bool = False,
    interval_seconds: float = 0.5,
) -> Generator[Item, None, None]:
    """`for row in jindu.track(rows, "Nightly ETL")`: one unit an item; `total` is the length where it has one.

    A loop that is left early, by `break` or by an exception, leaves the job cancelled: from in here the two look alike.
    """
    size = length_of(iterable) if total is None else total
    reported = Job(
        title or script_name(),
        total=size,
        unit=unit,
        url=url,
        token=token,
        strict=strict,
        interval_seconds=interval_seconds,
    )
    with reported:
        try:
            for item in iterable:
                yield item
                reported.advance()
        except GeneratorExit:
            reported.leave_early()
            raise


def length_of(iterable: object) -> int | None:
    """Its length, or what it says of it; None when it knows nothing."""
    return operator.length_hint(iterable, -1) if operator.length_hint(iterable, -1) >= 0 else None


def script_name() -> str:
    """What a job without a title is called."""
    return os.path.basename(sys.argv[0]) or "Python"

"""`with jindu.job(…)` and `jindu.track(…)`: a script's progress on the pages of Jindu."""

from __future__ import annotations

import operator
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Any, TypeVar

from jindu import open_jobs
from jindu.courier import Courier, Errand, courier_to, is_away, send_once
from jindu.errors import ClientError
from jindu.handle import LOOP_LEFT, JobHandle, LeftOpen, patience, warn_once
from jindu.leaving import Consumer, Left
from jindu.place import Place
from jindu.report import Report
from jindu.tally import Tally

Item = TypeVar("Item")
_BLOCK_SECONDS = 5.0  # the end of a block waits no longer; the rest is done beside the script, or at its exit
_LEARN_SECONDS = 2.0  # a script that dies of an exception is dead by then
EXCEPTION = "An exception ended the loop; the script's own output says more."


class Job(JobHandle):
    """Use it as a context manager, or call `start` and `finish`. A thread beside the script sends what changed."""

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
        close_seconds: float | None = None,
    ) -> None:
        """`interval_seconds`: between two updates.

        `close_seconds`: how long the script, at its exit, waits at most for a server that is away, to tell it how this
        ended; else as JINDU_CLOSE_SECONDS says, or a minute.
        """
        super().__init__(Report(title, total=total, unit=unit), strict=strict, raise_on_cancel=raise_on_cancel)
        self._url = url
        self._token = token
        self._interval_seconds = interval_seconds
        self._close_seconds = close_seconds
        self._courier: Courier | None = None
        self._errand: Errand | None = None

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

    def __reduce__(self) -> tuple[Any, ...]:
        """Given to a child process that was spawned, it counts for this job."""
        return _of_a_child, (self._report.title, self._report.total, self._report.unit, self._report.key)

    def start(self) -> Job:
        """Begin to send. Raises `ClientError` only when strict: the script matters more than its picture."""
        if self._is_a_childs or self._errand is not None:
            return self
        self.begin()
        try:
            place = Place.given(self._url, self._token)
        except ClientError as error:
            if self._strict:
                raise
            warn_once(str(error))
            self._report.is_over = True
            return self
        if self._strict:
            send_once(place, self._report)
            refusal = self._report.problem or self._report.trouble
            if refusal is not None:
                raise refusal
        self._send_by(courier_to(place))
        return self

    def _send_by(self, courier: Courier) -> None:
        errand = Errand(
            self._report,
            interval_seconds=self._interval_seconds,
            patience_seconds=patience(self._close_seconds),
            on_answer=self._heard,
        )
        try:
            courier.take(errand)
        except RuntimeError as error:  # no thread can be started any more: the script is exiting
            warn_once(str(error))
            return
        self._courier, self._errand = courier, errand
        open_jobs.add(self)

    def finish(self, error: BaseException | None = None) -> None:
        """The end: succeeded, or what `error` says.

        Waits a moment until it is told; if the server is away, it is told later, beside the script or at its exit. A
        child process cannot end the job of its parent.
        """
        if self._is_a_childs:
            return
        courier, errand = self._courier, self._errand
        if courier is None or errand is None:
            return
        self._errand = None
        if error is None and self._report.is_unsure:
            self._report.be_sure()
        self._write_end(error)
        open_jobs.remove(self)
        courier.hurry(errand)
        courier.wait([errand], self._is_waited_enough(errand))
        if self._strict and error is None:
            self._report.give_up()
            if self._report.problem is not None:
                raise self._report.problem

    def leave(self, how: Left, consumer: Consumer) -> None:
        """The loop was left before its end. If by an exception, that may tell its name yet."""
        if self._courier is None or self._errand is None or self._is_a_childs:
            return
        if how is Left.EARLY:
            self.message(LOOP_LEFT)
            self._report.end("cancelled")
            self.finish()
            return

        def ask() -> None:
            crash = consumer.crash()
            if crash is not None:
                self._write_end(crash)

        state, text = ("failed", EXCEPTION) if how is Left.BY_EXCEPTION else ("cancelled", "")
        self._report.end_unless(state, error=text, sure_at=time.monotonic() + _LEARN_SECONDS, ask=ask)
        self._courier.hurry(self._errand)

    def end_at_exit(self) -> None:
        if self._report.is_unsure:
            self._report.be_sure()
        is_done = self.total is None or self._report.done >= self.total  # without a total nothing is missing
        crash = getattr(sys, "last_value", None)
        self._write_end(crash if isinstance(crash, BaseException) else None if is_done else LeftOpen())
        self._hurry()

    def end_by_signal(self, name: str) -> None:
        self._write_signal(name)
        self._hurry()

    def _hurry(self) -> None:
        if self._courier is not None and self._errand is not None:
            self._courier.hurry(self._errand)

    def _is_waited_enough(self, errand: Errand) -> Callable[[], bool]:
        late_at = time.monotonic() + (errand.patience_seconds if self._strict else _BLOCK_SECONDS)

        def is_enough() -> bool:
            if time.monotonic() > late_at or not open_jobs.is_worth_waiting(errand):
                return True
            return is_away(self._report) and not self._strict

        return is_enough

    def _heard(self) -> None:
        super()._heard()
        if self._report.is_over and self._report.ending is not None:
            open_jobs.remove(self)

    def __enter__(self) -> Job:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(error)


def _of_a_child(title: str, total: float | None, unit: str, key: str) -> Job:
    job = Job(title, total=total, unit=unit)
    job._tally = Tally(key)
    job.become_a_childs()
    return job


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
    close_seconds: float | None = None,
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

    A loop that is left early by `break` leaves the job cancelled, one that is left by an exception, failed.
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
    ).start()
    consumer = Consumer(sys._getframe().f_back)
    try:
        for item in iterable:
            yield item
            reported.advance()
    except GeneratorExit:
        reported.leave(consumer.how_left(sys._getframe().f_back), consumer)
        raise
    except BaseException as error:
        reported.finish(error)
        raise
    reported.finish()


def length_of(iterable: object) -> int | None:
    """Its length, or what it says of it; None when it knows nothing."""
    return operator.length_hint(iterable, -1) if operator.length_hint(iterable, -1) >= 0 else None


def script_name() -> str:
    """What a job without a title is called."""
    return os.path.basename(sys.argv[0]) or "Python"

"""What makes a progress bar a job as well, whatever draws it: a mixin for tqdm's classes, and for our own small bar."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from jindu.handle import warn_once
from jindu.leaving import Consumer, Left
from jindu.tracking import Job, length_of, script_name

_ENDS_OF_ITERATION = (StopIteration, StopAsyncIteration, GeneratorExit)


class Reporting:
    """`class bar(Reporting, tqdm.rich.tqdm): pass` is a bar that is shown on the pages too.

    An inner bar, one with `leave=False` while another is open in the same thread, is drawn but is no job of its own. A
    bar with `disable=True` is neither; with `disable=None`, which leaves pipes without a bar, it is a job.
    """

    _open = threading.local()  # how many bars are open in this thread
    _job: Job | None = None
    _is_counted_open = False
    _is_left = False
    _n: float = 0
    _total: float | None = None
    _born_in: BaseException | None = None  # the exception that was being handled when it began

    def __init__(
        self, *given: Any, url: str | None = None, token: str | None = None, strict: bool = False, **looks: Any
    ) -> None:
        self._born_in = sys.exc_info()[1]
        super().__init__(*given, **looks)
        disable = given[9] if len(given) > 9 else looks.get("disable", False)
        self._is_silent = bool(disable)
        if self._is_silent or "gui" in looks:
            return
        bar: Any = self
        desc = str(getattr(bar, "desc", "") or looks.get("desc") or "").rstrip(": ")
        if self.total is None:
            self.total = length_of(bar.iterable) if bar.iterable is not None else None
        unit = str(getattr(bar, "unit", "") or looks.get("unit") or "it")
        self._job = Job(desc or script_name(), total=self.total, unit=unit, url=url, token=token, strict=strict)
        self._job.begin()  # a bar inside another one that leaves nothing behind is not shown
        self._job.set_progress(self._n)
        postfix = looks.get("postfix")
        if isinstance(postfix, Mapping):
            self._job.detail(**{str(name): value for name, value in postfix.items()})
        elif postfix:
            self._job.message(str(postfix))
        self._leave = bool(looks.get("leave", given[3] if len(given) > 3 else True))
        self._begin()

    def _begin(self) -> None:
        depth = getattr(Reporting._open, "depth", 0)
        Reporting._open.depth = depth + 1
        self._is_counted_open = True
        if self._job is not None and (depth == 0 or self._leave):
            self._job.start()

    # tqdm writes to these itself, in all of its methods

    @property
    def n(self) -> float:
        """How many are done; may be set."""
        return self._n

    @n.setter
    def n(self, value: float) -> None:
        self._n = value
        if self._job is not None:
            self._job.set_progress(value)

    @property
    def total(self) -> float | None:
        return self._total

    @total.setter
    def total(self, value: float | None) -> None:
        self._total = value
        if self._job is not None:
            self._job.set_total(value)

    @property
    def job(self) -> Job:
        """What the server shows; for `message`, `stage` and `cancelled`."""
        if self._job is None:
            self._job = Job(script_name())  # what is said to it, nobody hears
            self._job.begin()
        return self._job

    def __iter__(self) -> Iterator[Any]:
        consumer = Consumer(sys._getframe().f_back)
        items = super().__iter__()  # type: ignore[misc]
        job = self._job
        try:
            for item in items:
                yield item
                if job is not None:
                    job.advance()  # tqdm counts for itself, and looks at it ten times a second
        except GeneratorExit:
            self._leave_loop(consumer.how_left(sys._getframe().f_back), consumer)
            items.close()
            raise
        except BaseException as error:
            self._finish(error)
            raise
        if self._is_counted_open:
            self.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        self._finish(error)
        return super().__exit__(kind, error, trace)  # type: ignore[misc]

    def __del__(self) -> None:
        job = self._job
        if self._is_counted_open and job is not None and (self.total is None or self.n < self.total):
            consumer = Consumer(None)
            self._leave_loop(consumer.how_left(sys._getframe().f_back), consumer)
        parents: Any = super()
        if hasattr(parents, "__del__"):
            parents.__del__()

    def update(self, n: float | None = 1) -> Any:
        """`n` more are done. Raises `Cancelled` once somebody pressed *Cancel* on the page."""
        before = self._n
        answer = super().update(n)  # type: ignore[misc]
        if self._job is not None and self._n == before and n:  # not drawn, so not counted there
            self.n = before + n
        return answer

    def set_description(self, desc: str | None = None, refresh: bool | None = True) -> None:
        """Before the first answer it is the job's title; from then on, the stage it is in."""
        self._say_stage(desc)
        super().set_description(desc, refresh)  # type: ignore[misc]

    def set_description_str(self, desc: str | None = None, refresh: bool | None = True) -> None:
        self._say_stage(desc)
        super().set_description_str(desc, refresh)  # type: ignore[misc]

    def _say_stage(self, desc: str | None) -> None:
        if self._job is not None:
            self._job.stage(str(desc or "").rstrip(": "))

    def set_postfix(
        self, ordered_dict: Mapping[str, object] | None = None, refresh: bool | None = True, **values: object
    ) -> None:
        """Figures beside the bar; on the pages they stand under the job's details."""
        if self._job is not None:
            told = {**(ordered_dict or {}), **values}
            self._job.detail(**{str(name): _plain(value) for name, value in told.items()})
        super().set_postfix(ordered_dict, refresh, **values)  # type: ignore[misc]

    def set_postfix_str(self, s: str = "", refresh: bool | None = True) -> None:
        """Words beside the bar; on the pages, the job's message."""
        if self._job is not None:
            self._job.message(str(s))
        super().set_postfix_str(s, refresh)  # type: ignore[misc]

    def reset(self, total: float | None = None) -> None:
        """Begin anew, as a job of its own: progress never goes backwards."""
        before, self._job = self._job, None
        self._end(before, None)
        super().reset(total)  # type: ignore[misc]
        if before is not None:
            self._job = Job.like(before, total=self.total)
            self._begin()

    def close(self) -> None:
        """Done; what `total` said beyond is taken back. Closed while an exception passes by, it failed."""
        error = sys.exc_info()[1]
        is_news = error is not None and error is not self._born_in and not isinstance(error, _ENDS_OF_ITERATION)
        super().close()  # type: ignore[misc]
        self._finish(error if is_news else None)

    def _leave_loop(self, how: Left, consumer: Consumer) -> None:
        if self._job is not None and self._is_counted_open:
            self._is_left = True
            self._job.leave(how, consumer)
        self._end(None, None)

    def _finish(self, error: BaseException | None) -> None:
        if error is not None or not self._is_left:  # how a loop ended that was left is found out already
            self._end(self._job, error)

    def _end(self, job: Job | None, error: BaseException | None) -> None:
        if self._is_counted_open:
            self._is_counted_open = False
            Reporting._open.depth = max(0, getattr(Reporting._open, "depth", 1) - 1)
        if job is not None:
            job.finish(error)


def _plain(value: object) -> object:
    """A number of NumPy or PyTorch as Python's."""
    item = getattr(value, "item", None)
    if callable(item):
        try:
            return item()
        except (TypeError, ValueError, RuntimeError) as error:
            warn_once(f"{type(value).__name__} is no single value ({error})")
    return value

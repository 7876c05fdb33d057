"""`from jindu import tqdm`: the same bar on the terminal, and the same progress on the pages of Jindu."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, TextIO, TypeVar

from jindu.terminal import TerminalLine
from jindu.tracking import Job, length_of, script_name

Item = TypeVar("Item")


class tqdm(Generic[Item]):  # noqa: N801 - the name is the point
    """Takes what tqdm takes; what only changes the looks there is accepted and ignored.

    An inner bar, one with `leave=False` while another is open in the same thread, is drawn but is no job of its own.
    """

    _open = threading.local()  # how many bars are open in this thread

    def __init__(
        self,
        iterable: Iterable[Item] | None = None,
        desc: str | None = None,
        total: float | None = None,
        leave: bool | None = True,
        file: TextIO | None = None,
        ncols: int | None = None,
        mininterval: float = 0.1,
        *_looks: object,
        disable: bool | None = False,
        unit: str = "it",
        initial: float = 0,
        postfix: Mapping[str, object] | str | None = None,
        url: str | None = None,
        token: str | None = None,
        strict: bool = False,
        **_other_looks: object,
    ) -> None:
        self.iterable = iterable
        self.desc = (desc or "").removesuffix(": ")
        self.unit = unit
        self.leave = leave
        self.disable = bool(disable)
        self.initial = initial
        self._words = ""
        self._is_closed = self.disable
        self._line = TerminalLine(file, every_seconds=mininterval)
        size = length_of(iterable) if total is None and iterable is not None else total
        self._job = Job(self.desc or script_name(), total=size, unit=unit, url=url, token=token, strict=strict)
        self._job.set_progress(initial)
        if isinstance(postfix, str):
            self.set_postfix_str(postfix, refresh=False)
        elif postfix:
            self.set_postfix(postfix, refresh=False)
        if not self.disable:
            self._begin()

    def _begin(self) -> None:
        depth = getattr(tqdm._open, "depth", 0)
        tqdm._open.depth = depth + 1
        self._is_closed = False
        if depth == 0 or self.leave:
            self._job.start()
        self.refresh()

    @property
    def n(self) -> float:
        """How many are done; may be set, as tqdm's."""
        return self._job.n

    @n.setter
    def n(self, value: float) -> None:
        self._job.set_progress(value)

    @property
    def total(self) -> float | None:
        return self._job.total

    @total.setter
    def total(self, value: float | None) -> None:
        self._job.set_total(value)

    @property
    def job(self) -> Job:
        """What the server shows; for `message`, `stage` and `cancelled`."""
        return self._job

    def __iter__(self) -> Iterator[Item]:
        if self.iterable is None:
            raise TypeError("This bar has nothing to go through; give it an iterable.")
        try:
            for item in self.iterable:
                yield item
                self.update(1)
        except GeneratorExit:
            self._job.leave_early()
            self.close()
            raise
        except BaseException as error:
            self._close(error)
            raise
        self.close()

    def __len__(self) -> int:
        return int(self.total or 0)

    def __bool__(self) -> bool:
        return self.iterable is not None or bool(self.total)

    def __enter__(self) -> tqdm[Item]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(error)

    def __del__(self) -> None:
        if getattr(self, "_is_closed", True):
            return
        if self.total is None or self.n < self.total:
            self._job.leave_early()
        self.close()

    def update(self, n: float | None = 1) -> bool | None:
        """`n` more are done. Raises `Cancelled` once somebody pressed *Cancel* on the page."""
        if self.disable:
            return None
        self._job.advance(1 if n is None else n)
        if self._line.is_shown:
            self._draw(now=False)
        return None

    def set_description(self, desc: str | None = None, refresh: bool | None = True) -> None:
        """Before the first answer it is the job's title; from then on, the stage it is in."""
        self.desc = (desc or "").removesuffix(": ")
        self._job.stage(self.desc)
        if refresh:
            self.refresh()

    def set_description_str(self, desc: str | None = None, refresh: bool | None = True) -> None:
        self.set_description(desc, refresh)

    def set_postfix(
        self, ordered_dict: Mapping[str, object] | None = None, refresh: bool | None = True, **values: object
    ) -> None:
        """Figures beside the bar; on the pages they stand under the job's details."""
        told = {**(ordered_dict or {}), **values}
        self._words = ", ".join(f"{name}={_shown(value)}" for name, value in told.items())
        self._job.detail(**{str(name): value for name, value in told.items()})
        if refresh:
            self.refresh()

    def set_postfix_str(self, s: str = "", refresh: bool | None = True) -> None:
        """Words beside the bar; on the pages, the job's message."""
        self._words = str(s)
        self._job.message(self._words)
        if refresh:
            self.refresh()

    def refresh(self, *_looks: object, **_other_looks: object) -> bool:
        """Draw at once."""
        if not self._is_closed:
            self._draw(now=True)
        return True

    display = refresh

    def clear(self, *_looks: object, **_other_looks: object) -> None:
        self._line.clear()

    def reset(self, total: float | None = None) -> None:
        """Begin anew, as a job of its own: progress never goes backwards."""
        self.close()
        before = self._job
        self._job = Job.like(before, total=before.total if total is None else total)
        if not self.disable:
            self._begin()

    def close(self) -> None:
        """Done; what `total` said beyond is taken back."""
        self._close(None)

    def _close(self, error: BaseException | None) -> None:
        if self._is_closed:
            return
        self._draw(now=True)
        self._is_closed = True
        tqdm._open.depth = max(0, getattr(tqdm._open, "depth", 1) - 1)
        self._line.end(keep=bool(self.leave) or self.leave is None)
        self._job.finish(error)

    def _draw(self, *, now: bool) -> None:
        self._line.draw(self.desc, self.n, self.total, self.unit, self._words, now=now)

    @classmethod
    def write(cls, s: str, file: TextIO | None = None, end: str = "\n", nolock: bool = False) -> None:
        """A line of text; the bar is drawn anew under it."""
        stream = file or sys.stdout
        if stream.isatty():
            stream.write("\r\x1b[K")
        stream.write(s + end)


def trange(*args: int, **options: Any) -> tqdm[int]:
    """`tqdm(range(…))`."""
    return tqdm(range(*args), **options)


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

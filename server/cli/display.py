"""A job on the terminal: a live bar where there is one, plain lines where output goes to a file or another program."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from server.cli.output import say

_LINE_SECONDS = 5.0  # between two lines of progress


class Display(Protocol):
    """Shows how far something is. Use it as a context manager."""

    def __enter__(self) -> Display: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, job: dict[str, Any]) -> None:
        """`job` as the live protocol has it; progress, total, unit, state and title are enough."""

    def say(self, text: str) -> None:
        """A line that stays."""


def display_for_terminal() -> Display:
    return BarDisplay() if sys.stdout.isatty() else LineDisplay()


def state_of(job: dict[str, Any]) -> str:
    """Its state as the pages show it: `stalled`, `Done · 1 failed`, …"""
    if job.get("outcome") == "partial" and job.get("state_text"):
        return str(job["state_text"])
    return str(job.get("shown_state") or job["state"]).replace("_", " ")


def figures(job: dict[str, Any]) -> str:
    """`12,400 of 50,000 rows · 8,120/s · 5 s left`, with what is known."""
    total = job.get("total")
    amount = _number(job["progress"]) + ("" if total is None else f" of {_number(total)}")
    parts = [f"{amount} {job['unit']}"]
    if job.get("rate"):
        parts.append(f"{job['rate']:,.0f}/s")
    if job.get("eta_seconds") is not None:
        parts.append(f"{job['eta_seconds']:,.0f} s left")
    rejected = (job.get("detail") or {}).get("rejected")
    if rejected:
        parts.append(f"{rejected:,} rejected")
    if job.get("stalled_since"):
        parts.append(f"nothing has moved since {job['stalled_since']}")
    if job.get("waiting_for"):
        parts.append(job["waiting_for"])
    return " · ".join(parts)


def _number(value: float) -> str:
    """Progress may be of a fraction."""
    return f"{value:,.2f}" if value % 1 else f"{int(value):,}"


class BarDisplay:
    """One bar a job, kept on the screen when the job is over."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[figures]}"),
            console=console or Console(),
        )
        self._bars: dict[str, Any] = {}

    def __enter__(self) -> BarDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, job: dict[str, Any]) -> None:
        key = str(job.get("job_id", job["title"]))
        self._progress.start()  # not before: a command may have nothing to show
        if key not in self._bars:
            # As Text: a title is data, and square brackets in it are no markup.
            self._bars[key] = self._progress.add_task(Text(job["title"]).markup, total=None, figures="")
        self._progress.update(
            self._bars[key],
            total=job.get("total"),
            completed=job["progress"],
            figures=f"{state_of(job)} · {figures(job)}",
        )

    def say(self, text: str) -> None:
        self._progress.console.print(Text(text))


class _Undrawn:
    """A display with nothing to put up or to take down."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return


class LineDisplay(_Undrawn):
    """A line when the state changes, and every few seconds in between."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, float]] = {}

    def show(self, job: dict[str, Any]) -> None:
        key = str(job.get("job_id", job["title"]))
        shown, shown_at = self._last.get(key, ("", 0.0))
        if shown == state_of(job) and time.monotonic() - shown_at < _LINE_SECONDS:
            return
        self._last[key] = (state_of(job), time.monotonic())
        self.say(f"{job['title']}: {state_of(job)} · {figures(job)}")

    def say(self, text: str) -> None:
        say(text)


class SilentDisplay(_Undrawn):
    """For programs, which read the result alone."""

    def show(self, job: dict[str, Any]) -> None:
        return

    def say(self, text: str) -> None:
        return

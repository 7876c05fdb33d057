"""What a script says to its job, however that is sent."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import threading
import time
from typing import Any

from jindu.errors import Cancelled, ClientError, NotConfigured, Unreachable
from jindu.fitting import amount
from jindu.report import Report
from jindu.tally import Share, Tally

_LOG = logging.getLogger("jindu")
_PATIENCE_SECONDS = 60.0  # how long a strict job bears a server that does not answer
_BUSY_SECONDS = 10.0  # a server that only asks to wait is no news for anybody
_CLOSE_SECONDS = 60.0  # unless JINDU_CLOSE_SECONDS says otherwise: a server that is started anew is back by then
ENDED_BY_SIGNAL = "The script was ended by {name}."
LOOP_LEFT = "The loop was left before its end."


class LeftOpen(Exception):
    """Not an error of the script's, only all that is known of how it went."""

    def __str__(self) -> str:
        return "The script ended without saying how this went."


class JobHandle:
    """One job. All methods only write down what is so, in about a microsecond, from any thread.

    `strict`: raise when the server cannot be told, instead of going on without it.
    `raise_on_cancel`: raise `Cancelled` once somebody pressed *Cancel*; else only `cancelled` says so.
    """

    def __init__(self, report: Report, *, strict: bool, raise_on_cancel: bool) -> None:
        self._report = report
        self._strict = strict
        self._raise_on_cancel = raise_on_cancel
        self._lock = threading.Lock()
        self._is_begun = False
        self._has_news = True  # that it is not begun, so that who forgets it is told
        self._result: dict[str, Any] = {}
        self._tally = Tally(report.key)
        self._share: Share | None = None
        self._is_a_childs = False
        report.counted_elsewhere = self._tally.total

    @property
    def id(self) -> str:
        """The job's id on the server; empty until the server has answered."""
        return self._report.job_id

    @property
    def n(self) -> float:
        """How many units are done."""
        return self._report.progress

    @property
    def total(self) -> float | None:
        """How many there are; None while unknown."""
        return self._report.total

    @property
    def cancelled(self) -> bool:
        """Whether somebody pressed *Cancel*."""
        return self._report.is_cancelled

    def advance(self, n: float = 1) -> None:
        """`n` more units are done; also in a child process. Raises `Cancelled`."""
        n = amount(n)
        with self._lock:
            self._report.progress += n
        if self._is_a_childs:
            self._count_as_child(n)
        if self._has_news:
            self._raise_news()

    def set_progress(self, n: float) -> None:
        """`n` units are done in all; the server never shows less than before. Raises `Cancelled`."""
        n = amount(n)
        if self._is_a_childs:
            self._count_as_child(n - self._report.progress)
        self._report.progress = n
        if self._has_news:
            self._raise_news()

    def set_total(self, total: float | None) -> None:
        """How many units there are, once that is known."""
        self._report.total = None if total is None else amount(total)

    def message(self, text: str) -> None:
        """A sentence for people, under the bar and in the job's log (500 characters)."""
        self._warn_in_child()
        self._report.message = text

    def stage(self, name: str) -> None:
        """Which part of the work is under way (64 characters)."""
        self._warn_in_child()
        self._report.stage = name

    def detail(self, **values: object) -> None:
        """Figures and words besides the progress, shown on the job's page (50 of them, 4 KiB in all)."""
        self._warn_in_child()
        self._report.detail = {**self._report.detail, **values}

    def set_result(self, **values: object) -> None:
        """What it made, told when it succeeds; a `url` becomes a link on the job's page."""
        self._warn_in_child()
        self._result.update(values)

    def begin(self) -> None:
        """Somebody begins it now, or knows that it will not be shown: no need to say so."""
        self._is_begun = True
        self._has_news = False

    def become_a_childs(self) -> None:
        """In another process than the one that began it: only what is counted reaches the job."""
        self.begin()
        self._lock = threading.Lock()  # a thread that was not forked with us may have held it
        self._share = None
        self._is_a_childs = True

    def _count_as_child(self, n: float) -> None:
        if n == 0:
            return
        try:
            if self._share is None:
                self._share = self._tally.own_share()
            self._share.add(n)
        except (OSError, ValueError) as error:
            tell_once(f"What this child process counts is not shown: {error}.")

    def _warn_in_child(self) -> None:
        if self._is_a_childs:
            tell_once("Of what a child process says only `advance` reaches the job; say the rest in its parent.")

    def _heard(self) -> None:
        """An answer came, or none: what the next `advance` must raise, and what a person should be told once."""
        report = self._report
        error = report.problem or report.trouble
        if error is not None and not self._strict and self._is_worth_telling(error):
            warn_once(str(error))
        for part, reason in list(report.left_out.items()):
            tell_once(f"The server did not take “{part}” as it was given ({reason}); everything else is shown.")
        if report.is_over:
            self._tally.settle()
        self._has_news = (report.is_cancelled and self._raise_on_cancel) or (self._strict and error is not None)

    def _is_worth_telling(self, error: ClientError) -> bool:
        is_final = error is self._report.problem or isinstance(error, Unreachable)
        return is_final or time.monotonic() > self._report.trouble_since + _BUSY_SECONDS

    def _raise_news(self) -> None:
        report = self._report
        if not self._is_begun:
            tell_once(f"“{report.title}” is not shown, since it was not begun: write “with jindu.job(…) as job:”.")
            self._has_news = False
            return
        if report.is_cancelled and self._raise_on_cancel:
            raise Cancelled(f"“{report.title}” was cancelled.")
        if self._strict:
            self._raise_problem()
        self._has_news = report.trouble is not None

    def _raise_problem(self) -> None:
        report = self._report
        if report.problem is not None:
            raise report.problem
        if isinstance(report.trouble, Unreachable) and time.monotonic() - report.trouble_since > _PATIENCE_SECONDS:
            raise report.trouble

    def _write_end(self, error: BaseException | None) -> None:
        """How the block ended, as the job's end."""
        state = _state(error)
        self._tally.settle()
        self._report.end(state, error=_reason(error) if state == "failed" else "", result=self._result)

    def _write_signal(self, name: str) -> None:
        self._tally.settle()
        self._report.end("failed", error=ENDED_BY_SIGNAL.format(name=name))


@functools.lru_cache(maxsize=100)
def warn_once(reason: str) -> None:
    """Once in a process: a script with a hundred bars has one server that is away."""
    sentence = reason if reason.endswith((".", "?", "!")) else f"{reason}."
    _LOG.warning("Progress is not shown: %s The script goes on.", sentence)


@functools.lru_cache(maxsize=100)
def tell_once(sentence: str) -> None:
    _LOG.warning("%s", sentence)


def patience(close_seconds: float | None) -> float:
    """How long an end may wait for a server that is away, in seconds."""
    if close_seconds is not None:
        return close_seconds
    given = os.environ.get("JINDU_CLOSE_SECONDS", "")
    try:
        return max(0.0, float(given)) if given else _CLOSE_SECONDS
    except ValueError:
        warn_once(str(NotConfigured(f"JINDU_CLOSE_SECONDS is no number of seconds: {given!r}.")))
        return _CLOSE_SECONDS


def _state(error: BaseException | None) -> str:
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "succeeded"
    if isinstance(error, (Cancelled, KeyboardInterrupt, asyncio.CancelledError)):
        return "cancelled"
    return "failed"


def _reason(error: BaseException | None) -> str:
    if isinstance(error, LeftOpen):
        return str(error)
    name = type(error).__name__
    text = str(error)
    return f"{name}: {text}" if text else name

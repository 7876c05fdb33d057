"""The jobs of this process that have not ended: what becomes of them when it exits, is ended or forks."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Collection
from types import FrameType
from typing import Protocol

from jindu.courier import Errand, couriers, forget_couriers
from jindu.notebooks import on_failed_cells

_LOG = logging.getLogger("jindu")
_SAY_AFTER_SECONDS = 1.0
_MOST_NAMES = 5
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
_SIGNAL_SECONDS = 5.0  # whoever stops a process kills it when it does not go: Docker after 10 s


class OpenJob(Protocol):
    @property
    def n(self) -> float: ...

    def finish(self, error: BaseException | None = None) -> None:
        """It ended, by `error` if that is given."""

    def end_at_exit(self) -> None:
        """The script is over and nobody said how this went; told without waiting."""

    def end_by_signal(self, name: str) -> None:
        """Told without waiting."""

    def become_a_childs(self) -> None:
        """This process is a fork of the one in which it began."""


_OPEN: dict[OpenJob, None] = {}
_is_listening = False


def add(job: OpenJob) -> None:
    global _is_listening
    _OPEN[job] = None
    if not _is_listening:
        _is_listening = True
        atexit.register(_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_in_child)
    on_failed_cells(_figures, _fail_in_cell)
    _listen_to_signals()


def remove(job: OpenJob) -> None:
    _OPEN.pop(job, None)


def is_worth_waiting(errand: Errand) -> bool:
    return errand.report.is_worth_waiting(time.monotonic(), errand.patience_seconds)


def _exit() -> None:
    for job in list(_OPEN):
        job.end_at_exit()
    _tell_the_rest(lambda: False)


def _tell_the_rest(is_late: Callable[[], bool]) -> None:
    """Wait for what the couriers still have, then say what was not told."""
    waiting = [(each, each.unfinished()) for each in couriers()]
    say_at = time.monotonic() + _SAY_AFTER_SECONDS
    for courier, errands in waiting:

        def is_enough(errands: Collection[Errand] = errands) -> bool:
            nonlocal say_at
            if time.monotonic() > say_at:
                say_at = float("inf")
                _LOG.warning("Waiting for the server, to tell it how %s ended; Ctrl-C leaves now.", _names(errands))
            return is_late() or not any(map(is_worth_waiting, errands))

        try:
            courier.wait(errands, is_enough)
        except KeyboardInterrupt:
            break
    lost = [errand for _, errands in waiting for errand in errands if not errand.report.is_over]
    if lost:
        _LOG.warning("The server was not told how %s ended.", _names(lost))
    for errand in lost:
        errand.report.give_up()


def _names(errands: Collection[Errand]) -> str:
    reports = [errand.report for errand in errands if not errand.report.is_over]
    names = [f"“{report.title}” ({(report.ending or {}).get('state', 'running')})" for report in reports]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


# notebooks


def _figures() -> dict[object, float]:
    return {job: job.n for job in list(_OPEN)}


def _fail_in_cell(before: dict[object, float], error: BaseException) -> None:
    """Of a cell that ended by an exception: what it began or moved. Others may go on in the next cell."""
    for job in list(_OPEN):
        if before.get(job) != job.n:
            job.finish(error)


# signals


def _listen_to_signals() -> None:
    """Where the script has a handler of its own, that one is right: it raises or exits, and we learn of it then."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _on_signal)


def _on_signal(number: int, frame: FrameType | None) -> None:
    """Tell the ends, then go as the process would have gone without us."""
    for job in list(_OPEN):
        job.end_by_signal(signal.Signals(number).name)
    late_at = time.monotonic() + _SIGNAL_SECONDS
    _tell_the_rest(lambda: time.monotonic() > late_at)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


# forks


def _in_child() -> None:
    forget_couriers()
    for job in list(_OPEN):
        job.become_a_childs()
    _OPEN.clear()
    for number in _SIGNALS:
        if signal.getsignal(number) is _on_signal:
            signal.signal(number, signal.SIG_DFL)

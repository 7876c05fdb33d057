"""One thread for each server tells it of all jobs of this process, so that no script ever waits for a server."""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections.abc import Callable, Collection

from jindu.errors import Unreachable
from jindu.exchange import Exchange
from jindu.pauses import full_jitter
from jindu.place import Place
from jindu.report import Report, is_slow

_LOG = logging.getLogger("jindu")
_HURRIED_SECONDS = 2.0  # between two attempts, while a script may be waiting to exit
_LINGER_SECONDS = 5.0  # the next job of a script that has many finds thread and connection ready


class Errand:
    """One report on its way, until it is over."""

    def __init__(
        self, report: Report, *, interval_seconds: float, patience_seconds: float, on_answer: Callable[[], None]
    ) -> None:
        """`patience_seconds`: how long its end may wait for a server that is away.

        `on_answer` is called in the thread after each request, whatever came of it.
        """
        self.report = report
        self.interval_seconds = interval_seconds
        self.patience_seconds = patience_seconds
        self.on_answer = on_answer
        self.due_at = 0.0


class Courier:
    """Sends of each report what changed, at most once in its interval. Ends that nobody waits for any more, too."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._exchange = Exchange(place)
        self._errands: list[Errand] = []
        self._news = threading.Condition()  # held for moments only, never while a request is under way
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._is_met = False  # whether the server ever answered

    def take(self, errand: Errand) -> None:
        with self._news:
            if self._is_met:
                errand.report.somebody_is_there()
            self._errands.append(errand)
            if self._thread is None:
                # A daemon: a script that ends by itself is not held back.
                self._thread = threading.Thread(target=self._run, name=f"jindu {self._place.url}", daemon=True)
                self._thread.start()
            self._news.notify_all()

    def hurry(self, errand: Errand) -> None:
        """It ended: tell it now."""
        with self._news:
            errand.due_at = 0.0
            self._news.notify_all()

    def wait(self, errands: Collection[Errand], until: Callable[[], bool]) -> None:
        """Until all are over, or `until` says that it was enough; that is asked several times a second."""
        with self._news:
            while not until() and any(not errand.report.is_over for errand in errands):
                self._news.wait(0.1)

    def unfinished(self) -> list[Errand]:
        with self._news:
            return [errand for errand in self._errands if not errand.report.is_over]

    def _run(self) -> None:
        while True:
            with self._news:
                errand = self._next()
                if errand is None:
                    self._thread = None
                    self._exchange.close()
                    return
            try:
                self._send(errand)
            except Exception:
                _LOG.exception("Progress of “%s” is no longer shown; the script goes on.", errand.report.title)
                errand.report.give_up()

    def _next(self) -> Errand | None:
        """The next that is due, once it is; None when for a while there was none. Called with the condition held."""
        idle_since = time.monotonic()
        while True:
            if any(errand.report.is_over for errand in self._errands):
                self._errands = [errand for errand in self._errands if not errand.report.is_over]
                self._news.notify_all()
            now = time.monotonic()
            if self._errands:
                idle_since = now
                first = min(self._errands, key=_due_at)
                if first.due_at <= now:
                    return first
                self._news.wait(first.due_at - now)
            elif now < idle_since + _LINGER_SECONDS:
                self._news.wait(idle_since + _LINGER_SECONDS - now)
            else:
                return None

    def _send(self, errand: Errand) -> None:
        report = errand.report
        now = time.monotonic()
        # Before we look: an end that is written meanwhile makes it due again.
        errand.due_at = now + errand.interval_seconds
        request = report.next_request(now)
        if request is None:
            self._postpone(errand)
            return
        try:
            answer = self._exchange.send(request)
        except (OSError, http.client.HTTPException) as error:
            self._away(error)
            return
        self._failures = 0
        self._meet()
        report.answered(request, answer, time.monotonic())
        self._postpone(errand)
        errand.on_answer()

    def _meet(self) -> None:
        """An answer to one is news for all: the server is there, however long it takes."""
        if self._is_met:
            return
        with self._news:
            self._is_met = True
            for errand in self._errands:
                errand.report.somebody_is_there()

    def _away(self, error: Exception) -> None:
        """It is the server that does not answer: no report need try on its own."""
        pause, now = full_jitter(self._failures), time.monotonic()
        self._failures += 1
        errands = self.unfinished()
        if not is_slow(error) and any(errand.report.ending is not None for errand in errands):
            pause = min(pause, _HURRIED_SECONDS)
        for errand in errands:
            errand.report.unreachable(self._place.url, error, now, pause_seconds=pause)
            self._postpone(errand)
            errand.on_answer()

    def _postpone(self, errand: Errand) -> None:
        with self._news:
            errand.due_at = errand.report.due_at(time.monotonic(), errand.interval_seconds)
            self._news.notify_all()


def _due_at(errand: Errand) -> float:
    return errand.due_at


_COURIERS: dict[Place, Courier] = {}
_COURIERS_LOCK = threading.Lock()


def courier_to(place: Place) -> Courier:
    """The one of this process."""
    with _COURIERS_LOCK:
        return _COURIERS.setdefault(place, Courier(place))


def couriers() -> list[Courier]:
    return list(_COURIERS.values())


def forget_couriers() -> None:
    """In a forked child: their threads stayed behind."""
    global _COURIERS_LOCK
    _COURIERS_LOCK = threading.Lock()
    _COURIERS.clear()


def is_away(report: Report) -> bool:
    """Whether waiting here and now makes little sense."""
    return isinstance(report.trouble, Unreachable)


def send_once(place: Place, report: Report) -> None:
    """In the caller's thread: for who must know at once, or has no thread any more."""
    request = report.next_request(time.monotonic())
    if request is None:
        return
    exchange = Exchange(place)
    try:
        answer = exchange.send(request)
    except (OSError, http.client.HTTPException) as error:
        report.unreachable(place.url, error, time.monotonic())
    else:
        report.answered(request, answer, time.monotonic())
    finally:
        exchange.close()

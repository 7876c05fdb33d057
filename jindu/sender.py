"""The thread that sends a report, so that the script never waits for the server."""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections.abc import Callable

from jindu.exchange import Exchange
from jindu.place import Place
from jindu.report import Report

_LOG = logging.getLogger("jindu")
_FIRST_ANSWER_SECONDS = 2.0  # a server that never answered is not worth more of the script's time
_PAUSE_SECONDS = 0.05  # while the script waits for its end to be told


class Sender:
    """Sends what changed, at most once in `interval_seconds`."""

    def __init__(self, report: Report, place: Place, *, interval_seconds: float, on_answer: Callable[[], None]) -> None:
        """`on_answer` is called in the thread after each request, whatever came of it."""
        self._report = report
        self._place = place
        self._exchange = Exchange(place)
        self._interval_seconds = interval_seconds
        self._on_answer = on_answer
        self._closing = threading.Event()
        # A daemon: a script that ends by itself is not held back.
        self._thread = threading.Thread(target=self._run, name=f"jindu {report.title}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send_once(self) -> None:
        """In the caller's thread, before `start`."""
        self._send()

    def close(self, timeout_seconds: float) -> None:
        """Wait until the end is told, or for so long."""
        self._closing.set()
        self._thread.join(timeout_seconds if self._report.job_id else min(timeout_seconds, _FIRST_ANSWER_SECONDS))
        if self._thread.is_alive():
            self._report.give_up()

    def _run(self) -> None:
        try:
            while not self._report.is_over:
                if not self._send() and self._closing.is_set():
                    time.sleep(_PAUSE_SECONDS)
                self._closing.wait(self._interval_seconds)
        except Exception:
            _LOG.exception("Progress of “%s” is no longer shown; the script goes on.", self._report.title)
            self._report.give_up()
        finally:
            self._exchange.close()

    def _send(self) -> bool:
        report = self._report
        request = report.next_request(time.monotonic())
        if request is None:
            return False
        try:
            answer = self._exchange.send(request)
        except (OSError, http.client.HTTPException) as error:
            report.unreachable(self._place.url, error, time.monotonic())
        else:
            report.answered(request, answer, time.monotonic())
        self._on_answer()
        return True

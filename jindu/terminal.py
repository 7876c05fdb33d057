"""A bar on the terminal, one line that is drawn over and over: what people know from tqdm."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

_EVERY_SECONDS = 0.1
_LOG_EVERY_SECONDS = 10.0
_BAR_WIDTH = 24
_LEAST_COLUMNS = 20


class TerminalLine:
    """On a terminal, drawn at most ten times a second; in a log, a line of its own every ten seconds and at the end."""

    def __init__(
        self,
        file: TextIO | None = None,
        *,
        every_seconds: float = _EVERY_SECONDS,
        log_every_seconds: float = _LOG_EVERY_SECONDS,
    ) -> None:
        self._file = file or sys.stderr
        self.is_terminal = _is_terminal(self._file)
        self._every_seconds = every_seconds if self.is_terminal else max(log_every_seconds, every_seconds)
        self._began_at = time.monotonic()
        self._due_at = 0.0 if self.is_terminal else self._began_at + self._every_seconds
        self._waiting = ""  # of a log: what was to be drawn before its time
        self._shown: tuple[object, ...] = ()
        self._is_drawn = False
        self.is_shown = self._file is not None
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        self._block = "█" if encoding.lower().startswith("utf") else "#"

    def draw(self, title: str, n: float, total: float | None, unit: str, words: str, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not self.is_shown or (moment < self._due_at and not now):
            return
        line = _line(title, n, total, unit, words, moment - self._began_at, self._block)
        is_news, self._shown = self._shown != (title, n, total, words), (title, n, total, words)
        if self.is_terminal:
            self._write("\r" + line[: _columns(self._file) - 1] + "\x1b[K")
        elif moment < self._due_at:
            self._waiting = line
            return
        elif is_news:
            self._write(line + "\n")
        self._waiting = ""
        self._is_drawn = True
        self._due_at = moment + self._every_seconds

    def end(self, *, keep: bool) -> None:
        """Leave the line and go on under it, or take it away."""
        if not self.is_terminal:
            if keep and self._waiting:
                self._write(self._waiting + "\n")
            self._waiting = ""
        elif self._is_drawn:
            self._write("\n" if keep else "\r\x1b[K")
        self._is_drawn = False

    def clear(self) -> None:
        """Make room for other output; the next `draw` brings it back."""
        if self._is_drawn and self.is_terminal:
            self._write("\r\x1b[K")
            self._due_at = 0.0

    def _write(self, text: str) -> None:
        try:
            self._file.write(text)
            self._file.flush()
        except (OSError, ValueError):  # the terminal is gone, or cannot show these characters
            self.is_shown = False


def _line(title: str, n: float, total: float | None, unit: str, words: str, seconds: float, block: str) -> str:
    rate = n / seconds if seconds > 0 else 0.0
    figures = [f"{rate:,.1f} {unit}/s"] if rate else []
    if total:
        share = min(1.0, n / total)
        bar = (block * int(share * _BAR_WIDTH)).ljust(_BAR_WIDTH)
        done = f"{int(share * 100):3d}%|{bar}| {n:,.0f}/{total:,.0f}"
        if 0 < n < total:
            figures.append(f"{_clock((total - n) / rate)} left")
    else:
        done = f"{n:,.0f} {unit}"
    parts = [done, f"[{', '.join([_clock(seconds), *figures])}]", words]
    return (f"{title}: " if title else "") + " ".join(part for part in parts if part)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def _is_terminal(file: TextIO) -> bool:
    try:
        return file.isatty()
    except (AttributeError, ValueError):
        return False


def _columns(file: TextIO) -> int:
    try:
        return max(_LEAST_COLUMNS, os.get_terminal_size(file.fileno()).columns)
    except (OSError, ValueError):
        return 80

"""One log format for the whole process: time, level, logger, message, then `key=value` fields."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

STRANGERS = logging.getLogger("jindu.strangers")
"""For what anybody can make happen without signing in: short lines, and not many."""
_LINES_PER_MINUTE = 10  # of one kind
_MINUTE_SECONDS = 60.0
_MAX_KINDS = 100
_NOTHING: Mapping[str, str] = MappingProxyType({})
_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default=_NOTHING)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """What happens in the block, and in tasks begun there, is about these: every line of it says so.

    `request`, `connection`, `job`, `user`: ids that somebody can look for, never what is secret.
    """
    token = _ABOUT.set({**_ABOUT.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def request_now() -> str:
    """The id of the request that this happens for, if any."""
    return _ABOUT.get().get("request", "")


class FieldFormatter(logging.Formatter):
    """Appends what was passed as `extra=` to the line, so that it can be searched by field."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        fields = " ".join(f"{key}={value}" for key, value in _fields(record).items())
        line = super().formatMessage(record).replace("\n", "\\n").replace("\r", "\\r")
        return f"{line} {fields}" if fields else line


class JsonFormatter(logging.Formatter):
    """The same as one JSON object a line, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """What it is about, then what was passed as `extra=`."""
    return {**_ABOUT.get(), **{key: value for key, value in vars(record).items() if key not in _STANDARD}}


class Sparing(logging.Filter):
    """Lets few records of a kind pass in a minute; the next one that passes says how many were left out before it."""

    def __init__(self, *, per_minute: int = _LINES_PER_MINUTE, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._per_minute = per_minute
        self._now = now
        self._kinds: dict[str, _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = self._kinds.setdefault(str(record.msg), _Kind())
        if len(self._kinds) > _MAX_KINDS:  # texts are constants, so this is somebody's mistake
            self._kinds.clear()
        now = self._now()
        if now - kind.began >= _MINUTE_SECONDS:
            kind.began, kind.passed = now, 0
        if kind.passed >= self._per_minute:
            kind.left_out += 1
            return False
        kind.passed += 1
        if kind.left_out:
            record.left_out, kind.left_out = kind.left_out, 0
        return True


class _Kind:
    """The records of one text."""

    __slots__ = ("began", "left_out", "passed")

    def __init__(self) -> None:
        self.began, self.passed, self.left_out = float("-inf"), 0, 0


def formatter(log_format: str) -> logging.Formatter:
    """For the setting `log_format`: `text` or `json`."""
    return JsonFormatter() if log_format == "json" else FieldFormatter()


def configure(level: str, formatter: logging.Formatter) -> None:
    """Send every logger of the process to standard error at `level` (a `logging` level name)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in (STRANGERS.name, "aiohttp_session"):  # the latter complains of every cookie that is none of ours
        logging.getLogger(name).addFilter(Sparing())
    for name in ("aiosqlite", "alembic"):  # each migration is told by `storage.migrating`
        logging.getLogger(name).setLevel(logging.WARNING)

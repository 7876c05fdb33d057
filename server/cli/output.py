"""What a command prints: results on standard output, as text or as JSON, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from jindu.errors import Problem
from server.cli.statuses import NOT_POSSIBLE


def say(text: str) -> None:
    """A line of the result. Once whoever reads has gone (`| head`), nobody is told, and the work goes on."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # The descriptor itself, since Python flushes it once more when it ends, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say_json(value: Any) -> None:
    """A value on a line of its own."""
    say(json.dumps(value, ensure_ascii=False, default=str))


def complain(text: str) -> None:
    """Something a person should read, whatever the result is used for."""
    try:
        print(f"jindu: {text}", file=sys.stderr, flush=True)
    except OSError:  # whoever read has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def forgive_characters() -> None:
    """A title in Chinese must not end a command on a terminal that cannot show it."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def refused(error: Exception, *, as_json: bool) -> int:
    """Tell why a command was not possible; answers its exit status."""
    if as_json:
        code, status = (error.code, error.status) if isinstance(error, Problem) else ("not_possible", None)
        say_json({"error": {"code": code, "message": str(error), "status": status}})
    complain(str(error))
    return NOT_POSSIBLE

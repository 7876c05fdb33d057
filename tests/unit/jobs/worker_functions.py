"""What the tests let workers do; functions cross to them by name."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from server.errors import FileProblem

Report = Callable[[Any], None]


def double(argument: int, report: Report) -> int:
    return argument * 2


def process_id(argument: object, report: Report) -> int:
    return os.getpid()


def count(argument: int, report: Report) -> str:
    for number in range(argument):
        report(number)
    return "done"


def sleep(argument: float, report: Report) -> None:
    report(os.getpid())
    time.sleep(argument)


def kill_itself(argument: object, report: Report) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail_clearly(argument: int, report: Report) -> None:
    raise FileProblem("Line {line} is broken.", code="broken_line", line=argument)


def fail_unexpectedly(argument: object, report: Report) -> None:
    raise ZeroDivisionError("somewhere deep")


def use_memory(argument: int, report: Report) -> int:
    return len(bytearray(argument * 1024 * 1024))


def print_and_exit(argument: str, report: Report) -> None:
    print(argument)
    sys.exit(3)


def return_what_cannot_be_pickled(argument: object, report: Report) -> Any:
    return lambda: None


def die_once(argument: str, report: Report) -> str:
    """`argument` is a file that says whether it has died already."""
    if not os.path.exists(argument):
        open(argument, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"

"""What the tests let workers do; functions cross to them by name."""

from __future__ import annotations

import os
import re
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


def spin(argument: float, report: Report) -> None:
    """One call into C that keeps the interpreter for itself, as a regular expression gone wild does."""
    report(os.getpid())
    re.match(r"(a+)+$", "a" * 60 + "b")


def sleep_once(argument: str, report: Report) -> str:
    """`argument` is a file that says whether it has slept already."""
    if not os.path.exists(argument):
        open(argument, "w").close()
        time.sleep(600)
    return "done"


def compute(argument: float, report: Report) -> str:
    """For so many seconds of the processor's time."""
    report(os.getpid())
    while time.process_time() < argument:
        pass
    return "done"


def stand_still_once(argument: str, report: Report) -> str:
    """`argument` is a file that says whether it has stood still already."""
    if not os.path.exists(argument):
        open(argument, "w").close()
        os.kill(os.getpid(), signal.SIGSTOP)
    return "alive"

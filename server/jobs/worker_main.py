"""What runs inside a worker process: limits, then one call after the other until the server goes away."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import threading
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from server.errors import JinduError, is_out_of_memory
from server.jobs.kept_memory import give_back
from server.storage.full_disk import full_disk_named

_MIB = 1024 * 1024


def main(pipe: Connection, memory_mib: int, niceness: int) -> None:
    # Ctrl-C and service managers signal the whole group; the server decides when we end, after the grace period.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(niceness)
    os.environ["RUST_BACKTRACE"] = "0"  # what a file makes a reader panic over is told once, by us
    # Before the limit: a thread that cannot get its stack hangs whoever started it.
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    _limit_memory(memory_mib)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            _answer(pipe, pipe.recv_bytes(), memory_mib)


def _answer(pipe: Connection, request: bytes, memory_mib: int) -> None:
    def report(value: Any) -> None:
        pipe.send(("report", value, 0.0))

    pipe.send(("begun", None, 0.0))
    try:
        function, argument = pickle.loads(request)  # noqa: S301 - from our own server through our own pipe
        with full_disk_named():
            kind, content = "result", function(argument, report)
    except JinduError as error:
        kind, content = "error", error
    except (EOFError, BrokenPipeError):
        raise
    except BaseException as error:  # noqa: BLE001,RUF100 - sys.exit() in a library must not end the worker silently
        kind, content = ("memory", None) if is_out_of_memory(error) else ("trace", traceback.format_exc())
    give_back()
    try:
        message = pickle.dumps((kind, content, _held_mib(memory_mib)), protocol=pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        message = pickle.dumps(("memory", None, _held_mib(memory_mib)))
    except Exception:  # noqa: BLE001,RUF100 - anything may go wrong in somebody's __reduce__
        message = pickle.dumps(("trace", traceback.format_exc(), _held_mib(memory_mib)))
    pipe.send_bytes(message)


def _limit_memory(memory_mib: int) -> None:
    """The data segment, not the address space: libraries reserve far more addresses than they ever use.

    What libraries hold already, preloaded and mostly shared between workers, does not count.
    """
    with open("/proc/self/statm", encoding="ascii") as statm:
        loaded_bytes = int(statm.read().split()[5]) * resource.getpagesize()
    limit = loaded_bytes + memory_mib * _MIB
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _held_mib(memory_mib: int) -> float:
    """What is resident, or what is gone of the limit though nothing is in it: libraries keep what they once took."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        fields = statm.read().split()
    resident, data = (int(fields[place]) * resource.getpagesize() / _MIB for place in (1, 5))
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return max(resident, memory_mib - (limit / _MIB - data))


def _end_with_the_server() -> None:
    """A worker must not outlive a killed server, not even in the middle of a long call."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

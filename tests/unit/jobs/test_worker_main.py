"""What runs in a worker process: each call is begun and answered, whatever it does to the process."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest

from server.jobs import worker_main
from tests.unit.jobs import worker_functions as functions


@pytest.fixture
def pipe() -> Iterator[Connection]:
    processes = multiprocessing.get_context("forkserver")
    here, there = processes.Pipe()
    process = processes.Process(target=worker_main.main, args=(there, 200, 0), daemon=True)
    process.start()
    there.close()
    yield here
    here.close()
    process.join(10)
    assert process.exitcode == 0  # it ends when nobody can ask it any more
    process.close()


def call(pipe: Connection, function: Any, argument: Any) -> list[tuple[str, Any]]:
    """All that is told from the beginning to the answer."""
    pipe.send_bytes(pickle.dumps((function, argument)))
    told: list[tuple[str, Any]] = []
    while not told or told[-1][0] in ("begun", "report"):
        assert pipe.poll(30)
        kind, content, held_mib = pipe.recv()
        assert held_mib >= 0
        told.append((kind, content))
    return told


def test_a_call_is_begun_reported_and_answered_and_then_the_next(pipe: Connection) -> None:
    assert call(pipe, functions.count, 2) == [("begun", None), ("report", 0), ("report", 1), ("result", "done")]
    assert call(pipe, functions.double, 4) == [("begun", None), ("result", 8)]


def test_known_errors_cross_as_they_are_and_others_as_text(pipe: Connection) -> None:
    kind, error = call(pipe, functions.fail_clearly, 7)[-1]
    assert (kind, error.specific_code, error.text) == ("error", "broken_line", "Line 7 is broken.")
    kind, trace = call(pipe, functions.fail_unexpectedly, None)[-1]
    assert kind == "trace"
    assert "somewhere deep" in trace
    assert call(pipe, functions.print_and_exit, "x")[-1][0] == "trace"
    assert call(pipe, functions.return_what_cannot_be_pickled, None)[-1][0] == "trace"


def test_too_much_memory_ends_the_call_and_not_the_process(pipe: Connection) -> None:
    assert call(pipe, functions.use_memory, 500)[-1] == ("memory", None)
    assert call(pipe, functions.use_memory, 10)[-1] == ("result", 10 * 1024 * 1024)

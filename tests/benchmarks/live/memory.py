"""Does the server grow? 300 people watch, and are told as much as so many minutes allow, by the calls that pages make.

MINUTES=60 make bench BENCH=tests/benchmarks/live/memory.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import linear_regression

import pytest

from tests.benchmarks.live import contestants, tables
from tests.benchmarks.live.contestants import Contestant
from tests.benchmarks.live.jindu_server import EVENT

_MINUTES = float(os.environ.get("MINUTES", "5"))
_SOCKETS = 300
_EVENTS, _BYTES = 300, 200  # in a row, each to everybody
_JOBS, _JOB_SECONDS = 10, 1
_EVERY_SECONDS = 10.0
_MIB = 1024 * 1024
pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(_MINUTES * 60 + 600)]


@pytest.fixture
def jindu(programs: Path, tmp_path: Path) -> Iterator[Contestant]:
    contestant = contestants.ours(programs, tmp_path / "data", f"people={_SOCKETS}", event=EVENT)
    yield contestant
    contestant.stop()


def test_what_is_told_leaves_nothing_behind(jindu: Contestant) -> None:
    jindu.open(_SOCKETS)
    before = jindu.server.ask("census")
    began = time.monotonic()
    samples: list[tuple[float, float]] = []
    while (passed := time.monotonic() - began) < _MINUTES * 60:
        if not samples or passed >= samples[-1][0] + _EVERY_SECONDS:
            samples.append((passed, jindu.server.rss_bytes() / _MIB))
            print(f"{passed:7.0f} s {samples[-1][1]:8.1f} MiB", flush=True)
        jindu.server.ask("broadcast", _EVENTS, _BYTES)  # live alone
        jindu.server.ask("everybody", 1)  # kept for each
        jindu.server.ask("jobs", _JOBS, _JOB_SECONDS)  # kept, and their progress
    samples.append((time.monotonic() - began, jindu.server.rss_bytes() / _MIB))
    told, after = jindu.load.ask("ping", 0), jindu.server.ask("census")
    rows = [(kind, f"{before[kind]:,}", f"{count:,}") for kind, count in after.items()]
    rows.append(("resident, MiB", f"{samples[0][1]:.1f}", f"{samples[-1][1]:.1f}"))
    tables.show(f"{_SOCKETS} sockets, {told['messages']:,} messages in {samples[-1][0] / 60:.1f} min",
                ("", "before", "after"), rows)  # fmt: skip
    print(f"\nin the second half it grew by {_slope(samples):.1f} MiB an hour")
    assert told["closed"] == 0


def _slope(samples: list[tuple[float, float]]) -> float:
    """MiB an hour, along the straight line that fits the second half best."""
    half = samples[len(samples) // 2 :]
    if len(half) < 2:
        return 0.0
    return linear_regression([seconds / 3_600 for seconds, _ in half], [mib for _, mib in half]).slope

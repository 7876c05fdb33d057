"""What an idle, signed-in connection with a browser's headers costs, kernel aside, and what that is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.live import contestants, tables
from tests.benchmarks.live.contestants import OURS, Contestant, Peers

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]
_FEW, _MANY = 2_000, 10_000
_TARGET_KB = 20


def bytes_per_connection(contestant: Contestant) -> float:
    """Between few and many: what any server takes at first, whatever its connections, is not theirs."""
    contestant.open(_FEW)
    few = contestant.server.rss_bytes()
    contestant.open(_MANY)
    return (contestant.server.rss_bytes() - few) / (_MANY - _FEW)


def test_an_idle_connection_takes_little_memory(programs: Path, peers: Peers, tmp_path: Path) -> None:
    found: dict[str, float] = {}
    for start in [lambda: contestants.ours(programs, tmp_path / "data"), *peers.starts.values()]:
        contestant = start()
        found[contestant.name] = bytes_per_connection(contestant)
        contestant.stop()
    rows = [(name, f"{size / 1024:.1f}") for name, size in sorted(found.items(), key=lambda item: item[1])]
    tables.show(f"memory of an idle connection ({_FEW:,} to {_MANY:,}, resident)", ("", "KB"), rows)
    ours = found[OURS] / 1024
    tables.target(f"under {_TARGET_KB} KB: {ours:.1f}", is_met=ours < _TARGET_KB)


def test_what_the_memory_of_a_connection_is_made_of(programs: Path, tmp_path: Path) -> None:
    few, many = 500, 2_500
    contestant = contestants.ours(programs, tmp_path / "data", "trace")
    contestant.open(few)
    before = contestant.server.ask("memory")["bytes"]
    contestant.open(many)
    after = contestant.server.ask("memory")["bytes"]
    contestant.stop()
    parts = {name: (size - before.get(name, 0)) / (many - few) for name, size in after.items()}
    largest = sorted(parts.items(), key=lambda item: -item[1])[:16]
    rows = [(name, f"{size:,.0f}") for name, size in largest]
    rows.append(("all that Python allocated", f"{sum(parts.values()):,.0f}"))
    tables.show("what a connection's memory is made of, by the file that asked for it", ("", "bytes"), rows)

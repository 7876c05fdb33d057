"""What all live benchmarks need: compiled programs, and peers to stand beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.live import contestants, processes


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the load generator and the floor are compiled to."""
    if processes.compiler() is None:
        pytest.skip("The load generator is C and there is no compiler; on Debian: apt-get install gcc libc6-dev")
    directory = tmp_path_factory.mktemp("programs")
    for source in ("load.c", "floor.c"):
        processes.compiled(source, directory)
    return directory


@pytest.fixture(scope="session")
def peers(programs: Path) -> contestants.Peers:
    found = contestants.peers(programs)
    for line in found.missing:
        print(f"\n{line}")
    return found

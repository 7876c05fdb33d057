"""The wall clock of one program and its children, moved while they run; needs a C compiler."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from tests.benchmarks.live.processes import compiler

_SOURCE = Path(__file__).with_suffix(".c")
_SECONDS = struct.Struct("@q")
NO_COMPILER = "the clock stayed as it is: there is no C compiler (on Debian: apt-get install gcc libc6-dev)"


class MovedClock:
    """Clocks that nobody sets (monotonic ones) and times of files stay as they are."""

    def __init__(self, library: Path, told: Path) -> None:
        self._library = library
        self._told = told
        self.seconds = 0
        self.most_seconds = 0
        told.write_bytes(_SECONDS.pack(0))

    def move(self, seconds: int) -> None:
        """So many seconds from the true time, at once and for all of them."""
        self.seconds = seconds
        self.most_seconds = max(self.most_seconds, seconds)
        with self._told.open("r+b") as file:
            file.write(_SECONDS.pack(seconds))

    @property
    def environ(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "MOVED_CLOCK": str(self._told)}


def moved_clock(folder: Path) -> MovedClock | None:
    """None where there is no compiler."""
    program = compiler()
    if program is None:
        return None
    library = folder / "moved_clock.so"
    subprocess.run(
        [program, "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"], check=True
    )
    return MovedClock(library, folder / "clock")

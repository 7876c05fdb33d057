"""Memory of a worker: kept while it works, given back when it is done."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
from server.jobs.kept_memory import give_back
import pyarrow, psutil

def held():
    return psutil.Process().memory_info().rss

before = held()
buffer = pyarrow.allocate_buffer(256 * 1024**2)
memoryview(buffer).cast("B")[::4096] = bytes(256 * 256)
full = held()
del buffer
kept = held()
give_back()
print(full - before, kept - before, held() - before)
"""


def test_what_arrow_is_done_with_is_kept_until_it_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    full, kept, after = (int(size) / 1024**2 for size in done.stdout.split())
    assert full > 200
    assert kept > 200
    assert after < 50

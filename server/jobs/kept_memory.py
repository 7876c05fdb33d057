"""Imported first in worker processes: memory that one piece of work is done with is there for the next one.

Arrow's allocator gives memory back to the system once it was free for a moment, and gets it anew page by page, each
cleared before: a sixth of the time of an import. Here it keeps all of it until the call is over.
"""

from __future__ import annotations

import os
import sys

_KEPT_MILLISECONDS = 20_000
os.environ.setdefault("MIMALLOC_PURGE_DELAY", str(_KEPT_MILLISECONDS))  # read when Arrow is loaded


def give_back() -> None:
    """What nobody uses, to the system: the next call may come in an hour."""
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()

"""How long to wait before trying again."""

from __future__ import annotations

import random

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 20.0


def full_jitter(failures: int) -> float:
    """Seconds to wait after so many failures in a row: at random, so that many clients do not come back at once."""
    longest: float = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(failures, 10))
    return random.uniform(0.1, 1.0) * longest  # noqa: S311 - nobody is kept out by it

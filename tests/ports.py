"""Ports for what tests start by its port."""

from __future__ import annotations

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """None of those that the system gives to anybody: it must be free still when a killed server begins again."""
    while True:
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", random.randrange(20_000, 30_000)))
            return int(free.getsockname()[1])

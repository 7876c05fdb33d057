"""Peers of streams that say nothing, since nothing comes this way: whether they are still there."""

from __future__ import annotations

import asyncio
import socket
from typing import Any


def give_up_on_silence(transport: asyncio.Transport, seconds: float) -> None:
    """No pongs come this way, but the kernel sees whether a peer acknowledges; by default it waits 15 minutes."""
    opened: Any = transport.get_extra_info("socket")
    if opened is not None and opened.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))

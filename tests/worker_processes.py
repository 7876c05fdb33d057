"""The worker processes of servers that run in the process of the tests."""

from __future__ import annotations

import multiprocessing


def worker_pids() -> list[int]:
    return [each.pid for each in multiprocessing.active_children() if each.name == "jindu-worker" and each.pid]

"""The smallest thing that can be asked of a worker process: whether it does what it is told."""

from __future__ import annotations

from server.jobs.worker_process import OnReport


def answer_probe(argument: int, _report: OnReport) -> int:
    return argument + 1

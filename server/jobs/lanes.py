"""Heavy jobs wait in three lines that do not wait for each other, by how long they keep a worker."""

from __future__ import annotations

from enum import StrEnum


class Lane(StrEnum):
    SHORT = "short"  # seconds: there is a worker process that only such work may take
    SHARED = "shared"  # long, in short steps: the worker is given back after each, and whoever waits may have it
    LONG = "long"  # keeps its worker from its begin to its end

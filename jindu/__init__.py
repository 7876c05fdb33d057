"""Jindu's client: show a script's progress, follow jobs live, upload, import, download.

`job`, `track` and `tqdm` need the standard library of Python 3.9 or newer alone; `tqdm` is a subclass of tqdm's own
class where that is installed. `Client` is asynchronous and needs aiohttp. Each is imported when first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jindu.errors import Cancelled, ClientError, Closed, NotConfigured, Problem, Unreachable

if TYPE_CHECKING:
    from jindu.bar import tqdm, trange
    from jindu.client import Client
    from jindu.tracking import Job, job, track

__version__ = "0.1.0"  # the server's as well

__all__ = [
    "Cancelled",
    "Client",
    "ClientError",
    "Closed",
    "Job",
    "NotConfigured",
    "Problem",
    "Unreachable",
    "job",
    "tqdm",
    "track",
    "trange",
]


_HOMES = {
    "Client": "jindu.client",
    "Job": "jindu.tracking",
    "job": "jindu.tracking",
    "tqdm": "jindu.bar",
    "track": "jindu.tracking",
    "trange": "jindu.bar",
}


def __getattr__(name: str) -> Any:
    """For packages that are not always there, and for the server, which needs no more than the errors."""
    if name not in _HOMES:
        raise AttributeError(f"module 'jindu' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

"""Jindu's client: show a script's progress, follow jobs live, upload, import, download.

`job`, `track` and `tqdm` need the standard library of Python 3.9 or newer alone; `tqdm` is a subclass of tqdm's own
class where that is installed. `Client` is asynchronous and needs aiohttp. Both are imported when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jindu.errors import Cancelled, ClientError, Closed, NotConfigured, Problem, Unreachable
from jindu.tracking import Job, job, track

if TYPE_CHECKING:
    from jindu.bar import tqdm, trange
    from jindu.client import Client

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


def __getattr__(name: str) -> Any:
    """What needs a package that is not always there is imported when it is first asked for."""
    if name == "Client":
        from jindu.client import Client

        return Client
    if name in ("tqdm", "trange"):
        from jindu import bar

        return getattr(bar, name)
    raise AttributeError(f"module 'jindu' has no attribute {name!r}")

"""IPython and Jupyter: the process outlives the exception, so a cell's end is the only sign of it."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

Figures = dict[object, float]
_watched: weakref.WeakSet[Any] = weakref.WeakSet()


def on_failed_cells(figures: Callable[[], Figures], failed: Callable[[Figures, BaseException], None]) -> None:
    """Call `failed` with what `figures` said before the cell, and its exception. Does nothing outside of IPython."""
    shell = _shell()
    if shell is None or shell in _watched:
        return
    _watched.add(shell)
    before: Figures = {}

    def begin(*_info: object) -> None:
        before.clear()
        before.update(figures())

    def end(result: Any = None) -> None:
        error = getattr(result, "error_in_exec", None)
        if isinstance(error, BaseException):
            failed(before, error)

    shell.events.register("pre_run_cell", begin)
    shell.events.register("post_run_cell", end)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None

"""Packages that no first page needs: imported by whoever asks for something of them, or a while after the start.

Together they take as long as a tenth of the start. Where one is named, type checkers are told that it is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_NAMES: list[str] = []


class LatePackage:
    """Stands for a package until something of it is wanted."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


def late(name: str) -> LatePackage:
    """To be called where a module would import `name`."""
    _NAMES.append(name)
    return LatePackage(name)


def import_all() -> None:
    """What was put off, for a thread: whoever is the first to want it must not hold the event loop."""
    for name in _NAMES:
        import_module(name)

"""The pictures of the documents: what there is, and the one for dark pages beside it."""

from __future__ import annotations

from pathlib import Path

PICTURES = "images"
_DARK = ".dark"
_SUFFIXES = (".webp", ".png")


def picture_files(docs: Path) -> dict[str, Path]:
    """By name: all that is ever shown, so that no name asked for leads anywhere else on the disk."""
    return {path.name: path for path in sorted((docs / PICTURES).glob("*")) if path.suffix in _SUFFIXES}


def dark_one(name: str) -> str:
    """`wizard.webp` → `wizard.dark.webp`."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}{_DARK}.{suffix}"

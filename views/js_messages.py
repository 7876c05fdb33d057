"""The texts that scripts show: every `t("…")` under `static/js`, so that no list has to be kept by hand."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.extract import extract_javascript


@cache  # to read all scripts takes longer than all else at start, and one process may build several applications
def collect(directory: Path) -> tuple[str, ...]:
    """All English texts that scripts translate with `t()`, sorted."""
    texts: set[str] = set()
    for path in sorted(directory.glob("*.js")):
        texts.update(text for _, text in texts_of(path))
    return tuple(sorted(texts))


def texts_of(path: Path) -> Iterable[tuple[int, str]]:
    """Line and text of each `t("…")` in one script."""
    with path.open("rb") as source:
        found: Any  # a string, or a tuple of the call's arguments when there are several
        for line, _, found, _ in extract_javascript(source, {"t": None}, [], {"encoding": "utf-8"}):
            text = found if isinstance(found, str) else found[0]
            if text:
                yield line, text

"""What a heading is called in addresses: the same here as on a forge that shows the documents."""

from __future__ import annotations

import re

_NO_WORD = re.compile(r"[^\w\- ]")
NAMED = re.compile(r'<a id="([a-z][a-z0-9-]*)">')


class Anchors:
    """Of one document: the second heading of a name gets a number."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def of(self, heading: str) -> str:
        """`Runs in a “container”` → `runs-in-a-container`."""
        slug = _NO_WORD.sub("", heading.strip().lower()).replace(" ", "-")
        count = self._taken.get(slug, 0)
        self._taken[slug] = count + 1
        return f"{slug}-{count}" if count else slug

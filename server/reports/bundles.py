"""A template's text together with the texts of those that it includes: one text, so that a batch keeps all of it.

Each included one follows as a YAML document of its own, under a line with its name and version.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

MOST_INCLUDED = 20
_MARK = "--- # included "
_DOCUMENT = re.compile(r"^--- # included (\S+) (\d+)\n", re.MULTILINE)


class Included(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: int
    source: str


def bundled(source: str, included: Sequence[Included]) -> str:
    """`included` may hold some that are not used: whoever reads the text finds out."""
    parts = [f"{_MARK}{each.name} {each.version}\n{each.source}" for each in included]
    return "\n".join([source, *parts]) if parts else source


def parted(bundle: str) -> tuple[str, dict[str, Included]]:
    """The template's own text, and what it may include by name."""
    found = list(_DOCUMENT.finditer(bundle))
    if not found:
        return bundle, {}
    ends = [each.start() for each in found[1:]] + [len(bundle)]
    included = {
        each[1]: Included(name=each[1], version=int(each[2]), source=bundle[each.end() : end])
        for each, end in zip(found, ends, strict=True)
    }
    return bundle[: found[0].start()], included

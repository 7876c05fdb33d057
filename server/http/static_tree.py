"""All files of the pages as they were at one moment, and as they are handed out: ours together, under one digest."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from server.http.kept_scripts import kept_scripts
from server.http.static_bundles import scripts, style_sheet
from server.http.static_cache import StaticCache, is_worth_it
from server.http.static_scripts import CannotBeLinked
from server.places import COMPILED

_LOG = logging.getLogger("jindu.http")
_DIGEST_CHARACTERS = 16
_COMMON_SCRIPT = "js/app.js"
_SHEETS = ("css/jindu.css",)
_NAMED = re.compile(r"""type="module" src="\{\{ static\('(js/[\w-]+\.js)'\) \}\}""")
Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticTree:
    """`plain`: as they were written. `linked`: the same names, with ours put together. `digest` is of all.

    `kept`: those of `plain` that can be packed, and where they lie once they are. `places`: of all that can be, where
    to read it.
    """

    digest: str = ""
    plain: Mapping[str, Path] = field(default_factory=dict)
    linked: Mapping[str, Path] = field(default_factory=dict)
    kept: Mapping[str, Path] = field(default_factory=dict)
    places: Mapping[Path, Path] = field(default_factory=dict)

    def packed(self) -> StaticTree:
        """The same, with what is kept by now where it is kept."""
        there = {name: place for name, place in self.kept.items() if place.exists()}
        alone = {name: place for name, place in there.items() if self.linked[name] == self.plain[name]}
        return replace(self, plain={**self.plain, **there}, linked={**self.linked, **alone})


def signature(directory: Path) -> Signature:
    """Which files there are, how large, and when each was written."""
    found = ((path, path.stat()) for path in sorted(directory.rglob("*")) if path.is_file())
    return tuple((path.relative_to(directory).as_posix(), stat.st_size, stat.st_mtime_ns) for path, stat in found)


@lru_cache(maxsize=2)  # several applications in one process share it
def read_tree(directory: Path, templates: Path, cache: Path, _seen: Signature) -> StaticTree:
    """Takes a tenth of a second. Where nothing can be kept, everything comes as it was written.

    What is not kept yet is not copied here: at the first start somebody waits for the first page.
    """
    paths = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_file()}
    contents = {name: path.read_bytes() for name, path in sorted(paths.items())}
    digest, ours, keeper = hashlib.sha256(), _together(contents, templates), StaticCache(cache)
    for name, content in (*contents.items(), *ours.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    short = digest.hexdigest()[:_DIGEST_CHARACTERS]
    try:
        made = {name: keeper.keep(name, content) for name, content in ours.items()}
    except OSError as error:
        _LOG.warning("scripts and style sheets are not packed: %s", error, extra={"action": "static_files"})
        return StaticTree(digest=short, plain=paths, linked=paths)
    kept = {name: keeper.place(name, content) for name, content in contents.items() if is_worth_it(name, content)}
    places = {place: paths[name] for name, place in kept.items()}
    places |= {place: place for name, place in made.items() if is_worth_it(name, ours[name])}
    return StaticTree(digest=short, plain=paths, linked=paths | made, kept=kept, places=places).packed()


def _together(contents: Mapping[str, bytes], templates: Path) -> dict[str, bytes]:
    sheets = {path: style_sheet(contents, path) for path in _SHEETS}
    try:
        with kept_scripts(COMPILED) as parse:
            return sheets | scripts(contents, common=_COMMON_SCRIPT, entries=_entries(templates), parse=parse)
    except CannotBeLinked as error:  # somebody is in the middle of writing it; a test sees to it that this is all
        _LOG.warning("scripts come one by one: %s", error, extra={"action": "static_files"})
        return sheets


def _entries(templates: Path) -> list[str]:
    """The scripts that pages name."""
    pages = (path.read_text("utf-8") for path in templates.rglob("*.html"))
    return sorted({name for page in pages for name in _NAMED.findall(page)})

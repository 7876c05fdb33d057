"""Scripts and style sheets put together when the server starts: a page loads few files, and whoever changes one only
has to load the page again. Why the server does it, and no bundler: docs/decisions/0026.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter

from server.http.static_scripts import CannotBeLinked, Script, script

_IMPORT = re.compile(rb'^@import url\("([^"]+)"\)(?: layer\((\w+)\))?;\n?', re.MULTILINE)
_NOTES = re.compile(rb"/\*.*?\*/\s*", re.DOTALL)


def style_sheet(files: Mapping[str, bytes], path: str) -> bytes:
    """With the sheets that it imports in their places and layers; none of ours has addresses, which would mislead."""
    here = posixpath.dirname(path)

    def imported(found: re.Match[bytes]) -> bytes:
        sheet = style_sheet(files, posixpath.normpath(posixpath.join(here, found[1].decode())))
        return b"@layer %b {\n%b}\n" % (found[2], sheet) if found[2] else sheet

    return _IMPORT.sub(imported, _NOTES.sub(b"", files[path]))


def scripts(
    files: Mapping[str, bytes],
    *,
    common: str,
    entries: Iterable[str],
    parse: Callable[[str, bytes], Script] = script,
) -> dict[str, bytes]:
    """What stands at the path of each instead: `common`, which every page loads, and `entries`, which build upon it.

    What these load as workers, or when they need it, stands alone. `parse` does what `script` does. Raises
    `CannotBeLinked`.
    """
    linker = _Linker(files, parse)
    shared = linker.order(common)
    made = {common: linker.together(shared, exports=shared)}
    for entry in entries:
        if entry not in made:
            made[entry] = linker.together(linker.order(entry), exports=[entry], common=(common, shared))
    for entry in linker.loaded():
        if entry not in made:
            made[entry] = linker.together(linker.order(entry), exports=[entry])
    return made


class _Linker:
    """Each module becomes a function that is called once and hands out its exports, so that names never meet."""

    def __init__(self, files: Mapping[str, bytes], parse: Callable[[str, bytes], Script]) -> None:
        self._files = files
        self._parse = parse
        self._scripts: dict[str, Script] = {}

    def order(self, entry: str) -> list[str]:
        """What `entry` needs, each behind what it needs itself."""
        needs: dict[str, list[str]] = {}
        left = [entry]
        while left:
            path = left.pop()
            if path not in needs:
                needs[path] = [] if _stays(path) else [source for source, _ in self._script(path).imports]
                left += needs[path]
        try:
            return list(TopologicalSorter(needs).static_order())
        except CycleError as error:
            raise CannotBeLinked(f"in a circle: {' → '.join(error.args[1])}") from error

    def loaded(self) -> list[str]:
        return [path for each in list(self._scripts.values()) for path in each.loads if not _stays(path)]

    def together(self, order: list[str], *, exports: Iterable[str], common: tuple[str, list[str]] = ("", [])) -> bytes:
        elsewhere, shared = common
        entry, lines = order[-1], []
        lent = [_handle(path) for path in order if path in shared]
        if lent:
            lines.append(f'import {{ {", ".join(lent)} }} from "{_from(entry, elsewhere)}";'.encode())
        for path in (each for each in order if each not in shared):
            if _stays(path):
                lines.append(f'import * as {_handle(path)} from "{_from(entry, path)}";'.encode())
            else:
                lines.append(self._called(path))
        handles = [_handle(path) for path in exports]
        lines.append(f"export {{ {', '.join(handles)} }};".encode())
        if names := ", ".join(self._script(entry).exports):
            lines.append(f"export const {{ {names} }} = {_handle(entry)};".encode())
        return b"\n".join(lines) + b"\n"

    def _called(self, path: str) -> bytes:
        made = self._script(path)
        taken = "".join(
            f"const {{ {', '.join(there if there == here else f'{there}: {here}' for there, here in names)} }} = "
            f"{_handle(source)};\n"
            for source, names in made.imports
            if names
        )
        given = ", ".join(out if out == here else f"{out}: {here}" for out, here in made.exports.items())
        begin, end = f"const {_handle(path)} = (() => {{\n{taken}", f"\nreturn {{ {given} }};\n}})();"
        return begin.encode() + made.body.strip() + end.encode()

    def _script(self, path: str) -> Script:
        if path not in self._scripts:
            if path not in self._files:
                raise CannotBeLinked(f"there is no {path}")
            self._scripts[path] = self._parse(path, self._files[path])
        return self._scripts[path]


def _stays(path: str) -> bool:
    """Libraries that come minified are files of their own: most pages never load them."""
    return path.endswith(".min.js")


@cache
def _handle(path: str) -> str:
    return "m_" + re.sub(r"\W", "_", path)


@cache
def _from(entry: str, path: str) -> str:
    found = posixpath.relpath(path, posixpath.dirname(entry))
    return found if found.startswith(".") else f"./{found}"

"""Where a link of a document leads once it is a page: from one file to another on a forge, from page to page here."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from server.help.chapters import CHAPTERS, ENTRIES, LANGUAGES
from server.help.pictures import PICTURES

_ELSEWHERE = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_STATIC = "../static/"


def _served() -> dict[str, tuple[str, str]]:
    """Chapter and language (none where there is but one) by the file below `docs/`."""
    files = {}
    for chapter in CHAPTERS:
        for language in LANGUAGES:
            files[chapter.file(language)] = (chapter.name, language if chapter.part == "guide" else "")
    return files


SERVED = _served()


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLinks:
    """Those of one `file` below `docs/`, shown in one language below `root`."""

    file: str
    language: str
    root: str

    def target(self, link: str) -> str:
        """The file that it names, below `docs/`; empty for what is not a file."""
        if _ELSEWHERE.match(link) or link.startswith("#"):
            return ""
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.file), link.partition("#")[0]))

    def address(self, link: str) -> str | None:
        """For a browser; None for what only the source has."""
        target = self.target(link)
        if not target:
            return link
        fragment = link[link.index("#") :] if "#" in link else ""
        if target in ENTRIES:
            return f"{self.root}/help/{ENTRIES[target]}{fragment}"
        if target not in SERVED:
            return None
        chapter, language = SERVED[target]
        return f"{self.root}/help/{language or self.language}/{chapter}{fragment}"

    def picture(self, link: str) -> str | None:
        """The same, of a picture."""
        target = self.target(link)
        if target.startswith(f"{PICTURES}/"):
            return f"{self.root}/help/pictures/{target.removeprefix(PICTURES)[1:]}"
        return f"{self.root}/static/{target.removeprefix(_STATIC)}" if target.startswith(_STATIC) else None

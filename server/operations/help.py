"""The help: its chapters, one of them as a page, and its sections by their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from server.auth.permissions import Principal
from server.errors import NotFound
from server.help.chapters import BY_NAME, CHAPTERS, Chapter, guide_language
from server.help.finding import FoundSection, SearchedSection, found, saying
from server.help.library import HelpLibrary
from server.help.work import HelpDocument
from server.languages import DEFAULT_LANGUAGE, Languages
from server.texts import near

_MOST_FOUND = 30
_FEW = 3


class HelpFound(NamedTuple):
    """A section that was found: `title` names its chapter, too; `url` is below the application's root."""

    title: str
    url: str
    extract: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpChapter:
    """`language` is that of its text, which may be another than was asked for."""

    chapter: Chapter
    language: str
    document: HelpDocument
    digest: str


class HelpOperations:
    """The guide and the reference are for everybody, what is about running a server for those who do."""

    def __init__(self, *, library: HelpLibrary, languages: Languages, pictures: Mapping[str, Path]) -> None:
        self._library = library
        self._languages = languages
        self._pictures = pictures

    def chapters(self, principal: Principal) -> Sequence[Chapter]:
        """In their order."""
        return [chapter for chapter in CHAPTERS if principal.is_admin or not chapter.is_for_admins]

    async def guide(self, language: str) -> Mapping[str, HelpDocument]:
        """The chapters for everybody's daily work, by name: what the first page lists."""
        texts, language = await self._library.texts(), guide_language(language)
        return {one.name: texts.documents[one.name, language] for one in CHAPTERS if one.part == "guide"}

    async def chapter(self, principal: Principal, name: str, *, language: str) -> HelpChapter:
        """Raises `NotFound`, and `Forbidden` of what is for administrators."""
        chapter = BY_NAME.get(name)
        if chapter is None:
            raise NotFound("The help has no page “{name}”.", name=name)
        if chapter.is_for_admins:
            principal.require_admin()
        texts, spoken = await self._library.texts(), chapter.language(guide_language(language))
        document = texts.documents[chapter.name, spoken]
        return HelpChapter(chapter=chapter, language=spoken, document=document, digest=texts.digest)

    def is_for_admins(self, name: str) -> bool:
        """Whether a stranger has to say who they are for it; not so of what there is not."""
        return name in BY_NAME and BY_NAME[name].is_for_admins

    def like(self, principal: Principal, name: str) -> Chapter | None:
        """What may have been meant by a name that there is not."""
        names = [chapter.name for chapter in self.chapters(principal)]
        meant = near(name, names)
        return BY_NAME[meant] if meant else None

    async def find(
        self, language: str, words: str, principal: Principal, *, limit: int = _MOST_FOUND
    ) -> Sequence[HelpFound]:
        """Sections that say `words`, in the reader's language first; where it has few, then in another."""
        own, others = await self._sections(language, principal)
        sections = found(own, words, limit)
        if len(sections) < _FEW:
            sections += found(others, words, limit - len(sections))
        return [self._told(one, guide_language(language)) for one in sections]

    async def saying(self, language: str, words: str, principal: Principal, *, limit: int) -> Sequence[HelpFound]:
        """Sections in the reader's language that say all of the words, and none that are only like them."""
        own, _ = await self._sections(language, principal)
        return [self._told(one, guide_language(language)) for one in saying(own, words, limit)]

    async def _sections(
        self, language: str, principal: Principal
    ) -> tuple[Sequence[SearchedSection], Sequence[SearchedSection]]:
        """Those that they may read, in their language and in others."""
        texts, spoken = await self._library.texts(), guide_language(language)
        may = {chapter.name for chapter in self.chapters(principal)}
        open_to = [one for one in texts.sections if one.document.chapter in may]
        own = [one for one in open_to if _is_for(one, spoken)]
        return own, [one for one in open_to if not _is_for(one, spoken)]

    def picture(self, name: str) -> Path:
        """Raises `NotFound`."""
        if name not in self._pictures:
            raise NotFound
        return self._pictures[name]

    def _told(self, one: FoundSection, language: str) -> HelpFound:
        chapter = BY_NAME[one.document.chapter]
        shown_in = one.document.language if chapter.part == "guide" else language
        name = self._languages.of(language).gettext(chapter.title)
        anchor = f"#{one.section.anchor}" if one.section.anchor else ""
        return HelpFound(
            title=f"{one.section.title} · {name}" if one.section.title else name,
            url=f"/help/{shown_in}/{chapter.name}{anchor}",
            extract=one.extract,
        )


def _is_for(one: SearchedSection, language: str) -> bool:
    """All but the guide is in English alone, for everybody."""
    chapter = BY_NAME[one.document.chapter]
    return one.document.language == (language if chapter.part == "guide" else DEFAULT_LANGUAGE)

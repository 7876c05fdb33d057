"""What the documentation says that the server shows: sections of the help, and chapters of the API's reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.auth.permissions import Principal
from server.languages import Languages
from server.operations.help import HelpOperations
from server.operations.search_words import NameFit, wanted_of

_MOST_SECTIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DocChapter:
    url: str
    label: str
    hint: str = ""


CHAPTERS = (
    DocChapter(url="/docs", label="HTTP API", hint="Reference, REST, OpenAPI, requests, documentation"),
    DocChapter(url="/docs/events", label="Live events", hint="WebSocket, AsyncAPI, protocol, messages"),
    DocChapter(url="/docs/api/account", label="Account and sign-in"),
    DocChapter(url="/docs/api/uploads", label="Uploads and fetched files"),
    DocChapter(url="/docs/api/imports", label="Imports"),
    DocChapter(url="/docs/api/datasets", label="Datasets"),
    DocChapter(url="/docs/api/queries", label="Queries"),
    DocChapter(url="/docs/api/templates", label="Templates"),
    DocChapter(url="/docs/api/reports", label="Batches and reports"),
    DocChapter(url="/docs/api/schedules", label="Schedules"),
    DocChapter(url="/docs/api/brand", label="Own brand"),
    DocChapter(url="/docs/api/search", label="Search"),
    DocChapter(url="/docs/api/jobs", label="Jobs"),
    DocChapter(url="/docs/api/live", label="Events and this description"),
    DocChapter(url="/docs/api/users", label="Admin: users"),
    DocChapter(url="/docs/api/alerts", label="Admin: alerts"),
    DocChapter(url="/docs/api/server", label="Admin: the server"),
)


class FindableDocs:
    def __init__(self, help_pages: HelpOperations, reference: ReferenceChapters) -> None:
        self._help = help_pages
        self._reference = reference

    async def find(self, principal: Principal, words: str) -> Sequence[tuple[str, str]]:
        """Title and address, of the help first: it is for people, the reference for programs."""
        sections = await self._help.saying(principal.language, words, principal, limit=_MOST_SECTIONS)
        return [*((one.title, one.url) for one in sections), *self._reference.find(principal.language, words)]


class ReferenceChapters:
    def __init__(self, languages: Languages, chapters: Sequence[DocChapter] = CHAPTERS) -> None:
        self._languages = languages
        self._chapters = chapters

    def find(self, language: str, words: str) -> Sequence[tuple[str, str]]:
        """Title and address of each that has all of the words in its title or hint, the best first."""
        translate, wanted = self._languages.of(language).gettext, wanted_of(words)
        if wanted is None:
            return []
        found = []
        for place, chapter in enumerate(self._chapters):
            title = translate(chapter.label)
            texts = [text for text in (title, chapter.label, chapter.hint) if text]
            fit = min(wanted.fit(text) for text in texts)
            if fit is not NameFit.SAID:
                found.append((fit, place, title, chapter.url))
        return [(title, url) for _, _, title, url in sorted(found)]

"""Reads the documents: Markdown as files, HTML and searchable texts as the answer. In worker processes alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from server.help.anchors import NAMED, Anchors
from server.help.chapters import CHAPTERS, ENTRIES, LANGUAGES, Chapter
from server.help.drawing import drawn
from server.help.links import DocumentLinks
from server.help.work import HelpDocument, HelpSection, ReadDocuments

_BELOW_TITLE = 2


def read_documents(wanted: ReadDocuments, report: Callable[[Any], None]) -> list[HelpDocument]:
    """All that there is, in every language that it is in."""
    return [
        read_document(wanted, chapter, language)
        for chapter in CHAPTERS
        for language in LANGUAGES
        if chapter.language(language) == language
    ]


def read_document(wanted: ReadDocuments, chapter: Chapter, language: str) -> HelpDocument:
    file = chapter.file(language)
    links = DocumentLinks(file=file, language=language, root=wanted.root)
    tokens = parsed((wanted.directory / file).read_text("utf-8"))
    title, tokens = _without_head(tokens, links)
    tokens = _without_empty_heads(_with_anchors(tokens))
    return HelpDocument(
        chapter=chapter.name,
        language=language,
        title=title,
        html=drawn(tokens, links=links, directory=wanted.directory),
        sections=tuple(_sections(tokens)),
        links=tuple(_links(tokens)),
    )


def parsed(text: str) -> list[Token]:
    """HTML is told apart, so that what we know of it is shown and all else appears as it is written."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)


def _without_head(tokens: list[Token], links: DocumentLinks) -> tuple[str, list[Token]]:
    """The title, which the page has in its own head; and where the line below it leads to the other chapters, so does
    the page at its side."""
    title, rest = _plain(tokens[1]), tokens[3:]
    leads_on = (
        rest and rest[0].type == "paragraph_open" and any(links.target(link) in ENTRIES for link in _links(rest[:2]))
    )
    return title, rest[3:] if leads_on else rest


def _with_anchors(tokens: list[Token]) -> list[Token]:
    """Each heading with the name that stands before it as `<a id="…">`, else with that made of its words."""
    anchors, named = Anchors(), ""
    kept: list[Token] = []
    for at, token in enumerate(tokens):
        if token.type == "inline" and (found := NAMED.match(token.content)):
            named = found[1]
            kept.pop()  # the paragraph around it
        elif token.type == "paragraph_close" and at and NAMED.match(tokens[at - 1].content):
            continue
        else:
            if token.tag == "h1":  # there is one on a page, which is its title
                token.tag = "h2"
            if token.type == "heading_open":
                made = anchors.of(_plain(tokens[at + 1]))
                token.attrSet("id", named or made)
                named = ""
            kept.append(token)
    return kept


def _without_empty_heads(tokens: list[Token]) -> list[Token]:
    """Markdown has no tables without a head; an empty one says nothing."""
    kept: list[Token] = []
    for token in tokens:
        kept.append(token)
        if token.type == "thead_close":
            start = max(at for at, each in enumerate(kept) if each.type == "thead_open")
            if not any(each.content for each in kept[start:]):
                del kept[start:]
    return kept


def _sections(tokens: list[Token]) -> list[HelpSection]:
    sections: list[HelpSection] = []
    words: list[str] = []
    head = ("", _BELOW_TITLE, "")

    def close() -> None:
        if head[0] or words:
            text = " ".join(" ".join(words).split())
            sections.append(HelpSection(anchor=head[0], level=head[1], title=head[2], text=text))

    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            close()
            words = []
            head = (str(token.attrGet("id")), int(token.tag[1:]), _plain(tokens[at + 1]))
        elif token.type in ("inline", "fence", "code_block") and not (at and tokens[at - 1].type == "heading_open"):
            words.append(_plain(token) if token.type == "inline" else token.content)
    close()
    return sections


def _plain(token: Token) -> str:
    """The words of a line, without marks."""
    return "".join(
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in token.children or ()
        if child.type != "html_inline"
    )


def _links(tokens: list[Token]) -> list[str]:
    found: list[str] = []
    for token in tokens:
        for child in token.children or ():
            link = child.attrGet("href" if child.type == "link_open" else "src")
            found += [str(link)] if link else []
    return found

"""What a worker process is asked to do for the help, and what it answers: what reads Markdown is not loaded here."""

from __future__ import annotations

from pathlib import Path

import msgspec

from server.jobs.worker_process import ByName

read_documents = ByName("server.help.reading", "read_documents")


class ReadDocuments(msgspec.Struct, frozen=True, kw_only=True):
    """`root` is below which path the server is reached."""

    directory: Path
    root: str


class HelpSection(msgspec.Struct, frozen=True, kw_only=True):
    """From one heading to the next: `level` is 2 below the title of a page. `text` is all its words, in one line."""

    anchor: str
    level: int
    title: str
    text: str


class HelpDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`links` are of other documents and pictures, below `docs/`, as they stand there."""

    chapter: str
    language: str
    title: str
    html: str
    sections: tuple[HelpSection, ...]
    links: tuple[str, ...] = ()

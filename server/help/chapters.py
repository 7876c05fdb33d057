"""Which documents the server shows, by what name, and for whom. What is not listed here is in the source alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from server.languages import DEFAULT_LANGUAGE

CHINESE = "zh-CN"
LANGUAGES = (DEFAULT_LANGUAGE, CHINESE)  # that the guide is written in; all else is in English
HelpPart = Literal["guide", "reference", "operating"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """`name` stands in its address; those of the guide are there in every language."""

    name: str
    title: str
    part: HelpPart

    @property
    def is_for_admins(self) -> bool:
        return self.part == "operating"

    def file(self, language: str) -> str:
        """Below `docs/`."""
        if self.part != "guide":
            return f"{self.name}.md"
        return f"user-guide/{self.name}.md" if language == DEFAULT_LANGUAGE else f"user-guide/{self.name}.{language}.md"

    def language(self, wanted: str) -> str:
        """Which it is in for somebody who wants this one."""
        return wanted if self.part == "guide" else DEFAULT_LANGUAGE


CHAPTERS = (
    Chapter(name="analysts", title="For analysts", part="guide"),
    Chapter(name="administrators", title="For administrators", part="guide"),
    Chapter(name="script-authors", title="For script authors", part="guide"),
    Chapter(name="imports", title="How files are read", part="reference"),
    Chapter(name="datasets", title="Datasets and queries", part="reference"),
    Chapter(name="report-templates", title="The template language", part="reference"),
    Chapter(name="gallery", title="Gallery of templates", part="reference"),
    Chapter(name="batches", title="Batches of reports", part="reference"),
    Chapter(name="uploads", title="Uploading files", part="reference"),
    Chapter(name="command-line", title="Command line", part="reference"),
    Chapter(name="python-client", title="Python client", part="reference"),
    Chapter(name="external-jobs", title="Jobs of scripts over HTTP", part="reference"),
    Chapter(name="live-client", title="Live client in JavaScript", part="reference"),
    Chapter(name="protocol", title="Live protocol", part="reference"),
    Chapter(name="write-a-client", title="Writing a live client", part="reference"),
    Chapter(name="glossary", title="Glossary", part="reference"),
    Chapter(name="operations", title="Running a server", part="operating"),
    Chapter(name="settings", title="Every setting", part="operating"),
    Chapter(name="security", title="What is secured, and how", part="operating"),
    Chapter(name="threat-model", title="Threat model", part="operating"),
    Chapter(name="cluster", title="Several nodes", part="operating"),
    Chapter(name="performance", title="Measured performance", part="operating"),
)
BY_NAME = {chapter.name: chapter for chapter in CHAPTERS}
ENTRIES = {"user-guide.md": DEFAULT_LANGUAGE, "user-guide.zh-CN.md": CHINESE}
"""The documents that on a forge are what `/help` is here."""


def guide_language(language: str) -> str:
    """Which of those of the guide somebody who reads `language` gets."""
    return language if language in LANGUAGES else DEFAULT_LANGUAGE

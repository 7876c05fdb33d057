"""Sections are found by title and text, in Chinese by one and two characters, and by parts of words at last."""

from __future__ import annotations

import pytest

from server.help.finding import found, searched
from server.help.work import HelpDocument, HelpSection

SECTIONS = (
    HelpSection(anchor="import", level=2, title="Import a file", text="Drop the file. Choose its Delimiter."),
    HelpSection(anchor="delimiter", level=2, title="The delimiter", text="Comma, semicolon or tab."),
    HelpSection(anchor="cn", level=2, title="更正异常行", text="点“在此更正”，异常行会以表格显示。ＡＢＣ"),
    HelpSection(anchor="long", level=2, title="Long", text="word " * 60 + "needle " + "more " * 60),
)
INDEX = searched([HelpDocument(chapter="imports", language="en", title="Imports", html="", sections=SECTIONS)])


def anchors(words: str) -> list[str]:
    return [each.section.anchor for each in found(INDEX, words, 10)]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("delimiter", ["delimiter", "import"]),
        ("DELIM comma", ["delimiter"]),
        ("行", ["cn"]),
        ("异常", ["cn"]),
        ("abc", ["cn"]),
        ("怎么更正异常行", ["cn"]),
        ("importing files", ["import"]),
        ("nothing-of-the-kind", []),
        ("   ", []),
    ],
)
def test_words_find_sections(words: str, wanted: list[str]) -> None:
    assert anchors(words) == wanted


def test_an_extract_shows_what_was_found() -> None:
    (one,) = found(INDEX, "needle", 10)
    assert "needle" in one.extract
    assert one.extract.startswith("… word")
    assert one.extract.endswith(" …")
    assert len(one.extract) < 200


def test_no_more_than_wanted_is_answered() -> None:
    assert len(found(INDEX, "e", 1)) == 1

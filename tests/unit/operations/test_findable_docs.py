"""Chapters of the documentation are found by their titles, in both languages."""

from __future__ import annotations

from server.languages import Languages
from server.operations.findable_docs import CHAPTERS, ReferenceChapters
from server.places import LOCALES
from views.reference_sections import SECTIONS

DOCS = ReferenceChapters(Languages.load(LOCALES))


def test_each_section_of_the_reference_is_a_chapter() -> None:
    of_reference = {each.url: each.label for each in CHAPTERS if each.url.startswith("/docs/api/")}
    assert of_reference == {f"/docs/api/{section.name}": section.title for section in SECTIONS}


def test_chapters_have_all_words_and_the_best_comes_first() -> None:
    assert DOCS.find("en", "admin: users") == [("Admin: users", "/docs/api/users")]
    assert DOCS.find("en", "import")[0] == ("Imports", "/docs/api/imports")
    assert ("HTTP API", "/docs") in DOCS.find("en", "openapi")
    assert ("作业", "/docs/api/jobs") in DOCS.find("zh-CN", "作业")
    assert DOCS.find("zh-CN", "jobs")  # English helps everywhere
    assert DOCS.find("en", "@") == DOCS.find("en", "nothing") == []

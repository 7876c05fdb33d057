"""Help in place: each page has a topic, and each topic a section of that title in both languages."""

from __future__ import annotations

import pytest

from server.help.chapters import LANGUAGES
from server.languages import Languages
from server.places import LOCALES
from tests.pages import NO_HELP, ON_THE_WAY, ROUTES
from tests.unit.help.test_documents import documents
from views.help_links import PAGES, PARTS_OF_PAGES, SECTIONS_OF_ADMIN, HelpTopic, topic_of_path, topic_of_refusal

TOPICS = {*PAGES.values(), *SECTIONS_OF_ADMIN.values(), *PARTS_OF_PAGES.values(), topic_of_refusal(404)} - {None}


@pytest.mark.parametrize("route", sorted(ROUTES | ON_THE_WAY))
def test_each_page_has_a_topic(route: str) -> None:
    sections = sorted(SECTIONS_OF_ADMIN) if route.endswith("{section}") and "/admin" in route else [""]
    topics = [topic_of_path(route, section) for section in sections]
    assert all(topics) is (route not in NO_HELP)


@pytest.mark.parametrize("topic", sorted(TOPICS, key=str), ids=lambda topic: f"{topic.chapter}-{topic.anchor}")
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_topic_is_a_section_of_that_title(topic: HelpTopic, language: str) -> None:
    titles = {section.anchor: section.title for section in documents()[topic.chapter, language].sections}
    assert titles[topic.anchor] == Languages.load(LOCALES).of(language).gettext(topic.label)
    assert topic.url(language) == f"/help/{language}/{topic.chapter}#{topic.anchor}"


def test_what_a_page_refuses_is_explained_where_the_guide_does() -> None:
    assert topic_of_refusal(404).anchor == "refused"
    assert topic_of_refusal(500) is None

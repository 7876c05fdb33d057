"""Every text that people see has its translation, and translations fill in the same values."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from locales.update import InContext, Text, collected, placeholders

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def texts() -> dict[Text, list[str]]:
    return collected()


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with (ROOT / "locales" / "zh_CN" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return read_po(source, locale="zh_CN")


def translation_of(catalog: Catalog, text: Text) -> str:
    message = catalog.get(text.text, text.context) if isinstance(text, InContext) else catalog.get(text)
    if message is None:
        return ""
    return message.string if isinstance(message.string, str) else message.string[0]


def test_every_text_is_translated_to_chinese(chinese: Catalog, texts: dict[Text, list[str]]) -> None:
    missing = [text for text in texts if not translation_of(chinese, text)]
    assert missing == [], "run `make messages`, then translate what it lists"


def test_translations_fill_in_the_same_values(chinese: Catalog, texts: dict[Text, list[str]]) -> None:
    different = {}
    for text in texts:
        wanted = placeholders(text if isinstance(text, str) else text[1])
        if placeholders(translation_of(chinese, text)) != wanted:
            different[text] = translation_of(chinese, text)
    assert different == {}


def test_the_same_words_are_translated_by_where_they_stand(chinese: Catalog) -> None:
    tab = InContext("tab of a dataset", "Rows")
    assert (translation_of(chinese, tab), translation_of(chinese, "Rows")) == ("数据", "行")


def test_texts_of_templates_scripts_and_errors_are_found(texts: dict[Text, list[str]]) -> None:
    assert "templates/_topbar.html" in texts["Sign out"]
    assert "static/js/connection-state.js" in texts["Offline"]
    assert "server/errors.py" in texts["There is nothing here, or it is not yours."]


def test_translations_in_templates_have_no_stray_percent_sign(chinese: Catalog, texts: dict[Text, list[str]]) -> None:
    for text, places in texts.items():
        if any(place.startswith("templates/") for place in places):
            translated = translation_of(chinese, text)
            assert translated % dict.fromkeys(placeholders(translated), "1"), text

"""The language a person gets: the first wanted one that there is."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from server.jobs.job import FINISHING
from server.languages import Languages
from server.places import LOCALES

CATALOGUE = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8"

msgid "Import"
msgstr "导入"
"""


@pytest.fixture
def languages(tmp_path: Path) -> Languages:
    catalogue = tmp_path / "zh_CN" / "LC_MESSAGES" / "messages.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(CATALOGUE, "utf-8")
    return Languages.load(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (("zh-CN",), "zh-CN"),
        (("zh-TW,zh;q=0.9",), "zh-CN"),
        (("zh_CN",), "zh-CN"),
        (("de-DE,en;q=0.8",), "en"),
        ((None, "", "fr"), "en"),
        ((None, "zh-Hans-CN"), "zh-CN"),
        (("en-US,zh-CN;q=0.5",), "en"),
        (("en;q=0.3, zh-CN;q=0.9",), "zh-CN"),
        (("zh-CN;q=0, fr",), "en"),
        (("en; Q=0.5 , zh",), "zh-CN"),
        (("*;q=0.1, zh;q=0.2",), "zh-CN"),
        (("%%%,;;q=", "zh-CN"), "zh-CN"),
    ],
)
def test_the_first_wanted_language_that_there_is_wins(
    languages: Languages, wanted: tuple[str | None, ...], chosen: str
) -> None:
    assert languages.choose(*wanted) == chosen


def test_texts_are_translated_and_unknown_ones_stay_english(languages: Languages) -> None:
    assert languages.of("zh-CN").gettext("Import") == "导入"
    assert languages.of("zh-CN").gettext("Unknown") == "Unknown"
    assert languages.of("xx").gettext("Import") == "Import"


def test_texts_of_pages_can_be_filled_in_every_language() -> None:
    """What stands in a template is filled whether it has a placeholder or not: a lone % would be an error 500."""
    broken = []
    for catalogue in LOCALES.glob("*/LC_MESSAGES/messages.po"):
        with catalogue.open("rb") as file:
            for message in read_po(file):
                if not any(where.startswith("templates/") for where, _ in message.locations):
                    continue
                found = message.string
                for text in found if isinstance(found, list | tuple) else [found or ""]:
                    try:
                        str(text) % defaultdict(int)
                    except ValueError:
                        broken.append(text)
    assert broken == []


def test_stages_of_jobs_are_in_the_readers_language_on_pages_and_as_scripts_draw_them() -> None:
    languages = Languages.load(LOCALES)
    server = Path(__file__).parents[2] / "server"
    stages = {stage for path in server.rglob("*.py") for stage in re.findall(r'\bstage="(\w+)"', path.read_text())}
    assert stages >= {"reading", "rendering"}
    for stage in stages | {FINISHING}:
        assert languages.of("zh-CN").gettext(stage) != stage
        assert stage in languages.script_texts

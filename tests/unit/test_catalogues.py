"""Catalogues are read as Babel reads them, whose reader takes many times as long."""

from __future__ import annotations

import gettext
import io
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from server.catalogues import compiled
from server.places import LOCALES

HEADER = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=1; plural=0;\\n"
"""
ODD = (
    HEADER
    + r"""
#. A note.
#: server/a.py static/js/b.js
#, python-format
msgid "A \"quoted\" path: C:\\new"
msgstr ""
"\t“带引号”\n"
"C:\\new"

#: static/js/c.js
msgid "Not translated"
msgstr ""

#, fuzzy, python-format
msgid "Guessed"
msgstr "猜的"

msgctxt "tab"
msgid "Rows"
msgstr "行"

msgid "one row"
msgid_plural "%(n)s rows"
msgstr[0] "%(n)s 行"

#~ msgid "Gone"
#~ msgstr "没了"
"""
)


def by_babel(catalogue: bytes) -> gettext.GNUTranslations:
    with io.BytesIO() as file:
        write_mo(file, read_po(io.BytesIO(catalogue)))
        file.seek(0)
        return gettext.GNUTranslations(file)


@pytest.mark.parametrize(
    "catalogue", sorted(LOCALES.glob("*/LC_MESSAGES/messages.po")), ids=lambda path: path.parts[-3]
)
def test_every_text_of_ours_is_what_babel_reads(catalogue: Path) -> None:
    content = catalogue.read_bytes()
    translations, in_scripts = compiled(content)
    messages = read_po(io.BytesIO(content))
    expected = by_babel(content)
    assert len(messages) > 5_000
    for message in messages:
        texts = message.id if isinstance(message.id, tuple | list) else [message.id]
        assert not message.context or translations.pgettext(message.context, texts[0]) == expected.pgettext(
            message.context, texts[0]
        )
        assert translations.gettext(texts[0]) == expected.gettext(texts[0])
        assert translations.ngettext(texts[0], texts[-1], 2) == expected.ngettext(texts[0], texts[-1], 2)
    assert in_scripts == {
        message.id for message in messages if any(place.startswith("static/js/") for place, _ in message.locations)
    }


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_escapes_contexts_plurals_and_guesses_are_what_babel_makes_of_them(newline: str) -> None:
    content = ODD.replace("\n", newline).encode()
    translations, in_scripts = compiled(content)
    assert translations.gettext('A "quoted" path: C:\\new') == "\t“带引号”\nC:\\new"
    assert translations.gettext("Not translated") == "Not translated"
    assert translations.gettext("Guessed") == "Guessed"
    assert (translations.gettext("Rows"), translations.pgettext("tab", "Rows")) == ("Rows", "行")
    assert translations.ngettext("one row", "%(n)s rows", 5) == "%(n)s 行"
    assert translations.gettext("Gone") == "Gone"
    assert in_scripts == {'A "quoted" path: C:\\new', "Not translated"}


@pytest.mark.parametrize("broken", ['msgid "No end', 'msgid "Nothing said"', 'msgid "A" "B"\nmsgstr "C"', "<html>"])
def test_what_is_no_catalogue_is_refused_with_its_line(broken: str) -> None:
    with pytest.raises(ValueError, match="line 4 is no message"):
        compiled((HEADER + broken).encode())

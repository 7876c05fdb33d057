"""Catalogues of translations as they stand in `locales/`, read at each start: there is no compiled file to go stale.

Babel reads them as well, and `make messages` has it do so; but it makes an object of each text and of each place, and
compares them all, which took a third of a second of every start.
"""

from __future__ import annotations

import gettext
import io
import re
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_STRINGS = rb'((?:"[^"\\\n]*(?:\\.[^"\\\n]*)*"[ \t\r]*(?:\n|\Z))+)'
_MESSAGE = re.compile(
    rb"(?P<said>(?:#.*\n|[ \t\r]*\n)*)"
    rb"(?:msgctxt[ \t]+%(s)s)?msgid[ \t]+%(s)s(?:msgid_plural[ \t]+%(s)s)?"
    rb"(?P<translations>(?:msgstr(?:\[\d+\])?[ \t]+%(s)s)+)" % {b"s": _STRINGS}
)
_TRANSLATION = re.compile(rb"msgstr(?:\[\d+\])?[ \t]+" + _STRINGS)
_REST = re.compile(rb"(?:#.*(?:\n|\Z)|\s)*\Z")  # what is no longer used stands there as a comment
_FUZZY = re.compile(rb"^#,.*\bfuzzy\b", re.MULTILINE)
_OF_SCRIPTS = re.compile(rb"^#:.*(?<=\s)static/js/", re.MULTILINE)
_QUOTED = re.compile(rb'"([^"\\\n]*(?:\\.[^"\\\n]*)*)"')
_ESCAPED = re.compile(rb"\\(.)")
_CONTROLS = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
_MAGIC, _HEADER = 0x950412DE, 28  # of a compiled catalogue: https://www.gnu.org/software/gettext/manual/ "MO Files"


class _Message(NamedTuple):
    context: bytes | None
    text: bytes
    plural: bytes | None
    translations: list[bytes]
    is_fuzzy: bool
    in_scripts: bool


def compiled(catalogue: bytes) -> tuple[gettext.GNUTranslations, frozenset[str]]:
    """What a `.po` file translates, and which texts of it stand in scripts: it says where each does.

    Raises `ValueError` with the line where it is none.
    """
    translated: dict[bytes, bytes] = {}
    in_scripts = set()
    for message in _messages(catalogue):
        if message.in_scripts:
            in_scripts.add(message.text.decode())
        if message.is_fuzzy and message.text:
            continue  # a guess that nobody has looked at
        key = message.text if message.context is None else message.context + b"\4" + message.text
        if message.plural is not None:
            untranslated = (message.text, message.plural)
            forms = [form or untranslated[min(n, 1)] for n, form in enumerate(message.translations)]
            translated[key + b"\0" + message.plural] = b"\0".join(forms)
        elif message.translations[0]:
            translated[key] = message.translations[0]
    return gettext.GNUTranslations(io.BytesIO(_mo_file(translated))), frozenset(in_scripts)


def _messages(catalogue: bytes) -> Iterator[_Message]:
    """In bytes: the first message says of which encoding all are, and `gettext` heeds that."""
    at = 0
    while not _REST.match(catalogue, at):
        found = _MESSAGE.match(catalogue, at)
        if found is None:
            line = catalogue.count(b"\n", 0, at) + 1
            raise ValueError(f"what begins in line {line} is no message of a catalogue")
        said = found["said"].rpartition(b"\n\n")[2]
        context, text, plural = found[2], found[3], found[4]
        yield _Message(
            context=None if context is None else _text(context),
            text=_text(text),
            plural=None if plural is None else _text(plural),
            translations=[_text(each) for each in _TRANSLATION.findall(found["translations"])],
            is_fuzzy=b"fuzzy" in said and _FUZZY.search(said) is not None,
            in_scripts=b"static/js/" in said and _OF_SCRIPTS.search(said) is not None,
        )
        at = found.end()


def _text(strings: bytes) -> bytes:
    """What stands in one or more strings, a line each."""
    whole = b"".join(_QUOTED.findall(strings))
    return _ESCAPED.sub(lambda found: _CONTROLS.get(found[1], found[1]), whole) if b"\\" in whole else whole


def _mo_file(translated: Mapping[bytes, bytes]) -> bytes:
    """As `gettext` wants it: a table of the texts, one of their translations, and then all of them."""
    keys = sorted(translated)
    texts = [*keys, *(translated[key] for key in keys)]
    at = _HEADER + 8 * len(texts)
    places: list[int] = []
    for text in texts:
        places += (len(text), at)
        at += len(text) + 1
    head = (_MAGIC, 0, len(keys), _HEADER, _HEADER + 8 * len(keys), 0, at)
    return struct.pack(f"<{len(head) + len(places)}I", *head, *places) + b"".join(text + b"\0" for text in texts)

"""The languages people read: catalogues from `locales/`, and which one fits a person."""

from __future__ import annotations

import copy
import gettext
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from babel import Locale, localedata, negotiate_locale

from server.catalogues import compiled

DEFAULT_LANGUAGE = "en"
_LONGEST_WISH, _MOST_TAGS = 1_000, 30  # characters and languages: strangers say what they like
_QUALITY = re.compile(r"q=([01](?:\.\d{0,3})?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Languages:
    """Translations by language tag (`en`, `zh-CN`); English texts are the keys and need no catalogue."""

    catalogues: dict[str, gettext.NullTranslations]
    script_texts: tuple[str, ...]
    """What our scripts show, as far as there are translations: they are handed those that a reader needs."""

    @classmethod
    def load(cls, directory: Path) -> Languages:
        """Read every `<directory>/<locale>/LC_MESSAGES/messages.po`; there is no compile step to forget."""
        catalogues: dict[str, gettext.NullTranslations] = {DEFAULT_LANGUAGE: gettext.NullTranslations()}
        script_texts: set[str] = set()
        for path in sorted(directory.glob("*/LC_MESSAGES/messages.po")):
            translations, texts = _read(path.read_bytes())
            catalogues[path.parent.parent.name.replace("_", "-")] = translations
            script_texts |= texts
        return cls(catalogues, tuple(sorted(script_texts)))

    def of(self, language: str) -> gettext.NullTranslations:
        return self.catalogues.get(language) or self.catalogues[DEFAULT_LANGUAGE]

    def choose(self, *wanted: str | None) -> str:
        """The first of `wanted` (tags or `Accept-Language` values) that we have, else English."""
        for value in wanted:
            found = self._match(value) if value else None
            if found:
                return found
        return DEFAULT_LANGUAGE

    def _match(self, value: str) -> str | None:
        for tag in _by_quality(value):
            found = negotiate_locale([tag], list(self.catalogues), sep="-")
            if found is None and tag.lower().startswith("zh"):
                found = "zh"
            for name in self.catalogues:
                if found and name.lower().startswith(found.lower()):
                    return name
        return None


def _by_quality(value: str) -> list[str]:
    """The tags of an `Accept-Language` value, the most wanted first; not those with `q=0` (RFC 9110, 12.4.2)."""
    wanted: list[tuple[float, str]] = []
    for part in value[:_LONGEST_WISH].split(",")[:_MOST_TAGS]:
        tag, _, quality = part.partition(";")
        weight = _weight(quality)
        if tag.strip() and weight > 0:
            wanted.append((weight, tag.strip().replace("_", "-")))
    return [tag for _, tag in sorted(wanted, key=lambda each: -each[0])]


def _weight(quality: str) -> float:
    """Of `q=0.8`; 1 where nothing, or nothing that can be read, is said."""
    found = _QUALITY.fullmatch(quality.replace(" ", ""))
    return float(found[1]) if found else 1.0


_read = cache(compiled)  # several applications in one process share what was compiled


@lru_cache(maxsize=64)
def babel_locale(language: str) -> Locale:
    """The number and date formats of a language tag. Raises `UnknownLocaleError` or `ValueError`.

    Languages of Babel share what they inherit, and write into it what the first of them makes of it: Thai months would
    be Hebrew ones after a report in Hebrew. So each has everything for itself.
    """
    locale = Locale.parse(language, sep="-")
    data = localedata.load(str(locale))
    data.update(copy.deepcopy(data))
    return locale

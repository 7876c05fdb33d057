"""How much a text looks like one that people write: what tells encodings apart where there are few bytes to count."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_WORD = re.compile(r"(\d?)([^\W\d_]+)")
# Letters beside those of ASCII, a language each: the commoner languages first.
_ALPHABETS = tuple(
    frozenset(letters + letters.upper().replace("SS", "ẞ"))
    for letters in (
        "äöüß", "éèêëàâîïôûùüçœæ", "áéíóúñü", "ãõáéíóúâêôçà", "àèéìòùí", "åäöé", "æøåéö", "éëïöüè",
        "áčďéěíňóřšťúůýž", "ąćęłńóśźż", "áéíóöőúüű", "çğıöşüİâî", "áäčďéíĺľňóôŕšťúýž", "ăâîșțşţ", "čćđšž",
        "ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž", "áðéíóúýþæö", "àáâãèéêìíòóôõùúăđĩũơưýỳ",
    )
)  # fmt: skip
_WESTERN = frozenset().union(*_ALPHABETS[:8])
_SELDOM = {
    "ý": 0.85,
    "ð": 0.85,
    "þ": 0.7,
    "Ð": 0.85,
    "Þ": 0.7,
    "Ý": 0.6,
}  # of Icelandic, where a Turkish text has ğ, ş and ı
_MISPLACED = re.compile(
    r"õ(?!e)|[ìù]\w", re.IGNORECASE
)  # Portuguese has õ before an e, Italian ends in ì: else they are ő and ě
_FOREIGN_SHARE = 0.75  # of the letters of a word, if they are of one language
_OF_SEVERAL = 0.4  # against letters that no language has together
_QUOTES = frozenset("“”„‚«»")
_AMOUNTS = frozenset("£€¥¢½¼¾±×‰÷")
_CUBIC = re.compile(r"(?:[cdkm]|N|S)?mł")  # m³ in an encoding of Central Europe
_LETTERLIKE = "µªº"
_SYMBOLS = _QUOTES | _AMOUNTS | frozenset("°²³¹§·–—‘’…•™©®¿¡¬\u00a0")
_FINAL_INSIDE = re.compile(r"[ςךםןףץ]\w")  # letters that only end words
_ACCENTED = re.compile(r"[άέήίόύώϊϋΐΰ]")  # as one letter is in every longer word of Greek
_NEXT = re.compile(r"[\w\s(),.;:/%'\"?!<>=+-]")


def plausibility(text: str) -> float:
    """0 to 1, of what is not ASCII in it; 1 where all is."""
    shown = _letters(text) + _others(text)
    total = sum(count for _, count in shown)
    if not total:
        return 1.0
    controls = sum("\x80" <= character <= "\x9f" for character in text)  # which nobody types
    return sum(score * count for score, count in shown) / total - (0.3 if controls else 0.0)


def _letters(text: str) -> list[tuple[float, int]]:
    found = ((digit, word.strip("²³¹¼½¾")) for digit, word in _WORD.findall(text))
    words = Counter((digit, word) for digit, word in found if not word.isascii())
    latin = [letter for _, word in words for letter in word if letter > "\x7f" and _script(letter) == "LATIN"]
    language = max(_ALPHABETS, key=lambda alphabet: sum(letter in alphabet for letter in latin))
    known = sum(letter in language for letter in latin) / len(latin) if latin else 1.0
    together = 1.0 - _OF_SEVERAL * (1.0 - known)
    return [
        (_of_word(word, language) * _behind(digit, word) * together, count * sum(letter > "\x7f" for letter in word))
        for (digit, word), count in words.items()
    ]


def _behind(digit: str, word: str) -> float:
    """`2½x` is likelier than `2œx`."""
    is_odd = digit and len(word) > 1 and word[0] > "\x7f" and word[0] not in _LETTERLIKE and _script(word[0]) == "LATIN"
    return 0.7 if is_odd else 1.0


def _others(text: str) -> list[tuple[float, int]]:
    """Symbols, each with what stands beside it."""
    odd: list[tuple[float, int]] = []
    for place, character in enumerate(text):
        if character > "\x7f" and not character.isalpha():
            odd.append((_of_symbol(character, text[max(0, place - 1) : place], text[place + 1 : place + 2]), 1))
    return odd


def _of_symbol(character: str, before: str, after: str) -> float:
    beside = before + after
    category = unicodedata.category(character)
    if category[0] == "C" or character == "\ufffd":
        return 0.0
    if category[0] == "M":  # vowels of Thai, of Vietnamese in pieces
        is_latin = "\u0300" <= character <= "\u036f"
        return 0.9 if any(letter > "\x7f" for letter in beside) or (is_latin and before.isalpha()) else 0.1
    if "\u2e80" <= character <= "\u33ff" or "\uff00" <= character <= "\uffef":  # East Asian punctuation
        return 0.9 if any(letter > "\u2e7f" for letter in beside) else 0.3
    if character not in _SYMBOLS:
        return 0.1  # ˛ and ˇ alone, frames of boxes
    if not all(_NEXT.fullmatch(letter) or letter in "–—“”‘’°€" for letter in (before, after) if letter):
        return 0.3
    if character in _AMOUNTS:
        return _of_amount(character, before, after)
    if character in "²³¹":
        is_power = (before.isalnum() or before == ")") and not after.isalnum()
        return (1.0 if before in ("m", "s") else 0.95) if is_power else 0.3
    if character in _QUOTES and before.isalpha() and after.isalpha():
        return 0.3
    return 0.9


def _of_amount(character: str, before: str, after: str) -> float:
    """`2½x` and `5 ±x` are written as well; other signs have no letters beside them."""
    takes_letters = (character in "½¼¾" and before.isdigit()) or (character == "±" and not before.isalpha())
    return 0.95 if takes_letters or not (before.isalpha() or after.isalpha()) else 0.3


def _of_word(word: str, language: frozenset[str]) -> float:
    """`language` is the alphabet that most of the text is written in."""
    if word.strip(_LETTERLIKE).isascii():
        return 0.97  # µm, 1º
    scripts = {_script(letter) for letter in word}
    if len(scripts) > 1:
        return 0.9 if scripts <= {"HIRAGANA", "KATAKANA", "CJK", "KATAKANA-HIRAGANA"} else 0.05
    if _CUBIC.fullmatch(word):
        return 0.7
    cased = _casing(word)
    script = scripts.pop()
    if script != "LATIN":
        if _FINAL_INSIDE.search(word):
            return 0.2
        if script == "GREEK" and len(word) > 2 and word.islower() and not _ACCENTED.search(word):
            return 0.6
        is_alone = len(word) == 1 and script not in ("CJK", "HANGUL")
        return cased * (0.4 if script in ("OTHER", "HALFWIDTH") else 0.55 if is_alone else 0.9)
    foreign = [letter for letter in word if letter > "\x7f"]
    known = sum(_of_letter(letter, language) for letter in foreign) / len(foreign)
    share = len(foreign) / len(word)
    if share == _FOREIGN_SHARE and language.issuperset(foreign) and not language.isdisjoint("ąćęłńśźż"):
        return known * cased * 0.9  # `Łódź`
    if len(word) > 2 and _MISPLACED.search(word) is not None:
        known *= 0.75
    return known * cased * (1.0 if share <= 0.5 else 0.6 if len(word) == 1 else 0.75 if share < 0.7 else 0.2)


def _of_letter(letter: str, language: frozenset[str]) -> float:
    if letter not in language:
        return 0.6 if letter in _WESTERN else 0.4
    return 1.0 if letter in _WESTERN else _SELDOM.get(letter, 0.95)


def _casing(word: str) -> float:
    """`мОСКВА` is a word of another encoding, `McDonald` is not worth a thought."""
    if word.islower() or word.isupper() or word.istitle() or not any(map(str.islower, word)):
        return 1.0
    return 0.3


def _script(letter: str) -> str:
    if letter <= "\x7f":
        return "LATIN"
    first = unicodedata.name(letter, "OTHER").split()[0]
    known = ("LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "THAI", "CJK", "HIRAGANA", "KATAKANA", "HANGUL")
    return (
        first
        if first in known or first in ("HALFWIDTH", "KATAKANA-HIRAGANA")
        else "LATIN"
        if letter in "ªº"
        else "OTHER"
    )

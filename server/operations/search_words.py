"""What somebody looks for, as words; how well a name fits it; and which part of the name it was that fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from server.storage.findable import NAME_BEGINS, is_han, mark_of_name, word_places, words_in
from server.storage.han_sounds import asked_sounds, marked, sounds_like
from server.storage.word_index import AllOf, AnyOf, AskedWords, WordPhrase

_MOST_PHRASES = 12
_LEAST_OF_FUZZY = 3  # letters: of two, one mistake is half


class NameFit(IntEnum):
    """The better first."""

    EXACT = 0  # the name is what was typed
    BEGINS = 1  # it begins with it
    WORDS = 2  # it has all of its words
    PARTS = 3  # it has words that begin so
    SOUNDS = 4  # it is Chinese, and said so
    SAID = 5  # they stand in what is said of it: description, parameters
    FUZZY = 6  # but for a mistake in typing


@dataclass(frozen=True, slots=True)
class NamePart:
    """A piece of a name; `is_hit`: it is what was looked for."""

    text: str
    is_hit: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """Phrases: what was typed between two spaces is one."""

    phrases: Sequence[WordPhrase]

    @property
    def words(self) -> list[str]:
        return [word for phrase in self.phrases for word in phrase.words]

    @property
    def anywhere(self) -> AskedWords:
        return AllOf([_said_or_sounding(phrase) for phrase in self.phrases])

    @property
    def as_name(self) -> AskedWords:
        return WordPhrase((mark_of_name(self.words),))

    @property
    def as_beginning(self) -> AskedWords:
        return WordPhrase((NAME_BEGINS, *self.words), begins=self.phrases[-1].begins)

    @property
    def may_be_said(self) -> bool:
        """Whether Chinese may be meant by how it sounds; then `learn` comes before `fit`."""
        return any(len(phrase.words) == 1 and asked_sounds(phrase.words[0]) for phrase in self.phrases)

    @property
    def may_be_mistyped(self) -> bool:
        return any(_is_long(word) for word in self.words)

    def fit(self, name: str) -> NameFit:
        """Not fuzzy: whoever was found by other words is `SAID`."""
        found, words = words_in(name), self.words
        if found == words:
            return NameFit.EXACT
        if _stands_at(found, 0, WordPhrase(words, begins=self.phrases[-1].begins)):
            return NameFit.BEGINS
        if all(_stands_in(found, WordPhrase(phrase.words)) for phrase in self.phrases):
            return NameFit.WORDS
        if all(_stands_in(found, phrase) for phrase in self.phrases):
            return NameFit.PARTS
        is_said = (_stands_in(found, phrase) or _sounds_in(found, phrase) for phrase in self.phrases)
        return NameFit.SOUNDS if all(is_said) else NameFit.SAID

    def is_near(self, name: str) -> bool:
        """Whether each word stands in the name with one mistake at most."""
        found = words_in(name)
        return all(any(_is_near(word, each) for each in found) for word in self.words)

    def parts_of(self, name: str) -> list[NamePart]:
        places, marked = word_places(name), [False] * len(name)
        words = [word for word, _ in places]
        for start, phrase in self._hits(words):
            for word, (_, origin) in zip(phrase.words, places[start:], strict=False):
                for at in origin[: len(word)]:
                    marked[at] = True
        return list(_pieces(name, marked))

    def _hits(self, words: Sequence[str]) -> Iterator[tuple[int, WordPhrase]]:
        for phrase in self.phrases:
            at = [place for place in range(len(words)) if _stands_at(words, place, phrase)]
            yield from ((place, phrase) for place in at)
            if not at:  # a mistake: the whole word is meant
                for word in phrase.words:
                    yield from ((n, WordPhrase((each,))) for n, each in enumerate(words) if _is_near(word, each))


def wanted_of(q: str) -> Wanted | None:
    """None for a text that has no letter, digit or character of any script."""
    phrases = [words for typed in q.split() if (words := words_in(typed))][:_MOST_PHRASES]
    if not phrases:
        return None
    return Wanted([WordPhrase(tuple(words), begins=not is_han(words[-1])) for words in phrases])


def _sounds_in(words: Sequence[str], phrase: WordPhrase) -> bool:
    return len(phrase.words) == 1 and sounds_like(words, phrase.words[0])


def _said_or_sounding(phrase: WordPhrase) -> AskedWords:
    """As it was typed, or in Chinese that is said so."""
    sounds = asked_sounds(phrase.words[0]) if len(phrase.words) == 1 else ()
    if not sounds:
        return phrase
    return AnyOf([phrase, *(_all_sounds(marked(wanted)) for wanted in sounds)])


def _all_sounds(wanted: Sequence[str]) -> AskedWords:
    *whole, last = wanted
    return AllOf([*(WordPhrase((each,)) for each in whole), WordPhrase((last,), begins=True)])


def _stands_in(words: Sequence[str], phrase: WordPhrase) -> bool:
    return any(_stands_at(words, place, phrase) for place in range(len(words)))


def _stands_at(words: Sequence[str], place: int, phrase: WordPhrase) -> bool:
    *before, last = phrase.words
    here = words[place : place + len(phrase.words)]
    if len(here) < len(phrase.words) or list(here[:-1]) != before:
        return False
    return here[-1].startswith(last) if phrase.begins else here[-1] == last


def _is_long(word: str) -> bool:
    return len(word) >= _LEAST_OF_FUZZY and word.isalpha() and not is_han(word)


def _is_near(typed: str, word: str) -> bool:
    """Whether `word` begins with what was typed, but for a letter that is missing, too many, another or swapped."""
    if word.startswith(typed):
        return True
    if not _is_long(typed) or typed[0] != word[0]:  # hardly anybody mistakes the first
        return False
    return any(_differs_once(typed, word[:length]) for length in (len(typed), len(typed) + 1, len(typed) - 1))


def _differs_once(one: str, other: str) -> bool:
    same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    one, other = one[same:], other[same:]
    is_swapped = one[:2] == other[1::-1] and one[2:] == other[2:]
    return is_swapped or one[1:] in (other, other[1:]) or one == other[1:]


def _pieces(name: str, marked: Sequence[bool]) -> Iterator[NamePart]:
    start = 0
    for end in range(1, len(name) + 1):
        if end == len(name) or marked[end] != marked[start]:
            yield NamePart(name[start:end], is_hit=marked[start])
            start = end

"""What somebody who waits is told, in their language: counts of work, never whose it is or what it is about."""

from __future__ import annotations

from collections.abc import Callable
from gettext import NullTranslations

from server.jobs.kinds import JobKind, JobKinds
from server.jobs.waiting import Waiting, WaitingFor
from server.texts import phrase, told

_OF_NO_LINE = {
    WaitingFor.FILES: phrase("waits for the store of files"),
    WaitingFor.DATABASE: phrase("waits for the database"),
    WaitingFor.NOBODY: phrase("no worker runs jobs of this kind at the moment"),
}
_LONGEST_IN_SECONDS = 90.0

Plural = Callable[[str, str, int], str]


def waiting_words(waiting: Waiting, kinds: JobKinds, translations: NullTranslations, *, is_readers: bool) -> str:
    """`waits for 2 reports of others, about 6 s`; to others than who waits (`is_readers`), `waits for 2 reports`."""
    gettext = translations.gettext
    if waiting.reason is WaitingFor.AGAIN:
        return gettext("{duration} until it is tried again").format(duration=_duration(waiting.seconds, translations))
    if (words := _OF_NO_LINE.get(waiting.reason)) is not None:
        return told("{words}", {"words": words}, gettext)
    is_own = waiting.is_own if is_readers else None
    ahead = _ahead(waiting, kinds.shown(waiting.kind), translations, is_own=is_own)
    if waiting.seconds is None:
        return ahead
    duration = _duration(waiting.seconds, translations)
    return gettext("{ahead}, about {duration}").format(ahead=ahead, duration=duration)


def _ahead(waiting: Waiting, kind: JobKind, translations: NullTranslations, *, is_own: bool | None) -> str:
    words = {True: _own, False: _of_others, None: _some}[is_own]
    count = max(1, waiting.count)
    noun = kind.step_noun if waiting.reason is WaitingFor.WORKER else kind.noun
    return words(noun, count, translations.ngettext).format(count=count)


# Whole sentences, also where they differ in one word: in other languages the others follow its gender and number.
def _own(noun: str, count: int, ngettext: Plural) -> str:
    match noun:
        case "import":
            return ngettext("waits for {count} import of yours", "waits for {count} imports of yours", count)
        case "report":
            return ngettext("waits for {count} report of yours", "waits for {count} reports of yours", count)
        case "batch":
            return ngettext("waits for {count} batch of yours", "waits for {count} batches of yours", count)
        case _:
            return ngettext("waits for {count} job of yours", "waits for {count} jobs of yours", count)


def _of_others(noun: str, count: int, ngettext: Plural) -> str:
    match noun:
        case "import":
            return ngettext("waits for {count} import of others", "waits for {count} imports of others", count)
        case "report":
            return ngettext("waits for {count} report of others", "waits for {count} reports of others", count)
        case "batch":
            return ngettext("waits for {count} batch of others", "waits for {count} batches of others", count)
        case _:
            return ngettext("waits for {count} job of others", "waits for {count} jobs of others", count)


def _some(noun: str, count: int, ngettext: Plural) -> str:
    match noun:
        case "import":
            return ngettext("waits for {count} import", "waits for {count} imports", count)
        case "report":
            return ngettext("waits for {count} report", "waits for {count} reports", count)
        case "batch":
            return ngettext("waits for {count} batch", "waits for {count} batches", count)
        case _:
            return ngettext("waits for {count} job", "waits for {count} jobs", count)


def _duration(seconds: float | None, translations: NullTranslations) -> str:
    whole = max(1.0, seconds or 0.0)
    if whole < _LONGEST_IN_SECONDS:
        return translations.gettext("{seconds} s").format(seconds=round(whole))
    return translations.gettext("{minutes} min").format(minutes=round(whole / 60))

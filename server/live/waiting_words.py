"""What somebody who waits is told, in their language: counts of work, never whose it is or what it is about."""

from __future__ import annotations

from gettext import NullTranslations

from server.jobs.kinds import JobKind, JobKinds
from server.jobs.waiting import Waiting, WaitingFor

_LONGEST_IN_SECONDS = 90.0


def waiting_words(waiting: Waiting, kinds: JobKinds, translations: NullTranslations) -> str:
    """`waits for 2 reports of others, about 6 s`."""
    gettext = translations.gettext
    if waiting.reason is WaitingFor.AGAIN:
        return gettext("{duration} until it is tried again").format(duration=_duration(waiting.seconds, translations))
    ahead = _ahead(waiting, kinds.shown(waiting.kind), translations)
    if waiting.seconds is None:
        return ahead
    duration = _duration(waiting.seconds, translations)
    return gettext("{ahead}, about {duration}").format(ahead=ahead, duration=duration)


def _ahead(waiting: Waiting, kind: JobKind, translations: NullTranslations) -> str:
    count, ngettext = max(1, waiting.count), translations.ngettext
    noun = kind.step_noun if waiting.reason is WaitingFor.WORKER else kind.noun
    match noun, waiting.is_own:
        case "import", True:
            text = ngettext("waits for {count} import of yours", "waits for {count} imports of yours", count)
        case "import", False:
            text = ngettext("waits for {count} import of others", "waits for {count} imports of others", count)
        case "report", True:
            text = ngettext("waits for {count} report of yours", "waits for {count} reports of yours", count)
        case "report", False:
            text = ngettext("waits for {count} report of others", "waits for {count} reports of others", count)
        case "batch", True:
            text = ngettext("waits for {count} batch of yours", "waits for {count} batches of yours", count)
        case "batch", False:
            text = ngettext("waits for {count} batch of others", "waits for {count} batches of others", count)
        case _, True:
            text = ngettext("waits for {count} job of yours", "waits for {count} jobs of yours", count)
        case _:
            text = ngettext("waits for {count} job of others", "waits for {count} jobs of others", count)
    return text.format(count=count)


def _duration(seconds: float | None, translations: NullTranslations) -> str:
    whole = max(1.0, seconds or 0.0)
    if whole < _LONGEST_IN_SECONDS:
        return translations.gettext("{seconds} s").format(seconds=round(whole))
    return translations.gettext("{minutes} min").format(minutes=round(whole / 60))

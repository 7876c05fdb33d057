"""Makes a message as short as a service takes it, never in the middle of a character and never without saying so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from server.delivery.channels.asking import Telling
from server.delivery.messages import ChannelMessage
from server.texts import Translate

_MOST_FACTS = 40
_LONGEST_TITLE, _LONGEST_LABEL, _LONGEST_VALUE = 200, 100, 500
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is left of a message; `note` says that something is missing, `opens` is what its link says."""

    title: str
    text: str
    facts: tuple[tuple[str, str], ...]
    url: str
    opens: str
    note: str = ""


def drafted(telling: Telling) -> Draft:
    """All of it, with its files as one more fact."""
    message, gettext = telling.message, telling.translate
    facts = message.facts
    if message.files:
        facts = (*facts, (gettext("Files"), ", ".join(each.name for each in message.files)))
    whole = Draft(
        title=cut(" ".join(message.title.split()), _LONGEST_TITLE),
        text=message.text.strip(),
        facts=tuple((cut(label, _LONGEST_LABEL), cut(value, _LONGEST_VALUE)) for label, value in facts[:_MOST_FACTS]),
        url=message.url,
        opens=gettext("Open"),
    )
    return _noted(whole, message, gettext) if len(facts) > _MOST_FACTS or whole.facts != facts else whole


def fitted(telling: Telling, limit: int, size: Callable[[Draft], int]) -> Draft:
    """The longest beginning of its text for which `size` is within the limit; then facts go, the last ones first."""
    whole = drafted(telling)
    # Nothing that is longer could fit, and a text of megabytes is not written out to find that.
    text = cut_bytes(whole.text, limit)
    if text == whole.text and size(whole) <= limit:
        return whole
    short = _noted(whole, telling.message, telling.translate)
    facts = short.facts
    while size(replace(short, text="", facts=facts)) > limit and facts:
        facts = facts[:-1]
    short = replace(short, facts=facts)
    least, most = 0, len(text)
    while least < most:
        middle = (least + most + 1) // 2
        if size(replace(short, text=_beginning(text, middle))) <= limit:
            least = middle
        else:
            most = middle - 1
    return replace(short, text=_beginning(text, least))


def cut(text: str, limit: int) -> str:
    """At most so many characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + _ELLIPSIS


def cut_bytes(text: str, limit: int) -> str:
    """At most so many bytes of UTF-8, and whole characters."""
    encoded = text.encode()
    return text if len(encoded) <= limit else encoded[:limit].decode(errors="ignore")


def pieces(text: str, limit: int) -> list[str]:
    """The whole text in parts of at most so many characters, parted at lines or words where there are any."""
    found: list[str] = []
    while len(text) > limit:
        at = max(text.rfind("\n", 1, limit), 0) or max(text.rfind(" ", 1, limit), 0) or limit
        found.append(text[:at])
        text = text[at:].lstrip("\n") if text[at] == "\n" else text[at:].lstrip(" ")
    return [*found, text] if text else found


def _beginning(text: str, length: int) -> str:
    return text[:length].rstrip() + _ELLIPSIS if length else ""


def _noted(draft: Draft, message: ChannelMessage, translate: Translate) -> Draft:
    note = translate("Shortened: all of it is behind the link.") if message.url else translate("This is shortened.")
    return replace(draft, note=note)

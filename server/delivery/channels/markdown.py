"""The few signs of Markdown that 企业微信 and 钉钉 both show, around words that mean no signs."""

from __future__ import annotations

from server.delivery.channels.fitting import Draft

# Neither service has a sign to take the next one literally. Those that would call somebody (`<@all>`), lead elsewhere
# or make a picture are shown by ones that look the same; stars and lines below are harmless.
_MEANING_NOTHING = str.maketrans({"<": "＜", ">": "＞", "[": "［", "]": "］", "`": "ˋ", "#": "＃", "@": "＠"})
_OF_ADDRESSES = str.maketrans({"(": "%28", ")": "%29", " ": "%20", "<": "%3C", ">": "%3E"})


def markdown(draft: Draft, *, title: str, line_end: str) -> str:
    """Parts with an empty line between them; `title` is how a heading is written."""
    facts = line_end.join(f"> {words(label)}: **{_bold(value)}**" for label, value in draft.facts)
    link = f"[{draft.opens}]({draft.url.translate(_OF_ADDRESSES)})" if draft.url else ""
    text = line_end.join(words(line) for line in draft.text.splitlines())
    parts = (title.format(words(draft.title)), text, facts, draft.note, link)
    return "\n\n".join(part for part in parts if part)


def words(text: str) -> str:
    """For the inside of a line."""
    return " ".join(text.split()).translate(_MEANING_NOTHING)


def _bold(text: str) -> str:
    return words(text).replace("*", "＊") or "–"

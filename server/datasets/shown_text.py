"""Texts of files as they can be shown and stored, whatever bytes they were."""

from __future__ import annotations


def shown_text(text: str) -> str:
    """With a sign for each byte that was no text."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text

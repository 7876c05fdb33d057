"""What keeps a backup or a restore from being made, for whoever sits at the command line: in English alone."""

from __future__ import annotations


class CareRefused(Exception):
    """Nothing was changed. `code` is stable; the text says what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def damaged(text: str) -> CareRefused:
    """An archive that is not what was once written."""
    return CareRefused("archive_damaged", f"The backup is damaged: {text}. Take another one; nothing was changed.")

"""What a report has no room for: the block is a box with the reason in its place, and the rest of the report stands."""

from __future__ import annotations


class NoRoom(Exception):
    """`word` is the field of `Words` that says why, `parameters` is what it names."""

    def __init__(self, word: str, **parameters: object) -> None:
        self.word = word
        self.parameters = parameters
        super().__init__(word)

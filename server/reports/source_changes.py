"""How two texts of a template differ, line by line: what workers are asked, and what they answer."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.jobs.worker_process import ByName

count_changes = ByName("server.reports.source_comparing", "count_changes")
compare_sources = ByName("server.reports.source_comparing", "compare_sources")

RowKind = Literal["same", "changed", "added", "removed"]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Lines; one that was changed is both removed and added."""

    added: int
    removed: int


class CompareRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`context`: so many unchanged lines around each change are told, all of them when it is None.

    At most `rows` rows are answered.
    """

    before: str
    after: str
    context: int | None = 3
    rows: int = 2_000


class Piece(msgspec.Struct, frozen=True):
    """A part of a line; `changed` when the line beside it has something else there."""

    text: str
    changed: bool = False


class SourceLine(msgspec.Struct, frozen=True, kw_only=True):
    """`number` counts from 1. `ended`: a line break follows, which only a last line can lack."""

    number: int
    pieces: tuple[Piece, ...]
    ended: bool = True

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


class LinePair(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it was beside what it became."""

    before: SourceLine | None
    after: SourceLine | None
    kind: RowKind


class Hunk(msgspec.Struct, frozen=True, kw_only=True):
    """Changes that stand near each other, with the lines around them."""

    rows: tuple[LinePair, ...]


class SourceChanges(msgspec.Struct, frozen=True, kw_only=True):
    """`rows_left` did not fit into the answer."""

    counts: Counts
    hunks: tuple[Hunk, ...]
    rows_left: int = 0

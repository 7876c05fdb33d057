"""Two batches of one template side by side: which figures of which reports moved most."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

_Name = tuple[str, ...]
_TIME = re.compile(r"\d{4}-\d{2}(-\d{2})?(T.*)?")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as a report shows it: `text` is `value` as it is written there.

    `row` is what it is repeated for, `heading` what it stands under.
    """

    label: str
    value: float
    text: str
    row: str = ""
    heading: str = ""

    @property
    def place(self) -> str:
        """What tells it from others of its name."""
        return self.heading if self.row in self.heading else " · ".join(filter(None, (self.row, self.heading)))


class ReportFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is about, and the figures in it."""

    id: str
    title: str
    parameters: dict[str, Any]
    figures: list[Figure]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """`change` is a part of what it was before (0.1: a tenth more); None where that was nothing."""

    report_id: str
    title: str
    label: str
    place: str
    before: Figure
    after: Figure
    change: float | None


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """`moved`: those that changed, the largest part first. `only_now` and `only_before` are reports without another,
    `not_made` are those that were made before, and failed or were left out now. `unpaired` counts the figures of the
    others of which nobody can tell which one they were before, or that are there in one of the two alone.
    """

    moved: list[Move]
    compared: int
    only_now: int
    only_before: int
    not_made: int = 0
    unpaired: int = 0


def compare(
    now: Sequence[ReportFigures], before: Sequence[ReportFigures], *, not_made: Iterable[Mapping[str, Any]] = ()
) -> Moves:
    """Reports belong together when their parameters are the same but for days and months.

    `not_made` are the parameters of those that belong to the batch now and did not come out.
    """
    old, new = _by_subject(before), _by_subject(now)
    both = [subject for subject in new if subject in old]
    missed = {_subject(parameters) for parameters in not_made} & (old.keys() - new.keys())
    moves: list[Move] = []
    unpaired = 0
    for subject in both:
        pairs = list(_pairs(new[subject].figures, old[subject].figures))
        unpaired += max(len(new[subject].figures), len(old[subject].figures)) - len(pairs)
        moves.extend(_move(new[subject], *pair) for pair in pairs if pair[0].value != pair[1].value)
    return Moves(
        moved=sorted(moves, key=lambda move: (move.change is None, -abs(move.change or 0))),
        compared=len(both),
        only_now=len(now) - len(both),
        only_before=len(before) - len(both) - len(missed),
        not_made=len(missed),
        unpaired=unpaired,
    )


def _by_subject(reports: Iterable[ReportFigures]) -> dict[bytes, ReportFigures]:
    """Of several that are alike but for their time, none can be told to be the other's."""
    found: dict[bytes, ReportFigures | None] = {}
    for report in reports:
        subject = _subject(report.parameters)
        found[subject] = None if subject in found else report
    return {subject: report for subject, report in found.items() if report is not None}


def _subject(parameters: Mapping[str, Any]) -> bytes:
    kept = {name: value for name, value in parameters.items() if not _is_time(value)}
    return msgspec.json.encode(kept, order="sorted")


def _is_time(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"from", "to"}
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _pairs(now: Sequence[Figure], before: Sequence[Figure]) -> Iterator[tuple[Figure, Figure]]:
    """By name, row and heading; a heading that was another one before (a month) tells nothing."""
    exact, old_exact = (_only_ones(each, lambda one: (one.row, one.heading, one.label)) for each in (now, before))
    by_row, old_by_row = (_only_ones(each, lambda one: (one.row, one.label)) for each in (now, before))
    for name, figure in exact.items():
        in_row = (figure.row, figure.label)
        if name in old_exact:
            yield figure, old_exact[name]
        elif in_row in by_row and in_row in old_by_row:
            yield figure, old_by_row[in_row]


def _only_ones(figures: Iterable[Figure], name_of: Callable[[Figure], _Name]) -> dict[_Name, Figure]:
    """Those that share their name with no other."""
    found: dict[_Name, Figure | None] = {}
    for figure in figures:
        name = name_of(figure)
        found[name] = None if name in found else figure
    return {name: figure for name, figure in found.items() if figure is not None}


def _move(now: ReportFigures, after: Figure, before: Figure) -> Move:
    return Move(
        report_id=now.id,
        title=now.title,
        label=after.label,
        place=after.place,
        before=before,
        after=after,
        change=(after.value - before.value) / abs(before.value) if before.value else None,
    )

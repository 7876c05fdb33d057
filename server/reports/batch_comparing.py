"""Two batches of one template side by side: which figures of which reports moved most."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

_TIME = re.compile(r"\d{4}-\d{2}(-\d{2})?(T.*)?")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as a report shows it: `text` is `value` as it is written there."""

    label: str
    value: float
    text: str


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
    before: Figure
    after: Figure
    change: float | None


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """`moved`: those that changed, the largest part first. `only_now` and `only_before` are reports without another."""

    moved: list[Move]
    compared: int
    only_now: int
    only_before: int


def compare(now: Sequence[ReportFigures], before: Sequence[ReportFigures]) -> Moves:
    """Reports belong together when their parameters are the same but for days and months."""
    old, new = _by_subject(before), _by_subject(now)
    both = [subject for subject in new if subject in old]
    moves = [move for subject in both for move in _moves(new[subject], old[subject])]
    return Moves(
        moved=sorted(moves, key=lambda move: (move.change is None, -abs(move.change or 0))),
        compared=len(both),
        only_now=len(now) - len(both),
        only_before=len(before) - len(both),
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


def _moves(now: ReportFigures, before: ReportFigures) -> Iterator[Move]:
    old = {figure.label: figure for figure in before.figures}
    for figure in now.figures:
        other = old.get(figure.label)
        if other is None or other.value == figure.value:
            continue
        yield Move(
            report_id=now.id,
            title=now.title,
            label=figure.label,
            before=other,
            after=figure,
            change=(figure.value - other.value) / abs(other.value) if other.value else None,
        )

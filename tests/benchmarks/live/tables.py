"""Figures as a Markdown table that can be pasted into the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    print(f"\n{title}\n")
    for row in (header, ["---"] * len(header), *rows):
        print(f"| {' | '.join(map(str, row))} |")


def target(text: str, *, is_met: bool) -> None:
    print(f"\n{'met' if is_met else 'NOT MET'}: {text}")

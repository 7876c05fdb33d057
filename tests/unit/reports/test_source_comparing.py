"""What differs between two texts of a template, line by line and word by word."""

from __future__ import annotations

import random

import pytest

from server.reports.line_matching import matched
from server.reports.source_changes import CompareRequest, LinePair, Piece, SourceChanges
from server.reports.source_comparing import compare_sources, count_changes


def compared(before: str, after: str, *, context: int | None = None, rows: int = 10_000) -> SourceChanges:
    return compare_sources(CompareRequest(before=before, after=after, context=context, rows=rows))


def rows_of(changes: SourceChanges) -> list[LinePair]:
    return [row for hunk in changes.hunks for row in hunk.rows]


def told(before: str, after: str) -> str:
    """As people write differences down."""
    lines = []
    for row in rows_of(compared(before, after)):
        if row.kind == "same" and row.after:
            lines.append(f" {row.after.text}")
            continue
        if row.before:
            lines.append(f"-{row.before.text}")
        if row.after:
            lines.append(f"+{row.after.text}")
    return "|".join(lines)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a\nb\nc\n", "a\nb\nc\n", " a| b| c"),
        ("", "a\n", "+a"),
        ("a\n", "", "-a"),
        ("a\nb\n", "a\nx\nb\n", " a|+x| b"),
        ("a\nx\nb\n", "a\nb\n", " a|-x| b"),
        ("title: Sales\n", "title: Sales 2026\n", "-title: Sales|+title: Sales 2026"),
        ("  - a\n\n  - b\n\n  - c\n", "  - a\n\n  - n\n\n  - b\n\n  - c\n", "   - a| |+  - n|+|   - b| |   - c"),
        ("one two\nthree\n", "three\none two\n", "-one two| three|+one two"),
        ("标题: 月报\n", "标题: 年报\n", "-标题: 月报|+标题: 年报"),
    ],
    ids=["same", "from-nothing", "to-nothing", "added", "removed", "changed", "blank-lines", "moved", "chinese"],
)
def test_differences_are_told_as_people_would(before: str, after: str, expected: str) -> None:
    assert told(before, after) == expected


def test_words_that_changed_are_marked_in_both_lines() -> None:
    (row,) = rows_of(compared("  - kpi: {label: Revenue, value: a}\n", "  - kpi: {label: Net revenue, value: a}\n"))
    assert row.before
    assert row.after
    assert [piece.text for piece in row.before.pieces if piece.changed] == ["Revenue"]
    assert [piece.text for piece in row.after.pieces if piece.changed] == ["Net revenue"]


def test_a_line_that_has_nothing_of_the_old_one_is_another_line() -> None:
    kinds = [row.kind for row in rows_of(compared("select 1 as a\n", "heading: Something\n"))]
    assert kinds == ["removed", "added"]


def test_a_line_that_was_indented_is_changed_not_replaced() -> None:
    (row,) = rows_of(compared("- text: hello\n", "    - text: hello\n"))
    assert row.kind == "changed"
    assert row.after
    assert row.after.pieces[0] == Piece("    ", True)


def test_the_last_line_break_counts() -> None:
    (row,) = rows_of(compared("a\n", "a"))
    assert row.kind == "changed"
    assert row.before
    assert row.after
    assert (row.before.ended, row.after.ended) == (True, False)


def test_only_lines_near_a_change_are_told_and_the_rest_counted_when_asked() -> None:
    before = "".join(f"line {number}\n" for number in range(1, 41))
    after = before.replace("line 10\n", "line ten\n").replace("line 13\n", "").replace("line 30\n", "line 30\nnew\n")
    near = compared(before, after, context=2)
    spans = [(hunk.rows[0].before, hunk.rows[-1].before) for hunk in near.hunks]
    assert [(first and first.number, last and last.number) for first, last in spans] == [(8, 15), (29, 32)]
    assert (near.counts.added, near.counts.removed) == (2, 2)
    assert len(rows_of(compared(before, after))) == 41
    cut = compared(before, after, rows=5)
    assert (len(rows_of(cut)), cut.rows_left) == (5, 36)


def test_whatever_is_compared_both_texts_can_be_read_back() -> None:
    draw = random.Random(7)
    for _ in range(200):
        before, after = (
            "".join(draw.choice(["a b\n", "b c\n", "\n", "  - x\n", "x y z\n"]) for _ in range(draw.randrange(12)))
            for _ in range(2)
        )
        rows = rows_of(compared(before, after))
        assert "".join(row.before.text + "\n" for row in rows if row.before) == before
        assert "".join(row.after.text + "\n" for row in rows if row.after) == after
        counts = count_changes(CompareRequest(before=before, after=after))
        assert counts == compared(before, after).counts
        assert sum(row.before is not None and row.kind != "same" for row in rows) == counts.removed


@pytest.mark.parametrize("lines", [["\n"], ["a\n", "\n"], [f"{number}\n" for number in range(3000)]], ids=len)
def test_texts_made_to_be_slow_are_not(lines: list[str]) -> None:
    """Quadratic in their hundred thousand lines they would hold a worker for minutes."""
    draw = random.Random(3)
    before = [draw.choice(lines) for _ in range(60_000)]
    after = [draw.choice(lines) for _ in range(60_000)]
    pairs = matched(before, after)
    assert all(before[place] == after[other] for place, other in pairs)
    assert pairs == sorted(set(pairs))
    assert sorted({other for _, other in pairs}) == [other for _, other in pairs]

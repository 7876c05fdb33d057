"""Whatever is wrong with a file: each of its records is a row, a reject or named, and no row vanishes."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from server.errors import FileProblem
from tests.unit.datasets.imported import Imported, Importer
from tests.unit.datasets.polluted import polluted

FAST = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def imported(text: str) -> Imported | None:
    """None where nothing could be imported; the worker itself requires that all records are accounted for."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            return Importer(Path(directory))(text.encode())
        except FileProblem:
            return None


def records_of(result: Imported) -> int:
    return result.converted.row_count + result.converted.rejected_count + sum(result.converted.named.values())


@FAST
@given(st.randoms(use_true_random=False))
def test_each_row_of_a_polluted_table_is_a_row_a_reject_or_named(chance: random.Random) -> None:
    made = polluted(chance)
    note(f"{made.kinds} {made.text!r}")
    result = imported(made.text)
    if result is None:
        return
    # Lines of cells that hold no line break are records, however they are read.
    if not any("\n" in line for line in made.lines) and not made.lost:
        assert records_of(result) == len(made.lines) - (not made.has_last_end and not made.lines[-1])
    told = "\n".join([*(str(row) for row in result.rows), *(reject["raw"] for reject in result.rejects)])
    untold = [row[0] for row in made.rows if row[0] not in told]
    # A row of one cell may look like a title or a note: then it is counted, and shown, as one.
    named = result.converted.named
    assert len(untold) <= named.get("above_table", 0) + named.get("below_table", 0)


LINE = st.text(st.sampled_from('ab1,;|\t" é.-中#'), max_size=12)


@FAST
@given(st.lists(LINE.filter(lambda line: '"' not in line), min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_each_line_without_quotes_is_a_record(lines: list[str], end: str) -> None:
    result = imported(end.join(lines) + end)
    assert result is None or records_of(result) == len(lines)


@FAST
@given(st.lists(LINE, min_size=1, max_size=12))
def test_no_text_is_lost_whatever_its_quotes(lines: list[str]) -> None:
    imported("\n".join(lines))


@FAST
@given(
    header=st.lists(st.sampled_from(["id", "day", "qty", "1", "2026", "No", ""]), min_size=1, max_size=4),
    rows=st.lists(st.lists(st.sampled_from(["1", "2.5", "x", "y z", "2026-01-01", ""]), max_size=6), max_size=12),
    delimiter=st.sampled_from([",", ";", "\t", "|", "||", ", ", "  "]),
)
def test_ragged_tables_lose_nothing(header: list[str], rows: list[list[str]], delimiter: str) -> None:
    lines = [delimiter.join(cells) for cells in (header, *rows)]
    result = imported("\n".join(lines) + "\n")
    assert result is None or records_of(result) == len(lines)

"""Whatever is wrong with a file: each of its records is a row, a reject or named, and no row vanishes.

`make fuzz-imports MINUTES=5` draws more files of these kinds, others each time.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from server.errors import FileProblem
from tests.unit.datasets.imported import Imported, Importer
from tests.unit.datasets.polluted import polluted

FAST = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "15")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def imported(content: str | bytes) -> Imported | None:
    """None where nothing could be imported; the worker itself requires that all records are accounted for.

    What no reader has foreseen is told to people as a damaged file; of a text there is no such thing.
    """
    with tempfile.TemporaryDirectory() as directory:
        try:
            return Importer(Path(directory))(content)
        except FileProblem as problem:
            if problem.specific_code == "unreadable_file":
                raise
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


ENCODINGS = (
    "utf-8-sig",
    "utf-16",
    "utf-16-be",
    "gb18030",
    "big5",
    "cp932",
    "cp949",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1254",
)


@FAST
@given(st.randoms(use_true_random=False), st.sampled_from(ENCODINGS))
def test_no_encoding_is_a_reason_to_fail(chance: random.Random, encoding: str) -> None:
    made = polluted(chance)
    note(f"{made.kinds} {made.text!r}")
    content = made.text.encode(encoding, "replace")
    result = imported(content)
    if result is not None and result.converted.options.encoding in (encoding, "utf-8") and "?" not in made.text:
        told = "\n".join([*(str(row) for row in result.rows), *(reject["raw"] for reject in result.rejects)])
        told_of = result.converted.named.get("above_table", 0) + result.converted.named.get("below_table", 0)
        names = [row[0].encode(encoding, "replace").decode(encoding) for row in made.rows]
        assert sum(name not in told for name in names) <= told_of


@FAST
@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_damaged_bytes_are_told_and_crash_nothing(chance: random.Random, damages: int) -> None:
    content = bytearray(polluted(chance).text.encode())
    for _ in range(damages):
        place, length = chance.randrange(len(content) + 1), chance.randrange(1, 20)
        piece = chance.choice(
            [b"", chance.randbytes(length), bytes(content[place : place + length]) * 3, b"\0", b'"', b"\r"]
        )
        content[place : place + chance.choice([0, length])] = piece
    note(repr(bytes(content)))
    imported(bytes(content))


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=20,
)


@FAST
@given(st.one_of(st.lists(VALUES, max_size=5), st.dictionaries(st.text(max_size=4), VALUES, max_size=5)), st.booleans())
def test_any_json_is_a_table_or_told(value: Any, is_lines: bool) -> None:
    lines = value if is_lines and isinstance(value, list) else [value]
    imported("\n".join(json.dumps(line) for line in lines))

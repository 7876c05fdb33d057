"""Whatever Python's csv module writes, in whatever dialect and encoding, comes back as it was."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.datasets.careful_reader import CarefulReader, Layout
from server.datasets.cells import TEXT_NULLS
from server.datasets.dialect import Dialect
from server.datasets.plain_reader import read_plain_block
from server.errors import InvalidInput
from tests.unit.datasets.imported import Importer, csv_text

# Text as tables hold it; control characters other than line breaks are another matter, as are lone surrogates.
CELL = st.text(
    st.one_of(
        st.sampled_from("abcXYZ019 ,;|\t\"'\\\n中文数据龙井äöüßéñ.-_%€"),
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")),
    ),
    max_size=12,
)
TABLE = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=20)
)


def as_imported(cell: str) -> str | None:
    trimmed = cell.strip()
    return None if trimmed in TEXT_NULLS else trimmed


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    table=TABLE,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quote_all=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-be"]),
)
def test_a_told_dialect_gives_back_every_cell(
    table: list[list[str]], delimiter: str, line_end: str, quote_all: bool, encoding: str
) -> None:
    names = [f"column {position}" for position in range(len(table[0]))]
    table.append([f"last {position}" for position in range(len(names))])
    text = csv_text([names, *table], delimiter=delimiter, lineterminator=line_end, quoting=int(quote_all))
    with tempfile.TemporaryDirectory() as directory:
        result = Importer(Path(directory))(
            text.encode(encoding),
            encoding=encoding,
            delimiter=delimiter,
            quote='"',
            header=True,
            skip_rows=0,
            columns=[{"name": name, "type": "text"} for name in names],
        )
    assert result.rejects == []
    rows = [row for row in table if row == [""] or "".join(row).strip()]  # cells without any text are no row
    assert result.rows == [[as_imported(cell) for cell in row] for row in rows]
    assert sum(result.converted.named.values()) + len(rows) == len(table) + 1


PLAIN = st.text(st.sampled_from("abcdefg 中文äö"), min_size=1, max_size=8).map(str.strip).filter(bool)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(st.integers(-(2**40), 2**40), PLAIN, st.dates()), min_size=5, max_size=40),
    broken=st.sets(st.integers(0, 39), max_size=5),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_rows_and_rejects_together_are_all_records(
    rows: list[tuple[int, str, object]], broken: set[int], delimiter: str, encoding: str
) -> None:
    cells = [[str(number), f"x {name}", f"{day}"] for number, name, day in rows]
    written = [row[:2] if place in broken and len(broken) * 3 < len(rows) else row for place, row in enumerate(cells)]
    text = csv_text([["number", "name", "day"], *written], delimiter=delimiter)
    with tempfile.TemporaryDirectory() as directory:
        result = Importer(Path(directory))(text.encode(encoding))
    assert result.converted.row_count + result.converted.rejected_count == len(rows)
    assert result.column("number") == [int(row[0]) for row in written if len(row) == 3]
    assert [reject["line"] for reject in result.rejects] == [
        place + 2 for place, row in enumerate(written) if len(row) == 2
    ]


@settings(max_examples=20, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=400),
        st.text(st.sampled_from(",;\t|^\"'\\ab1.9-/\n\r\0 中"), max_size=200).map(str.encode),
    )
)
def test_any_bytes_are_imported_or_refused_with_a_reason(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory, contextlib.suppress(InvalidInput):
        importer = Importer(Path(directory))
        importer.preview(content)
        importer(content)


QUOTED = st.sampled_from(['"a"', '""', '"a""b"', ",", ",", "\n", "\r\n", "b", '"', '","'])


@settings(max_examples=400, deadline=None)
@given(
    text=st.text(st.sampled_from('ab,,""\n\n\r é'), max_size=40)
    | st.lists(st.sampled_from(['"a"', '""', '"a""b"', ",", ",", "\n", "\r\n", "b", '"', '","']), max_size=14).map(
        "".join
    ),
    width=st.integers(1, 4),
    escape=st.sampled_from([None, "\\"]),
)
def test_the_fast_reader_gives_what_the_exact_one_gives_or_declines(text: str, width: int, escape: str | None) -> None:
    block = text.encode()
    layout = Layout(dialect=Dialect(escape=escape), width=width)
    plain = read_plain_block(block, layout)
    if plain is None:
        return
    fast = plain.chunk(7)
    careful = CarefulReader(layout)
    exact, _ = careful.read(block, 7)
    assert not careful.is_waiting
    assert exact.rejects == []
    assert (fast.named.counts, fast.row_count + fast.named.total) == (exact.named.counts, careful.records)
    assert [column.to_pylist() for column in fast.columns] == [column.to_pylist() for column in exact.columns]
    rows = range(exact.row_count)
    assert [fast.line_of(row) for row in rows] == [exact.line_of(row) for row in rows]
    assert [fast.raw_of(row) for row in rows] == [exact.raw_of(row) for row in rows]


def test_the_fast_reader_does_not_decline_well_formed_quotes() -> None:
    block = b'1,"a, b","",x\r\n2,"c","""d""",""\r\n'
    plain = read_plain_block(block, Layout(dialect=Dialect(), width=4))
    assert plain is not None
    assert [column.to_pylist() for column in plain.columns] == [["1", "2"], ["a, b", "c"], ["", '"d"'], ["x", ""]]

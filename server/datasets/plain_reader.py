"""Read blocks of lines all at once by Arrow, where nothing is odd: one record a line, every quote in its place."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from server.datasets.arrow_texts import memory_of
from server.datasets.careful_reader import Layout
from server.datasets.chunks import Chunk
from server.datasets.dialect import BLANK, Dialect
from server.datasets.kept_bytes import Bytes, as_one, is_text
from server.datasets.named import BLANK as BLANK_LINE
from server.datasets.named import DELIMITERS_ONLY, Named
from server.datasets.rejects import RejectReason
from server.datasets.rule_lines import LEAST, RULES, is_rule_row
from server.datasets.told_headers import DIRECTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainBlock:
    """A block with a record in each of its `lines`. `empty` are the rows without any text, `again` are headers.

    `delimiter`: what alone stands between the cells; None where there are quotes.
    """

    block: Bytes
    delimiter: str | None
    lines: int
    columns: list[pa.Array]
    empty: list[int]
    again: list[int]

    def chunk(self, line: int) -> Chunk:
        """Where it begins after `line` lines."""
        raw_of = _PlainLines(self.block)
        if not self.empty and not self.again:
            return Chunk(
                columns=self.columns, line_of=lambda row: line + row + 1, raw_of=raw_of, delimiter=self.delimiter
            )
        left_out = {*self.empty, *self.again}
        kept = [row for row in range(self.lines) if row not in left_out]
        named = Named()
        for row in self.empty:
            named.add(DELIMITERS_ONLY if len(self.columns) > 1 else BLANK_LINE, line + row + 1)
        return Chunk(
            columns=[column.take(pa.array(kept, pa.int64())) for column in self.columns],
            line_of=lambda row: line + kept[row] + 1,
            raw_of=lambda row: raw_of(kept[row]),
            delimiter=self.delimiter,
            rejects=[RejectReason(line=line + row + 1, code="header_again", raw=raw_of(row)) for row in self.again],
            named=named,
        )


def read_plain_block(block: Bytes, layout: Layout, *, is_utf8: bool = False) -> PlainBlock | None:
    """The rows of a block of whole lines, or None where the exact reader has to look.

    `is_utf8`: somebody looked at all of it. It is looked at here otherwise.
    """
    width, dialect = layout.width, layout.dialect
    if not _is_plain(block, dialect) or (layout.has_directives and _has_directives(block)):
        return None
    has_quotes = bool(dialect.quote) and dialect.quote.encode() in block
    quotes = _quotes_taken(block, dialect) if has_quotes else 0
    if quotes is None:
        return None
    names = [str(position) for position in range(width)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(block),
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote if has_quotes else False,
                double_quote=has_quotes and not dialect.escape,
                newlines_in_values=has_quotes,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=not is_utf8
            ),
        )
    except pa.ArrowInvalid:
        return None
    columns = [column.chunk(0) if column.num_chunks == 1 else column.combine_chunks() for column in table.columns]
    if not _has_all_lines(block, columns, quotes):
        return None
    empty = sorted([row for row in _empty_rows(columns) if width > 1 or columns[0][row].as_py()] + _rule_rows(columns))
    if empty and empty[0] + len(empty) < table.num_rows:
        return None  # rows below a gap may be of another table
    return PlainBlock(
        block=block,
        delimiter=None if has_quotes else dialect.delimiter,
        lines=table.num_rows,
        columns=columns,
        empty=empty,
        again=sorted({row for header in layout.headers for row in _rows_like(columns, header)}),
    )


def _has_all_lines(block: Bytes, columns: list[pa.Array], quotes: int) -> bool:
    """Whether there is a row for each line. Blank lines are left out by Arrow, line breaks within quotes join lines.

    `quotes`: how many bytes are quotes around cells, or stand before others.
    """
    ends = len(columns[0]) - (not block.endswith(b"\n"))
    if b"\r" in block:
        return ends == block.count(b"\n")
    # Sooner said: all that is no cell is a quote, a delimiter, or the end of a row.
    cells = sum(map(_text_bytes, columns))
    if len(block) != cells + quotes + len(columns[0]) * (len(columns) - 1) + ends:
        return False
    return not quotes or not any(b"\n" in memory_of(cells) for cells in columns)


def _text_bytes(cells: pa.Array) -> int:
    _, offsets, _ = cells.buffers()
    ends = memoryview(offsets).cast("i")
    return int(ends[cells.offset + len(cells)] - ends[cells.offset])


def _empty_rows(columns: list[pa.Array]) -> list[int]:
    """Those without any text; few columns are looked at where the first one is filled."""
    places: pa.Array | None = None
    for column in columns:
        cells = column if places is None else column.take(places)
        found = pc.indices_nonzero(pc.or_(pc.equal(pc.binary_length(cells), 0), pc.utf8_is_space(cells)))
        places = found if places is None else places.take(found)
        if not len(places):
            return []
    return list(places.to_pylist()) if places is not None else []


def _rule_rows(columns: list[pa.Array]) -> list[int]:
    """Those that are drawn lines; only marks that occur are looked for, and only in the first column."""
    if len(columns) == 1:
        return []
    rows: list[int] = []
    first = memory_of(columns[0])
    for mark in RULES:
        if mark.encode()[:1] in first:
            found = pc.indices_nonzero(pc.starts_with(columns[0], mark * LEAST)).to_pylist()
            rows += [row for row in found if is_rule_row([column[row].as_py() for column in columns])]
    return rows


def _rows_like(columns: list[pa.Array], header: tuple[str, ...]) -> list[int]:
    if len(header) != len(columns) or not any(header) or not is_text(header[0]):
        return []
    places = pc.indices_nonzero(pc.equal(columns[0], header[0])).to_pylist()
    return [row for row in places if tuple(column[row].as_py() for column in columns) == header]


def _is_plain(block: Bytes, dialect: Dialect) -> bool:
    if b"\0" in block or dialect.delimiter == "\0" or not dialect.delimiter.isascii():
        return False
    if dialect.escape and dialect.escape.encode() in block:
        return False
    if not dialect.is_usual and (
        len(dialect.delimiter) > 1 or dialect.delimiter == BLANK or dialect.quote.encode() in block
    ):
        return False
    return b"\r" not in block or block.count(b"\r") == block.count(b"\r\n")


def _has_directives(block: Bytes) -> bool:
    mark = DIRECTIVE.encode()
    return block.startswith(mark) or b"\n" + mark in block


def _quotes_taken(block: Bytes, dialect: Dialect) -> int | None:
    """How many quotes are no part of a cell. None unless each opens or closes one, or is one of two within a cell that
    stand for one.

    What stands between the quotes is in turn outside and inside of cells. Outside, it begins as what follows upon a
    cell and ends as what comes before one; or there is nothing, between two that stand for one.
    """
    pieces = pc.split_pattern(as_one(block, pa.binary()), dialect.quote.encode()).flatten()
    if len(pieces) % 2 == 0:
        return None
    outside = pieces.filter(_every_second(len(pieces)))
    nothing = pc.equal(pc.binary_length(outside), 0)
    mark = dialect.delimiter.encode()
    begins = _any_of(nothing, *(pc.starts_with(outside, right) for right in (mark, b"\n", b"\r\n")))
    ends = _any_of(nothing, *(pc.ends_with(outside, left) for left in (mark, b"\n")))
    last = len(outside) - 1
    pairs = pc.sum(nothing.slice(1, last - 1)).as_py() or 0
    if dialect.escape and pairs:
        return None
    if _is_any(pc.invert(begins.slice(1))) or _is_any(pc.invert(ends.slice(0, last))):
        return None
    return len(pieces) - 1 - pairs


def _every_second(count: int) -> pa.Array:
    """Of so many, beginning with the first."""
    return pa.Array.from_buffers(pa.bool_(), count, [None, pa.py_buffer(b"\x55" * (count // 8 + 1))])


def _any_of(first: pa.Array, *others: pa.Array) -> pa.Array:
    return functools.reduce(pc.or_, others, first)


def _is_any(mask: pa.Array) -> bool:
    return pc.any(mask).as_py() is True


class _PlainLines:
    """The text of a row of a plain block; split only when somebody asks, and into no object for each line."""

    def __init__(self, block: Bytes) -> None:
        self._block = block
        self._text: memoryview | None = None
        self._ends: memoryview

    def __call__(self, row: int) -> str:
        if self._text is None:
            _, ends, text = pc.split_pattern(as_one(self._block, pa.binary()), b"\n").flatten().buffers()
            self._text, self._ends = memoryview(text), memoryview(ends).cast("i")
        return str(self._text[self._ends[row] : self._ends[row + 1]], "utf-8", "replace").rstrip("\r")

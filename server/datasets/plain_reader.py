"""Read blocks of lines all at once by Arrow, where nothing is odd: one record a line, every quote in its place."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from server.datasets.careful_reader import Layout
from server.datasets.chunks import Chunk
from server.datasets.dialect import BLANK, Dialect
from server.datasets.kept_bytes import is_text
from server.datasets.named import BLANK as BLANK_LINE
from server.datasets.named import DELIMITERS_ONLY, Named
from server.datasets.rejects import RejectReason


def read_plain_block(block: bytes, line: int, layout: Layout) -> Chunk | None:
    """The rows of a block that begins after `line` lines, or None where the exact reader has to look."""
    width, dialect = layout.width, layout.dialect
    if not _is_plain(block, dialect):
        return None
    has_quotes = bool(dialect.quote) and dialect.quote.encode() in block
    if has_quotes and not _quotes_are_paired(block, dialect):
        return None
    names = [str(position) for position in range(width)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(block),
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote if has_quotes else False,
                double_quote=False,
                newlines_in_values=has_quotes,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    # Blank lines are left out by Arrow, line breaks within quotes join lines.
    if table.num_rows != block.count(b"\n") + (not block.endswith(b"\n")):
        return None
    columns = [column.combine_chunks() for column in table.columns]
    if has_quotes and any(pc.any(pc.match_substring(column, dialect.quote)).as_py() for column in columns):
        return None
    return _without_what_is_none(columns, line, layout, _PlainLines(block))


def _without_what_is_none(columns: list[pa.Array], line: int, layout: Layout, raw_of: _PlainLines) -> Chunk:
    """The rows without those that are empty, or the header once more."""
    empty = [row for row in _empty_rows(columns) if layout.width > 1 or columns[0][row].as_py()]
    again = [row for header in layout.headers for row in _rows_like(columns, header)]
    if not empty and not again:
        return Chunk(columns=columns, line_of=lambda row: line + row + 1, raw_of=raw_of)
    left_out = {*empty, *again}
    kept = [row for row in range(len(columns[0])) if row not in left_out]
    named = Named()
    for row in empty:
        named.add(DELIMITERS_ONLY if layout.width > 1 else BLANK_LINE, line + row + 1)
    return Chunk(
        columns=[column.take(pa.array(kept, pa.int64())) for column in columns],
        line_of=lambda row: line + kept[row] + 1,
        raw_of=lambda row: raw_of(kept[row]),
        rejects=[RejectReason(line=line + row + 1, code="header_again", raw=raw_of(row)) for row in sorted(set(again))],
        named=named,
    )


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


def _rows_like(columns: list[pa.Array], header: tuple[str, ...]) -> list[int]:
    if len(header) != len(columns) or not any(header) or not is_text(header[0]):
        return []
    places = pc.indices_nonzero(pc.equal(columns[0], header[0])).to_pylist()
    return [row for row in places if tuple(column[row].as_py() for column in columns) == header]


def _is_plain(block: bytes, dialect: Dialect) -> bool:
    if b"\0" in block or not dialect.delimiter.isascii() or (dialect.escape and dialect.escape.encode() in block):
        return False
    if not dialect.is_usual and (
        len(dialect.delimiter) > 1 or dialect.delimiter == BLANK or dialect.quote.encode() in block
    ):
        return False
    return b"\r" not in block or block.count(b"\r") == block.count(b"\r\n")


def _quotes_are_paired(block: bytes, dialect: Dialect) -> bool:
    """Whether each quote opens or closes a cell, and as many open as close.

    A quote that stands alone between delimiters could do either; where one is, or a doubled one, the answer is no. A
    quote that closes a cell and is not followed by a delimiter leaves a later one without its partner; that one then
    stands in a cell as text, which the caller looks for.
    """
    quote, mark = dialect.quote.encode(), dialect.delimiter.encode()
    before, after = (mark, b"\n"), (mark, b"\r\n", b"\n")
    if block[:1] == quote:
        block = b"\n" + block
    if block[-1:] == quote:
        block += b"\n"
    if quote * 2 in block:
        block = _without_empty_cells(block, quote * 2, before, after)
    if quote * 2 in block or any(left + quote + right in block for left in before for right in after):
        return False
    opening = sum(block.count(left + quote) for left in before)
    closing = sum(block.count(quote + right) for right in after)
    return opening == closing and opening + closing == block.count(quote)


def _without_empty_cells(block: bytes, empty: bytes, before: tuple[bytes, ...], after: tuple[bytes, ...]) -> bytes:
    for left in before:
        for right in after:
            # Twice: neighbours share a delimiter.
            for _ in range(2):
                block = block.replace(left + empty + right, left + right)
    return block


class _PlainLines:
    """The text of a row of a plain block; split only when somebody asks."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._lines: list[bytes] | None = None

    def __call__(self, row: int) -> str:
        if self._lines is None:
            self._lines = self._block.split(b"\n")
        return self._lines[row].decode("utf-8", "replace").rstrip("\r")

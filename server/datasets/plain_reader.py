"""Read blocks of lines all at once by Arrow, where nothing is odd: one record a line, every quote in its place."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from server.datasets.chunks import Chunk
from server.datasets.dialect import Dialect


def read_plain_block(block: bytes, line: int, width: int, dialect: Dialect) -> Chunk | None:
    """The rows of a block that begins after `line` lines, or None where the exact reader has to look."""
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
    return Chunk(columns=columns, line_of=lambda row: line + row + 1, raw_of=_PlainLines(block))


def _is_plain(block: bytes, dialect: Dialect) -> bool:
    if b"\0" in block or not dialect.delimiter.isascii() or (dialect.escape and dialect.escape.encode() in block):
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

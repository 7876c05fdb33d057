"""Text whose columns are told by their place in the line: what no delimiter, nor blanks in a row, tells apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.chunks import Chunk
from server.datasets.kept_bytes import KEEP_BYTES
from server.datasets.named import BLANK, DELIMITERS_ONLY, Named, name_above
from server.datasets.rejects import RejectReason
from server.datasets.rule_lines import is_rule_line
from server.datasets.text_encoding import FoundEncoding
from server.errors import FileProblem

_ROWS_PER_CHUNK = 20_000
_SAMPLE_ROWS = 5_000
_LOOKED_AT = 200
_FEWEST = 3  # lines; what two have in common is chance
_MANY = 10  # lines have no blank in common by chance
_FILLED_SHARE = 0.5  # of the lines, in each column
_PADDING = re.compile(r"\S {2,}\S")
_BLANKS = re.compile(r" {2,}|\t")

ColumnPlace = tuple[int, int]


def fixed_places(lines: Sequence[str]) -> list[ColumnPlace] | None:
    """Where each column begins and ends: between are blanks in every line. None when there are no such columns."""
    lines = [line.rstrip() for line in lines[:_LOOKED_AT] if line.strip() and not is_rule_line(line)]
    if len(lines) < _FEWEST or any("\t" in line for line in lines) or not any(map(_PADDING.search, lines)):
        return None
    is_blank = [all(line[place : place + 1] in ("", " ") for line in lines) for place in range(max(map(len, lines)))]
    starts = [at for at, blank in enumerate(is_blank) if not blank and (at == 0 or is_blank[at - 1])]
    ends = [at + 1 for at, blank in enumerate(is_blank) if not blank and is_blank[at + 1 : at + 2] != [False]]
    places = _joined_to_names(list(zip(starts, ends, strict=True)), lines)
    filled = [sum(bool(line[start:end].strip()) for line in lines) for start, end in places]
    if len(places) < 2 or min(filled) < _FILLED_SHARE * len(lines):
        return None
    return places


def _joined_to_names(places: Sequence[ColumnPlace], lines: Sequence[str]) -> list[ColumnPlace]:
    """`Lee` of `Cyrus Lee` is no column where the other names are one word: few lines have it, and nothing is above."""
    joined = list(places[:1])
    for start, end in places[1:]:
        few = sum(bool(line[start:end].strip()) for line in lines) < _FILLED_SHARE * len(lines)
        if few and start == joined[-1][1] + 1 and not lines[0][start:end].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def are_told_by_blanks(lines: Sequence[str], places: Sequence[ColumnPlace]) -> bool:
    """Whether two blanks or more part all lines into as many cells, and places tell no more columns apart for sure."""
    lines = [line for line in lines[:_LOOKED_AT] if line.strip() and not is_rule_line(line)]
    counts = {len(_BLANKS.split(line.strip())) for line in lines}
    if len(counts) > 1 or counts == {1}:
        return False
    start, end = places[0]
    is_certain = len(lines) >= _MANY or all(line[start:end].strip().isdigit() for line in lines[1:])
    return len(places) <= counts.pop() or not is_certain


def cells_at(line: str, places: Sequence[ColumnPlace]) -> list[str]:
    return [line[start:end].strip() for start, end in places]


@dataclass(slots=True, kw_only=True)
class FixedWidthSource:
    """`first_line` lines, the last `header_rows` of them the header, stand above the data.

    A line with something where the columns have blanks between them is a reject: its cells would be torn.
    """

    path: Path
    encoding: FoundEncoding
    places: Sequence[ColumnPlace]
    max_line_bytes: int
    first_line: int = 0
    header_rows: int = 0
    bytes_read: int = field(default=0, init=False)
    records: int = field(default=0, init=False)

    def lines(self) -> Iterator[str]:
        with self.path.open(encoding=self.encoding.name, errors=KEEP_BYTES) as stream:
            number = 0
            while line := stream.readline(self.max_line_bytes):
                number += 1
                if len(line) == self.max_line_bytes:
                    raise FileProblem(
                        "Line {line} is longer than {limit} bytes. Is this a table? Check the line ends.",
                        code="line_too_long",
                        line=number,
                        limit=self.max_line_bytes,
                    )
                yield line.lstrip("\ufeff").rstrip("\r\n")

    def chunks(self) -> Iterator[Chunk]:
        size, done = self.path.stat().st_size, 0
        self.records = 0
        lines = self.lines()
        while block := list(islice(lines, _ROWS_PER_CHUNK)):
            chunk = self._chunk(block, self.records)
            self.records += len(block)
            done += sum(map(len, block)) + len(block)
            self.bytes_read = min(size, done)
            yield chunk
        self.bytes_read = size

    def sample(self) -> Chunk:
        lines = list(islice(self.lines(), _SAMPLE_ROWS))
        chunk = self._chunk(lines, 0)
        chunk.bytes_read = min(self.path.stat().st_size, sum(map(len, lines)) + len(lines))
        return chunk

    def _chunk(self, lines: Sequence[str], before: int) -> Chunk:
        named, rejects, numbers, kept = Named(), list[RejectReason](), list[int](), list[str]()
        for number, line in enumerate(lines, start=before + 1):
            if is_rule_line(line):
                named.add(DELIMITERS_ONLY, number)
            elif number <= self.first_line:
                name_above(named, number, line, is_header=number > self.first_line - self.header_rows)
            elif not line.strip():
                named.add(BLANK, number)
            elif (problem := self._problem(line)) is not None:
                cells = cells_at(line, self.places)
                rejects.append(RejectReason(line=number, code=problem[0], raw=line, parameters=problem[1], cells=cells))
            else:
                numbers.append(number)
                kept.append(line)
        texts = pa.array(kept, pa.string())
        return Chunk(
            columns=[pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(texts, start, end)) for start, end in self.places],
            line_of=lambda row: numbers[row],
            raw_of=lambda row: kept[row],
            rejects=rejects,
            named=named,
        )

    def _problem(self, line: str) -> tuple[str, dict[str, str]] | None:
        if (
            not line.isascii()
            and not line.isprintable()
            and any("\udc80" <= character <= "\udcff" for character in line)
        ):
            return "bad_encoding", {"encoding": self.encoding.name.upper()}
        ends = [0, *(end for _, end in self.places)]
        starts = [*(start for start, _ in self.places), len(line)]
        gaps = zip(ends, starts, strict=True)
        return ("outside_columns", {}) if any(line[end:start].strip() for end, start in gaps) else None

"""What stands above the rows of a text file: titles, notes, another table, and the header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from server.datasets.dialect import Dialect
from server.datasets.named import ABOVE_TABLE, BLANK, DELIMITERS_ONLY, HEADER, Named
from server.datasets.notes_above import is_table
from server.datasets.records import Records, lenient_cells, read_sample
from server.datasets.rejects import RejectReason
from server.datasets.table_start import is_ruler
from server.datasets.told_headers import DIRECTIVE


@dataclass(slots=True)
class Above:
    records: int = 0
    named: Named = field(default_factory=Named)
    rejects: list[RejectReason] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HeadRecord:
    """A record with the line where it starts, counted from 0; the cells of a faulty one are a guess."""

    start: int
    cells: list[str]
    is_faulty: bool = False


def head_records(records: Records, lines: Sequence[str], dialect: Dialect) -> list[HeadRecord]:
    """All of them in order, those whose quotes are wrong among them."""
    found = [HeadRecord(start, cells) for start, cells in zip(records.starts, records.rows, strict=True)]
    found += [HeadRecord(start, lenient_cells(lines[start], dialect), True) for start, _ in records.faults]
    return sorted(found, key=lambda record: record.start)


def read_above(above: Sequence[str], header: Sequence[str], dialect: Dialect) -> Above:
    """`above` are the lines above the table, `header` those of its header."""
    result = Above()
    records = head_records(read_sample(above, dialect, is_whole=True), above, dialect)
    is_other = not _are_comments(above) and is_table([record.cells for record in records])
    for record in records:
        raw = above[record.start].rstrip("\r\n")
        line = record.start + 1
        if not "".join(record.cells).strip():
            result.named.add(DELIMITERS_ONLY if len(record.cells) > 1 else BLANK, line)
        elif is_other:
            result.rejects.append(RejectReason(line=line, code="other_table", raw=raw))
        else:
            result.named.add(ABOVE_TABLE, line, raw)
    names = head_records(read_sample(header, dialect, is_whole=True), header, dialect)
    for record in names:
        result.named.add(DELIMITERS_ONLY if is_ruler(record.cells) else HEADER, len(above) + record.start + 1)
    result.records = len(records) + len(names)
    return result


def _are_comments(lines: Sequence[str]) -> bool:
    return all(line.startswith(DIRECTIVE) for line in lines if line.strip())

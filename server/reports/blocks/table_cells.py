"""What tables are made of."""

from __future__ import annotations

from typing import Any

import msgspec

from server.reports.formats import ValueFormat


class TableColumn(msgspec.Struct, frozen=True, kw_only=True):
    """`how` its total is made of its rows: `sum`, `average`…; empty for none, and for one that an expression gives.

    `of_all`: the total is of more rows than there are here.
    """

    name: str
    label: str
    format: ValueFormat
    align: str
    bar: bool = False
    how: str = ""
    of_all: bool = False
    total: Any = None
    total_text: str = ""

    @property
    def has_total(self) -> bool:
        return bool(self.total_text)

    @property
    def total_format(self) -> ValueFormat:
        return ValueFormat(kind="integer") if self.how == "count" else self.format


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """`share` is the length of an in-cell bar from 0 to 1, negative for values below zero."""

    value: Any
    text: str
    tone: str = ""
    share: float | None = None


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` is `row`, `group` (a heading row: its first cell alone) or `subtotal`."""

    cells: list[Cell]
    kind: str = "row"
    level: int = 0  # of a heading and its subtotal: how many headings stand above

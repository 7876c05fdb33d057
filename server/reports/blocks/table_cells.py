"""What tables are made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from server.reports.blocks.table_scale import ColorScale
from server.reports.blocks.table_spark import Spark
from server.reports.formats import ValueFormat


class TableColumn(msgspec.Struct, frozen=True, kw_only=True):
    """`how` its total is made of its rows: `sum`, `average`…; empty for none, and for one that an expression gives.

    `function`: what makes the total of the column's own figures, if anything does: of counts, `sum`.
    `is_found`: nobody said how its values are written.
    `of_all`: the total is of more rows than there are here.
    """

    name: str
    label: str
    format: ValueFormat
    align: str
    width: int = 0
    bar: bool = False
    spark: str = ""
    scale: ColorScale | None = None
    how: str = ""
    function: str = ""
    is_found: bool = False
    of_all: bool = False
    total: Any = None
    total_text: str = ""

    @property
    def has_total(self) -> bool:
        return bool(self.total_text)

    def format_of_total(self, total: Any) -> ValueFormat:
        return total_format(self.format, self.how, total, is_found=self.is_found)


def total_format(format: ValueFormat, how: str, total: Any, *, is_found: bool) -> ValueFormat:  # noqa: A002
    """As the column's values; but an average of whole numbers is none, unless somebody wants it so."""
    if how == "count":
        return ValueFormat(kind="integer")
    if is_found and format.kind == "integer" and isinstance(total, float | Decimal):
        return msgspec.structs.replace(format, kind="decimal")
    return format


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """`share` is the length of an in-cell bar from 0 to 1, negative for values below zero; `heat` a color of a scale
    and how strong it is, from 0 to 1; `link` an address of the web.
    """

    value: Any
    text: str
    tone: str = ""
    share: float | None = None
    heat: tuple[str, float] = ("", 0.0)
    link: str = ""
    spark: Spark | None = None


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` is `row`, `group` (a heading row: its first cell alone) or `subtotal`. `style`: see `StyleSpec`."""

    cells: list[Cell]
    kind: str = "row"
    style: str = ""
    level: int = 0  # of a heading and its subtotal: how many headings stand above

"""Which columns of a dataset a first report is about."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from server.reports.starting.columns import FEW, KnownColumn
from server.reports.starting.writing import one_line

_SUMS, _MEASURES = 2, 3  # beside the number of rows: four figures make a row of them
_FEW_CATEGORIES, _CATEGORIES = 3, 4  # with few values; in all
_LISTED = 8
_EMPTY_SHARE = 0.05
_GAPS = 6


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """`few` and `many` are categories by how many values they have; `listed` stand in the table of rows."""

    date: KnownColumn | None
    year: KnownColumn | None
    sums: list[KnownColumn]
    averages: list[KnownColumn]
    few: list[KnownColumn]
    many: list[KnownColumn]
    listed: list[KnownColumn]
    gaps: list[KnownColumn]
    unused: list[KnownColumn]

    @property
    def main(self) -> KnownColumn | None:
        """The measure that charts show; without one they count rows."""
        return self.sums[0] if self.sums else None


def chosen(columns: Sequence[KnownColumn]) -> Choice:
    by_role: dict[str, list[KnownColumn]] = {}
    for column in columns:
        by_role.setdefault(column.role, []).append(column)
    sums = sorted(by_role.get("sum", []), key=_importance)[:_SUMS]
    shares_first = sorted(by_role.get("average", []), key=lambda column: not column.is_share)
    averages = shares_first[: _MEASURES - len(sums)]
    categories = [column for column in by_role.get("category", []) if column.empty_share < 0.5]
    few = sorted((column for column in categories if _has_few(column)), key=lambda one: one.type == "boolean")
    many = [column for column in categories if not _has_few(column)]
    dates = sorted(by_role.get("time", []), key=lambda one: (one.is_side_date, round(one.empty_share, 1)))
    date = dates[0] if dates else None
    years = by_role.get("year", [])
    few = few[:_FEW_CATEGORIES]
    many = many[: _CATEGORIES - len(few)]
    listed = _listed(columns, date, sums, averages, few + many)
    used = {column.name for column in [*sums, *averages, *few, *many, *listed, *dates[:1], *years[:1]]}
    return Choice(
        date=date,
        year=years[0] if years and date is None else None,
        sums=sums,
        averages=averages,
        few=few,
        many=many,
        listed=listed,
        gaps=_gaps(columns),
        unused=[column for column in columns if column.name not in used],
    )


def each_offered(columns: Sequence[KnownColumn]) -> list[str]:
    """Of which columns there can be one report for each value: of those whose names stand in one line of YAML."""
    choice = chosen(columns)
    wanted = [column for column in [*choice.few, *choice.many] if column.type in ("text", "integer")]
    return [column.name for column in wanted if one_line(column.name) == column.name]


def _importance(column: KnownColumn) -> tuple[bool, bool, bool]:
    """Money first, then what has decimals; else the order of the columns."""
    return not column.currency, not column.is_money, column.type == "integer"


def _has_few(column: KnownColumn) -> bool:
    return column.type == "boolean" or (column.distinct is not None and column.distinct <= FEW)


def _listed(
    columns: Sequence[KnownColumn],
    date: KnownColumn | None,
    sums: Sequence[KnownColumn],
    averages: Sequence[KnownColumn],
    categories: Sequence[KnownColumn],
) -> list[KnownColumn]:
    """What tells a row, in the order of the columns."""
    ids = [column for column in columns if column.role == "id"]
    names = [column for column in columns if column.role == "name"]
    ranked = [*([date] if date else []), *ids[:1], *names[:2], *sums, *categories, *averages]
    known = [column for column in columns if column.role != "nothing"]
    wanted = {column.name for column in (ranked or known)[:_LISTED]}
    return [column for column in columns if column.name in wanted]


def _gaps(columns: Sequence[KnownColumn]) -> list[KnownColumn]:
    found = [column for column in columns if column.empty_share >= _EMPTY_SHARE and column.is_writable]
    return sorted(found, key=lambda column: -column.empty_share)[:_GAPS]

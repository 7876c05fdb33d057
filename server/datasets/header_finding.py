"""Whether the first record of a table names its columns, and whether the first two do so together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from server.datasets.cells import NULL_WORDS, read_truth
from server.datasets.day_cells import read_moment
from server.datasets.number_cells import read_number
from server.datasets.rule_lines import is_rule_row

COMPARED = 200  # records below the first
_LONGEST_VALUE = 60  # characters; what is longer is no number and no date
_MOST = 0.8  # of a column's cells make its kind
CellKind = Literal["number", "date", "text", ""]
Record = Sequence[str]
# Names that columns have in many files: beside one of them, numbers in the first row may be names as well.
USUAL_NAMES = frozenset(
    {
        "id", "no", "nr", "key", "code", "name", "item", "product", "article", "sku", "region", "country",
        "city", "state", "store", "shop", "branch", "department", "category", "type", "group", "year", "month",
        "week", "day", "date", "time", "customer", "client", "account", "employee", "person", "student",
        "subject", "sample", "sensor", "station",
        "编号", "序号", "代码", "名称", "姓名", "产品", "商品", "地区", "区域", "国家", "城市", "省份", "门店", "店铺",
        "部门", "类别", "类型", "年份", "月份", "日期", "时间", "客户", "项目", "科目", "单位",
    }
)  # fmt: skip


def kind_of(cell: str) -> CellKind:
    return _kind_of(cell) if len(cell) <= _LONGEST_VALUE else "text"


@lru_cache(maxsize=20_000)
def _kind_of(cell: str) -> CellKind:
    text = cell.strip()
    if text.lower() in NULL_WORDS:
        return ""
    if not any(character.isdigit() for character in text):
        return "text"
    if read_number(text, ".") is not None or read_number(text, ",") is not None:
        return "number"
    return "date" if _is_moment(text) else "text"


def is_value(cell: str) -> bool:
    """A number or a date, in any notation: what a wrong delimiter tears apart."""
    return kind_of(cell) in ("number", "date")


def _is_moment(text: str) -> bool:
    is_clock = re.fullmatch(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?", text) is not None
    is_month = re.fullmatch(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])", text) is not None
    return is_clock or is_month or read_moment(text, "DMY") is not None or read_moment(text, "MDY") is not None


class HeaderEvidence:
    """What speaks for the first record being a header. `is_contrast`: a name stands above cells of another kind."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._first = [cell.strip() for cell in records[0]] if records else []
        header = list(records[0]) if records else []
        below = [record for record in records[1:COMPARED] if any(map(str.strip, record)) and not is_rule_row(record)]
        self._below = [record for record in below if list(record) != header]
        self._is_repeated = len(self._below) < len(below)
        self._named = [(place, cell) for place, cell in enumerate(self._first) if cell]
        self._columns = {place: self._column(place) for place, _ in self._named}
        self._kinds = {place: kind_of_column(cells) for place, cells in self._columns.items()}

    def is_header(self) -> bool:
        if not self._named:
            return False
        if not self._below:
            return not any(is_value(cell) for _, cell in self._named)
        if self.is_contrast():
            return True
        if any(kind_of(cell) != "text" for _, cell in self._named):
            return self._are_values_names()
        if self._is_repeated and not self._has_usual_names():
            return False  # a row that occurs twice
        return (not self._repeats() or self._is_named_all_the_same()) and not self._is_truth_above_truth()

    def is_contrast(self) -> bool:
        """Text above numbers or dates, or dates above numbers; not where the rest of the row says otherwise."""
        for_it = against = 0
        for place, cell in self._named:
            above, below = self._kind_of_name(cell), self._kinds[place]
            if (below in ("number", "date") and above == "text") or (above == "date" and below == "number"):
                for_it += 1
            elif above == "date" and below == "date":
                against += 1
        if not for_it or against > for_it:
            return False
        return for_it >= 2 or not self._is_a_stray_word()

    def _kind_of_name(self, cell: str) -> CellKind:
        """`NA` or `-` is a name where it stands alone, or beside a name that is one in many files."""
        is_name = len(self._named) == 1 or self._has_usual_names()
        return kind_of(cell) or ("text" if is_name else "")

    def _is_a_stray_word(self) -> bool:
        """One word above numbers while the numbers beside it stand above numbers, too: a bad cell in the first row."""
        numbers = sum(kind_of(cell) == "number" and self._kinds[place] == "number" for place, cell in self._named)
        return numbers >= 2 and not self._are_values_names()

    def _are_values_names(self) -> bool:
        """Numbers as names: years, months, a series; and none of it goes on below."""
        values = [(place, cell) for place, cell in self._named if kind_of(cell) in ("number", "date")]
        texts = [cell for _, cell in self._named if kind_of(cell) == "text"]
        if len(values) + len(texts) < len(self._named) or not values:
            return False
        cells = [cell for _, cell in values]
        if len(set(cells)) < len(cells) or any(kind_of(c) == "date" == self._kinds[p] for p, c in values):
            return False
        if len(cells) > 1 and all(kind_of(cell) == "date" for cell in cells):
            return True  # different days, above something else: a plan or a list of who came
        if all(is_year(cell) for cell in cells):
            return bool(texts) or (len(cells) > 1 and _is_series(cells) and not self._years_go_on_below(values))
        if _is_series(cells) and all(self._kinds[place] == "text" for place, _ in values):
            return True
        if not texts:
            return False
        if _is_series(cells) and (not self._goes_on_below(values) or self._stand_apart(values)):
            return True
        if self._has_usual_names():
            return True
        return all(cell[0] == "0" and cell.isdigit() and len(cell) > 1 for cell in cells) and not any(
            below.startswith("0") and len(below) > 1 for place, _ in values for below in self._columns[place]
        )

    def _has_usual_names(self) -> bool:
        return any(cell.casefold() in USUAL_NAMES for _, cell in self._named)

    def _goes_on_below(self, values: Sequence[tuple[int, str]]) -> bool:
        rows = [[record[place].strip() for place, _ in values if place < len(record)] for record in self._below]
        return sum(map(_is_series, rows)) * 2 >= len(rows)

    def _years_go_on_below(self, values: Sequence[tuple[int, str]]) -> bool:
        rows = [[record[place] for place, _ in values if place < len(record)] for record in self._below]
        return sum(all(map(is_year, row)) for row in rows) * 2 >= len(rows)

    def _stand_apart(self, values: Sequence[tuple[int, str]]) -> bool:
        """Whether they are of another size than all numbers below them."""
        for place, cell in values:
            number = read_number(cell, ".") or Decimal()
            for below in self._columns[place]:
                other = abs(read_number(below, ".") or Decimal())
                if number <= 5 * other and other <= 5 * number:
                    return False
        return True

    def _repeats(self) -> bool:
        return any(cell in self._columns[place] for place, cell in self._named)

    def _is_named_all_the_same(self) -> bool:
        """A name that is one in many files, and is no cell of its column, where another one is."""
        return any(cell.casefold() in USUAL_NAMES and cell not in self._columns[place] for place, cell in self._named)

    def _is_truth_above_truth(self) -> bool:
        return all(
            read_truth(cell) is not None
            and self._columns[place]
            and all(read_truth(below) is not None for below in self._columns[place])
            for place, cell in self._named
        )

    def _column(self, place: int) -> list[str]:
        cells = [record[place].strip() for record in self._below if place < len(record)]
        return [cell for cell in cells if cell]


def has_header(records: Sequence[Record]) -> bool:
    """Whether the first record names the columns of those below."""
    return HeaderEvidence(records).is_header()


def is_certain_header(records: Sequence[Record]) -> bool:
    """Whether the kinds of cells say so, and not only that no cell of it is repeated."""
    return len(records) > 1 and HeaderEvidence(records).is_contrast()


def kind_of_column(cells: Sequence[str]) -> CellKind:
    kinds = [kind for kind in map(kind_of, cells) if kind]
    for kind in ("number", "date", "text"):
        if kinds and kinds.count(kind) >= _MOST * len(kinds):
            return kind
    return ""


def is_year(cell: str) -> bool:
    return re.fullmatch(r"(?:19|20)\d\d年?", cell.strip()) is not None


def _is_series(cells: Sequence[str]) -> bool:
    """Whole numbers at equal distances, upwards: 101, 102, 103."""
    if len(cells) < 2 or not all(re.fullmatch(r"\d{1,6}年?", cell.strip()) for cell in cells):
        return False
    numbers = [int(cell.strip().rstrip("年")) for cell in cells]
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    step = steps.pop()
    return not steps and (step == 1 or (step > 0 and len(cells) > 2))

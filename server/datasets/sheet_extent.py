"""How far the cells of a workbook reach, before it is read: the reader makes room for every cell in between.

Two cells, A1 and XFD1048576, fit into 5 KB and would take the memory of 17 billion. What is measured here is what the
files hold, not what they say of themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.errors import FileProblem

MOST_CELLS = 40_000_000  # with all that lie between: what a worker's memory holds
_MOST_ROWS = 1_048_576  # what Excel and LibreOffice have
_MOST_COLUMNS = 16_384
_ALWAYS_FINE = 2_600_000  # 26 columns of 99,999 rows
EMPTY_SHARE = 100  # so many empty cells for each that holds something are no table any more


@dataclass(slots=True)
class Extent:
    rows: int = 0
    columns: int = 0
    cells: int = 0

    def add(self, row: int, column: int, count: int = 1) -> None:
        self.rows, self.columns = max(self.rows, row), max(self.columns, column)
        self.cells += count

    @property
    def is_small(self) -> bool:
        area = self.rows * self.columns
        is_possible = self.rows <= _MOST_ROWS and self.columns <= _MOST_COLUMNS
        return is_possible and (area <= _ALWAYS_FINE or area <= min(MOST_CELLS, self.cells * EMPTY_SHARE))

    def require_small(self) -> None:
        if not self.is_small:
            raise FileProblem(
                "A sheet reaches over {rows} rows and {columns} columns but holds only {cells} cells. Delete the empty "
                "rows and columns (or what stands far outside), or save the sheet as CSV and upload that.",
                code="sheet_too_wide",
                rows=self.rows,
                columns=self.columns,
                cells=self.cells,
            )

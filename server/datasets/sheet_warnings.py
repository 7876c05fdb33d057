"""What a person should be told of a sheet: what is left out, mixed up, merged, or perhaps another table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.datasets.excel_source import MISSING, ExcelSource
from server.datasets.notes_above import filled
from server.datasets.schema import FileWarning, SheetInfo
from server.datasets.sheet_marks import SheetMarks
from server.datasets.sheet_pieces import Sheet
from server.datasets.sheet_tables import side_by_side_at, stacked_at

_NAMES_TOLD = 5


def other_sheets(chosen: str, others: Sequence[str]) -> Iterator[FileWarning]:
    if others:
        yield FileWarning(
            code="other_sheets",
            message="The file has several sheets. “{chosen}” is read; left out: {others}. Choose another one by its "
            "name if you want that.",
            parameters={"chosen": chosen, "others": ", ".join(others[:_NAMES_TOLD])},
        )


def hidden_warnings(
    marks: SheetMarks, sheets: list[SheetInfo], names: Sequence[str], start: int
) -> Iterator[FileWarning]:
    hidden = [info.name for info in sheets if not info.visible]
    if hidden:
        yield FileWarning(
            code="hidden_sheets",
            message="Hidden sheets are left out: {names}. Choose one by its name to read it.",
            parameters={"names": ", ".join(hidden[:_NAMES_TOLD])},
        )
    if marks.hidden_rows:
        yield FileWarning(
            code="hidden_rows",
            message="{count} rows are hidden in the sheet, by hand or by a filter; they are read like all others.",
            parameters={"count": marks.hidden_rows},
        )
    columns = [names[place - start] for place in marks.hidden_columns if 0 <= place - start < len(names)]
    if columns:
        yield FileWarning(
            code="hidden_columns",
            message="Columns that are hidden in the sheet are read like all others: {names}.",
            parameters={"names": ", ".join(columns[:_NAMES_TOLD])},
        )


def cell_warnings(source: ExcelSource, names: Sequence[str]) -> Iterator[FileWarning]:
    marks = source.marks
    missing = [number for number, row in marks.errors.items() if MISSING in row.values() and number > source.first_line]
    if missing:
        yield FileWarning(
            code="missing_lookups",
            message="{count} rows hold #N/A (a lookup found nothing); such cells are empty. The first is row {row}.",
            parameters={"count": len(missing), "row": min(missing)},
        )
    if marks.has_formulas_without_values:
        yield FileWarning(
            code="formulas_without_values",
            message="The sheet holds formulas that were never calculated; their cells are empty. Open it in a "
            "spreadsheet program, save it and upload that.",
        )
    for column, styles in marks.styles.items():
        place = column - source.start_column
        if not 0 <= place < len(names):
            continue
        currencies = sorted(styles - {"percent", "number"})
        if len(currencies) > 1:
            yield FileWarning(
                code="mixed_currencies",
                message="“{column}” holds several currencies ({currencies}); only the numbers are kept.",
                parameters={"column": names[place], "currencies": ", ".join(currencies[:_NAMES_TOLD])},
            )
        if "percent" in styles and len(styles) > 1:
            yield FileWarning(
                code="mixed_percent",
                message="“{column}” holds percentages beside plain numbers; 12% is read as 0.12, and 12 as 12.",
                parameters={"column": names[place]},
            )


def table_warnings(
    rows: Sequence[Sequence[str]], first_line: int, above: int, names: Sequence[str]
) -> Iterator[FileWarning]:
    below = stacked_at(rows, first_line)
    if below is not None:
        yield FileWarning(
            code="another_table_below",
            message="Another table seems to begin in row {row}. Its rows are rejected, or read as rows of the first "
            "where they could be; put it into a sheet of its own if they are not.",
            parameters={"row": below},
        )
    beside = side_by_side_at([row for row in rows[above:] if filled(row)])
    if beside is not None:
        yield FileWarning(
            code="another_table_beside",
            message="Another table seems to begin with the column “{column}”; both are read as one. Keep the columns "
            "of one of them.",
            parameters={"column": names[beside]},
        )


def merged_warnings(sheet: Sheet, first_line: int) -> Iterator[FileWarning]:
    count = sum(1 for (top, _), _ in sheet.merged_cell_ranges or () if top >= first_line)
    if count:
        yield FileWarning(
            code="merged_cells",
            message="{count} cells of the table are merged: their value stands in each of their rows, and in the first "
            "of their columns.",
            parameters={"count": count},
        )

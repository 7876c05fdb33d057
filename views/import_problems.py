"""What a person should look at before a file is imported, each with how bad it is and where it is mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from server.datasets.doubts import MERELY_TOLD
from server.datasets.schema import FileWarning
from views.import_columns import FormColumn

ProblemSeverity = Literal["danger", "warning", "info"]
_SEVERITIES: tuple[ProblemSeverity, ...] = ("danger", "warning", "info")

# The field of the form that a warning is about, where there is one.
SETTINGS = {
    "encoding_guessed": "encoding",
    "encoding_not_verified": "encoding",
    "mixed_encodings": "encoding",
    "control_characters": "encoding",
    "more_cells_than_names": "delimiter",
    "lines_in_quotes": "delimiter",
    "units_in_names": "header",
    "short_rows": "pad_short_rows",
    "short_rows_filled": "pad_short_rows",
    "total_rows": "leave_out_totals",
    "totals_left_out": "leave_out_totals",
    "hidden_sheets": "sheet",
    "another_table_below": "sheet",
    "other_lists": "sheet",
    "other_sheets": "sheet",
    "other_tables": "sheet",
    "other_members": "member",
}
MISFITS, MISTAKE = "misfits", "mistake"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProblem:
    """`place` is the column that it is about, None where it is about the file. `count` is of rows or cells, if told."""

    code: str
    severity: ProblemSeverity
    place: int | None = None
    name: str = ""
    count: int | None = None
    warning: FileWarning | None = None

    @property
    def setting(self) -> str:
        return SETTINGS.get(self.code, "")


def problems_of(
    columns: Sequence[FormColumn], warnings: Iterable[FileWarning], errors: Mapping[str, str]
) -> list[ImportProblem]:
    """The worst first; those of columns in the order of the file. What a person said is right is none any more."""
    places = {column.name: place for place, column in enumerate(columns)}
    places |= {column.source: place for place, column in enumerate(columns)}
    found = [_of_warning(warning, columns, places) for warning in warnings]
    found += [_of_misfits(column, place) for place, column in enumerate(columns) if column.misfits]
    found += [
        ImportProblem(code=MISTAKE, severity="danger", place=place, name=columns[place].name)
        for place in sorted(set(_places_of(errors)))
        if place < len(columns)
    ]
    open_ones = [problem for problem in found if problem.place is None or _is_open(problem, columns[problem.place])]
    return sorted(open_ones, key=_order)


def doubts_by_place(problems: Iterable[ImportProblem], column_count: int) -> list[list[ImportProblem]]:
    """What is told of each column by its name."""
    doubts: list[list[ImportProblem]] = [[] for _ in range(column_count)]
    for problem in problems:
        if problem.place is not None and problem.warning is not None:
            doubts[problem.place].append(problem)
    return doubts


def is_doubtful(problems: Iterable[ImportProblem]) -> bool:
    """Whether something is to be decided about how the file is read."""
    return any(problem.setting and problem.severity == "warning" for problem in problems)


def _of_warning(warning: FileWarning, columns: Sequence[FormColumn], places: Mapping[str, int]) -> ImportProblem:
    place = places.get(str(warning.parameters.get("column", "")))
    return ImportProblem(
        code=warning.code,
        severity="info" if warning.code in MERELY_TOLD else "warning",
        place=place,
        name="" if place is None else columns[place].name,
        count=_count(warning.parameters),
        warning=warning,
    )


def _of_misfits(column: FormColumn, place: int) -> ImportProblem:
    return ImportProblem(code=MISFITS, severity="warning", place=place, name=column.name, count=column.misfits)


def _count(parameters: Mapping[str, Any]) -> int | None:
    count = parameters.get("count")
    return count if isinstance(count, int) else None


def _places_of(errors: Mapping[str, str]) -> Iterable[int]:
    for field in errors:
        place, dot, _ = field.removeprefix("c").partition(".")
        if field.startswith("c") and dot and place.isdigit():
            yield int(place)


def _is_open(problem: ImportProblem, column: FormColumn) -> bool:
    return column.keep and problem.code not in column.accepted


def _order(problem: ImportProblem) -> tuple[int, bool, int]:
    return _SEVERITIES.index(problem.severity), problem.place is not None, problem.place or 0

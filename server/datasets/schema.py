"""What a dataset's columns are, how a file is to be read, and the rules both must keep."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Annotated, Any, Literal

import msgspec

from server.errors import FieldError, FileProblem, InvalidInput
from server.settings import Settings
from server.texts import phrase, told

ColumnType = Literal["text", "integer", "decimal", "float", "boolean", "date", "datetime", "timestamp"]
COLUMN_TYPES: tuple[ColumnType, ...] = (
    "text", "integer", "decimal", "float", "boolean", "date", "datetime", "timestamp",
)  # fmt: skip
NUMERIC_TYPES = frozenset({"integer", "decimal", "float"})
TEMPORAL_TYPES = frozenset({"date", "datetime", "timestamp"})

# What a column's values must keep, as `ColumnSpec` names it.
CHECKS = (
    "required", "unique", "min", "max", "one_of", "min_length", "max_length", "pattern", "reference",
)  # fmt: skip

# Of a file of rejects, the last two: which row of which list this is, and why it is there. When the file comes back
# they are left out.
ROW_COLUMN, REASON_COLUMN = "jindu_reject_row", "jindu_reject_reason"
_PROBLEMS_TOLD = 5
MOST_DELIMITER = 4  # characters

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Length = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Reference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A column of one of your datasets, or of one that its `owner` shares with you."""

    dataset: _Name
    column: _Name
    owner: _Name | None = None


class ColumnSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One column as it is wanted: `source` is its name in the file (default: the same), `type` is inferred when absent.

    `format` says how ambiguous values are written: for numbers the decimal mark (`1,234.5` or `1.234,5`), for dates
    the order (`YYYY-MM-DD`, `DD/MM/YYYY`, `MM/DD/YYYY`, `YY-MM-DD`).
    `min` and `max` are compared in the column's own type. Of texts, `min_length` and `max_length` count characters, and
    all of a value must match `pattern`, a regular expression in RE2's syntax. Values must occur in the column that
    `reference` names. Missing values break no rule but `required`.
    """

    name: _Name
    source: _Name | None = None
    type: ColumnType | None = None
    format: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    required: bool = False
    unique: bool = False
    min: float | str | None = None
    max: float | str | None = None
    one_of: list[str] | None = None
    min_length: _Length | None = None
    max_length: _Length | None = None
    pattern: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] | None = None
    reference: Reference | None = None


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column of a dataset as it is: its place is its position, `source` its name in the file.

    `nullable` says whether a value is missing anywhere; None where nobody looked. `precision` and `scale` are of a
    decimal: how many digits it has room for, and how many of them stand behind the point. `notations` are how its
    numbers were written in their files: `%`, currencies, and none (`""`); of a `datetime`, `+` for an offset that was
    turned into UTC, `Z` for UTC, and none. None where nobody looked.
    """

    name: str
    type: ColumnType
    precision: int | None = None
    scale: int | None = None
    source: str | None = None
    format: str | None = None
    required: bool = False
    unique: bool = False
    nullable: bool | None = None
    notations: list[str] | None = None


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a person overrides; everything left out is found by looking at the file.

    `columns` names the columns to keep, in the order wanted; left out, all are kept. `quote` is empty for none.
    `sheet` is also a list within a JSON document (`data.rows`) or a table of a web page, `member` a file in a zip.
    `skip_rows` counts the lines above the header (or above the first row when there is no header). A `delimiter` of
    two blanks is two blanks or more, or a tab; of one blank, any number of them. `pad_short_rows` adds empty cells to
    rows of a text file that end early, `leave_out_totals` leaves out rows that sum those above them. `language` is that
    of whoever has the file (`zh-CN`): it settles an encoding that the bytes alone do not tell.
    """

    encoding: str | None = None
    language: Annotated[str, msgspec.Meta(max_length=16)] | None = None
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_DELIMITER)] | None = None
    quote: Annotated[str, msgspec.Meta(max_length=1)] | None = None
    header: bool | None = None
    sheet: str | None = None
    member: str | None = None
    skip_rows: Annotated[int, msgspec.Meta(ge=0, le=1000)] | None = None
    pad_short_rows: bool | None = None
    leave_out_totals: bool | None = None
    columns: list[ColumnSpec] | None = None


class FileLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How large and how odd a file may be before it is refused."""

    max_columns: int = 1000
    max_line_bytes: int = 4 * 1024 * 1024
    max_unpacked_bytes: int = 2 * 1024 * 1024 * 1024

    @classmethod
    def from_settings(cls, settings: Settings) -> FileLimits:
        return cls(
            max_columns=settings.max_columns,
            max_line_bytes=settings.max_line_bytes,
            max_unpacked_bytes=settings.max_unpacked_bytes,
        )


class FileWarning(msgspec.Struct, frozen=True, kw_only=True):
    """Something about a file that a person should look at: a stable code, and a text with `{placeholders}`."""

    code: str
    message: str
    parameters: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """In English."""
        return told(self.message, self.parameters, str)


class SheetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet of an Excel file; `rows` and `columns` are None when they were not counted."""

    name: str
    visible: bool = True
    rows: int | None = None
    columns: int | None = None


def clean_names(raw: Sequence[object]) -> list[str]:
    """Column names from a header row: trimmed, composed (NFC), never empty, never twice the same."""
    names: list[str] = []
    taken: set[str] = set()
    texts = [_clean_name(cell) for cell in raw]
    own = {text.casefold() for text in texts}
    for position, said in enumerate(texts, start=1):
        text = said or f"column_{position}"
        name, copy = text, 2
        # SQL does not tell Name from name; and no copy takes the name that another column has in the file.
        while name.casefold() in taken or (name != said and name.casefold() in own):
            name, copy = f"{text[:190]}_{copy}", copy + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _clean_name(cell: object) -> str:
    text = " ".join(unicodedata.normalize("NFC", str(cell if cell is not None else "")).split())
    return "".join(c for c in text if unicodedata.category(c)[0] != "C").strip()[:200]


def require_column_count(count: int, limits: FileLimits) -> None:
    if count > limits.max_columns:
        raise FileProblem(
            "The file has {count} columns; a dataset may have {limit}. Leave some out, or put them into rows.",
            code="too_many_columns",
            count=count,
            limit=limits.max_columns,
        )


def chosen_columns(options: ReadOptions, names: Sequence[str]) -> list[ColumnSpec]:
    """The wanted columns with their `source` filled in, by default all but those of a file of rejects.

    Raises `InvalidInput` naming what the file does not have.
    """
    if options.columns is None:
        kept = [name for name in names if name not in (ROW_COLUMN, REASON_COLUMN) or len(names) == 1]
        return [ColumnSpec(name=name, source=name) for name in kept]
    present = set(names)
    # A file of rejects has the names of the dataset, whatever those of the imported file were.
    is_renamed = not present.isdisjoint((ROW_COLUMN, REASON_COLUMN))
    chosen = [
        msgspec.structs.replace(
            spec,
            source=spec.name if is_renamed and spec.source not in present else spec.source or spec.name,
        )
        for spec in options.columns
    ]
    errors = list(_column_errors(chosen, present))
    if errors:
        raise columns_do_not_fit("The columns do not fit the file: {problems}", errors)
    return chosen


def columns_do_not_fit(message: str, errors: Sequence[FieldError]) -> InvalidInput:
    """An error whose text alone says all that is wrong: a failed job shows no list of fields. Has `{problems}`."""
    said = [phrase(error.message, **error.parameters) for error in errors[:_PROBLEMS_TOLD]]
    problems = reduce(lambda before, one: phrase("{before} {one}", before=before, one=one), said)
    return InvalidInput(message, code="columns_do_not_fit", errors=errors, problems=problems)


def _column_errors(chosen: Sequence[ColumnSpec], present: set[str]) -> Iterable[FieldError]:
    if not chosen:
        yield FieldError(field="options.columns", message="Keep at least one column.")
    seen: set[str] = set()
    for index, spec in enumerate(chosen):
        if spec.source not in present:
            yield FieldError(
                field=f"options.columns[{index}].source",
                message="The file has no column “{name}”.",
                parameters={"name": spec.source},
            )
        if spec.name.casefold() in seen:
            yield FieldError(
                field=f"options.columns[{index}].name",
                message="The name “{name}” is used twice.",
                parameters={"name": spec.name},
            )
        seen.add(spec.name.casefold())

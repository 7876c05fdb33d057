"""Decide how each column is read: what was asked for, what the dataset already has, and what the sample shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.cells import PLAIN
from server.datasets.checks import ColumnChecks
from server.datasets.chunks import Chunk
from server.datasets.day_cells import order_of
from server.datasets.decimals import Digits
from server.datasets.detect import FileShape
from server.datasets.doubts import column_warning, doubts_of_notations
from server.datasets.inference import Inferred, UsualFormat, infer_all
from server.datasets.notations import error_beside, has_decimal_mark, has_notations, warnings_beside, warnings_of_times
from server.datasets.number_cells import DecimalMark, mark_of
from server.datasets.plain_cells import REPEATED_TEXTS
from server.datasets.reason_column import place_of_reasons
from server.datasets.schema import (
    NUMERIC_TYPES,
    TEMPORAL_TYPES,
    Column,
    ColumnSpec,
    ColumnType,
    FileWarning,
    ReadOptions,
    chosen_columns,
    columns_do_not_fit,
)
from server.datasets.values import arrow_type
from server.errors import FieldError

# Of a sample where each text is to be looked at once, all others of them.
_FEW_ROWS = 1_000
_FEW_TEXTS = 2_000
_OFTEN = 8
_UNLIKE_THE_DATASET = "The file does not fit the dataset: {problems} Choose columns, or use the mode “replace”."


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedColumn:
    """A column of the dataset to be: `index` is its place in the file, `type` and `format` are settled."""

    spec: ColumnSpec
    index: int
    type: ColumnType
    inferred: Inferred
    checks: ColumnChecks
    arrow_type: pa.DataType
    takes_codes: bool = False  # 007 as 7: whoever chose the type saw such cells
    shown: Set[str] = frozenset()  # how formats of the cells show its numbers
    before: Collection[str] | None = None  # how the dataset has it written; None where there is none, or nobody knows

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def format(self) -> str | None:
        return self.inferred.format

    def notations_of(self, read: Set[str]) -> Set[str]:
        """How its values were written, of whose texts `read` was found."""
        if not has_notations(self.type):
            return frozenset()
        return self.shown | (read - {PLAIN}) if self.shown else read

    @property
    def settled(self) -> ColumnSpec:
        return msgspec.structs.replace(self.spec, type=self.type, format=self.format)


def plan_columns(
    shape: FileShape,
    sample: Chunk,
    options: ReadOptions,
    existing: Sequence[Column] | None = None,
    key: Sequence[str] = (),
    beside: Sequence[Column] = (),
) -> list[PlannedColumn]:
    """Raises `InvalidInput` for columns that are not in the file, or not those of the dataset that is appended to.

    With a `key` rows are merged into the dataset: columns that the file does not have stay as they are. `beside` are
    those of a dataset that the file need not fit: they say how such values are usually written.
    """
    specs = chosen_columns(options, shape.names)
    are_rejects = place_of_reasons(shape.names, options) is not None
    if existing is not None and are_rejects and options.columns is None:  # with all that the import left out
        specs = _those_of(existing, specs)
    typed = {spec.name.casefold() for spec in specs if spec.type is not None}
    if existing is not None:
        specs = _like(existing, specs, key)
        named = {spec.name for spec in specs}
        existing = [column for column in existing if column.name in named]
    known = {column.name.casefold(): column for column in existing or beside}
    alike = [known.get(spec.name.casefold()) for spec in specs]
    places = {name: index for index, name in enumerate(shape.names)}
    prefer: DecimalMark = "," if shape.dialect is not None and shape.dialect.delimiter == ";" else "."
    cells = [sample.columns[places[spec.source or spec.name]] for spec in specs]
    planned = []
    usual = [_usual(column, are_rejects=are_rejects) for column in alike]
    said = [
        msgspec.structs.replace(spec, type=spec.type or sample.types.get(places[spec.source or spec.name]))
        for spec in specs
    ]
    for position, (spec, inferred) in enumerate(
        zip(specs, infer_all(cells, prefer_mark=prefer, wanted=said, usual=usual), strict=True)
    ):
        resolved = msgspec.structs.replace(spec, format=inferred.format)
        planned.append(
            PlannedColumn(
                spec=spec,
                index=places[spec.source or spec.name],
                type=inferred.type,
                inferred=inferred,
                checks=ColumnChecks.of(resolved, inferred.type, position),
                arrow_type=REPEATED_TEXTS
                if inferred.type == "text" and _are_repeated(cells[position], spec)
                else arrow_type(inferred.type, _digits(inferred, existing[position] if existing else None)),
                takes_codes=inferred.has_codes and spec.name.casefold() in typed,
                shown=sample.notations.get(places[spec.source or spec.name], frozenset()),
                before=_notations_before(alike[position], inferred.type),
            )
        )
    if existing is not None:
        _require_values_fit([column for column in planned if column.name.casefold() not in typed])
    return planned


def _are_repeated(cells: pa.Array, spec: ColumnSpec) -> bool:
    """Of texts of which none has to be looked at for itself."""
    checks = (spec.min, spec.max, spec.one_of, spec.min_length, spec.max_length, spec.pattern)
    if len(cells) < _FEW_ROWS or any(check is not None for check in checks):
        return False
    different = pc.count_distinct(cells).as_py()
    return bool(different * _OFTEN <= len(cells) and different <= _FEW_TEXTS)


def _digits(inferred: Inferred, column: Column | None) -> Digits:
    """Room for what was found. Appended, at least what the dataset has: DuckDB adds up what it reads of all parts."""
    if column is None or column.precision is None or column.scale is None:
        return inferred.digits
    room = Digits(column.precision - column.scale, column.scale)
    return room | inferred.digits if (room | inferred.digits).fit else room


def arrow_schema(columns: Sequence[PlannedColumn]) -> pa.Schema:
    return pa.schema([(column.name, column.arrow_type) for column in columns])


def column_warnings(columns: Sequence[PlannedColumn], notations: Sequence[set[str]] = ()) -> list[FileWarning]:
    """`notations` of each column are those of the whole file, once it was read."""
    warnings: list[FileWarning] = []
    for place, column in enumerate(columns):
        warnings += _warnings_of(column, notations[place] if notations else column.inferred.notations)
    return warnings


def _warnings_of(column: PlannedColumn, notations: Set[str]) -> list[FileWarning]:
    doubts = {**(doubts_of_notations(notations) if column.type in NUMERIC_TYPES else {}), **column.inferred.doubts}
    warnings = [column_warning(code, column.name, dict(parameters)) for code, parameters in doubts.items()]
    told = {warning.code for warning in warnings}
    beside = warnings_beside(column.name, column.before, column.notations_of(notations))
    warnings += [warning for warning in beside if warning.code not in told]
    if column.type == "datetime" and "mixed_offsets" not in {warning.code for warning in warnings}:
        warnings += warnings_of_times(column.name, notations)
    return warnings


def _those_of(existing: Sequence[Column], specs: Sequence[ColumnSpec]) -> list[ColumnSpec]:
    names = {column.name.casefold() for column in existing}
    return [spec for spec in specs if spec.name.casefold() in names]


def _notations_before(column: Column | None, kind: ColumnType) -> Collection[str] | None:
    """A type that differs is told itself."""
    if column is None or (column.type == "datetime") != (kind == "datetime"):
        return None
    return column.notations


def _usual(column: Column | None, *, are_rejects: bool) -> UsualFormat:
    """Of dates it was decided once; of numbers where a mark was seen, or these are rows of that file."""
    if column is None or column.format is None:
        return UsualFormat()
    if column.type in TEMPORAL_TYPES and (order := order_of(column.format)) != "YMD":
        return UsualFormat(order=order)
    if column.type in NUMERIC_TYPES and (are_rejects or has_decimal_mark(column)):
        return UsualFormat(mark=mark_of(column.format))
    return UsualFormat()


def _like(existing: Sequence[Column], specs: Sequence[ColumnSpec], key: Sequence[str]) -> list[ColumnSpec]:
    """The wanted columns in the dataset's order, with its types. Once, decimals were floating point numbers."""
    wanted = {spec.name.casefold(): spec for spec in specs}
    names = {column.name for column in existing}
    errors = [_error("The dataset has no column “{name}” to be its key.", name) for name in key if name not in names]
    matched = []
    for column in existing:
        spec = wanted.pop(column.name.casefold(), None)
        if spec is None and key and column.name not in key:
            continue
        if spec is None:
            errors.append(_error("The file has no column “{name}”, which the dataset has.", column.name))
        elif spec.type not in (None, column.type) and (spec.type, column.type) != ("decimal", "float"):
            errors.append(_error("“{name}” has the type {type} in the dataset.", column.name, type=column.type))
        else:
            required = spec.required or column.name in key
            matched.append(msgspec.structs.replace(spec, name=column.name, type=column.type, required=required))
    errors += [_error("The dataset has no column “{name}”; leave it out.", spec.name) for spec in wanted.values()]
    if errors:
        raise columns_do_not_fit(_UNLIKE_THE_DATASET, errors)
    return matched


def _require_values_fit(columns: Sequence[PlannedColumn]) -> None:
    """Of columns whose type nobody said: one row in two that does not fit is no dirt, it is another kind of column."""
    errors = [
        _error("The values of “{name}” are not of the type {type}, which it has in the dataset.", c.name, type=c.type)
        for c in columns
        if c.inferred.misfits * 2 > max(1, c.inferred.distinct)
    ]
    beside = (error_beside(c.name, c.type, c.before, c.notations_of(c.inferred.notations)) for c in columns)
    errors += [error for error in beside if error is not None]
    if errors:
        raise columns_do_not_fit(_UNLIKE_THE_DATASET, errors)


def _error(message: str, name: str, **parameters: object) -> FieldError:
    return FieldError(field="options.columns", message=message, parameters={"name": name, **parameters})

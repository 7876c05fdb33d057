"""Decide how each column is read: what was asked for, what the dataset already has, and what the sample shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from server.datasets.cells import DecimalMark
from server.datasets.checks import ColumnChecks
from server.datasets.chunks import Chunk
from server.datasets.detect import FileShape
from server.datasets.inference import Inferred, ambiguity_warning, infer
from server.datasets.schema import (
    Column,
    ColumnSpec,
    ColumnType,
    FileWarning,
    ReadOptions,
    chosen_columns,
    columns_do_not_fit,
)
from server.datasets.values import ARROW_TYPES
from server.errors import FieldError

_UNLIKE_THE_DATASET = "The file does not fit the dataset: {problems} Choose columns, or use the mode “replace”."


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedColumn:
    """A column of the dataset to be: `index` is its place in the file, `type` and `format` are settled."""

    spec: ColumnSpec
    index: int
    type: ColumnType
    inferred: Inferred
    checks: ColumnChecks

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def format(self) -> str | None:
        return self.inferred.format

    @property
    def settled(self) -> ColumnSpec:
        return msgspec.structs.replace(self.spec, type=self.type, format=self.format)


def plan_columns(
    shape: FileShape, sample: Chunk, options: ReadOptions, existing: Sequence[Column] | None = None
) -> list[PlannedColumn]:
    """Raises `InvalidInput` for columns that are not in the file, or not those of the dataset that is appended to."""
    specs = chosen_columns(options, shape.names)
    if existing is not None:
        specs = _like(existing, specs)
    places = {name: index for index, name in enumerate(shape.names)}
    prefer: DecimalMark = "," if shape.dialect is not None and shape.dialect.delimiter == ";" else "."
    planned = []
    for position, spec in enumerate(specs):
        index = places[spec.source or spec.name]
        said = msgspec.structs.replace(spec, type=spec.type or sample.types.get(index))
        inferred = infer(sample.columns[index], prefer_mark=prefer, wanted=said)
        resolved = msgspec.structs.replace(spec, format=inferred.format)
        checks = ColumnChecks.of(resolved, inferred.type, position)
        planned.append(PlannedColumn(spec=spec, index=index, type=inferred.type, inferred=inferred, checks=checks))
    if existing is not None:
        _require_values_fit(planned)
    return planned


def arrow_schema(columns: Sequence[PlannedColumn]) -> pa.Schema:
    return pa.schema([(column.name, ARROW_TYPES[column.type]) for column in columns])


def date_warnings(columns: Sequence[PlannedColumn]) -> list[FileWarning]:
    return [ambiguity_warning(column.name, column.format) for column in columns if column.inferred.is_ambiguous]


def _like(existing: Sequence[Column], specs: Sequence[ColumnSpec]) -> list[ColumnSpec]:
    """The wanted columns in the dataset's order, with its types."""
    wanted = {spec.name.casefold(): spec for spec in specs}
    errors = []
    matched = []
    for column in existing:
        spec = wanted.pop(column.name.casefold(), None)
        if spec is None:
            errors.append(_error("The file has no column “{name}”, which the dataset has.", column.name))
        elif spec.type not in (None, column.type):
            errors.append(_error("“{name}” has the type {type} in the dataset.", column.name, type=column.type))
        else:
            matched.append(msgspec.structs.replace(spec, name=column.name, type=column.type))
    errors += [_error("The dataset has no column “{name}”; leave it out.", spec.name) for spec in wanted.values()]
    if errors:
        raise columns_do_not_fit(_UNLIKE_THE_DATASET, errors)
    return matched


def _require_values_fit(columns: Sequence[PlannedColumn]) -> None:
    """One row in two that does not fit is no dirt: it is another kind of column."""
    errors = [
        _error("The values of “{name}” are not of the type {type}, which it has in the dataset.", c.name, type=c.type)
        for c in columns
        if c.inferred.misfits * 2 > max(1, c.inferred.distinct)
    ]
    if errors:
        raise columns_do_not_fit(_UNLIKE_THE_DATASET, errors)


def _error(message: str, name: str, **parameters: object) -> FieldError:
    return FieldError(field="options.columns", message=message, parameters={"name": name, **parameters})

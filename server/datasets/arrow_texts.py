"""Columns of Arrow as texts that read back as the same values, so that one set of rules holds for every format."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.cell_texts import as_text, duration_text
from server.datasets.chunks import Chunk
from server.datasets.rejects import RejectReason
from server.datasets.schema import ColumnType

_JSON = msgspec.json.Encoder(enc_hook=str, decimal_format="number")
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r")


@dataclass(slots=True)
class Texts:
    """The cells of a column; `not_utf8` are the rows whose text is none."""

    cells: pa.Array
    not_utf8: list[int] = field(default_factory=list)


def is_text(kind: pa.DataType) -> bool:
    """Also bytes: what can be long, and comes as a dictionary."""
    return is_string(kind) or is_binary(kind)


def is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def memory_of(cells: pa.Array) -> bytes:
    """The texts of a column in one, and what lies around them: looked through much faster than each of them."""
    data = cells.buffers()[2]
    return b"" if data is None else bytes(data.to_pybytes())


def chunk_of(batch: pa.RecordBatch, before: int, unsaid_texts: frozenset[int] = frozenset()) -> Chunk:
    """`before` rows come before the batch; `unsaid_texts` are binary columns that hold texts.

    A row with a text that is not UTF-8 is left out: nothing that stands in its place would be what the file holds.
    """
    found = [texts(column, is_utf8=place in unsaid_texts) for place, column in enumerate(batch.columns)]
    bad = {row: place for place, column in reversed(list(enumerate(found))) for row in column.not_utf8}
    columns = [column.cells for column in found]
    rejects = [
        RejectReason(
            line=before + row + 1,
            code="bad_encoding",
            raw=_raw(columns, row),
            column=batch.schema.names[place],
            parameters={"encoding": "UTF-8"},
            cells=[cells[row].as_py() for cells in columns],
        )
        for row, place in sorted(bad.items())
    ]
    kept = [row for row in range(batch.num_rows) if row not in bad] if bad else range(batch.num_rows)
    if bad:
        columns = [column.take(pa.array(kept, pa.int64())) for column in columns]
    return Chunk(
        columns=columns,
        line_of=lambda row: before + kept[row] + 1,
        raw_of=lambda row: _raw(columns, row),
        rejects=rejects,
        types=said_types(batch.schema, unsaid_texts),
    )


def _raw(columns: list[pa.Array], row: int) -> str:
    return "\t".join(str(column[row].as_py() or "") for column in columns)


def said_types(schema: pa.Schema, unsaid_texts: frozenset[int] = frozenset()) -> dict[int, ColumnType]:
    """What the file itself says that its columns are; texts may be anything, as may what no type of ours holds."""
    said = {place: _said(field.type) for place, field in enumerate(schema) if place not in unsaid_texts}
    return {place: kind for place, kind in said.items() if kind is not None}


def _said(kind: pa.DataType) -> ColumnType | None:
    if isinstance(kind, pa.BaseExtensionType):
        return "text" if kind.extension_name in ("arrow.uuid", "arrow.json") else _said(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _said(kind.value_type)
    if is_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_nested(kind):
        return "text"
    if pa.types.is_integer(kind):
        return None if kind == pa.uint64() else "integer"
    if pa.types.is_decimal(kind):
        return "decimal"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind):
        return "datetime" if kind.tz is None else "timestamp"
    return None


def holds_texts(column: pa.Array) -> bool:
    """Whether the bytes of a column are texts: some programs do not say so of theirs."""
    values = [value for value in pc.unique(_decoded(column)).to_pylist() if value]
    try:
        return bool(values) and not any(_CONTROLS.intersection(value) or not value.decode() for value in values)
    except UnicodeDecodeError:
        return False


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def texts(column: pa.Array, *, is_utf8: bool = False) -> Texts:
    """`is_utf8`: of a binary column that holds texts."""
    column = _decoded(column)
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return Texts(pa.array([_uuid(value) for value in column.storage.to_pylist()], pa.string()))
        return texts(column.storage, is_utf8=is_utf8)
    if is_string(kind) or is_utf8:
        return _strings(column)
    if is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return Texts(pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string()))
    if pa.types.is_nested(kind):
        return _nested(column)
    if pa.types.is_timestamp(kind):
        return Texts(_moments(column))
    if pa.types.is_duration(kind):
        return Texts(pa.array([_length(value) for value in column], pa.string()))
    return Texts(_cast(column))


def _uuid(value: bytes | None) -> str | None:
    return None if value is None else str(uuid.UUID(bytes=value))


def _strings(column: pa.Array) -> Texts:
    try:
        cells = pc.cast(column, pa.string())
        cells.validate(full=True)
        return Texts(cells)
    except pa.ArrowInvalid:
        values = pc.cast(pc.cast(column, pa.large_binary()), pa.binary()).to_pylist()
    cells, bad = [], []
    for row, value in enumerate(values):
        try:
            cells.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            cells.append(value.decode("utf-8", "replace"))
            bad.append(row)
    return Texts(pa.array(cells, pa.string()), bad)


def _moments(column: pa.Array) -> pa.Array:
    """With a zone as UTC, which is said; nanoseconds only where there are some."""
    kind = column.type
    if kind.tz is not None:
        column = column.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit))
    with suppress(pa.ArrowInvalid):
        column = column.cast(pa.timestamp("us"))
    cells = _cast(column)
    return pc.binary_join_element_wise(cells, "Z", "") if kind.tz is not None else cells


def _length(value: pa.Scalar) -> str | None:
    if not value.is_valid:
        return None
    return duration_text(timedelta(microseconds=value.cast(pa.duration("us"), safe=False).cast(pa.int64()).as_py()))


def _cast(column: pa.Array) -> pa.Array:
    try:
        cells = pc.cast(column, pa.string())
        if pa.types.is_decimal(column.type) and pc.any(pc.match_substring(cells, "E")).as_py():
            cells = pa.array([None if value is None else as_text(value) for value in column.to_pylist()], pa.string())
        return pc.replace_substring_regex(cells, r"\.0+$", "") if pa.types.is_time(column.type) else cells
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if not value.is_valid else _scalar_text(value) for value in column], pa.string())


def _nested(column: pa.Array) -> Texts:
    if _is_simple(column.type):
        with suppress(UnicodeDecodeError):
            values = column.to_pylist()
            return Texts(
                pa.array([None if value is None else _JSON.encode(value).decode() for value in values], pa.string())
            )
    cells: list[str | None] = []
    bad: list[int] = []
    for row, value in enumerate(column):
        try:
            cells.append(_JSON.encode(_plain(value)).decode() if value.is_valid else None)
        except UnicodeDecodeError:
            cells.append("�")
            bad.append(row)
    return Texts(pa.array(cells, pa.string()), bad)


def _is_simple(kind: pa.DataType) -> bool:
    """Whether Python holds all values that there can be within."""
    if isinstance(kind, pa.StructType):
        return all(_is_simple(field.type) for field in kind)
    if isinstance(kind, pa.ListType | pa.LargeListType):
        return _is_simple(kind.value_type)
    return any(
        check(kind)
        for check in (is_string, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    )


def _plain(value: pa.Scalar) -> Any:
    """What JSON can say; bytes as hex, and what Python's types do not hold (a day after 9999, nanoseconds) as text."""
    if not value.is_valid:
        return None
    kind = value.type
    if isinstance(value, pa.ExtensionScalar):
        return _uuid(value.value.as_py()) if kind.extension_name == "arrow.uuid" else _plain(value.value)
    if pa.types.is_dictionary(kind) or pa.types.is_union(kind):
        return _plain(value.value)
    if isinstance(value, pa.StructScalar):
        return {field.name: _plain(value[place]) for place, field in enumerate(kind)}
    if isinstance(value, pa.MapScalar):
        return [[_plain(pair[0]), _plain(pair[1])] for pair in value.values or ()]
    if isinstance(value, pa.ListScalar):
        return [_plain(item) for item in value.values or ()]
    if is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return value.as_py().hex()
    if pa.types.is_temporal(kind):
        return _length(value) if pa.types.is_duration(kind) else _scalar_text(value)
    return value.as_py()


def _scalar_text(value: pa.Scalar) -> str:
    try:
        return str(pc.cast(value, pa.string()).as_py())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return str(value.as_py())

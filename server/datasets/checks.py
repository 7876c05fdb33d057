"""What a column's values must keep besides their type, each for itself.

What takes all values together (`unique`) or another dataset (`reference`) is in whole_checks.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.cell_texts import as_text
from server.datasets.decimal_types import decimal_type, digits_of_type
from server.datasets.decimals import digits_of_value
from server.datasets.rejects import shortened
from server.datasets.schema import NUMERIC_TYPES, ColumnSpec, ColumnType, columns_do_not_fit
from server.datasets.values import Misfit, convert_cells
from server.errors import FieldError, InvalidInput

_ALLOWED_TOLD = 10
_ANY_TEXT = pa.array([""], pa.string())


@dataclass(slots=True)
class ColumnChecks:
    """The checks of one column, with their limits as values of the column's type."""

    required: bool
    low: pa.Scalar | None
    high: pa.Scalar | None
    allowed: pa.Array | None
    shortest: int | None
    longest: int | None
    pattern: str | None  # as all of a value must match it

    @classmethod
    def of(cls, spec: ColumnSpec, column_type: ColumnType, index: int) -> ColumnChecks:
        """Raises `InvalidInput` naming the check that this column cannot have."""
        field = f"options.columns[{index}]"
        _require_possible(spec, column_type, field)
        allowed = None
        if spec.one_of is not None:
            allowed = _values(spec.one_of, column_type, spec.format, f"{field}.one_of")
        return cls(
            required=spec.required,
            low=_limit(spec.min, column_type, spec.format, f"{field}.min"),
            high=_limit(spec.max, column_type, spec.format, f"{field}.max"),
            allowed=allowed,
            shortest=spec.min_length,
            longest=spec.max_length,
            pattern=None if spec.pattern is None else _whole(spec.pattern),
        )

    def misfits(self, values: pa.Array) -> Iterator[Misfit]:
        """Rows that break a rule. A cell that could not be read is null here and must be left out by the caller."""
        if self.required:
            yield from _marked(pc.is_null(values), "required")
        if self.low is not None:
            yield from _marked(pc.less(*_comparable(values, self.low)), "below_minimum")
        if self.high is not None:
            yield from _marked(pc.greater(*_comparable(values, self.high)), "above_maximum")
        if self.allowed is not None:
            is_allowed = pc.is_in(*_comparable(values, self.allowed))
            yield from _marked(pc.and_(pc.is_valid(values), pc.invert(is_allowed)), "not_one_of")
        if self.shortest is not None:
            yield from _marked(pc.less(pc.utf8_length(values), self.shortest), "too_short")
        if self.longest is not None:
            yield from _marked(pc.greater(pc.utf8_length(values), self.longest), "too_long")
        if self.pattern is not None:
            yield from _marked(pc.invert(pc.match_substring_regex(values, self.pattern)), "pattern_mismatch")


def rule_of(spec: ColumnSpec, code: str) -> dict[str, Any]:
    """What the reason for a reject says of the rule that its value breaks."""
    if code == "not_one_of":
        allowed = spec.one_of or []
        more = "" if len(allowed) <= _ALLOWED_TOLD else ", …"
        return {"limit": shortened(", ".join(allowed[:_ALLOWED_TOLD]) + more)}
    rules: dict[str, Any] = {
        "below_minimum": spec.min,
        "above_maximum": spec.max,
        "too_short": spec.min_length,
        "too_long": spec.max_length,
        "pattern_mismatch": spec.pattern,
    }
    return {} if rules.get(code) is None else {"limit": shortened(as_text(rules[code]))}


def _require_possible(spec: ColumnSpec, column_type: ColumnType, field: str) -> None:
    """Lengths and patterns are of texts, and a pattern is one that can be tried."""
    of_texts = [name for name in ("min_length", "max_length", "pattern") if getattr(spec, name) is not None]
    if of_texts and column_type != "text":
        raise _check_error(
            f"{field}.{of_texts[0]}",
            "“{name}” has the type {type}; only texts have a length or a pattern. Read it as text, or leave this out.",
            name=spec.name,
            type=column_type,
        )
    if spec.min_length is not None and spec.max_length is not None and spec.min_length > spec.max_length:
        raise _check_error(f"{field}.max_length", "The greatest length is below the least one.")
    if spec.pattern is not None:
        _require_pattern(spec.pattern, f"{field}.pattern")


def _require_pattern(pattern: str, field: str) -> None:
    try:
        for tried in (pattern, _whole(pattern)):  # alone first: `a)(b` would be one within brackets
            pc.match_substring_regex(_ANY_TEXT, tried)
    except pa.ArrowInvalid as error:
        raise _check_error(
            field,
            "The pattern cannot be used: {reason}. It is read in RE2's syntax, which has no look-ahead, look-behind or "
            "back-references.",
            reason=str(error).partition("Invalid regular expression: ")[2] or str(error),
        ) from error


def _whole(pattern: str) -> str:
    return rf"\A(?:{pattern})\z"


def _check_error(field: str, message: str, **parameters: object) -> InvalidInput:
    error = FieldError(field=field, message=message, parameters=parameters)
    return columns_do_not_fit("A check does not fit its column: {problems}", [error])


def _marked(mask: pa.Array, code: str) -> Iterator[Misfit]:
    if pc.any(mask).as_py():
        for row in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist():
            yield Misfit(row, code)


def _comparable(values: pa.Array, limit: Any) -> tuple[pa.Array, Any]:
    """Both as one type. Arrow would fail over decimals that together have more digits than there can be."""
    if not (pa.types.is_decimal(values.type) and pa.types.is_decimal(limit.type)):
        return values, limit
    digits = digits_of_type(values.type) | digits_of_type(limit.type)
    kind = decimal_type(digits) if digits.fit else pa.float64()
    return values.cast(kind), limit.cast(kind)


def _limit(value: float | str | None, column_type: ColumnType, column_format: str | None, field: str) -> Any:
    if value is None:
        return None
    if isinstance(value, float | int) and column_type in NUMERIC_TYPES:
        # Decimals do not grow when they meet a limit of more digits, and whole numbers may have one of 1.5.
        return (
            pa.scalar(Decimal(str(value))) if column_type != "float" and _is_short(value) else pa.scalar(float(value))
        )
    return _values([str(value)], column_type, column_format, field)[0]


def _is_short(value: float) -> bool:
    return abs(value) < 1e15 and digits_of_value(Decimal(str(value))).fit


def _values(texts: list[str], column_type: ColumnType, column_format: str | None, field: str) -> pa.Array:
    converted = convert_cells(pa.array(texts, pa.string()), column_type, column_format)
    if converted.misfits or converted.values.null_count:
        parameters: dict[str, object] = {"field": field, "type": column_type}
        error = FieldError(field=field, message="{field}: give a value of the type {type}.", parameters=parameters)
        raise columns_do_not_fit("A limit does not fit its column: {problems}", [error])
    return converted.values

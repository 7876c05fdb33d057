"""How large the values of a template may grow: texts, numbers, lists in lists, and what filters make of them.

One short expression can ask for gigabytes (`'x' | replace`, a list that holds itself twice, sixty times over), in one
step of C that no time limit interrupts. So every step is measured before or right after it is made.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from typing import Any
from uuid import UUID

from jinja2 import Environment, Undefined, filters, pass_environment
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context

MAX_TEXT = 200_000  # characters one text may grow to; a report of 100 pages has about as many
MAX_BITS = 10_000  # of a whole number: 3,000 digits
_MAX_LISTS = 4_000_000  # characters and values of a list with all that is in it: the names of 100,000 rows fit
_VALUE = 8  # what a value that is no text counts for in a list
_MAX_COUNT = 10_000  # of `batch` and `slice`
_MAX_FILL = 1_000
_MAX_PLACES = 100  # of `round`
_ROUNDING = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
# What can be written, besides lists of it.
_VALUES = (str, bytes, bool, int, float, Decimal, date, time, timedelta, UUID, type(None))
_WRITING = frozenset(
    {
        "string", "upper", "lower", "capitalize", "title", "trim", "escape", "e", "forceescape", "truncate",
        "wordcount", "striptags", "urlencode",
    }
)  # fmt: skip
_OF_JINJA = (Environment, Context, EvalContext)  # which it gives to some filters


def require_small(value: Any) -> Any:
    """The value itself; raises `SecurityError` when it is too large. What is made piece by piece counts on the way."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise SecurityError("a text became too long")
    elif isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise SecurityError("a number became too long")
    elif isinstance(value, list | tuple | dict | set | frozenset):
        _weight(value, _MAX_LISTS)
    elif isinstance(value, Iterator):
        return _counted(value)
    return value


def as_text(value: Any) -> str:
    """`str(value)`, unless that would be too long, or the value is none."""
    if isinstance(value, list | tuple | dict | set | frozenset):
        _weight(value, MAX_TEXT)
    text = str(require_value(value))
    if len(text) > MAX_TEXT:
        raise SecurityError("a text became too long")
    return require_characters(text)


def require_value(value: Any) -> Any:
    """The value itself; raises `SecurityError` for what nobody means to read: functions, iterators, a query."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, Undefined):
            str(item)  # raises: each is a strict one
        elif isinstance(item, dict):
            left.extend(item)
            left.extend(item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            left.extend(item)
        elif not isinstance(item, _VALUES):
            raise SecurityError(_no_value(item))
    return value


def require_characters(text: str) -> str:
    """The text itself; raises `SecurityError` for half of a character, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise SecurityError(f"a text has U+{code:04X}, which is half a character and cannot be written") from None
    return text


def _no_value(item: Any) -> str:
    if isinstance(item, type) or callable(item):
        return f"{getattr(item, '__name__', 'this').removeprefix('safe_')} is a function, not a value; call it"
    if isinstance(item, Iterable):
        return "this goes through values one by one; add “| list”, or name a column"
    return f"{type(item).__name__} is not a value that can be written"


def joined(parts: Iterable[Any]) -> str:
    """All parts as one text."""
    texts, length = [], 0
    for part in parts:
        text = as_text(part)
        length += len(text)
        if length > MAX_TEXT:
            raise SecurityError("a text became too long")
        texts.append(text)
    return "".join(texts)


def require_small_result(operator: str, left: Any, right: Any) -> None:
    """Before `*`, `**` and `%` are evaluated."""
    if operator == "%" and isinstance(left, str):
        raise SecurityError("texts cannot be formatted with %")
    if operator == "*" and (_is_sequence(left) or _is_sequence(right)):
        raise SecurityError("texts and lists cannot be multiplied")
    if not (isinstance(left, int) and isinstance(right, int)):
        return
    bits = {"*": left.bit_length() + right.bit_length(), "**": left.bit_length() * max(right, 0)}.get(operator, 0)
    if bits > MAX_BITS:
        raise SecurityError("a number became too long")


def as_decimals(left: Any, right: Any) -> tuple[Any, Any]:
    """A float beside an exact decimal as the decimal that it is written as: Python does not add the two up."""
    if isinstance(left, Decimal) and isinstance(right, float):
        return left, Decimal(str(right))
    if isinstance(left, float) and isinstance(right, Decimal):
        return Decimal(str(left)), right
    return left, right


def bounded_filters(
    known: Mapping[str, Callable[..., Any]], formats: Mapping[str, Callable[..., Any]]
) -> dict[str, Callable[..., Any]]:
    """The same filters, with an end to what they make; `formats` and some of the `known` write values as texts."""
    writing = formats.keys() | _WRITING
    return {name: _bounded(function, writes=name in writing) for name, function in {**known, **formats}.items()} | {
        "batch": _batch,
        "slice": _slice,
        "round": _round,
        "replace": replaced,
        "join": _join,
    }


def replaced(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    """Jinja's `replace`, refused before it grows too long; also stands for the method of texts."""
    text, before, after = as_text(value), as_text(old), as_text(new)
    times = text.count(before)
    if count is not None and count >= 0:
        times = min(times, count)
    if len(text) + times * (len(after) - len(before)) > MAX_TEXT:
        raise SecurityError("a text became too long")
    return text.replace(before, after, -1 if count is None else count)


def join_texts(separator: str, parts: Iterable[str]) -> str:
    """The method `join` of texts."""
    return joined(_between(parts, separator))


@pass_environment
def _join(environment: Environment, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    parts = value if attribute is None else map(filters.make_attrgetter(environment, attribute), value)
    return joined(_between(parts, as_text(d)))


def _between(parts: Iterable[Any], separator: str) -> Iterator[Any]:
    for number, part in enumerate(parts):
        if number:
            yield separator
        yield part


def _bounded(function: Callable[..., Any], *, writes: bool) -> Callable[..., Any]:
    @functools.wraps(function)
    def measured(*args: Any, **named: Any) -> Any:
        for value in (*args, *named.values()) if writes else ():
            if not isinstance(value, _OF_JINJA):
                require_value(value)
        return require_small(function(*args, **named))

    return measured


def _batch(value: Iterable[Any], linecount: int, fill_with: Any = None) -> Any:
    _require_count(linecount, fill_with)
    return require_small(filters.do_batch(value, linecount, fill_with))


def _slice(value: Any, slices: int, fill_with: Any = None) -> Any:
    _require_count(slices, fill_with)
    return require_small(filters.sync_do_slice(value, slices, fill_with))


def _round(value: Any, precision: int = 0, method: Any = "common") -> Any:
    """Half away from zero, of the digits that are seen, as formats do; what has no decimals left is a whole number."""
    if not isinstance(precision, int) or abs(precision) > _MAX_PLACES:
        raise SecurityError(f"round takes at most {_MAX_PLACES} decimals")
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if method not in _ROUNDING or not is_number or not math.isfinite(value):
        return filters.do_round(value, precision, method)
    exact = Decimal(str(value))
    if -_exponent(exact) <= precision:
        return value
    digits = len(exact.as_tuple().digits) + _MAX_PLACES
    with localcontext(prec=digits, rounding=_ROUNDING[method]):
        found = exact.quantize(Decimal(1).scaleb(-precision)) + 0
    if precision <= 0:
        return int(found)
    return found if isinstance(value, Decimal) else float(found)


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _require_count(count: int, fill_with: Any) -> None:
    if not isinstance(count, int) or not 1 <= count <= _MAX_COUNT:
        raise SecurityError(f"batch and slice take a whole number from 1 to {_MAX_COUNT}")
    _weight([fill_with], _MAX_FILL)


def _counted(values: Iterator[Any]) -> Iterator[Any]:
    left = _MAX_LISTS
    for value in values:
        left -= _weight([value], left)
        yield value


def _weight(value: Any, limit: int) -> int:
    """What a list and all that is in it count for; raises when it is more than `limit`, and looks no further."""
    total = 0
    left = [value]
    while left:
        item = left.pop()
        total += len(item) if isinstance(item, str) else _VALUE
        if isinstance(item, dict):
            left.extend(item)
            left.extend(item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            left.extend(item)
        elif callable(item) and not isinstance(item, Undefined):
            raise SecurityError(_no_value(item))  # its text would tell of the server's memory
        if total > limit:
            raise SecurityError("a list became too long")
    return total


def _is_sequence(value: Any) -> bool:
    return isinstance(value, str | list | tuple | bytes)

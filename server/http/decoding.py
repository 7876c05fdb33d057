"""Bodies and queries as the types that they are decoded into, as strictly as the API describes them."""

from __future__ import annotations

import functools
import json
import re
import types
import typing
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from multidict import MultiMapping

from server.errors import FieldError, InvalidInput, MalformedRequest
from server.http.field_errors import field_error
from server.http.storable import require_storable

_MOST_LEVELS = 100
_MOST_CONTAINERS = 20_000  # each takes half a microsecond to make, and everybody waits meanwhile
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LARGEST_EXACT = 2**53  # a whole number that came as a float beyond it may have been another


def decoded(raw: bytes, target: Any) -> Any:
    """`raw` JSON as `target`; raises `MalformedRequest` (400) or `InvalidInput` (422) naming the field."""
    _require_simple(raw)
    try:
        value = _decoded(raw, target)
    except msgspec.ValidationError as error:
        raise InvalidInput(errors=[field_error(error)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _require_whole_characters(raw)
        raise MalformedRequest("The body is not valid JSON: {reason}.", reason=str(error)) from error
    if b"\\u0000" in raw:  # nothing else becomes a NUL, and not every database stores one
        require_storable(msgspec.json.decode(raw))
    return value


def _require_whole_characters(raw: bytes) -> None:
    """What msgspec calls malformed and Python's own decoder does not; where it stands can be said."""
    if _ESCAPED_SURROGATE.search(raw):
        with suppress(ValueError):
            require_storable(json.loads(raw))


def _require_simple(raw: bytes) -> None:
    """What holds more than anybody means takes too long to read; what is nested deeper cannot be handed to workers,
    stored or searched for mistakes.
    """
    outside_texts = raw.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2]
    brackets = b"".join(outside_texts).translate(None, delete=_NO_BRACKETS)
    count = brackets.count(b"{") + brackets.count(b"[")
    for _level in range(_MOST_LEVELS):
        inner = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(inner) == len(brackets):
            if len(brackets) <= _MOST_LEVELS:
                brackets = b""  # a few that never close are told by the decoder
            break
        brackets = inner
    if brackets:
        raise MalformedRequest("The body is nested deeper than {limit} levels.", limit=_MOST_LEVELS)
    if count > _MOST_CONTAINERS:
        raise InvalidInput("Send at most {limit} objects and lists at once.", limit=_MOST_CONTAINERS)


def _decoded(raw: bytes, target: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=target)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise
    # JSON has one kind of number, as some languages do: from them, 1.0 comes where 1 is meant.
    return msgspec.convert(_with_whole_numbers(msgspec.json.decode(raw)), target)


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_EXACT:
        return int(value)
    if isinstance(value, list):
        return [_with_whole_numbers(each) for each in value]
    if isinstance(value, dict):
        return {key: _with_whole_numbers(each) for key, each in value.items()}
    return value


@functools.cache
def query_reader(target: type[msgspec.Struct]) -> Callable[[MultiMapping[str]], Any]:
    """Reads the parameters of an address as `target`; one that is not there, or twice, is wrong, as is `null`.

    What takes no parameters at all does not look.
    """
    fields = {info.encode_name: info for info in msgspec.structs.fields(target)}
    types_of = {name: _without_none(info.type) for name, info in fields.items()}

    def read(given: MultiMapping[str]) -> Any:
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        for name in dict.fromkeys(given) if types_of else ():
            kind, texts = types_of.get(name), given.getall(name)
            if kind is None:
                errors.append(FieldError(field=name, message="There is no parameter of this name here."))
            elif len(texts) > 1 and not _takes_several(kind):
                errors.append(FieldError(field=name, message="This can be given once only."))
            else:
                try:
                    values[fields[name].name] = _parameter(texts, kind)
                except msgspec.ValidationError as error:
                    errors.append(FieldError(field=name, message=str(error)))
        if errors:
            raise InvalidInput(errors=errors)
        return target(**values)

    return read


def _parameter(given: list[str], kind: Any) -> Any:
    if _takes_several(kind):
        return msgspec.convert(given, kind)
    return msgspec.convert(given[0], kind, strict=not _is_number(kind))


def _without_none(annotation: Any) -> Any:
    """An address says nothing by leaving a parameter out; to msgspec, the text "null" would be None, too."""
    parts = [part for part in typing.get_args(annotation) if part is not types.NoneType]
    is_union = typing.get_origin(annotation) in (types.UnionType, typing.Union)
    return typing.Union[tuple(parts)] if is_union else annotation  # noqa: UP007 – of a tuple


def _is_number(kind: Any) -> bool:
    """Whether texts have to be read as what JSON has no quotes around."""
    plain = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
    return plain in (bool, int, float)


def _takes_several(kind: Any) -> bool:
    return typing.get_origin(kind) in (list, tuple)

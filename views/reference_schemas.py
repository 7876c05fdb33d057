"""Schemas of the OpenAPI document as people read them: what something is, with links to types, and their fields."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
_MEANINGFUL = 2**53 - 2  # a larger limit only keeps numbers within their type
_BLANK = "\N{NO-BREAK SPACE}"
_LIMITS = ("minLength", "maxLength", "minimum", "maximum")
_FEW_VALUES = 8  # of an enumeration: they stand where it is used
_LONGEST_PATTERN = 400  # what is longer lists names that stand in an answer
_ID = "^[0-9a-hjkmnp-tv-z]{26}$"
_ONLY_PRINTABLE = re.compile(r"\^\[\^[^]]*\]\*\$")  # what nobody would send by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class TypePart:
    """A piece of what a type is called; `links_to` is the type of that name, if there is more to say of it."""

    text: str
    links_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """One row of a table of fields or parameters. `default` and `pattern` are empty where there is none."""

    name: str
    type: tuple[TypePart, ...]
    is_required: bool
    default: str = ""
    pattern: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownType:
    """`values` are those of an enumeration."""

    name: str
    said: tuple[str, ...]
    fields: tuple[ShownField, ...] = ()
    values: tuple[str, ...] = ()


def paragraphs_of(described: Schema) -> tuple[str, ...]:
    """What the document says of something, each paragraph on one line: so it is translated."""
    text = inspect.cleandoc(described.get("description", ""))
    return tuple(" ".join(each.split()) for each in text.split("\n\n") if each)


class SchemaReader:
    """Reads schemas that refer to `components` by name."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self._components = components

    def parts(self, schema: Schema) -> tuple[TypePart, ...]:
        """`string | null`, `id`, `JobAnswer[] (1…100)`, `"a" | "b"`."""
        parts: list[TypePart] = []
        for part in self._parts(schema):
            if parts and not part.links_to and not parts[-1].links_to:
                parts[-1] = TypePart(text=parts[-1].text + part.text)
            else:
                parts.append(part)
        return tuple(parts)

    def field(self, name: str, schema: Schema, *, is_required: bool, said: str = "") -> ShownField:
        return ShownField(
            name=name,
            type=self.parts(schema),
            is_required=is_required,
            default=_default(schema),
            pattern="" if name == "cursor" else _pattern(schema),  # it is taken as it comes
            said=said,
        )

    def fields(self, schema: Schema) -> tuple[ShownField, ...]:
        """Of an object, those that have to be there first; none of anything else."""
        resolved = self.resolved(schema)
        required = resolved.get("required", ())
        found = [
            self.field(name, field, is_required=name in required)
            for name, field in resolved.get("properties", {}).items()
        ]
        return tuple(sorted(found, key=lambda field: not field.is_required))

    def shown_type(self, name: str) -> ShownType:
        schema = self._components[name]
        return ShownType(
            name=name,
            said=paragraphs_of(schema),
            fields=self.fields(schema),
            values=tuple(map(str, schema.get("enum", ()))),
        )

    def types_in(self, schema: Schema, seen: dict[str, None]) -> None:
        """Adds to `seen` what readers may follow from `schema`, and from there on."""
        for name in (part.links_to for part in self.parts(schema) if part.links_to):
            if name not in seen:
                seen[name] = None
                for field in self._components[name].get("properties", {}).values():
                    self.types_in(field, seen)

    def resolved(self, schema: Schema) -> Schema:
        return self._components[_name(schema)] if "$ref" in schema else schema

    def _parts(self, schema: Schema) -> Iterator[TypePart]:
        if "$ref" in schema:
            yield from self._reference(schema)
        elif "anyOf" in schema:
            yield from self._with_between(schema["anyOf"], " | ")
        elif "enum" in schema:
            yield TypePart(text=" | ".join(f'"{value}"' if value != "" else '""' for value in schema["enum"]))
        elif "prefixItems" in schema:
            yield TypePart(text="[")
            yield from self._with_between(schema["prefixItems"], ", ")
            yield TypePart(text="]")
        elif schema.get("type") == "array":
            yield from self._items(schema)
        elif isinstance(schema.get("additionalProperties"), Mapping):
            yield TypePart(text="{string: ")
            yield from self._parts(schema["additionalProperties"])
            yield TypePart(text="}")
        else:
            yield TypePart(text=_simple(schema))

    def _with_between(self, schemas: Sequence[Schema], between: str) -> Iterator[TypePart]:
        for index, schema in enumerate(schemas):
            if index:
                yield TypePart(text=between)
            yield from self._parts(schema)

    def _reference(self, schema: Schema) -> Iterator[TypePart]:
        target = self.resolved(schema)
        if "enum" in target and len(target["enum"]) <= _FEW_VALUES:
            yield from self._parts(target)
        else:
            yield TypePart(text=_name(schema), links_to=_name(schema))

    def _items(self, schema: Schema) -> Iterator[TypePart]:
        items = list(self._parts({key: value for key, value in schema.get("items", {}).items() if key not in _LIMITS}))
        is_choice = any(" | " in part.text for part in items)
        yield from [TypePart(text="(")] if is_choice else []
        yield from items
        yield TypePart(text=(")[]" if is_choice else "[]") + _limits(schema, "minItems", "maxItems"))


def _name(reference: Schema) -> str:
    return str(reference["$ref"].rpartition("/")[2])


def _simple(schema: Schema) -> str:
    kind = schema.get("type", "any")
    if schema.get("format") == "binary":
        return "bytes"
    if schema.get("pattern") == _ID:
        return "id"
    if kind == "string" and "format" in schema:
        return str(schema["format"])
    return f"{kind}{_limits(schema, 'minLength', 'maxLength')}{_limits(schema, 'minimum', 'maximum')}"


def _limits(schema: Schema, least: str, most: str) -> str:
    """` (1…100)`: of how many or how long, or of the number itself. That something may be empty needs no word."""
    low, high = schema.get(least), schema.get(most)
    if low == 0 and least != "minimum":
        low = None
    if high is not None and high > _MEANINGFUL:
        high = None
    if low is None and high is None:
        return ""
    return f" ({'' if low is None else f'{low:g}'}…{'' if high is None else f'{high:,}'.replace(',', _BLANK)})"


def _default(schema: Schema) -> str:
    default = schema.get("default")
    if default is None or default in ("", [], {}) or isinstance(default, (dict, list)):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _pattern(schema: Schema) -> str:
    for each in (schema, schema.get("items", {}), *schema.get("anyOf", ())):
        pattern = str(each.get("pattern", ""))
        if pattern not in ("", _ID) and not _ONLY_PRINTABLE.fullmatch(pattern) and len(pattern) <= _LONGEST_PATTERN:
            return pattern
    return ""

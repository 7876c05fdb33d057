"""Find the table in a JSON document: the longest list of objects, or of rows, wherever it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from server.errors import FileProblem

_DEEPEST = 12  # levels of objects around a table
_MOST_LISTS = 50
_NAMES_BESIDE = ("columns", "fields", "header", "headers", "names", "keys", "schema")
_ABOVE = re.compile(rb"(?:\s*(?://[^\n]*|/\*.*?\*/))+", re.DOTALL)
_MARK = b"\x1e"  # before each object of a JSON text sequence
_TEXT_OR_COMMA = re.compile(rb'"(?:[^"\\]|\\.)*+"|,(?=\s*[\]}])', re.DOTALL)
_CONTROLS = re.compile(rb"[\x00-\x1f]")
_HALF = r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\u[dD][89abAB][0-9a-fA-F]{{2}}\\u[dD][c-fC-F][0-9a-fA-F]{{2}}|(?P<half>{_HALF})|\\.".encode())
_BETWEEN = re.compile(r"[\s,]*")
JSON_DECODER = msgspec.json.Decoder(float_hook=Decimal)  # as many digits as the file has
_JSON = msgspec.json.Encoder(decimal_format="number")
_Members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_Elements = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonTable:
    """`path` are the names that lead to it, joined by dots. Of rows that are lists, `names` may be known.

    `is_of_members`: no list, but an object whose members are the rows.
    """

    path: str
    elements: Sequence[bytes]
    has_objects: bool
    names: tuple[str, ...] | None = None
    is_of_members: bool = False


def tables_of(text: bytes) -> list[JsonTable]:
    """The longest first, but what describes another after it. Raises `FileProblem` for what holds no table."""
    text = without_comments(text).replace(_MARK, b" ")
    document = _document(text)
    found = [_separate_objects(text)] if document is None else list(_tables(document, (), _DEEPEST))
    found = sorted(found, key=lambda table: len(table.elements), reverse=True)[:_MOST_LISTS]
    if found:
        return sorted(found, key=lambda table: any(_describes(table, other) for other in found))
    if document is not None and document[:1] == b"{":
        by_columns = [_table_of_members(document) or _table_of_lists(document), *_lists_within(document, (), _DEEPEST)]
        whole = JsonTable(path="", elements=[document], has_objects=True)
        return [max(filter(None, by_columns), key=lambda table: len(table.elements), default=whole)]
    raise FileProblem(
        "The file is JSON, but holds no table. Write a list of objects, or one object a line.",
        code="no_table_in_json",
    )


def _document(text: bytes) -> bytes | None:
    """The whole as one value, with the constants that Python writes. None for several one after the other."""
    try:
        return bytes(msgspec.json.decode(text, type=msgspec.Raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = error
    text = _TEXT_OR_COMMA.sub(_mended, text)
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(msgspec.json.decode(text, type=msgspec.Raw))
    try:
        value = json.loads(text, parse_constant=constant, parse_float=Decimal)
        return _JSON.encode(value)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Extra data"):
            return None
    except (ValueError, RecursionError):
        pass
    raise _invalid(problem)


def without_comments(text: bytes) -> bytes:
    """Those above the document, as settings have them."""
    above = _ABOVE.match(text)
    return text[above.end() :] if above else text


def _mended(found: re.Match[bytes]) -> bytes:
    """No comma behind the last of a list, tabs in a text as escapes, half of a pair as bytes that are no text."""
    if found[0] == b",":
        return b""
    text = _CONTROLS.sub(lambda control: b"\\u%04x" % ord(control[0]), found[0])
    return _ESCAPE.sub(_half_as_bytes, text) if b"\\u" in text else text


def _half_as_bytes(escape: re.Match[bytes]) -> bytes:
    return chr(int(escape["half"][-4:], 16)).encode("utf-8", "surrogatepass") if escape["half"] else escape[0]


def constant(word: str) -> Decimal | None:
    """NaN is a missing value. Infinity is none, and too large for any column: its row will be a reject."""
    return None if word == "NaN" else Decimal(word.replace("Infinity", "1E999"))


def _invalid(error: Exception) -> FileProblem:
    return FileProblem("The file is not valid JSON: {reason}", code="invalid_json", reason=str(error))


def _tables(raw: bytes, path: tuple[str, ...], depth: int) -> Iterator[JsonTable]:
    start = raw[:1]
    if start == b"[":
        yield from _table(_elements(raw), path, None)
    elif start == b"{" and depth:
        members = _Members.decode(raw)
        lists = {name: bytes(member) for name, member in members.items() if bytes(member)[:1] == b"["}
        found = {name: list(_table(_elements(each), (*path, name), members)) for name, each in lists.items()}
        is_named = any(table.names for tables in found.values() for table in tables)
        for name, member in members.items():
            if name in found and not (is_named and name.lower() in _NAMES_BESIDE):
                yield from found[name]
            elif bytes(member)[:1] == b"{":
                yield from _tables(bytes(member), (*path, name), depth - 1)


def _describes(one: JsonTable, other: JsonTable) -> bool:
    """Whether the objects of a list name the columns of another one, as the `schema` that pandas writes does."""
    if one is other or not (one.has_objects and other.has_objects) or other.elements[0][:1] != b"{":
        return False
    names = {_name(JSON_DECODER.decode(element)) for element in one.elements}
    return _Members.decode(other.elements[0]).keys() <= names


def _table_of_members(document: bytes) -> JsonTable | None:
    """Of objects with the same names: `{"age": {"0": 1, "1": 2}, …}` by columns, `{"ann": {"age": 1}, …}` by rows."""
    members = _Members.decode(document)
    if not members or any(bytes(member)[:1] != b"{" for member in members.values()):
        return None
    objects = {name: _Members.decode(member) for name, member in members.items()}
    first = next(iter(objects.values()))
    if not first or any(each.keys() != first.keys() for each in objects.values()):
        return None
    if _are_counted(first):
        rows = [{name: each[row] for name, each in objects.items()} for row in first]
    elif len(objects) < 2:
        return None
    elif _are_counted(objects):
        rows = [dict(each) for each in objects.values()]
    else:
        own = "key" if "key" not in first else "_key"
        rows = [{own: msgspec.Raw(_JSON.encode(name)), **each} for name, each in objects.items()]
    return JsonTable(path="", elements=[_JSON.encode(row) for row in rows], has_objects=True, is_of_members=True)


def _table_of_lists(document: bytes, path: tuple[str, ...] = ()) -> JsonTable | None:
    """Columns that are lists of equally many values: `{"a": [1, 2], "b": ["x", "y"]}` has two rows."""
    members = _Members.decode(document)
    if not members or any(bytes(member)[:1] != b"[" for member in members.values()):
        return None
    lists = {name: _elements(bytes(member)) for name, member in members.items()}
    if len(set(map(len, lists.values()))) > 1 or any(
        cell[:1] in (b"[", b"{") for cells in lists.values() for cell in cells
    ):
        return None
    names = [_JSON.encode(name) for name in lists]
    rows = zip(*lists.values(), strict=True)
    elements = [b"{%s}" % b",".join(b"%s:%s" % pair for pair in zip(names, row, strict=True)) for row in rows]
    if not elements:
        return None
    return JsonTable(path=".".join(path), elements=elements, has_objects=True, is_of_members=True)


def _lists_within(raw: bytes, path: tuple[str, ...], depth: int) -> Iterator[JsonTable]:
    """Such columns further down, two or more of them: one list within an object is a cell of it."""
    for name, member in _Members.decode(raw).items() if depth else ():
        inner, inner_path = bytes(member), (*path, name)
        if inner[:1] == b"{":
            table = _table_of_lists(inner, inner_path)
            if table is not None and len(_Members.decode(inner)) > 1:
                yield table
            yield from _lists_within(inner, inner_path, depth - 1)


def _are_counted(names: Iterable[str]) -> bool:
    return all(name == str(place) for place, name in enumerate(names))


def _elements(raw: bytes) -> list[bytes]:
    return [bytes(element) for element in _Elements.decode(raw)]


def _table(elements: list[bytes], path: tuple[str, ...], beside: dict[str, msgspec.Raw] | None) -> Iterator[JsonTable]:
    """Most of a list decide what it is; the others are rejects. Where it is all of the document, single values aren't
    counted.
    """
    kinds = [element[:1] for element in elements if path or element[:1] in (b"{", b"[")]
    place = ".".join(path)
    if kinds.count(b"{") * 2 > len(kinds):
        yield JsonTable(path=place, elements=elements, has_objects=True)
    elif kinds.count(b"[") * 2 > len(kinds):
        yield JsonTable(path=place, elements=elements, has_objects=False, names=_names_beside(elements, beside))


def _names_beside(elements: list[bytes], beside: dict[str, msgspec.Raw] | None) -> tuple[str, ...] | None:
    """Some documents hold the names of the columns and the rows as two lists."""
    width = max(len(_Elements.decode(element)) for element in elements if element[:1] == b"[")
    for name, member in (beside or {}).items():
        if name.lower() not in _NAMES_BESIDE or bytes(member)[:1] != b"[":
            continue
        names = [_name(item) for item in JSON_DECODER.decode(member)]
        if len(names) == width and all(names):
            return tuple(str(each) for each in names)
    return None


def _name(item: Any) -> str | None:
    if isinstance(item, dict):
        item = item.get("name") or item.get("title") or item.get("field")
    return item if isinstance(item, str) else None


def _separate_objects(text: bytes) -> JsonTable:
    """Objects one after the other, each over several lines."""
    whole = text.decode().strip()
    decoder, place, objects = json.JSONDecoder(), 0, []
    while place < len(whole):
        try:
            _, end = decoder.raw_decode(whole, place)
        except (ValueError, RecursionError) as error:
            raise _invalid(error) from error
        objects.append(whole[place:end].encode())
        place = _BETWEEN.match(whole, end).end()  # type: ignore[union-attr]  # matches nothing as well
    return JsonTable(path="", elements=objects, has_objects=True)

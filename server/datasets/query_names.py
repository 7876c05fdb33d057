"""Which tables and functions a statement names, as DuckDB's own parser reads it; only known ones are let through.

Nothing here looks for words in the text: quotes, comments and texts that hold SQL cannot hide a name from the parser.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import duckdb
import msgspec

from server.datasets.dataset import path_of
from server.datasets.query_errors import at_place, several_datasets, unknown_dataset, unknown_function
from server.datasets.sql_functions import FUNCTIONS, TABLE_FUNCTIONS
from server.datasets.sql_text import quoted
from server.errors import InvalidInput

_NOWHERE = 2**63  # what DuckDB gives as the place of what the parser made up
# Parts of a statement that are no expressions. What is not among them could be a way to read something else.
_PARTS = frozenset(
    {
        "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE",
        "BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF",
        "ORDER_MODIFIER", "DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER",
        "ORDER_DEFAULT", "ASCENDING", "DESCENDING",
    }
)  # fmt: skip
_CATALOGUE_SCHEMAS = frozenset({"information_schema", "pg_catalog", "system"})

_SERIALIZED = "select json_serialize_sql(?::varchar, skip_empty := true, skip_null := true)"
_WITH = "\0with"  # beside a name that stands for a part of the statement, whatever dataset is called so
_Names = frozenset[tuple[str, ...]]


def names_read(
    connection: duckdb.DuckDBPyConnection, sql: str, kind: duckdb.StatementType, datasets: Collection[str]
) -> set[str]:
    """Which of the datasets one statement reads.

    Raises `InvalidInput` (`query_error`, `query_forbidden`) naming what cannot be used.
    """
    if kind == duckdb.StatementType.MULTI:
        words = _harmless_words(connection, sql)
        return {name for name in datasets if words.issuperset(_table_path(name))}
    walk = _walked(connection, sql, datasets)
    return {name for name in datasets if _table_path(name) in walk.read}


def with_owners(
    connection: duckdb.DuckDBPyConnection, sql: str, kind: duckdb.StatementType, owned: Mapping[str, str]
) -> str | None:
    """The statement with an owner before each dataset: `sales` becomes `"mei"."sales"`, and stays `sales` to columns.

    `owned` are the datasets, each with its name as it is to be (`mei.sales`), or an empty one. None where that cannot
    be done for certain. Raises what `names_read` does.
    """
    read = names_read(connection, sql, kind, owned)
    if all(len(path_of(name)) > 1 for name in read):
        return sql
    if kind == duckdb.StatementType.MULTI or not all(owned[name] for name in read):
        return None
    text, wanted = sql.encode(), {_table_path(name): owned[name] for name in read}
    for place, path in sorted(_walked(connection, sql, owned).alone, reverse=True):
        length = _length_at(text, place, path[0])
        if length is None:
            return None
        named = ".".join(map(quoted, path_of(wanted[path])))
        text = text[:place] + named.encode() + text[place + length :]
    # Read once more, where nothing is known but by its owner: whatever was overlooked is found out here.
    try:
        found = names_read(connection, text.decode(), kind, set(owned.values()) - {""})
    except InvalidInput:
        return None
    return text.decode() if found == {owned[name] for name in read} else None


def _length_at(text: bytes, place: int, name: str) -> int | None:
    """How many bytes a name has there, with its quotes; None where something else stands, or no place is known."""
    if place < 0:
        return None
    for written in (name, quoted(name)):
        length = len(written.encode())
        if text[place : place + length].decode(errors="replace").lower() == written:
            return length
    return None


def _walked(connection: duckdb.DuckDBPyConnection, sql: str, datasets: Collection[str]) -> _Walk:
    walk = _Walk(connection, sql, frozenset(map(_table_path, datasets)), datasets)
    walk.through(_parsed(connection, sql))
    return walk


def _table_path(name: str) -> tuple[str, ...]:
    return tuple(part.lower() for part in path_of(name))


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    try:
        found = connection.execute(_SERIALIZED, [sql]).fetchone()
        tree = msgspec.json.decode(found[0] if found else b"null")
    except (RecursionError, duckdb.Error):  # a few kilobytes may stand for a tree larger than the memory allowed
        raise InvalidInput(
            "The query is nested too deeply; take it apart, for example with “with”.", code="query_too_large"
        ) from None
    if not isinstance(tree, dict) or tree.get("error", True) or "statements" not in tree:
        raise InvalidInput("Queries can only read: write a SELECT statement.", code="query_forbidden")
    return tree["statements"]


class _Walk:
    """Through the tree of one statement, with the names of the `with` parts that hold at each place."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, sql: str, tables: _Names, datasets: Collection[str]
    ) -> None:
        self._connection = connection
        self._sql = sql
        self._tables = tables
        self._datasets = datasets
        self.read: set[tuple[str, ...]] = set()  # paths of tables that are no `with` parts, in small letters
        self.alone: list[tuple[int, tuple[str, ...]]] = []  # where those of one part stand; -1 where that is not told

    def through(self, tree: Any) -> None:
        # A list of what is left, not recursion: statements may be nested deeper than Python's stack.
        left: list[tuple[Any, _Names]] = [(tree, self._tables)]
        while left:
            node, tables = left.pop()
            if isinstance(node, list):
                left.extend((item, tables) for item in node)
            elif isinstance(node, dict):
                left.extend(self._parts(node, tables))

    def _parts(self, node: dict[str, Any], tables: _Names) -> Iterator[tuple[Any, _Names]]:
        self._check(node, tables)
        for entry in _with_parts(node):
            yield entry.get("value"), tables
            name = str(entry.get("key")).lower()
            tables |= {(name,), (_WITH, name)}
        recursive = node.get("type") == "RECURSIVE_CTE_NODE"
        for key, value in node.items():
            if key == "cte_map":
                continue
            # Only the second half of a recursive part reads what the part gives; the first would read a table.
            if recursive and key == "right":
                name = str(node.get("cte_name")).lower()
                yield value, tables | {(name,), (_WITH, name), ("recurring", name)}
            else:
                yield value, tables

    def _check(self, node: dict[str, Any], tables: _Names) -> None:
        kind = node.get("type")
        if isinstance(kind, str) and "class" not in node and kind not in _PARTS:
            raise _forbidden(kind.lower().replace("_", " "))
        if kind == "BASE_TABLE":
            self._check_table(node, tables)
        elif kind == "SHOW_REF" and not isinstance(node.get("query"), dict):
            raise _forbidden("show")
        elif kind == "TABLE_FUNCTION":
            self._check_function(node.get("function", {}), TABLE_FUNCTIONS, _place(node))
        elif "function_name" in node:
            self._check_function(node, FUNCTIONS | TABLE_FUNCTIONS, _place(node))

    def _check_table(self, node: dict[str, Any], tables: _Names) -> None:
        path = _path(node, "table_name")
        if path in tables:
            if len(path) > 1 or (_WITH, path[-1]) not in tables:
                self.read.add(path)
                if len(path) == 1:
                    place = _place(node)
                    self.alone.append((-1 if place is None else place, path))
            return
        name = ".".join(path)
        owned = [each for each in self._datasets if len(path) == 1 and _table_path(each)[1:] == path]
        if len(owned) > 1:
            raise at_place(several_datasets(name, owned), self._sql, _place(node))
        raise at_place(unknown_dataset(name, self._datasets), self._sql, _place(node))

    def _check_function(self, node: dict[str, Any], known: Collection[str], place: int | None) -> None:
        name = _path(node, "function_name")[-1]
        if name in known or (name and not any(character.isalnum() or character == "_" for character in name)):
            return
        if self._is_of_duckdb(name):
            raise _forbidden(name)
        raise at_place(unknown_function(name, known), self._sql, place)

    def _is_of_duckdb(self, name: str) -> bool:
        found = self._connection.execute(
            "select count(*) from duckdb_functions() where lower(function_name) = ?", [name]
        ).fetchone()
        return found is None or found[0] > 0


def _with_parts(node: dict[str, Any]) -> list[dict[str, Any]]:
    entries = node["cte_map"].get("map", []) if isinstance(node.get("cte_map"), dict) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def _path(node: dict[str, Any], key: str) -> tuple[str, ...]:
    """All parts of a name in small letters, as DuckDB compares them."""
    path = node.get("qualified_name", {}).get("path") or [node.get(key, "")]
    return tuple(str(part).lower() for part in path)


def _place(node: dict[str, Any]) -> int | None:
    place = node.get("query_location")
    return place if isinstance(place, int) and place < _NOWHERE else None


def _forbidden(name: str) -> InvalidInput:
    return InvalidInput(
        "“{name}” is not available here; queries read datasets by their names.", code="query_forbidden", name=name
    )


def _harmless_words(connection: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    """For a PIVOT whose columns come from the data: DuckDB runs it as several statements and gives no tree of it.

    So every word is looked at, wherever it stands: no table of DuckDB's catalogue, no function outside the list.
    """
    if any(unicodedata.category(character) in ("Zs", "Cf", "Zl", "Zp") for character in sql.replace(" ", "")):
        raise InvalidInput(
            "This PIVOT holds spaces or invisible characters that are not the usual ones; write plain spaces, "
            "or name its columns: on region in ('North', 'South').",
            code="query_error",
        )
    words = _words(sql)
    names = {word for word, _is_called in words}
    if not any(word == "pivot" for word in names) or names & {"show", "describe", "summarize"}:
        raise InvalidInput("Queries can only read: write a SELECT statement.", code="query_forbidden")
    called = {word for word, is_called in words if is_called}
    for name in [*_own_tables(connection, names), *_own_functions(connection, called - FUNCTIONS - TABLE_FUNCTIONS)]:
        raise _forbidden(name)
    return names


def _words(sql: str) -> list[tuple[str, bool]]:
    """Names and keywords in small letters, without quotes, and whether a parenthesis follows."""
    text = sql.encode()  # DuckDB counts bytes
    starts = duckdb.tokenize(sql)
    ends = [start for start, _kind in starts[1:]] + [len(text)]
    tokens = [
        (text[start:end].decode(errors="replace").strip(), kind)
        for (start, kind), end in zip(starts, ends, strict=True)
        if kind != duckdb.token_type.comment
    ]
    followers = [word[:1] for word, _kind in tokens[1:]] + [""]
    return [
        (_unquoted(word).lower(), follower == "(")
        for (word, kind), follower in zip(tokens, followers, strict=True)
        if kind in (duckdb.token_type.identifier, duckdb.token_type.keyword)
    ]


def _unquoted(word: str) -> str:
    return word[1:-1].replace('""', '"') if len(word) > 1 and word[0] == word[-1] == '"' else word


def _own_tables(connection: duckdb.DuckDBPyConnection, names: Collection[str]) -> list[str]:
    asked = sorted(names)
    views = connection.execute(
        "select lower(view_name) from duckdb_views() where internal and list_contains($names, lower(view_name))",
        {"names": asked},
    ).fetchall()
    return [name for (name,) in views] + sorted(_CATALOGUE_SCHEMAS & set(asked))


def _own_functions(connection: duckdb.DuckDBPyConnection, names: Collection[str]) -> list[str]:
    rows = connection.execute(
        "select distinct lower(function_name) as name from duckdb_functions() where list_contains($names, name)",
        {"names": sorted(names)},
    ).fetchall()
    return [name for (name,) in rows]

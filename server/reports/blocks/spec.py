"""A block as a template declares it, and what it needs to become one with values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypedDict

import msgspec

from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.formats import Formats
from server.reports.images import Image
from server.reports.rows import QueryRow, Rows
from server.reports.words import Words


class BlockPlace(TypedDict):
    """Where in the template a block begins, which one it is (`blocks[2]`), and its kind."""

    line: int
    column: int
    path: str
    kind: str


class ColumnUse(NamedTuple):
    """A column of a query that a block needs, and where it says so."""

    query: str
    name: str
    line: int
    column: int


class TotalUse(NamedTuple):
    """An SQL expression over the rows of a query, and where it stands."""

    query: str
    expression: str
    line: int
    column: int


class BlockSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of `BlockPlace`, and whatever its kind needs. `title` stands above blocks that have one."""

    line: int
    column: int
    path: str
    kind: str
    title: Expression | None = None

    def build(self, builder: Builder) -> Iterator[Block]:
        """What a report shows of it: any number of blocks. Raises `NoRoom` for more than it has room for."""
        raise NotImplementedError

    def nested(self) -> Sequence[Sequence[BlockSpec]]:
        """The lists of blocks within it."""
        return ()

    def columns_used(self) -> Iterable[ColumnUse]:
        return ()

    def figures_used(self) -> Iterable[ColumnUse]:
        """Columns whose values must be numbers."""
        return ()

    def totals_used(self) -> Iterable[TotalUse]:
        return ()

    def rows_shown(self) -> str:
        """The query whose rows it is there for; empty where there is none."""
        return ""

    def bound_row(self) -> tuple[str, str] | None:
        """The query whose rows blocks within it see one by one, and the name of such a row."""
        return None


class Builder(Protocol):
    """What a block asks for while it is made. Expressions see the parameters, the queries and the rows around them.

    `now` is the moment that the report speaks of, as clocks of its time zone have it.
    """

    formats: Formats
    words: Words
    now: datetime
    is_preview: bool  # somebody waits for it: tables have their first rows

    @property
    def around(self) -> str:
        """What the rows are called within which blocks are repeated; empty where none are."""

    def text(self, expression: Expression, spec: BlockSpec, **also: Any) -> str: ...

    def value(self, expression: Expression, spec: BlockSpec, **also: Any) -> Any:
        """`also` are further names that the expression may use."""

    def shown(self, expression: Expression, spec: BlockSpec) -> Any:
        """A value that the report writes: not larger than that takes."""

    def query(self, name: str) -> Rows: ...

    def told_odd(self, rows: Rows) -> list[str]:
        """Of columns some of whose values are no finite numbers."""

    def take_odd_seen(self) -> float | None:
        """Such a value that an expression found since this was asked for last; expressions themselves see None."""

    def image(self, file: str) -> Image: ...

    def blocks(self, specs: Iterable[BlockSpec]) -> Iterator[Block]: ...

    def pass_over(self, specs: Iterable[BlockSpec]) -> None:
        """Blocks that a condition leaves out."""

    def with_row(self, name: str, row: QueryRow) -> AbstractContextManager[None]:
        """Inside, `row` is known to expressions, and its columns to queries as `$<name>_<column>`."""

    def failing(self, spec: BlockSpec) -> AbstractContextManager[None]:
        """Whatever goes wrong inside is told with the block's place."""

    def warn(self, text: str) -> None:
        """Something that whoever reads the report should know."""

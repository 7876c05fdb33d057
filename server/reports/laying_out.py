"""Datasets as the reports of a batch read them: rows of one region lie together, and each report reads only its own.

A batch makes one report for each value of a column, and each of its queries would go through all rows. Sorted once by
what `where region = $region` compares, a query finds its rows by the lowest and highest values that Parquet keeps of
each group of rows. Within a value rows stay in their order.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from server.datasets.sql_text import literal, quoted
from server.jobs.worker_process import OnReport
from server.reports.rendering import read_template
from server.reports.template import Template
from server.reports.work import DatasetSource, LayoutRequest
from server.storage.full_disk import full_disk_named

_LEAST_ROWS = 200_000  # fewer are read in no time
_LEAST_READINGS = 100  # sorting takes as long as some fifty queries
_ROWS_TOGETHER = 122_880  # of smaller groups there would be so many that finding the right ones takes longer
_FILE, _ROW = "file of the row", "file_row_number"


def lay_out(request: LayoutRequest, report: OnReport) -> dict[str, tuple[Path, ...]]:
    """The new files, of those datasets for which that pays; the others stay as they are."""
    template = read_template(request.template_source)
    found: dict[str, tuple[Path, ...]] = {}
    for name, source in request.datasets.items():
        rows = sum(pq.read_metadata(path).num_rows for path in source.paths)
        if rows < _LEAST_ROWS:
            continue
        there = _columns(source)
        counts = {column: n for column, n in compared_columns(template, name).items() if column in there}
        if counts and max(counts.values()) * request.reports >= _LEAST_READINGS:
            report(name)
            found[name] = (_sorted(source, list(counts), request.output / f"{len(found)}.parquet", request),)
    return found


def compared_columns(template: Template, dataset: str) -> dict[str, int]:
    """Columns that all queries over a dataset compare with what differs from report to report, and how many queries.

    A query that reads other rows as well would get them in another order than from the dataset as it is stored.
    """
    varying = {parameter.name for parameter in template.parameters if parameter.each is not None or template.each_row}
    counts: dict[str, int] = {}
    queries = 0
    for query in template.queries.values():
        tree = _parsed(query.sql)
        reads = sum(table == dataset.casefold() for table in _tables(tree))
        if not reads and not _mentions(query.sql, dataset):
            continue
        queries += 1
        compared = list(_compared(tree, varying))
        for column in dict.fromkeys(compared):
            if reads and compared.count(column) >= reads:
                counts[column] = counts.get(column, 0) + 1
    return {column: count for column, count in counts.items() if count == queries}


@functools.lru_cache(maxsize=64)
def _parsed(sql: str) -> Any:
    """Nothing for what is no plain SELECT: it is read as ever. Asked once for each dataset of a template."""
    with duckdb.connect(":memory:") as connection:
        [[tree]] = connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchall()
    return json.loads(tree)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


def _mentions(sql: str, dataset: str) -> bool:
    """Perhaps, where the statement cannot be taken apart (PIVOT)."""
    return dataset.casefold() in sql.casefold()


def _tables(tree: Any) -> Iterator[str]:
    return (node["table_name"].casefold() for node in _nodes(tree) if node.get("type") == "BASE_TABLE")


def _compared(tree: Any, varying: set[str]) -> Iterator[str]:
    for node in _nodes(tree):
        if node.get("type") != "COMPARE_EQUAL":
            continue
        sides = (node["left"], node["right"])
        for one, other in (sides, sides[::-1]):
            is_varying = other.get("class") == "PARAMETER" and other.get("identifier") in varying
            if is_varying and one.get("class") == "COLUMN_REF":
                yield one["column_names"][-1]


def _columns(source: DatasetSource) -> set[str]:
    """None, where sorting could not tell its own columns from those of the data."""
    names = {name for path in source.paths for name in pq.read_schema(path).names}
    return set() if names & {_FILE, _ROW} else names


def _sorted(source: DatasetSource, columns: Sequence[str], target: Path, request: LayoutRequest) -> Path:
    files = ", ".join(literal(path) for path in source.paths)
    order = ", ".join(quoted(column) for column in columns)
    with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": f"{request.limits.memory_mib}MiB"}) as own:
        own.execute(f"set temp_directory = {literal(request.output)}")
        own.execute("set enable_progress_bar = false")
        with full_disk_named():
            own.execute(
                f"copy (select * exclude ({quoted(_FILE)}, {_ROW}) from read_parquet([{files}], union_by_name = true, "  # noqa: S608 – quoted
                f"filename = {literal(_FILE)}, file_row_number = true) "
                f"order by {order}, list_position([{files}], {quoted(_FILE)}), {_ROW}) "
                f"to {literal(target)} (format parquet, row_group_size {_ROWS_TOGETHER})"
            )
    return target

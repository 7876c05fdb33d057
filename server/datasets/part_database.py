"""DuckDB over parts: to look for repeated rows, to merge, and to measure."""

from __future__ import annotations

from pathlib import Path

import duckdb

from server.datasets.sql_text import literal

_MEMORY = "512MB"


def opened_for_reading(part: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own that stays small and spills beside the part."""
    connection = duckdb.connect(":memory:", config={"memory_limit": _MEMORY, "threads": 1})
    connection.execute("SET enable_progress_bar = false")  # it would be drawn into our log
    connection.execute("SET timezone = 'UTC'")
    connection.execute(f"SET temp_directory = {literal(part.with_suffix('.spill'))}")
    return connection

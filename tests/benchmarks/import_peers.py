"""What others take to make a Parquet file of the same CSV, with the types told to them.

`python import_peers.py NAME SOURCE TARGET` in an environment that has the peer; prints the seconds of wall and CPU.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

# Found in the peers' environment.
TYPES = {
    "id": "BIGINT", "region": "VARCHAR", "customer": "VARCHAR", "quantity": "BIGINT", "price": "DECIMAL(18,2)",
    "amount": "DECIMAL(18,2)", "day": "DATE", "at": "TIMESTAMP", "paid": "BOOLEAN", "note": "VARCHAR",
}  # fmt: skip


def duckdb(source: str, target: str) -> None:
    """Rejects with their lines, as here."""
    import duckdb

    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in TYPES.items())
    duckdb.connect().execute(
        f"COPY (SELECT * FROM read_csv('{source}', header = true, auto_detect = false, delim = ',', quote = '\"', "
        f"columns = {{{columns}}}, store_rejects = true)) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    )


def polars(source: str, target: str) -> None:
    import polars as pl

    kinds: dict[str, Any] = {"BIGINT": pl.Int64, "DECIMAL(18,2)": pl.Decimal(18, 2), "DATE": pl.Date}
    schema = {name: kinds.get(kind, pl.String) for name, kind in TYPES.items()}
    rows = pl.scan_csv(source, schema=schema)
    rows.with_columns(pl.col("at").str.to_datetime("%Y-%m-%d %H:%M:%S"), pl.col("paid") == "yes").sink_parquet(target)


def pandas(source: str, target: str) -> None:
    """Floats for decimals, for it has none."""
    import pandas as pd

    kinds = {"BIGINT": "int64", "DECIMAL(18,2)": "float64", "VARCHAR": "str"}
    rows = pd.read_csv(
        source,
        dtype={name: kinds[kind] for name, kind in TYPES.items() if kind in kinds},
        parse_dates=["day", "at"],
        true_values=["yes"],
        false_values=["no"],
    )
    rows.to_parquet(target, compression="zstd")


def calamine(source: str, _target: str) -> None:
    """Cells as Python has them, and nothing more."""
    import python_calamine

    python_calamine.CalamineWorkbook.from_path(source).get_sheet_by_index(0).to_python()


PEERS: dict[str, Callable[[str, str], None]] = {
    "DuckDB": duckdb, "Polars": polars, "pandas": pandas, "calamine": calamine,
}  # fmt: skip

if __name__ == "__main__":
    os.nice(10)  # as a worker
    started, used = time.perf_counter(), time.process_time()
    PEERS[sys.argv[1]](sys.argv[2], sys.argv[3])
    print(time.perf_counter() - started, time.process_time() - used)

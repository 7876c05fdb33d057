"""How fast a CSV becomes a dataset, and how much memory its worker takes: 1 and 10 million rows of 10 columns."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from server.datasets.conversion import convert_file, preview_file
from server.datasets.work import Converted, ConvertRequest, PreviewRequest
from server.jobs.workers import WorkerPool

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

HEADER = "id,region,customer,quantity,price,amount,day,at,paid,note\n"
_PATTERN_ROWS = 50_000


def write_csv(path: Path, rows: int, *, quoted: bool) -> None:
    """Rows whose text repeats every 50,000, but for their number: fast to make, not too easy to read."""
    chance = random.Random(1)
    pattern = [_rest_of_row(chance, number, quoted=quoted) for number in range(_PATTERN_ROWS)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(HEADER)
        for start in range(0, rows, _PATTERN_ROWS):
            count = min(_PATTERN_ROWS, rows - start)
            stream.write("".join([f"{start + place}{pattern[place]}" for place in range(count)]))


def _rest_of_row(chance: random.Random, number: int, *, quoted: bool) -> str:
    month, day, hour = chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23)
    note = f'"note, {number}"' if quoted else f"note {number}"
    day_text = f"2026-{month:02d}-{day:02d}"
    return (
        f",{chance.choice(['华东', 'North', 'Süd', 'West'])},{chance.choice(['Alice', 'Bob', '张三'])}"
        f",{chance.randint(1, 99)},{chance.random() * 1000:.2f},{chance.random() * 99999:.2f}"
        f",{day_text},{day_text} {hour:02d}:30:15,{chance.choice(['yes', 'no'])},{note}\n"
    )


@dataclass(frozen=True, slots=True)
class Measured:
    converted: Converted
    wall_seconds: float
    cpu_seconds: float
    peak_mib: int


def convert_and_measure(request: ConvertRequest, report: Callable[[Any], None]) -> tuple[Converted, float, int]:
    """Runs in the worker. Its CPU time, and the most memory it ever had."""
    started = time.process_time()
    converted = convert_file(request, report)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return converted, time.process_time() - started, peak


async def measured(path: Path, directory: Path, **options: Any) -> Measured:
    """In a worker process as the server has it, with its memory limit."""
    pool = WorkerPool(size=1, memory_mib=1500)
    request = ConvertRequest(
        source=path, name=path.name, target=directory / "data.parquet", rejects=directory / "rejects.jsonl", **options
    )
    try:
        started = time.perf_counter()
        converted, cpu_seconds, peak_mib = await pool.run(convert_and_measure, request)
        return Measured(converted, time.perf_counter() - started, cpu_seconds, peak_mib)
    finally:
        await pool.close()


@pytest.mark.parametrize("quoted", [False, True], ids=["plain", "quoted"])
@pytest.mark.parametrize("rows", [1_000_000, 10_000_000])
def test_import_of_a_csv(tmp_path: Path, rows: int, quoted: bool) -> None:
    path = tmp_path / "data.csv"
    write_csv(path, rows, quoted=quoted)
    result = asyncio.run(measured(path, tmp_path))
    print(
        f"\n{rows:,} rows × 10 columns, {path.stat().st_size / 1e6:,.0f} MB {'quoted' if quoted else 'plain'}: "
        f"{rows / result.wall_seconds:,.0f} rows/s, wall {result.wall_seconds:.1f} s, CPU {result.cpu_seconds:.1f} s, "
        f"worker's peak {result.peak_mib} MiB, Parquet {result.converted.bytes / 1e6:,.0f} MB, "
        f"load {psutil.getloadavg()[0]:.1f} on {multiprocessing.cpu_count()} cores"
    )
    assert result.converted.row_count == rows
    assert result.peak_mib < 1500


def test_preview_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    write_csv(path, 2_500_000, quoted=True)
    started, cpu = time.perf_counter(), time.process_time()
    preview_file(PreviewRequest(source=path, name=path.name), lambda _report: None)
    print(
        f"\npreview of {path.stat().st_size / 1e6:,.0f} MB: "
        f"{time.perf_counter() - started:.2f} s, CPU {time.process_time() - cpu:.2f} s"
    )

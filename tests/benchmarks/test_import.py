"""How fast a CSV becomes a dataset, and how much memory its worker takes: 1 and 10 million rows of 10 columns."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, cast

import psutil
import pytest
import xlsxwriter

from server.app.workers import PRELOADED
from server.datasets.conversion import convert_file
from server.datasets.file_work import Converted, ConvertRequest, FilePreviewRequest
from server.datasets.previewing import preview_file
from server.jobs.workers import WorkerPool
from tests.benchmarks.live.contestants import peers_python

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


def convert_and_measure(request: ConvertRequest, report: Callable[[Any], None]) -> Measured:
    """Runs in the worker. The time it takes, and the most memory that the process ever had."""
    started, used = time.perf_counter(), time.process_time()
    converted = convert_file(request, report)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Measured(converted, time.perf_counter() - started, time.process_time() - used, peak)


async def measured(path: Path, directory: Path, **options: Any) -> Measured:
    """In a worker process as the server has it, with its memory limit."""
    pool = WorkerPool(size=1, memory_mib=1500, preload=PRELOADED)
    request = ConvertRequest(
        source=path, name=path.name, target=directory / "data.parquet", rejects=directory / "rejects.jsonl", **options
    )
    try:
        return cast(Measured, await pool.run(convert_and_measure, request))
    finally:
        await pool.close()


@dataclass(frozen=True, slots=True)
class Turn:
    wall_seconds: float
    cpu_seconds: float


def taken(name: str, python: Path | str, source: Path, target: Path) -> Turn:
    """By a peer, in a process of its own."""
    script = str(Path(__file__).with_name("import_peers.py"))
    done = subprocess.run(
        [str(python), script, name, str(source), str(target)], check=True, capture_output=True, text=True
    )
    wall, cpu = map(float, done.stdout.split())
    target.unlink(missing_ok=True)
    return Turn(wall, cpu)


def table(title: str, rows: int, turns: dict[str, list[Turn]], compared_with: str) -> str:
    """Medians of the turns, and the rate beside one of them."""
    lines = [f"\n{title}, load {psutil.getloadavg()[0]:.1f} on {multiprocessing.cpu_count()} cores:"]
    other = median(turn.wall_seconds for turn in turns[compared_with])
    for name, each in turns.items():
        wall, cpu = median(turn.wall_seconds for turn in each), median(turn.cpu_seconds for turn in each)
        lines.append(
            f"  {name:10} {rows / wall:12,.0f} rows/s, wall {wall:.2f} s, CPU {cpu:.2f} s, "
            f"{other / wall:.2f} of the rate of {compared_with}"
        )
    return "\n".join(lines)


@pytest.mark.parametrize("quoted", [False, True], ids=["plain", "quoted"])
@pytest.mark.parametrize("rows", [1_000_000, 10_000_000])
def test_import_of_a_csv(tmp_path: Path, rows: int, quoted: bool) -> None:
    """Beside others, turn by turn: whatever else the machine does meets all of them."""
    path, other = tmp_path / "data.csv", tmp_path / "other.parquet"
    write_csv(path, rows, quoted=quoted)
    python, problem = peers_python(Path(__file__).with_name("import_peers.txt"))
    peers: dict[str, Path | str] = {"DuckDB": sys.executable}
    peers |= {"Polars": python, "pandas": python} if python else {}
    print(f"without Polars and pandas: {problem}" if problem else "")
    found: dict[str, list[Turn]] = {"Jindu": [], **{name: [] for name in peers}}
    for _ in range(5):
        result = asyncio.run(measured(path, tmp_path))
        found["Jindu"].append(Turn(result.wall_seconds, result.cpu_seconds))
        for name, interpreter in peers.items():
            found[name].append(taken(name, interpreter, path, other))
    title = f"{rows:,} rows × 10 columns, {path.stat().st_size / 1e6:,.0f} MB {'quoted' if quoted else 'plain'}"
    print(table(title, rows, found, "DuckDB"))
    print(f"  worker's peak {result.peak_mib} MiB, Parquet {result.converted.bytes / 1e6:,.0f} MB")
    assert result.converted.row_count == rows
    assert result.peak_mib < 1024


ODD_CELLS = ["n/a", "-", "x", "1 234", "€5", "", "05/03/2026", "2026-3-1 9:00", "maybe"]


def test_import_of_a_csv_with_odd_cells(tmp_path: Path) -> None:
    """One cell in a hundred is none of its column, or written otherwise than the others."""
    clean, odd, rows = tmp_path / "clean.csv", tmp_path / "odd.csv", 1_000_000
    write_csv(clean, rows, quoted=False)
    chance = random.Random(2)
    with clean.open(encoding="utf-8") as source, odd.open("w", encoding="utf-8") as target:
        target.write(source.readline())
        for line in source:
            if chance.random() < 0.1:
                cells = line.split(",")
                cells[chance.choice([0, 3, 4, 5, 6, 7, 8])] = chance.choice(ODD_CELLS)
                line = ",".join(cells)
            target.write(line)
    found: dict[str, list[Turn]] = {"clean": [], "odd": []}
    for _ in range(3):
        for path in (clean, odd):
            result = asyncio.run(measured(path, tmp_path, reject_limit=rows))
            found[path.stem].append(Turn(result.wall_seconds, result.cpu_seconds))
    print(table("1 % of odd cells", rows, found, "clean"))
    print(f"  {result.converted.rejected_count:,} rows rejected")


def test_import_of_a_sheet(tmp_path: Path) -> None:
    path, rows = tmp_path / "data.xlsx", 150_000
    write_csv(tmp_path / "data.csv", rows, quoted=False)
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        with (tmp_path / "data.csv").open(encoding="utf-8") as source:
            for number, line in enumerate(source):
                cells: list[Any] = line.rstrip("\n").split(",")
                if number:
                    cells[3:6] = int(cells[3]), float(cells[4]), float(cells[5])
                sheet.write_row(number, 0, cells)
                if number:
                    sheet.write_datetime(number, 6, date.fromisoformat(cells[6]), day)
    found: dict[str, list[Turn]] = {"Jindu": [], "calamine": []}
    for _ in range(3):
        result = asyncio.run(measured(path, tmp_path))
        found["Jindu"].append(Turn(result.wall_seconds, result.cpu_seconds))
        found["calamine"].append(taken("calamine", sys.executable, path, tmp_path / "nothing"))
    assert result.converted.row_count == rows
    print(table(f"{rows:,} rows × 10 columns as XLSX", rows, found, "calamine"))


def test_preview_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    write_csv(path, 12_000_000, quoted=True)
    started, cpu = time.perf_counter(), time.process_time()
    preview_file(FilePreviewRequest(source=path, name=path.name), lambda _report: None)
    print(
        f"\npreview of {path.stat().st_size / 1e6:,.0f} MB: "
        f"{time.perf_counter() - started:.2f} s, CPU {time.process_time() - cpu:.2f} s"
    )


def test_progress_and_end_of_a_long_import(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    write_csv(path, 10_000_000, quoted=True)
    asyncio.run(_watched_and_cancelled(path, tmp_path))


async def _watched_and_cancelled(path: Path, directory: Path) -> None:
    pool = WorkerPool(size=1, memory_mib=1500, preload=PRELOADED)
    request = ConvertRequest(
        source=path, name=path.name, target=directory / "data.parquet", rejects=directory / "rejects.jsonl"
    )
    try:
        told = [time.perf_counter()]
        await pool.run(convert_file, request, on_report=lambda _progress: told.append(time.perf_counter()))
        gaps = [after - before for before, after in itertools.pairwise(told)]
        print(f"\n{len(gaps)} reports of progress: {median(gaps):.2f} s apart, at most {max(gaps):.2f} s")
        begun = asyncio.Event()
        import_ = asyncio.create_task(pool.run(convert_file, request, on_report=lambda _progress: begun.set()))
        await begun.wait()
        worker = max(psutil.Process().children(recursive=True), key=lambda each: each.cpu_times().user)
        started = time.perf_counter()
        import_.cancel()
        while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.005)
        print(f"cancelled: its worker is gone after {time.perf_counter() - started:.2f} s")
    finally:
        await pool.close()

"""How many cells of polluted files come out right: every pollution alone, and several at once."""

from __future__ import annotations

import os
import random
import tempfile
from collections import defaultdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from server.errors import JinduError
from tests.unit.datasets.imported import Importer
from tests.unit.datasets.polluted import POLLUTIONS, Polluted, polluted

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

# Other files than those with which the rules were made: SEED=7 make bench BENCH=…
_SEED = int(os.environ.get("SEED", "0")) * 10_000
_FILES_OF_EACH = 20
_MIXED_FILES = 250
GOAL = 0.995


def test_cells_of_polluted_files() -> None:
    files = [
        (pollute.__name__, polluted(random.Random(f"{pollute.__name__} {seed}"), [pollute]))
        for pollute in POLLUTIONS
        for seed in range(_SEED, _SEED + _FILES_OF_EACH)
    ]
    files += [("mixed", polluted(random.Random(seed))) for seed in range(_SEED + 1_000, _SEED + 1_000 + _MIXED_FILES)]
    right: defaultdict[str, int] = defaultdict(int)
    cells: defaultdict[str, int] = defaultdict(int)
    worst = []
    for kind, made in files:
        good, of = cells_right(made)
        right[kind] += good
        cells[kind] += of
        if good < of:
            worst.append((good / of, made.kinds, made.text[:300]))
    for kind in cells:
        print(f"{kind:32} {right[kind] / cells[kind]:8.2%} of {cells[kind]:,} cells")
    share = sum(right.values()) / sum(cells.values())
    print(f"{len(files)} files, {sum(cells.values()):,} cells: {share:.3%} right")
    for share_of_file, kinds, text in sorted(worst)[:40]:
        print(f"{share_of_file:7.1%} {kinds} {text!r}")
    assert share >= GOAL


def cells_right(made: Polluted) -> tuple[int, int]:
    """How many cells, names among them, are as they should be; rows that were broken need not come."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            result = Importer(Path(directory))(made.text)
            names, rows = result.columns, {str(row[0]): row for row in result.rows}
        except JinduError:
            names, rows = [], {}
    expected = [row for row in made.rows if row[0] not in made.lost]
    of = len(made.names) + sum(map(len, expected))
    good = sum(name == found for name, found in zip(made.names, names, strict=False))
    for row in expected:
        found = rows.get(row[0], [])
        good += sum(is_same(cell, value) for cell, value in zip(row, found, strict=False))
    return good, of


def is_same(cell: str, value: Any) -> bool:
    if value is None:
        return not cell.strip()
    if isinstance(value, bool):
        return cell.casefold() in (("yes", "true") if value else ("no", "false"))
    if isinstance(value, int | float | Decimal):
        try:
            return Decimal(cell) == Decimal(str(value))
        except InvalidOperation:
            return False
    return cell.strip() == str(value)

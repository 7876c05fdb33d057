"""What is read all at once and by threads is what the exact reader finds, record by record."""

from __future__ import annotations

import csv
import io
import random
import re
import statistics
import tempfile
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.datasets.ahead import in_order
from server.datasets.excel_columns import cell_text, column_texts
from server.datasets.schema import ColumnType
from server.datasets.values import convert_cells
from server.errors import FileProblem
from tests.unit.datasets.imported import Imported, Importer

CELLS: dict[str, list[str]] = {
    "id": ["7", "12", "-3", "9007199254740993", "0"],
    "region": ["North", "Süd", "华东", "West"],
    "amount": ["1.50", "0.5", "-17.25", "1000000.01", "12"],
    "day": ["2026-01-31", "2025-12-01", "1999-02-28"],
    "at": ["2026-01-31 10:00", "2026-01-31T10:00:01.5", "2026-02-01"],
    "paid": ["yes", "no"],
    "note": ['say "hi"', "a, b", "plain", " spaced ", "=1+1"],
}
ODD = ["", "NULL", "n/a", "007", "84E3", "1,234.5", "+5", "1e5", " 8", "x", "2026-02-30", "0x1F", "１２", "inf", "-",
       '="01"', "12345678901234567890.123", "North ", "Ω", "\x85", "N/A", "1.23456789"]  # fmt: skip
NOT_PLAIN = "a\0b\n"  # rejected, and for its sake the exact reader reads all


@st.composite
def tables(draw: st.DrawFn) -> str:
    """More rows than are looked at one by one, some cells of which are odd, some lines of another width."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    odd = draw(st.lists(st.sampled_from(ODD), max_size=6))
    stream = io.StringIO(newline="")
    writer = csv.writer(
        stream, lineterminator=draw(st.sampled_from(["\n", "\r\n"])), quoting=draw(st.sampled_from([0, 1]))
    )
    writer.writerow(CELLS)
    for _ in range(1_200):
        row = [chance.choice(cells) for cells in CELLS.values()]
        if odd and chance.random() < 0.02:
            row[chance.randrange(len(row))] = chance.choice(odd)
        if odd and chance.random() < 0.002:
            row = chance.choice([row[:-1], [*row, "more"], list(CELLS), [""] * len(row)])
        writer.writerow(row)
    return stream.getvalue()


def imported(content: str) -> Imported | str:
    with tempfile.TemporaryDirectory() as directory:
        try:
            return Importer(Path(directory))(content)
        except FileProblem as problem:
            return problem.specific_code


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables())
def test_both_readers_import_the_same(content: str) -> None:
    fast, exact = imported(content), imported(content + NOT_PLAIN)
    assert isinstance(fast, Imported)
    assert isinstance(exact, Imported)
    *rejects, last = exact.rejects
    assert last["code"] in ("nul_character", "too_few_cells")
    assert fast.rejects == rejects
    assert fast.types == exact.types
    assert fast.rows == exact.rows
    assert fast.converted.named == exact.converted.named
    assert fast.converted.statistics == exact.converted.statistics
    told = fast.converted.row_count + fast.converted.rejected_count + sum(fast.converted.named.values())
    assert told == len(list(csv.reader(io.StringIO(content, newline=""))))


def test_a_fault_here_and_there_costs_no_row_and_no_line_its_number(tmp_path: Path) -> None:
    """More than one of the parts that a block is cut into where something in it is odd."""
    content, line, rows, faults = ["id,name,note\n"], 2, [], []
    for number in range(40_000):
        if number % 7_001 == 7_000:
            content.append(f'{number},"bro"ken,x\n')
            faults.append((line, None, "stray_quote"))
            line += 1
        note = "two\nlines" if number % 997 == 0 else "plain, but with a comma, and so long that it needs room"
        content.append(f'{number},"a ""b""","{note}"\n')
        rows.append([number, 'a "b"', note])
        line += 1 + note.count("\n")
    result = Importer(tmp_path)("".join(content))
    assert result.reasons == faults
    assert result.rows == rows


def test_figures_are_those_of_the_values(tmp_path: Path) -> None:
    chance = random.Random(3)
    rows = [
        (number, chance.choice("abc"), Decimal(chance.randrange(-(10**12), 10**12)).scaleb(-2), chance.random())
        for number in range(125_000)  # several row groups
    ]
    text = "".join(f"{number},{letter},{amount},{share:.9f}e0\n" for number, letter, amount, share in rows)
    columns = [{"name": name} for name in ("id", "letter", "amount")] + [{"name": "share", "type": "float"}]
    result = Importer(tmp_path)("id,letter,amount,share\n" + text, columns=columns)
    ids, letters, amounts, shares = (list(values) for values in zip(*rows, strict=True))
    figures = result.converted.statistics
    assert (figures["id"]["min"], figures["id"]["max"], figures["id"]["sum"]) == (0, 124_999, sum(ids))
    assert figures["letter"] == {"count": 125_000, "nulls": 0, "distinct": 3, "min": "a", "max": "c"}
    assert (figures["amount"]["min"], figures["amount"]["max"]) == (float(min(amounts)), float(max(amounts)))
    assert Decimal(str(figures["amount"]["sum"])) == sum(amounts)
    assert figures["amount"]["mean"] == pytest.approx(float(statistics.mean(amounts)))
    assert figures["share"]["sum"] == pytest.approx(sum(shares), rel=1e-6)
    assert figures["id"]["distinct"] == pytest.approx(125_000, rel=0.1)
    assert len(set(letters)) == figures["letter"]["distinct"]


@pytest.mark.parametrize("count", [3_000, 30_000], ids=["counted", "estimated"])
def test_different_values_of_few_rows_are_counted_and_zero_has_no_sign(tmp_path: Path, count: int) -> None:
    columns = [{"name": "id", "type": "integer"}, {"name": "zero", "type": "float"}, {"name": "on", "type": "date"}]
    text = "".join(f"{number},{'-' * (number % 2)}0e0,2026-01-{number % 28 + 1:02}\n" for number in range(count))
    figures = Importer(tmp_path)("id,zero,on\n" + text, columns=columns).converted.statistics
    nearly = 0.0 if count < 10_000 else 0.1
    assert figures["zero"]["distinct"] == 1
    assert figures["on"]["distinct"] == pytest.approx(28, rel=nearly)
    assert figures["id"]["distinct"] == pytest.approx(count, rel=nearly)


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        ("integer", ["9223372036854775807"] * 3, {"sum": 3 * (2**63 - 1), "max": 2**63 - 1}),
        ("text", ["é" * 6000, "zz"], {"min": "zz", "max": "é" * 100}),
        ("decimal", ["-0.5", "0.25", "12345678901234567890.125"], {"min": -0.5, "max": "12345678901234567890.125"}),
    ],
    ids=["large integers", "long texts", "grown decimals"],
)
def test_figures_of_odd_values(tmp_path: Path, kind: str, cells: list[str], expected: dict[str, Any]) -> None:
    text = "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))
    columns = [{"name": "v", "type": kind}]
    figures = Importer(tmp_path)("id,v\n" + text, columns=columns).converted.statistics["v"]
    assert {name: figures[name] for name in expected} == expected
    assert figures["count"] == len(cells)


def test_decimals_that_grow_late_keep_all_rows_and_figures(tmp_path: Path) -> None:
    word = "x" * 60  # more than a block of the file
    early = "".join(f"{number},{number}.25,{word}\n" for number in range(125_000))
    result = Importer(tmp_path)("id,v,w\n" + early + f"1,12345678901234567890.0625,{word}\n")
    figures = result.converted.statistics
    assert result.converted.row_count == figures["v"]["count"] == 125_001
    assert figures["v"]["max"] == "12345678901234567890.0625"
    assert figures["w"] == {"count": 125_001, "nulls": 0, "distinct": 1, "min": word, "max": word}
    table = pq.read_table(tmp_path / "data.parquet")
    assert (str(table["w"].type), table["v"][0].as_py()) == ("string", Decimal("0.2500"))


@pytest.mark.parametrize(
    "texts",
    [
        ["2026-03-01 09:05", "2026-03-01", "", "2026-12-31 23:59:59"],
        ["2026-03-01 09:05:00.001", "2026-03-01"],
        ["1900-01-01 09:05", "2026-03-01"],
    ],
    ids=["moments", "parts of seconds", "time of day"],
)
def test_columns_of_moments_are_the_texts_of_their_cells(texts: list[str]) -> None:
    cells = [text and datetime.fromisoformat(text) for text in texts]
    assert [text or "" for text in column_texts(cells).to_pylist()] == [cell_text(cell) for cell in cells]


@pytest.mark.parametrize(
    ("kind", "known", "plain"),
    [
        ("integer", pa.int64(), ["7", "12", "-3", "1234567890123456789"]),
        ("decimal", pa.decimal128(38, 10), ["1.50", "0.5", "-17.25"]),
        ("float", pa.float64(), ["1.5", "0.25", "1e3"]),
        ("date", pa.date32(), ["2026-01-31", "1999-02-28"]),
        ("datetime", pa.timestamp("us"), ["2026-01-31 10:00:00", "2026-02-01"]),
        ("datetime", pa.timestamp("us"), [f"2026-01-31 10:{n // 60:02}:{n % 60:02}" for n in range(2_500)]),
        ("integer", pa.int64(), ["7", "12", "0", "123456789012345678"]),
        ("decimal", pa.decimal128(38, 10), ["1.50", "0.5", "17.25", "4"]),
        ("decimal", pa.decimal128(18, 2), [f"{n}.{n % 100:02}" for n in range(2_500)]),
        ("float", pa.float64(), ["1.5", "0.25", "12"]),
        ("timestamp", pa.timestamp("us", "UTC"), ["2026-01-31T10:00:00Z", "2026-02-01T23:59:59Z"]),
    ],
    ids=[
        "integer", "decimal", "float", "date", "datetime", "different moments", "digits", "digits and points", "prices",
        "short floats", "instants",
    ],
)  # fmt: skip
@pytest.mark.parametrize("takes_codes", [False, True], ids=["no codes", "codes"])
@pytest.mark.parametrize("share", [0.05, 0.02])
def test_a_cell_among_many_is_read_as_it_would_be_alone(
    kind: ColumnType, known: pa.DataType, plain: list[str], takes_codes: bool, share: float
) -> None:
    chance = random.Random(3)
    cells = [chance.choice([*ODD, None]) if chance.random() < share else chance.choice(plain) for _ in range(4_000)]
    cells[1_900:1_902] = ["-0", "9999999999999999999"]
    many = convert_cells(pa.array(cells, pa.string()), kind, known=known, takes_codes=takes_codes)
    alone = {
        cell: convert_cells(pa.array([cell], pa.string()), kind, known=known, takes_codes=takes_codes)
        for cell in set(cells)
    }
    assert many.values.to_pylist() == [alone[cell].values[0].as_py() for cell in cells]
    assert {misfit.row: misfit.code for misfit in many.misfits} == {
        row: alone[cell].misfits[0].code for row, cell in enumerate(cells) if alone[cell].misfits
    }
    assert many.notations == set().union(*(each.notations for each in alone.values()))


def test_results_and_errors_come_in_their_turn() -> None:
    def items() -> Iterator[int]:
        yield from range(50)
        raise ValueError("no more")

    found = []
    with pytest.raises(ValueError, match="no more"):
        found.extend(result for _, result in in_order(lambda number: number * 2, items()))
    assert found == [] or found == [number * 2 for number in range(50)]
    turns = in_order(lambda number: 1 // (3 - number), range(10))
    assert [next(turns)[1] for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(turns)


@pytest.mark.parametrize(
    "cells",
    [
        ["1.25", "-0.01", "0", "-0.00", "1000000000.5"],
        ["1.25", "1.255", "0.1"],  # more decimals than there were
        ["1.25", "12345678901234567890.12"],
        ["0.30", "1.005", "2.675", "9007199254.99"],  # no double is any of these
        ["1.25", "1e5", "inf", "0x1F", "007.5"],
    ],
    ids=["short", "longer", "long", "between doubles", "odd"],
)
def test_decimals_are_those_of_their_digits(cells: list[str]) -> None:
    """However they are read, and whatever doubles make of them."""
    converted = convert_cells(pa.array(cells), "decimal", known=pa.decimal128(18, 2))
    bare = [Decimal(cell) if re.fullmatch(r"-?[\d.]+(e5)?", cell) else None for cell in cells]
    assert converted.values.to_pylist() == bare
    assert [cells[misfit.row] for misfit in converted.misfits] == [
        cell for cell, value in zip(cells, bare, strict=True) if value is None
    ]


@pytest.mark.parametrize(
    ("cells", "truths"),
    [
        (["yes", "no", "yes"], [True, False, True]),
        (["yes", "no", "YES", "", "n/a"], [True, False, True, None, None]),
        (["true", "0", "false"], [True, False, False]),
        (["yes"], [True]),
        ([None, "no", "yes"], [None, False, True]),
    ],
    ids=["two words", "other spellings", "three words", "one word", "nothing"],
)
def test_truths_are_those_of_their_words(cells: list[str | None], truths: list[bool | None]) -> None:
    assert convert_cells(pa.array(cells, pa.string()), "boolean").values.to_pylist() == truths

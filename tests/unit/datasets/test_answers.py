"""Answers that a worker writes: whole or refused, and no file where none is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.datasets.answers import (
    SMALL_BYTES,
    Answer,
    AnswerPlace,
    AnswerWriter,
    page_rows,
    shown,
    write_csv,
    write_objects,
)
from server.errors import InvalidInput

Write = Callable[[AnswerWriter], object]


@pytest.fixture
def place(tmp_path: Path) -> AnswerPlace:
    return AnswerPlace(path=tmp_path / "answer", max_bytes=2 * 1024 * 1024)


def written(place: AnswerPlace, write: Write) -> tuple[Answer, bytes]:
    with AnswerWriter(place) as writer:
        write(writer)
        answer = writer.answer()
    return answer, answer.content if answer.path is None else answer.path.read_bytes()


def chunks(*rows: Sequence[Any]) -> Iterator[list[Sequence[Any]]]:
    for row in rows:
        yield [row]


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES - 1, SMALL_BYTES, SMALL_BYTES + 1, 5 * SMALL_BYTES])
def test_an_answer_is_what_was_written_whatever_its_size(place: AnswerPlace, size: int) -> None:
    pieces = [bytes([65 + number % 26]) * (size // 7) for number in range(7)] + [b"." * (size % 7)]
    answer, content = written(place, lambda writer: [writer.write(piece) for piece in pieces])
    assert content == b"".join(pieces)
    assert (answer.path is None) == (size <= SMALL_BYTES)
    assert place.path.exists() == (size > SMALL_BYTES)


@pytest.mark.parametrize("piece", [100, SMALL_BYTES, 3 * 1024 * 1024])
def test_an_answer_that_is_too_large_leaves_nothing(place: AnswerPlace, piece: int) -> None:
    pieces = [b"x" * piece] * (3 * 1024 * 1024 // piece + 1)
    with pytest.raises(InvalidInput, match="larger than 2 MiB") as refused:
        written(place, lambda writer: [writer.write(piece) for piece in pieces])
    assert refused.value.specific_code == "answer_too_large"
    assert not place.path.exists()


def test_any_failure_leaves_no_file(place: AnswerPlace) -> None:
    with pytest.raises(ZeroDivisionError):
        written(place, lambda writer: [writer.write(b"x" * (SMALL_BYTES + 1)), 1 // 0])
    assert not place.path.exists()


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_rows_become_one_array(place: AnswerPlace, count: int) -> None:
    rows = [(number, f"text {number}") for number in range(count)]
    _, content = written(place, lambda writer: write_objects(writer, ["n", "t"], chunks(*rows)))
    assert json.loads(content) == [{"n": number, "t": text} for number, text in rows]


@pytest.mark.parametrize(
    ("value", "as_json"),
    [
        (None, None),
        (True, True),
        (2**63, str(2**63)),
        (-(2**63), -(2**63)),
        (Decimal("1.50"), 1.5),
        (date(2026, 11, 25), "2026-11-25"),
        (
            datetime(2026, 11, 25, 8),  # noqa: DTZ001 – as DuckDB gives them
            "2026-11-25T08:00:00",
        ),
        (timedelta(days=1, hours=2), "1 day, 2:00:00"),
        (UUID(int=7), str(UUID(int=7))),
        ([1, [2, 2**70]], [1, [2, str(2**70)]]),
        ({"a": {3: b"x"}}, {"a": {"3": "78"}}),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        ([float("-inf"), 1.5], ["-Infinity", 1.5]),
        (b"\x00\xff", "00ff"),
    ],
)
def test_every_value_has_a_form_in_json(place: AnswerPlace, value: Any, as_json: Any) -> None:
    _, content = written(place, lambda writer: write_objects(writer, ["v"], chunks((value,))))
    assert json.loads(content) == [{"v": as_json}]


def test_csv_has_names_first_and_empty_cells_for_nothing(place: AnswerPlace) -> None:
    rows = [(1, None, "a,b"), (2, 'say "x"', "行")]
    _, content = written(place, lambda writer: write_csv(writer, ["n", "q", "t"], chunks(*rows)))
    assert content.decode("utf-8-sig").splitlines() == ["n,q,t", '1,,"a,b"', '2,"say ""x""",行']


def test_a_page_shows_the_beginning_of_long_values_and_fewer_of_wide_rows() -> None:
    assert len(shown("x" * 5_000_000)) < 1_000
    assert len(shown([list(range(100_000))])) < 1_000
    assert shown(12.5) == 12.5
    assert page_rows(100, 10) == 100
    assert page_rows(100, 1_000) == 20
    assert page_rows(5, 1_000) == 5
    assert page_rows(100, 100_000) == 10

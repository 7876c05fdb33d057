"""Lists of rejects: paged by byte, counted by reason, whole as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest

from server.datasets.reject_lists import Reject, csv_pieces, is_page_start, json_pieces, read_page


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rejects = [
        Reject(
            line=number,
            column="金额" if number % 2 else None,
            code="not_a_number" if number % 2 else "too_few_cells",
            message="“{value}” is wrong",
            parameters={"value": f"x{number}"},
            raw=f"=raw,{number}",
        )
        for number in range(1, 8)
    ]
    path = tmp_path / "rejects.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(reject) + b"\n" for reject in rejects))
    return path


def text_of(reject: Reject) -> str:
    return reject.message.format(**reject.parameters)


def test_pages_join_to_the_whole_list(path: Path) -> None:
    lines: list[int] = []
    offset: int | None = 0
    while offset is not None:
        assert is_page_start(path, offset)
        page = read_page(path, offset=offset, limit=3)
        lines += [reject.line for reject in page.items]
        offset = page.next_offset
    assert lines == [1, 2, 3, 4, 5, 6, 7]


def test_one_reason_can_be_picked(path: Path) -> None:
    page = read_page(path, limit=2, code="not_a_number")
    assert [reject.line for reject in page.items] == [1, 3]
    assert page.total == 4
    assert page.by_code == {"not_a_number": 4, "too_few_cells": 3}
    rest = read_page(path, offset=page.next_offset or 0, limit=2, code="not_a_number")
    assert [reject.line for reject in rest.items] == [5, 7]
    assert rest.next_offset is None


def test_a_place_in_the_middle_of_a_line_is_no_page_start(path: Path) -> None:
    assert not is_page_start(path, 5)
    assert not is_page_start(path, 10**9)
    assert not is_page_start(path, -1)


def test_no_list_is_an_empty_one() -> None:
    assert read_page(None).items == []
    assert json.loads(b"".join(json_pieces(None, text_of))) == []


def test_csv_holds_no_formula_unless_the_exact_text_is_asked_for(path: Path) -> None:
    text = b"".join(csv_pieces(path, text_of)).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text)))[1][4] == "'=raw,1"
    text = b"".join(csv_pieces(path, text_of, exact=True)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["line", "column", "code", "message", "raw"]
    assert rows[1] == ["1", "金额", "not_a_number", "“x1” is wrong", "=raw,1"]
    assert len(rows) == 8


def test_json_is_one_array(path: Path) -> None:
    items = json.loads(b"".join(json_pieces(path, text_of)))
    assert items[1] == {
        "line": 2,
        "column": None,
        "code": "too_few_cells",
        "message": "“x2” is wrong",
        "raw": "=raw,2",
    }
    assert len(items) == 7

"""Where the table stands in a JSON document."""

from __future__ import annotations

import pytest

from server.datasets.json_document import tables_of


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        (b'{"data": [{"a": 1}, {"a": 2}]}', ["data"]),
        # Numbers that no float holds, where a list of objects could describe the other one.
        (b'{"fields": [{"a": 1e999}, {"a": 2}], "data": [{"a": 1}]}', ["fields", "data"]),
        (b'{"columns": [-1e400, "b"], "data": [[1, 2], [3, 4]]}', ["data"]),
    ],
)
def test_tables_are_found_whatever_their_numbers(document: bytes, paths: list[str]) -> None:
    assert [table.path for table in tables_of(document)] == paths

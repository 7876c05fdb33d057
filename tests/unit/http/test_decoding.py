"""JSON whose brackets are counted before it is decoded: those in texts are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.errors import InvalidInput, MalformedRequest
from server.http.decoding import decoded


@pytest.mark.parametrize("text", ['"' + "[" * 200, "\\" * 3 + '"{' * 200, "\\", '\\"', "]" * 200, "{" * 30_000])
def test_brackets_in_texts_open_nothing(text: str) -> None:
    value = [text, {"a": text}, "\\"]
    assert decoded(json.dumps(value).encode(), Any) == value


@pytest.mark.parametrize("before", ["", "\\", '"', '\\"', "[", "\\\\"])
def test_what_is_nested_too_deep_is_found_whatever_texts_stand_before_it(before: str) -> None:
    deep = "[" * 101 + "]" * 101
    with pytest.raises(MalformedRequest):
        decoded(f"[{json.dumps(before)},{deep}]".encode(), Any)
    assert decoded(f"[{json.dumps(before)},{deep[2:-2]}]".encode(), Any)[0] == before


def test_more_objects_than_anybody_means_are_refused_and_as_many_texts_are_not() -> None:
    with pytest.raises(InvalidInput):
        decoded(b"[" + b"{}," * 20_000 + b"{}]", Any)
    assert len(decoded(b"[" + b'"",' * 100_000 + b'""]', Any)) == 100_001

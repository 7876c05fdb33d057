"""An answer as it is sent: the small one itself, the large one where it lies."""

from __future__ import annotations

from pathlib import Path

from server.datasets.answers import Answer
from server.operations.made_files import MadeFile


def test_a_small_answer_is_its_bytes_and_a_large_one_its_file(tmp_path: Path) -> None:
    small = MadeFile.of(Answer(content=b"{}"), name="orders.json", media_type="application/json")
    large = MadeFile.of(Answer(path=tmp_path / "answer"), name="orders.json", media_type="application/json")
    assert (small.content, large.content) == (b"{}", tmp_path / "answer")
    assert (small.name, small.media_type) == ("orders.json", "application/json")


def test_an_empty_answer_is_empty_and_no_file() -> None:
    assert MadeFile.of(Answer(), name="orders.csv", media_type="text/csv").content == b""

"""What is shown of a file before it is imported."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from server.datasets.file_work import FilePreviewRequest
from server.datasets.previewing import preview_file
from server.errors import FileProblem
from tests.unit.datasets.imported import Importer


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def test_a_preview_shows_cells_as_they_stand_in_the_file(imported: Importer) -> None:
    preview = imported.preview("id;price\n1;1.234,50 €\n\n2;\n")
    assert preview.rows == [["1", "1.234,50 €"], ["2", None]]
    assert preview.lines == [2, 4]
    assert [(column.name, column.type, column.format) for column in preview.columns] == [
        ("id", "integer", "1.234,5"), ("price", "decimal", "1.234,5"),
    ]  # fmt: skip


def test_a_preview_goes_on_after_a_quote_that_is_not_closed(imported: Importer) -> None:
    preview = imported.preview('id,note\n1,ok\n2,"bad\n3,ok\n4,fine\n')
    assert preview.rows == [["1", "ok"], ["3", "ok"], ["4", "fine"]]
    assert preview.lines == [2, 4, 5]


def test_a_preview_warns_of_dates_that_could_be_read_either_way(imported: Importer) -> None:
    preview = imported.preview("n,day\n1,01/02/2026\n2,03/04/2026\n")
    assert [warning.code for warning in preview.warnings] == ["ambiguous_dates"]


def test_a_preview_of_200_mb_reads_samples_only(tmp_path: Path) -> None:
    line = b"1,name of somebody,2026-03-01,12.50,some more text to fill the line\n"
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        stream.write(b"id,name,day,amount,note\n")
        for _ in range(200):
            stream.write(line * (1024 * 1024 // len(line)))
    started = time.thread_time()
    preview = preview_file(FilePreviewRequest(source=path, name="large.csv"), lambda _report: None)
    assert time.thread_time() - started < 1.0
    assert not preview.encoding_verified
    assert preview.estimated_rows == pytest.approx(path.stat().st_size / len(line), rel=0.02)
    assert "encoding_not_verified" in [warning.code for warning in preview.warnings]


def test_a_preview_of_a_bad_file_says_why(imported: Importer) -> None:
    with pytest.raises(FileProblem, match="The file is empty"):
        imported.preview(b"")

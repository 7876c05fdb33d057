"""Files of rejects come back: only rows whose reason was emptied, read as the import and its dataset were read."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from server.datasets import came_back
from server.datasets.file_work import RejectsFileRequest
from server.datasets.reject_files import write_rejects
from server.datasets.schema import ReadOptions
from server.errors import FileProblem
from tests.unit.datasets.imported import Imported, Importer

LIST = "01LIST"


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def taken(imported: Importer, result: Imported, kind: Any = "text", without: Iterable[int] = ()) -> str:
    """The file of what is left."""
    settled = result.converted.options
    options = settled if kind == "text" else ReadOptions(columns=settled.columns)
    target = imported.directory / "taken"
    request = RejectsFileRequest(
        import_id=LIST, rejects=imported.directory / "rejects.jsonl", target=target, kind=kind,
        layout=result.converted.layout, options=options, title="t", taken=frozenset(without),
    )  # fmt: skip
    write_rejects(request, lambda _report: None)
    return target.read_bytes().decode(options.encoding or "utf-8")


def emptied(text: str) -> str:
    """As a person leaves it that has emptied the last cell of each row."""
    head, *rows = text.split("\r\n")
    assert head.endswith("jindu_reject_reason")
    kept = [row[: row.rindex(",", 0, row.rindex(',"') + 1 if row.endswith('"') else None) + 1] for row in rows if row]
    return "\n".join([head, *kept]) + "\n"


def test_rows_come_in_only_where_their_reason_was_emptied(imported: Importer) -> None:
    first = imported("id,name\n1,Ann\n2,Bob,x\n3\n4,Zo,y,z\n5,Di\n", columns=[{"name": "id"}, {"name": "name"}])
    text = taken(imported, first)
    assert "Empty this cell once the row is right." in text
    with pytest.raises(FileProblem, match="still says why") as problem:
        imported(text, existing=first.converted.columns)
    assert problem.value.specific_code == "all_rejected"
    lines = text.replace("3,,", "3,Cy,").split("\r\n")
    row = next(line for line in lines if line.startswith("3,"))
    lines[lines.index(row)] = "3,Cy,,"
    again = imported("\n".join(lines), existing=first.converted.columns)
    assert again.rows == [[3, "Cy"]]
    assert {code for _, _, code in again.reasons} == {"not_corrected"}
    preview = imported.preview("\n".join(lines))
    assert [cells[1] for cells in preview.rows] == ["Cy"]
    assert {one.reason for one in preview.left_out} == {"not_corrected"}


def test_dates_are_read_as_those_of_the_dataset(imported: Importer) -> None:
    days = "".join(f"{number},01/{13 + number % 15}/2026,{number}\n" for number in range(60))
    columns = [{"name": "id"}, {"name": "on", "type": "date"}, {"name": "n", "type": "integer"}]
    first = imported(f"id,on,n\n{days}99,01/02/2026,x\n", columns=columns)
    text = emptied(taken(imported, first)).replace(",x,", ",7,")
    again = imported(text, existing=first.converted.columns)
    assert again.rows == [[99, datetime.date(2026, 1, 2), 7]]
    assert "ambiguous_dates" not in [warning.code for warning in again.converted.warnings]
    clear = imported("id,on,n\n1,01/02/2026,7\n2,25/02/2026,7\n", existing=first.converted.columns)
    assert clear.column("on")[0] == datetime.date(2026, 2, 1)


def test_numbers_are_read_as_those_of_the_import(imported: Importer) -> None:
    first = imported("id;n\n1;1.234,5\n2;x\n3;2,5\n", columns=[{"name": "id"}, {"name": "n", "type": "decimal"}])
    text = taken(imported, first)
    again = imported(text.split("\r\n")[0] + "\n2;1.234;;\n", existing=first.converted.columns)
    assert [float(value) for value in again.column("n")] == [1234]


def test_json_keeps_every_digit(imported: Importer) -> None:
    lines = ['{"id":"z","f":12345678901234567890.5,"g":{"a":1.10},"n":"x"}']
    columns = [{"name": "id"}, {"name": "f", "type": "text"}, {"name": "g"}, {"name": "n", "type": "integer"}]
    first = imported("\n".join([*lines, '{"id":"y","f":1,"g":null,"n":1}']), name="a.jsonl", columns=columns)
    text = taken(imported, first, "json")
    assert text.startswith(
        '{"id":"z","f":12345678901234567890.5,"g":{"a":1.10},"n":"x","jindu_reject_row":"01LIST:1","jindu_reject_reason":"'
    )
    row = json.loads(text, parse_float=str)
    assert row["jindu_reject_reason"].startswith("n: “x” is not a number")
    again = imported(text.replace('"x"', "2").split(',"jindu')[0] + "}", name="a.jsonl", columns=columns)
    assert again.rows == [["z", "12345678901234567890.5", '{"a":1.10}', 2]]


def test_the_file_fits_the_dataset_and_the_options_of_the_import(imported: Importer) -> None:
    columns = [{"name": "number", "source": "id"}, {"name": "name", "source": "n", "type": "integer"}]
    first = imported("name,id,n\nAnn,1,1\nBob,2,x\n", columns=columns)
    text = emptied(taken(imported, first)).replace(",x,", ",2,")
    assert text.startswith("name_2,number,name,jindu_reject_row,jindu_reject_reason")
    assert imported(text, existing=first.converted.columns).rows == [[2, 2]]
    assert imported(text, existing=first.converted.columns, columns=columns).rows == [[2, 2]]


def test_a_file_without_quotes_is_written_without(imported: Importer) -> None:
    columns = [{"name": "id", "type": "integer"}, {"name": "name", "type": "text"}]
    first = imported('id,name\n1,b\nx,"a\n', quote="", delimiter=",", columns=columns)
    lines = taken(imported, first).split("\r\n")
    assert lines[1].startswith('x,"a,')
    assert lines[1].count(",") == 3
    again = imported(f'{lines[0]}\n2,"a,,\n', quote="", delimiter=",", existing=first.converted.columns)
    assert again.rows == [[2, '"a']]


def test_rejects_of_rejects_have_one_column_of_reasons(imported: Importer) -> None:
    first = imported("id,n\n1,1\n2,x\n", columns=[{"name": "id"}, {"name": "n", "type": "integer"}])
    again = imported(taken(imported, first) + "3,3,,\n", existing=first.converted.columns)
    assert again.rows == [[3, 3]]
    assert taken(imported, again).split("\r\n")[0] == "id,n,jindu_reject_row,jindu_reject_reason"


def test_a_file_in_which_nothing_was_emptied_is_shown_without_rows(imported: Importer) -> None:
    first = imported("id,n\n1,1\n2,x\n", columns=[{"name": "id"}, {"name": "n", "type": "integer"}])
    preview = imported.preview(taken(imported, first))
    assert (preview.rows, [column.name for column in preview.columns]) == ([], ["id", "n"])
    assert [(one.line, one.reason) for one in preview.left_out] == [(2, "not_corrected")]


def test_rows_that_came_in_are_told_by_the_lines_of_their_list(imported: Importer) -> None:
    columns = [{"name": "id", "type": "integer", "unique": True}, {"name": "n", "type": "integer"}]
    first = imported("id,n\n1,1\n2,x\n3,y\n4,z\n5,v\n6,w\n", columns=columns)
    text = emptied(taken(imported, first)).replace(",x,", ",7,").replace(",y,", ",8,").replace("5,v,", "2,9,")
    again = imported(text.replace("6,w,01LIST:7,", "6,10,,"), existing=first.converted.columns, columns=columns)
    assert again.rows == [[2, 7], [3, 8], [6, 10]]  # the one whose number was removed, too
    assert [code for _, _, code in again.reasons] == ["not_a_number", "not_unique"]
    assert again.converted.taken == {LIST: [3, 4]}
    assert first.converted.taken == {}


def test_the_file_is_without_what_came_back_before(imported: Importer) -> None:
    first = imported("id,n\n1,1\n2,x\n3,y\n", columns=[{"name": "id"}, {"name": "n", "type": "integer"}])
    assert [line[:2] for line in taken(imported, first, without=[3]).split("\r\n")] == ["id", "3,", ""]


def test_of_a_list_that_comes_back_by_the_ten_thousands_all_rows_do(
    imported: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(came_back, "_MOST", 1)
    result = imported("id,jindu_reject_row,jindu_reject_reason\n1,A:3,\n2,A:4,\n3,B:1,left\n")
    assert (result.columns, result.converted.taken) == (["id"], {"A": None})


def test_what_is_no_row_of_a_list_is_nobodys(imported: Importer) -> None:
    result = imported("id,jindu_reject_row\n1,A:3\n2,\n3,A\n4,A:x\n5,:7\n6,A:1:2\n")
    assert (result.columns, result.converted.taken) == (["id"], {"A": [3]})

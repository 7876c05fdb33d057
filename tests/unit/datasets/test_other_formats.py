"""JSON, Parquet, Arrow, web pages, and what a file was packed with: the right rows, or a reason."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import uuid
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from server.datasets.schema import FileLimits
from server.errors import FileProblem, InvalidInput
from tests.unit.datasets.imported import Importer

CSV = b"a,b\n1,x\n2,y\n"
ROWS = [[1, "x"], [2, "y"]]


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def problem_with(imported: Importer, content: bytes | str | Path, **options: Any) -> FileProblem:
    with pytest.raises(FileProblem) as caught:
        imported(content, **options)
    return caught.value


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ('{\n  "rows": [\n    {"a": 1, "b": "x"},\n    {"a": 2, "b": "y"}\n  ]\n}\n', ["a", "b"], ROWS),
        ('{"data":[{"a":1,"b":"x"},{"a":2,"b":"y"}]}', ["a", "b"], ROWS),
        ('{"a":"x"}\n{"a":"y"}\n'.encode("utf-16"), ["a"], [["x"], ["y"]]),
        ('{"a":"x"}\n{"a":"y"}\n'.encode("utf-16-be"), ["a"], [["x"], ["y"]]),
        ('[{"a":"中文字"},{"a":"我们的"}]'.encode("gb18030"), ["a"], [["中文字"], ["我们的"]]),
        ('{"meta":{"n":2},"other":[{"x":1}],"inner":{"rows":[{"a":1},{"a":2}]}}', ["a"], [[1], [2]]),
        ('[["a","b"],[1,"x"],[2,"y"]]', ["a", "b"], ROWS),
        ('["a","b"]\n[1,"x"]\n[2,"y"]\n', ["a", "b"], ROWS),
        ('{"columns":["a","b"],"data":[[1,"x"],[2,"y"]]}', ["a", "b"], ROWS),
        ('{"fields":[{"name":"a"},{"name":"b"}],"rows":[[1,"x"],[2,"y"]]}', ["a", "b"], ROWS),
        ('{\n"a":1\n}\n{\n"a":2\n}\n', ["a"], [[1], [2]]),
        ('{"a":1,"b":{"c":[1,2]}}', ["a", "b"], [[1, '{"c":[1,2]}']]),
        ('{"a":1,"b":"x"},\n{"a":2,"b":"y"},\n', ["a", "b"], ROWS),
        ('[\n{"a":1,"b":"x"},\n{"a":2,"b":"y"}\n]\n', ["a", "b"], ROWS),
        ('\n\n{"a":"x"}\n\n\n{"a":"y"}\n', ["a"], [["x"], ["y"]]),
        ('{"a":[1,2],"b":["x","y"]}', ["a", "b"], ROWS),
        ('{"n":2,"hourly":{"a":[1,2],"b":["x","y"]},"units":{"a":"s"}}', ["a", "b"], ROWS),
        ('{"tags":["x"],"name":"Ann"}', ["tags", "name"], [['["x"]', "Ann"]]),
        ('[{"a":1,"b":"x"},\n{"a":2,"b":"y"},\n]', ["a", "b"], ROWS),
        ('[{"a": NaN}, {"a": 2}, ]', ["a"], [[None], [2]]),
        ('\x1e{"a":1,"b":"x"}\n\x1e{"a":2,"b":"y"}\n', ["a", "b"], ROWS),
        ('// made by hand\n[{"a":1,"b":"x"},{"a":2,"b":"y"}]', ["a", "b"], ROWS),
        ('// made by hand\n{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n', ["a", "b"], ROWS),
        ('{"a":"x\ty"}\n{"a":"z"}\n', ["a"], [["x\ty"], ["z"]]),
        ('[{"a":"x\ty"},{"a":"z"}]', ["a"], [["x\ty"], ["z"]]),
        ('{"a":"b\\":c","d":1}\n{"a": "c" , "d" : 2}\n', ["a", "d"], [['b":c', 1], ["c", 2]]),
        ('{"code":"1E5"}\n{"code":"2E7"}\n', ["code"], [["1E5"], ["2E7"]]),
        (
            '{"schema":{"fields":[{"name":"a"},{"name":"b"}]},"data":[{"a":1,"b":"x"}]}',
            ["a", "b"],
            [[1, "x"]],
        ),
        ('{"a":{"0":1,"1":2},"b":{"0":"x","1":"y"}}', ["a", "b"], ROWS),
        ('{"0":{"a":1,"b":"x"},"1":{"b":"y","a":2}}', ["a", "b"], ROWS),
        ('{"ann":{"n":1},"bob":{"n":2}}', ["key", "n"], [["ann", 1], ["bob", 2]]),
        ('{"ann":{"key":1},"bob":{"key":2}}', ["_key", "key"], [["ann", 1], ["bob", 2]]),
        ('{"user":{"n":1},"place":{"x":2}}', ["user", "place"], [['{"n":1}', '{"x":2}']]),
        ('{"a": NaN, "b": "x"}\n{"a": 2, "b": "y"}\n', ["a", "b"], [[None, "x"], [2, "y"]]),
        ('[{"a": NaN}, {"a": 2}]', ["a"], [[None], [2]]),
        ('{"k"},b\n1,2\n', ['{"k"}', "b"], [[1, 2]]),
        ('["k"],b\n1,2\n', ['["k"]', "b"], [[1, 2]]),
        ("[k],b\n1,2\n", ["[k]", "b"], [[1, 2]]),
        ("note,b\n<table>,2\n<p>,3\n", ["note", "b"], [["<table>", 2], ["<p>", 3]]),
    ],
)
def test_json_is_read_wherever_its_table_stands(
    imported: Importer, content: str | bytes, columns: list[str], rows: list[list[Any]]
) -> None:
    result = imported(content, name="a.json")
    assert (result.columns, result.rows, result.rejects) == (columns, rows, [])


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ('{"a":1\n', "invalid_json", "truncated"),
        ('[\n  {"a": 1,\n', "invalid_json", "not valid JSON"),
        ("[1,2,3]", "no_table_in_json", "one object a line"),
        ("[]", "no_table_in_json", "list of objects"),
        ("{}", "empty_file", "no JSON objects"),
        ("[" * 100_000, "invalid_json", "recursion"),
    ],
)
def test_json_without_a_table_is_told_what_is_wrong(imported: Importer, content: str, code: str, words: str) -> None:
    problem = problem_with(imported, content, name="a.json")
    assert (problem.specific_code, words in problem.text) == (code, True)


def test_the_lists_of_a_document_are_named_and_another_can_be_chosen(imported: Importer) -> None:
    content = '{"a":[{"x":1}],"b":{"c":[{"y":1},{"y":2}]}}'
    preview = imported.preview(content)
    assert [(sheet.name, sheet.rows) for sheet in preview.sheets] == [("b.c", 2), ("a", 1)]
    assert [(warning.code, warning.parameters) for warning in preview.warnings] == [
        ("other_lists", {"chosen": "b.c", "others": "a"})
    ]
    assert imported(content, sheet="a").rows == [[1]]
    assert problem_with(imported, content, sheet="z").specific_code == "unknown_table"


def test_members_that_are_read_as_rows_are_told(imported: Importer) -> None:
    assert [warning.code for warning in imported.preview('{"ann":{"n":1},"bob":{"n":2}}').warnings] == [
        "members_are_rows"
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('var data = [{"a":1},{"a":2}];\n', "JavaScript"),
        ('callback([{"a":1},{"a":2}]);\n', "save the data in it as JSON"),
        ('window.rows = {"a": [1]}\n', "JavaScript"),
        ("-- dump\nCREATE TABLE t (id int);\nINSERT INTO t VALUES (1,'Ann'),(2,'Bob');\n", "a dump of a database"),
        ("/* 1 *//* 2 */ SET x=1;\nINSERT INTO t VALUES (1,2);\n", "export the table as CSV"),
    ],
)
def test_programs_that_hold_data_are_told(imported: Importer, content: str, words: str) -> None:
    problem = problem_with(imported, content)
    assert (problem.specific_code, words in problem.text) == ("not_a_table", True)


def test_many_comments_before_nothing_are_read_in_no_time(imported: Importer) -> None:
    assert len(imported("/* x */ " * 8_000 + "\na\nb\n").rows) == 2


def test_lines_of_json_that_are_no_rows_are_rejected_by_reason(imported: Importer) -> None:
    assert imported('{"id": 3, broken\n{"id":1}\n{"id":2}\n').reasons == [(1, None, "not_an_object")]
    assert imported('["a","b"]\n[1,2]\n[3]\n[4,5,6]\n{}\n').reasons == [
        (3, None, "too_few_cells"), (4, None, "too_many_cells"), (5, None, "not_a_row"),
    ]  # fmt: skip
    tea = '{"a":"茶"}\n{"a":"茶叶"}\n'.encode()
    assert imported(tea + b'{"a":"\xff"}\n{"a":"\\ud800"}\n').reasons == [
        (3, None, "bad_encoding"), (4, None, "bad_encoding"),
    ]  # fmt: skip
    assert imported('[{"a":1},5,{"a":2},null,[1]]').reasons == [
        (2, None, "not_an_object"), (4, None, "not_an_object"), (5, None, "not_an_object"),
    ]  # fmt: skip
    for halves in (
        '[{"a":"\\ud800"},{"a":"\\ud83d\\ude00 \\\\ud800"}]',
        '{"x":[{"a":"\\udc00"},{"a":"😀 \\\\ud800"}]}',
    ):
        result = imported(halves)
        assert (result.rows, result.reasons) == ([["😀 \\ud800"]], [(1, None, "bad_encoding")])
    for twice in ('{"a":1,"a":2}\n{"a":3}\n', '[{"a":1,"a" : 2},{"a":3}]', '{"a":{"b":1,"b":2}}\n{"a":3}\n'):
        assert imported(twice).reasons == [(1, None, "repeated_name")]
    named = imported('\n{"a":1}\n\n{"a":2}\n').converted.named
    assert named == {"blank": 2}


def _not_utf8(values: list[bytes]) -> pa.Array:
    column = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(column), column.buffers())


IDENTITY = uuid.UUID("2037945c-a993-4228-9c53-7a6cb9f924bc")
COLUMNS: list[tuple[pa.Array, list[Any]]] = [
    (pa.array([b"\xff\x00abc", b"x"]), ["ff00616263", "78"]),
    (pa.array([b"\x12", b"\x34"]), ["12", "34"]),
    (pa.array([b"plain", "茶".encode()]), ["plain", "茶"]),
    (pa.array([IDENTITY.bytes, None], pa.uuid()), [str(IDENTITY), None]),
    (pa.array([b"abcd", b"\x00\x01\x02\x03"], pa.binary(4)), ["61626364", "00010203"]),
    (
        pa.array([{"d": 10_000_000}, {"d": 1}], pa.struct([("d", pa.date32())])),
        ['{"d":"29349-01-26"}', '{"d":"1970-01-02"}'],
    ),
    (pa.array([[1_000_000_001], []], pa.list_(pa.timestamp("ns"))), ['["1970-01-01 00:00:01.000000001"]', "[]"]),
    (pa.array([1_000_000_001, None], pa.timestamp("ns")), ["1970-01-01 00:00:01.000000001", None]),
    (pa.array([1_000_001_000, None], pa.timestamp("ns")), [datetime.fromisoformat("1970-01-01T00:00:01.000001"), None]),
    (pa.array([{"b": b"\xff", "n": Decimal("1.50")}, None]), ['{"b":"ff","n":1.50}', None]),
    (pa.array([20260301, 20260302]), [20260301, 20260302]),
    (pa.array([timedelta(hours=40, seconds=62), None], pa.duration("s")), ["40:01:02", None]),
    (pa.array([time(1, 2, 3), None]), ["01:02:03", None]),
    (pa.array([datetime(2026, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")), None),
    (pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8())), ['[["k",1]]', None]),
    (pa.nulls(2), [None, None]),
]  # fmt: skip


@pytest.mark.parametrize(("column", "values"), COLUMNS, ids=lambda value: str(getattr(value, "type", "")))
def test_columns_of_parquet_and_arrow_are_read_as_what_they_are(
    imported: Importer, tmp_path: Path, column: pa.Array, values: list[Any] | None
) -> None:
    table = pa.table({"n": [1, 2], "x": column})
    pq.write_table(table, tmp_path / "a.parquet")
    feather.write_feather(table, str(tmp_path / "a.arrow"), compression="zstd")
    with pa.ipc.new_stream(str(tmp_path / "b.arrow"), table.schema) as writer:
        writer.write_table(table)
    results = [imported(tmp_path / name).column("x") for name in ("a.parquet", "a.arrow", "b.arrow")]
    assert results[0] == results[1] == results[2]
    if values is not None:
        assert results[0] == values


def test_nanoseconds_at_midnight_are_no_days(imported: Importer, tmp_path: Path) -> None:
    at = pa.array([1767225600000000789, 1767312000000000001], pa.timestamp("ns"))
    pq.write_table(pa.table({"at": at}), tmp_path / "a.parquet")
    result = imported(tmp_path / "a.parquet")
    assert result.rows == [["2026-01-01 00:00:00.000000789"], ["2026-01-02 00:00:00.000000001"]]
    assert [warning.code for warning in result.converted.warnings] == ["finer_than_microseconds"]


def test_a_text_of_parquet_that_is_not_utf8_costs_its_row(imported: Importer, tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, 3], "s": _not_utf8([b"ok", b"\xff\xfe", b"fine"])})
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    for name in ("a.parquet", "a.arrow"):
        result = imported(tmp_path / name)
        assert result.rows == [[1, "ok"], [3, "fine"]]
        assert result.reasons == [(2, "s", "bad_encoding")]
        assert imported.preview(tmp_path / name).rows == [["1", "ok"], ["3", "fine"]]


def test_structs_without_fields_and_views_are_read(imported: Importer, tmp_path: Path) -> None:
    table = pa.table(
        {
            "e": pa.array([{}, None], pa.struct([])),
            "v": pa.array(["x", "y"], pa.string_view()),
            "l": pa.array([[1], [2]], pa.list_view(pa.int8())),
        }
    )
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert imported(tmp_path / "a.arrow").rows == [["{}", "x", "[1]"], [None, "y", "[2]"]]


def test_decimals_of_parquet_stay_decimals_whatever_their_exponent(imported: Importer, tmp_path: Path) -> None:
    values = pa.array([Decimal("1.50"), Decimal("0.0000000001")], pa.decimal128(30, 10))
    pq.write_table(pa.table({"d": values}), tmp_path / "a.parquet")
    assert imported.preview(tmp_path / "a.parquet").rows == [["1.5000000000"], ["0.0000000001"]]
    assert imported(tmp_path / "a.parquet").types == {"d": "decimal"}


PAGE = """<html><head><style>td{}</style></head><body><table><caption>Menu</caption><tr><td>Home</td></tr></table>
<table><tr><th>id</th><th>name</th><th>day</th></tr><tr><td>1</td><td>a &amp; b</td><td rowspan="2">2026-01-02</td></tr>
<tr><td>2<td>x<br>y</table></body></html>"""
XML_WORKBOOK = """<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
<Worksheet ss:Name="S"><Table><Row><Cell><Data ss:Type="String">id</Data></Cell><Cell ss:Index="3"><Data
ss:Type="String">day</Data></Cell></Row><Row><Cell><Data ss:Type="Number">1</Data></Cell><Cell ss:Index="3"><Data
ss:Type="DateTime">2026-01-02T00:00:00.000</Data></Cell></Row></Table></Worksheet></Workbook>"""


def test_the_largest_table_of_a_page_is_read_and_the_others_told(imported: Importer) -> None:
    for content in (PAGE, PAGE.encode("utf-16"), PAGE.encode("gb18030")):
        result = imported(content, name="report.xls")
        assert result.columns == ["id", "name", "day"]
        assert result.rows == [[1, "a & b", date(2026, 1, 2)], [2, "x y", date(2026, 1, 2)]]
    preview = imported.preview(PAGE, name="report.xls")
    assert (preview.format, preview.sheet) == ("html", "table 2")
    assert [warning.parameters for warning in preview.warnings] == [{"chosen": "table 2", "others": "Menu"}]
    with pytest.raises(InvalidInput, match="no sheet"):
        imported(PAGE, sheet="Sheet9")


def test_a_page_says_its_encoding(imported: Importer) -> None:
    page = '<html><meta charset="windows-1251"><table><tr><td>город<td>n<tr><td>Омск<td>1</table></html>'
    assert imported(page.encode("cp1251")).rows == [["Омск", 1]]


def test_a_workbook_in_xml_is_read(imported: Importer) -> None:
    result = imported(XML_WORKBOOK, name="old.xls")
    assert result.columns == ["id", "column_2", "day"]
    assert result.rows == [[1, None, date(2026, 1, 2)]]


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name.replace("__", "."), content)
    return stream.getvalue()


def small_workbook() -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in (["a", "b"], [1, "x"], [2, "y"]):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(CSV),
        gzip.compress(CSV[:8]) + gzip.compress(CSV[8:]),
        bz2.compress(CSV),
        lzma.compress(CSV),
        pa.compress(CSV, codec="zstd", asbytes=True),
        gzip.compress(gzip.compress(CSV)),
        gzip.compress(small_workbook()),
        gzip.compress(b'[{"a":1,"b":"x"},{"a":2,"b":"y"}]'),
        archive(orders__csv=CSV),
        archive(orders__csv__gz=gzip.compress(CSV)),
        archive(book__xlsx=small_workbook()),
        archive(**{"orders__csv": CSV, "__MACOSX/._orders__csv": b"\x00\x05", "data/": b""}),
    ],
    ids=[
        "gzip", "two gzips joined", "bzip2", "xz", "zstd", "gzip of gzip", "gzip of workbook", "gzip of json",
        "zip", "zip of gzip", "zip of workbook", "zip of a Mac",
    ],
)  # fmt: skip
def test_packed_files_are_unpacked(imported: Importer, tmp_path: Path, content: bytes) -> None:
    result = imported(content, name="orders.csv.gz")
    assert result.rows == ROWS
    assert imported.preview(content).rows == [["1", "x"], ["2", "y"]]
    assert {path.name for path in tmp_path.iterdir()} == {"upload", "data.parquet"}


def test_of_several_files_in_a_zip_one_is_read_and_the_others_told(imported: Importer) -> None:
    content = archive(a__csv=CSV, b__csv=CSV + b"3,z\n", readme__md=b"x" * 1000)
    preview = imported.preview(content)
    assert [warning.parameters for warning in preview.warnings] == [{"chosen": "b.csv", "others": "a.csv, readme.md"}]
    assert preview.options.member == "b.csv"
    prose = b"About this table\n\n" * 15
    for others in ({"README__txt": prose}, {"LICENSE__txt": prose}, {"notes__txt": prose}, {"index__html": prose}):
        assert imported(archive(**others, d__csv=CSV)).rows == ROWS
    assert imported(archive(README__txt=prose, d__txt=CSV)).rows == ROWS
    assert imported(content, member="a.csv").rows == ROWS
    with pytest.raises(InvalidInput, match="no file"):
        imported(content, member="c.csv")


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"\x1f\x8b\x08\x00" + bytes(59), "damaged_archive", "packed (gzip), but damaged"),
        (gzip.compress(CSV)[:-12], "damaged_archive", "Unpack it"),
        (bz2.compress(CSV)[:20], "damaged_archive", "bzip2"),
        (lzma.compress(CSV)[:-20], "damaged_archive", "xz"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "damaged_archive", "zstd"),
        (gzip.compress(b"\x89PNG\r\n" + bytes(30)), "not_a_table", "packed (gzip), and no table is in it"),
        (gzip.compress(b""), "empty_file", "packed (gzip)"),
        (archive(), "empty_file", "no files"),
        (archive(a__png=b"\x89PNG\r\n", b__png=b"1"), "not_a_table", "Unpack it"),
        (gzip.compress(b"1,2\n" * 20_000_000), "unpacks_too_large", "in parts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_packed_files_that_hold_no_table_are_told(imported: Importer, content: bytes, code: str, words: str) -> None:
    problem = problem_with(imported, content)
    assert (problem.specific_code, words in problem.text) == (code, True)


def test_what_unpacks_to_more_than_is_accepted_is_refused(imported: Importer) -> None:
    content = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * 7) for n in range(50_000)))
    problem = problem_with(imported, content, limits=FileLimits(max_unpacked_bytes=100_000))
    assert problem.specific_code == "unpacks_too_large"


def test_a_preview_of_a_large_packed_text_unpacks_its_beginning_alone(imported: Importer) -> None:
    content = b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n) for n in range(1_300_000))
    preview = imported.preview(gzip.compress(content, 1))
    assert preview.rows[0] == ["0", "name 0"]
    assert not preview.encoding_verified
    assert preview.estimated_rows is not None
    assert 1_000_000 < preview.estimated_rows < 1_700_000


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        (
            "ID NAME      QTY\n 1 Ann Smith   3\n22 Bob        14\n",
            ["ID", "NAME", "QTY"],
            [[1, "Ann Smith", 3], [22, "Bob", 14]],
        ),
        (
            "id   name   qty\n1    Ann      3\n2           14\n3    Cy       5\n",
            ["id", "name", "qty"],
            [[1, "Ann", 3], [2, None, 14], [3, "Cy", 5]],
        ),
        (
            "code city      n\n007  São Paulo 1\n008  Köln      2\n",
            ["code", "city", "n"],
            [["007", "São Paulo", 1], ["008", "Köln", 2]],
        ),
        (
            "NAME      QTY  CITY\nAnn        12  New York\nBob         3  Oslo\nCyrus Lee 144  Rome\n",
            ["NAME", "QTY", "CITY"],
            [["Ann", 12, "New York"], ["Bob", 3, "Oslo"], ["Cyrus Lee", 144, "Rome"]],
        ),
        (
            "-----------\nNAME    QTY\n-----------\nAnn      12\nBob Ray   3\nCy        4\n-----------\n",
            ["NAME", "QTY"],
            [["Ann", 12], ["Bob Ray", 3], ["Cy", 4]],
        ),
        (
            "=== ==== ====\nid  name city\n=== ==== ====\n1   Ann  Oslo\n2   Bob  Rome\n=== ==== ====\n",
            ["id", "name", "city"],
            [[1, "Ann", "Oslo"], [2, "Bob", "Rome"]],
        ),
        ("name\nred car\nbig  dog\nold cat\n", ["name"], [["red car"], ["big  dog"], ["old cat"]]),
    ],
)
def test_text_of_fixed_width_is_read_by_place(
    imported: Importer, content: str, columns: list[str], rows: list[list[Any]]
) -> None:
    for encoded in (content.encode(), content.encode("utf-16"), content.replace("\n", "\r\n").encode()):
        result = imported(encoded, name="a.txt")
        assert (result.columns, result.rows, result.rejects) == (columns, rows, [])


def test_a_line_that_leaves_its_columns_is_rejected(imported: Importer) -> None:
    lines = "".join(f"{n:>3} name {n:<6} {n * 7:>6}\n" for n in range(300))
    result = imported(" id name        amount\n" + lines + "301 a name that is too long   2107\n")
    assert len(result.rows) == 300
    assert result.reasons == [(302, None, "outside_columns")]

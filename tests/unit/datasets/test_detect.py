"""Encoding, dialect, titles and header are found by looking at the file."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from server.errors import InvalidInput
from tests.unit.datasets.imported import Importer, csv_text

CHINESE = "姓名,城市,金额\n张三,北京,12.5\n李四,上海,8\n王小明,广州,100\n"


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("gb18030", b""), ("gbk", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE), ("utf-16-le", b""), ("utf-16-be", b""),
        ("utf-32-le", codecs.BOM_UTF32_LE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_chinese_in_every_encoding(imported: Importer, encoding: str, mark: bytes, line_end: str) -> None:
    result = imported(mark + CHINESE.replace("\n", line_end).encode(encoding))
    assert result.columns == ["姓名", "城市", "金额"]
    assert result.rows == [["张三", "北京", 12.5], ["李四", "上海", 8.0], ["王小明", "广州", 100.0]]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("姓名,城市\n张三,北京\n", "gb18030"),
        ("名称,数量\n龙井茶,3\n", "gbk"),
        ("姓名,城市\n張三,臺北\n李四,高雄\n", "big5"),
        ("Name,Straße\nMüller,Köln\nGröße,Übung\n", "windows-1252"),
        ("이름,도시\n김철수,서울\n박영희,부산\n", "cp949"),
        ("Имя,Город\nИван,Москва\nОльга,Казань\n", "windows-1251"),
    ],
)
def test_two_lines_are_enough_to_tell_the_encoding(imported: Importer, text: str, encoding: str) -> None:
    result = imported(text.encode(encoding))
    assert [result.columns, *result.rows] == [
        [int(cell) if cell.isdigit() else cell for cell in line.split(",")] for line in text.splitlines()
    ]


def test_ascii_for_a_megabyte_does_not_prove_anything(imported: Importer) -> None:
    content = ("id,name\n" + "1,plain\n" * 150_000).encode() + "2,最后一行\n".encode("gb18030")
    result = imported(content)
    assert result.converted.options.encoding == "gb18030"
    assert result.rows[-1] == [2, "最后一行"]


def test_lines_of_another_encoding_are_rejected_not_garbled(imported: Importer) -> None:
    good = "".join(f"{number},北京市\n" for number in range(100))
    result = imported(("id,city\n" + good).encode() + "100,上海\n".encode("gb18030") + "101,广州\n".encode())
    assert result.reasons == [(102, None, "bad_encoding")]
    assert result.rejects[0]["parameters"] == {"encoding": "UTF-8"}
    assert [warning.code for warning in result.converted.warnings] == ["mixed_encodings"]
    assert len(result.rows) == 101


def test_a_given_encoding_is_used(imported: Importer) -> None:
    assert imported("a,b\né,1\n".encode("cp437"), encoding="cp437").rows == [["é", 1]]
    with pytest.raises(InvalidInput, match="no encoding named “klingon”"):
        imported("a,b\n1,2\n", encoding="klingon")
    with pytest.raises(InvalidInput):
        imported("a,b\n1,2\n", encoding="base64")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "，"])
def test_delimiters(imported: Importer, delimiter: str) -> None:
    rows = [["id", "name", "note"], *[[str(n), f"name {n}", "some, text; with | all\tof them"] for n in range(50)]]
    preview = imported.preview(csv_text(rows, delimiter=delimiter))
    assert preview.delimiter == delimiter
    assert preview.rows[7] == rows[8]


def test_text_with_commas_does_not_hide_semicolons(imported: Importer) -> None:
    result = imported("Name;Ort;Betrag\nKessler, Hans;Köln, Rhein;1.234,50\nNowak, Jan;Bonn;17,00\n")
    assert result.rows == [["Kessler, Hans", "Köln, Rhein", 1234.5], ["Nowak, Jan", "Bonn", 17.0]]


def test_decimal_commas_do_not_look_like_delimiters(imported: Importer) -> None:
    result = imported("1,5;2,5\n3,25;4,75\n0,5;1,0\n", header=False)
    assert result.rows == [[1.5, 2.5], [3.25, 4.75], [0.5, 1.0]]


def test_a_list_without_delimiters_is_one_column(imported: Importer) -> None:
    text = "remark\n" + "one, two, three\nplain\nalso plain\nwith; this and, that\nnothing\n" * 10
    result = imported(text)
    assert result.columns == ["remark"]
    assert len(result.rows) == 50


def test_apostrophes_can_quote(imported: Importer) -> None:
    assert imported("id,name\n1,'a, b'\n2,'c'\n3,'d, e'\n").column("name") == ["a, b", "c", "d, e"]
    assert imported("id,name\n1,O'Brien\n2,it's\n").column("name") == ["O'Brien", "it's"]


def test_backslashes_can_escape_quotes(imported: Importer) -> None:
    assert imported('id,name\n1,"a \\"b\\" c"\n2,"d, e"\n').column("name") == ['a "b" c', "d, e"]


def test_a_backslash_at_the_end_of_a_quoted_cell_is_a_backslash(imported: Importer) -> None:
    result = imported('name,path\n"a","C:\\"\n"b","D:\\data\\"\n')
    assert (result.rejects, result.column("path")) == ([], ["C:\\", "D:\\data\\"])


def test_excels_separator_hint_is_obeyed(imported: Importer) -> None:
    result = imported("sep=;\na;b\n1;2\n")
    assert (result.columns, result.rows) == (["a", "b"], [[1, 2]])


def test_titles_above_the_table_are_skipped(imported: Importer) -> None:
    text = "Sales report\nprinted on 1 March\n\nregion,month,amount\nEast,2026-01,5\nWest,2026-01,7\nEast,2026-02\n"
    result = imported(text)
    assert result.columns == ["region", "month", "amount"]
    assert result.column("amount") == [5, 7]
    assert result.reasons == [(7, None, "too_few_cells")]
    assert result.converted.options.skip_rows == 3


def test_titles_padded_with_delimiters_are_skipped(imported: Importer) -> None:
    result = imported("Sales report,,,\n,,,\nregion,city,month,amount\nEast,A,Jan,5\nWest,B,Feb,7\n")
    assert result.columns == ["region", "city", "month", "amount"]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("name,amount\na,1\nb,2\n", True),
        ("a,1\nb,2\n", False),
        ("1,2\n3,4\n", False),
        ("name,city\nAnna,Berlin\nPaul,Paris\n", True),
        ("Anna,Berlin\nPaul,Berlin\nAnna,Paris\n", False),
        ("product,2024,2025\ntea,10,12\ncoffee,7,9\n", True),
        ("编号,日期\nA1,2026-03-01\n", True),
    ],
)
def test_headers(imported: Importer, text: str, header: bool) -> None:
    result = imported(text)
    assert result.converted.options.header is header
    assert len(result.rows) == text.count("\n") - header


def test_columns_without_header_are_numbered(imported: Importer) -> None:
    assert imported("1,x\n2,y\n").columns == ["column_1", "column_2"]


def test_everything_can_be_overridden(imported: Importer) -> None:
    result = imported("junk\njunk\n1;'a;b'\n2;'c'\n", delimiter=";", quote="'", header=False, skip_rows=2)
    assert result.rows == [[1, "a;b"], [2, "c"]]


def test_the_options_of_a_preview_import_the_same_rows(imported: Importer) -> None:
    content = "Liste\n\nName;Betrag\nä;1,5\nö;2.000,25\n".encode("windows-1252")
    preview = imported.preview(content)
    result = imported(content, **{name: getattr(preview.options, name) for name in preview.options.__struct_fields__})
    assert result.rows == [["ä", 1.5], ["ö", 2000.25]]
    assert result.converted.options == preview.options

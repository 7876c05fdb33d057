"""Files that were made to break their readers, or that broke on the way: a reason is given, or they are read."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import lzma
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.datasets.conversion import convert_file
from server.datasets.encoding_scores import _LIKELY
from server.datasets.encodings import OF_FILES
from server.datasets.file_work import ConvertRequest, FilePreviewRequest
from server.datasets.previewing import preview_file
from server.datasets.readers import problems_named
from server.datasets.schema import ColumnSpec, FileLimits, ReadOptions
from server.datasets.text_encoding import find_encoding
from server.errors import FileProblem, InvalidInput, JinduError
from tests.unit.datasets.imported import Importer

_KIND = b"application/vnd.oasis.opendocument.spreadsheet"


_AS_FOUND, _USUAL = ReadOptions(), FileLimits()


def looked_at(path: Path, options: ReadOptions = _AS_FOUND, *, limits: FileLimits = _USUAL) -> list[str]:
    """The codes of what preview and import say; empty texts where they can read it."""
    codes = []
    target, rejects = path.parent / "target.parquet", path.parent / "rejects.jsonl"
    steps: list[Callable[[], Any]] = [
        lambda: msgspec.json.encode(
            preview_file(FilePreviewRequest(source=path, name=path.name, options=options, limits=limits), print)
        ),
        lambda: convert_file(
            ConvertRequest(source=path, name=path.name, target=target, rejects=rejects, options=options, limits=limits),
            lambda _report: None,
        ),
    ]
    for step in steps:
        try:
            step()
            codes.append("")
        except JinduError as error:
            codes.append(error.specific_code if error.text else "no text")
    return codes


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def xlsx(path: Path, sheet: str, merges: str = "") -> Path:
    """A workbook of one sheet whose rows, and merged cells, are given as XML."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return zipped(
        path,
        {
            "[Content_Types].xml": (
                f'<Types xmlns="{package}/content-types">'
                '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
                f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>'
            ).encode(),
            "_rels/.rels": (
                f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
                f'Type="{links}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
            ).encode(),
            "xl/workbook.xml": (
                f'<workbook xmlns="{main}" xmlns:r="{links}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets>'
                "</workbook>"
            ).encode(),
            "xl/_rels/workbook.xml.rels": (
                f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{links}/worksheet" '
                'Target="worksheets/sheet1.xml"/></Relationships>'
            ).encode(),
            "xl/worksheets/sheet1.xml": (
                f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData>{merges}</worksheet>'
            ).encode(),
        },
    )


def cell(place: str, value: str = "1") -> str:
    return f'<c r="{place}"><v>{value}</v></c>'


def ods(path: Path, rows: str) -> Path:
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    manifest = (
        f'<manifest:manifest xmlns:manifest="{office}manifest:1.0"><manifest:file-entry manifest:full-path="/" '
        f'manifest:media-type="{_KIND.decode()}"/></manifest:manifest>'
    )
    content = (
        f'<?xml version="1.0"?><office:document-content xmlns:office="{office}office:1.0" '
        f'xmlns:table="{office}table:1.0" xmlns:text="{office}text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="a">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    return zipped(
        path, {"mimetype": _KIND, "META-INF/manifest.xml": manifest.encode(), "content.xml": content.encode()}
    )


def ods_cell(value: int = 1, *, times: int = 1) -> str:
    return (
        f'<table:table-cell office:value-type="float" office:value="{value}" '
        f'table:number-columns-repeated="{times}"><text:p>{value}</text:p></table:table-cell>'
    )


@pytest.mark.parametrize(
    "sheet",
    [
        f'<row r="1">{cell("A1")}</row><row r="1048576">{cell("XFD1048576")}</row>',
        f'<row r="1">{cell("A1")}{cell("XFD1048576")}</row>',
        f"<row>{cell('A1')}</row><row>{cell('XFD900000')}</row>",
        f'<row r="1">{cell("A1")}{cell("ZZ1")}</row><row r="5">{cell("A999999")}</row>',
        "<row r='1'><c r='A1'><v>1</v></c><c s='1' t='n' r='XFD1048576'><v>1</v></c></row>",
        f'<row r="1"><c {" " * 300}r="A1"/><c {" " * 300}r = "XFD1048576"><v>1</v></c></row>',
    ],
)
def test_a_sheet_of_two_cells_far_apart_takes_no_room_and_is_told(tmp_path: Path, sheet: str) -> None:
    path = xlsx(tmp_path / "sparse.xlsx", sheet)
    tracemalloc.start()
    assert looked_at(path) == ["sheet_too_wide"] * 2
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_wide_and_long_sheets_that_are_filled_are_read(tmp_path: Path) -> None:
    wide = "".join(f'<c r="{openpyxl.utils.get_column_letter(n)}1"><v>{n}</v></c>' for n in range(1, 900))
    assert looked_at(xlsx(tmp_path / "wide.xlsx", f'<row r="1">{wide}</row>' * 2)) == ["", ""]
    late = f'<row r="1">{cell("A1")}</row><row r="2">{cell("A2")}</row><row r="200000">{cell("A200000")}</row>'
    assert looked_at(xlsx(tmp_path / "late.xlsx", late)) == ["", ""]


def test_a_row_that_no_program_has_is_refused_at_once(tmp_path: Path) -> None:
    for number in (1_048_577, 20_000_000, 99_999_999, 4_294_967_295):
        sheet = f'<row r="1">{cell("A1")}</row><row r="{number}">{cell(f"A{number}")}</row>'
        codes = looked_at(xlsx(tmp_path / "deep.xlsx", sheet))
        assert codes[0] in ("sheet_too_wide", "unreadable_file"), number
        assert codes[0] == codes[1]


_ENDLESS = "99999999999999999999"
_FIRST = f'<row r="1">{cell("A1")}</row>'


@pytest.mark.parametrize(
    "rows",
    [
        f'<row r="{_ENDLESS}">{cell(f"A{_ENDLESS}")}</row>',
        f'<row r="{_ENDLESS}"><c><v>1</v></c></row>',
        f"<row spans='1:2'  r = '{_ENDLESS}'>{cell('A2')}</row>",
        f'<row r="2"><c t="n" r="A{_ENDLESS}"><v>1</v></c></row>',
        f'<row r="2">{cell("Z" * 22 + "2")}</row>',
        f'<row r="2">{cell("z" * 3_000 + "2")}</row>',
        f'<row r="{"9" * 3_000_000}">{cell("A2")}</row>',
        f'<row r="18446744073709551616">{cell("A18446744073709551616")}</row>',
        *(f'<row r="{place}">{cell(f"A{place}")}</row>' for place in ("-1", "0", "", "x", "1.5", "+2", "²")),
        *(f'<row r="2"><c r="A2" t="s"><v>{index}</v></c></row>' for index in (_ENDLESS, "4294967295", "-1", "x", "0")),
    ],
    ids=lambda rows: rows[:60],
)
def test_places_that_no_sheet_has_are_damage_and_end_no_process(tmp_path: Path, rows: str) -> None:
    """The reader of workbooks would abort, with everything that runs in its process."""
    assert looked_at(xlsx(tmp_path / "a.xlsx", _FIRST + rows)) == ["damaged_workbook"] * 2


@pytest.mark.parametrize("style", [_ENDLESS, "4294967295", "-5", "x"])
def test_styles_that_a_workbook_does_not_have_are_left_aside(tmp_path: Path, style: str) -> None:
    rows = f'<row r="2"><c r="A2" s="{style}"><v>1</v></c></row>'
    assert looked_at(xlsx(tmp_path / "a.xlsx", _FIRST + rows)) == ["", ""]


def test_texts_that_look_like_places_are_texts(tmp_path: Path) -> None:
    text = f'"{_ENDLESS}" r="A{_ENDLESS}" "{"z" * 50}1"'
    rows = f'<row r="0000000000000000000002"><c r="A0002" t="inlineStr"><is><t>{text}</t></is></c></row>'
    assert looked_at(xlsx(tmp_path / "a.xlsx", _FIRST + rows)) == ["", ""]


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        (f'count="{_ENDLESS}" uniqueCount="{_ENDLESS}"', "damaged_workbook"),
        ('uniqueCount="4294967295"', "damaged_workbook"),
        ("uniqueCount = '18446744073709551615'", "damaged_workbook"),
        (" " * 5_000 + 'uniqueCount="1000000000000"', "damaged_workbook"),
        ('count="2" uniqueCount="-1"', ""),
        ('count="1000000" uniqueCount="1000000"', ""),  # some programs count the cells
        ("", ""),
    ],
)
def test_texts_that_a_workbook_only_says_it_has_take_no_room(tmp_path: Path, attributes: str, code: str) -> None:
    path = xlsx(tmp_path / "a.xlsx", f'{_FIRST}<row r="2"><c r="A2" t="s"><v>0</v></c></row>')
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    links = members["xl/_rels/workbook.xml.rels"].decode()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    link = f'<Relationship Id="r2" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    members |= {
        "xl/_rels/workbook.xml.rels": links.replace("</Relationships>", link).encode(),
        "xl/sharedStrings.xml": f'<sst xmlns="{main}" {attributes}><si><t>x</t></si></sst>'.encode(),
    }
    assert looked_at(zipped(path, members)) == [code] * 2


@pytest.mark.parametrize("times", [_ENDLESS, "-1", "x", "", "1.5", "0"])
@pytest.mark.parametrize("what", ["rows", "columns"])
def test_repeats_that_are_no_numbers_are_told(tmp_path: Path, times: str, what: str) -> None:
    value = 'office:value-type="float" office:value="1"'
    rows, columns = (f'table:number-{each}-repeated="{times}"' if each == what else "" for each in ("rows", "columns"))
    cells = f"<table:table-cell {value} {columns}><text:p>1</text:p></table:table-cell>"
    row = f"<table:table-row {rows}>{cells}</table:table-row>"
    codes = looked_at(ods(tmp_path / "a.ods", row))
    assert codes == ["empty_file" if times == "0" else "damaged_workbook"] * 2


def test_merged_cells_reach_no_further_than_the_sheet(tmp_path: Path) -> None:
    rows = f'<row r="1">{cell("A1")}{cell("B1")}</row><row r="2">{cell("A2")}{cell("B2")}</row>'
    merges = '<mergeCells count="300">' + '<mergeCell ref="A1:XFD1048576"/>' * 300 + "</mergeCells>"
    assert looked_at(xlsx(tmp_path / "merged.xlsx", rows, merges)) == ["", ""]


def test_merged_cells_that_would_fill_memory_are_refused(tmp_path: Path) -> None:
    long = f'<row r="1">{cell("A1")}</row><row r="2"><c r="A2" t="inlineStr"><is><t>{"x" * 30_000}</t></is></c></row>'
    last = f'<row r="90000">{cell("B90000")}</row>'
    merge = '<mergeCells count="1"><mergeCell ref="A2:A90000"/></mergeCells>'
    assert looked_at(xlsx(tmp_path / "long.xlsx", long + last, merge))[1] == "merged_too_far"
    many = "".join(f'<mergeCell ref="A{number}:A90000"/>' for number in range(2, 102))
    rows = f'<row r="1">{cell("A1")}</row><row r="2">{cell("A2")}</row>'
    merges = f'<mergeCells count="100">{many}</mergeCells>'
    assert looked_at(xlsx(tmp_path / "many.xlsx", rows + last, merges)) == ["merged_too_far", "merged_too_far"]


def test_long_values_of_a_small_parquet_file_are_imported_or_refused_with_a_reason(tmp_path: Path) -> None:
    for count, length, code in ((50, 2_000_000, ""), (200, 1_000_000, "unpacks_too_large")):
        path = tmp_path / "long.parquet"
        texts = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["y" * length]))
        pq.write_table(pa.table({"text": texts}), path, store_schema=False)
        assert looked_at(path, limits=FileLimits(max_unpacked_bytes=150_000_000)) == ["", code]


def test_a_binary_workbook_of_two_cells_far_apart_is_told(tmp_path: Path) -> None:
    def record(kind: int, *numbers: int, size: int = 8) -> bytes:
        return bytes((kind, size)) + struct.pack(f"<{len(numbers)}I", *numbers).ljust(size, b"\x00")

    long = bytes((0x9C, 1, 0x80 | 100, 20)) + b"\x00" * (100 + 20 * 128)  # of another kind, to be passed over
    near = record(0, 0) + record(2, 0) + long + record(2, 3)
    far = record(0, 1_048_575) + record(2, 16_383)
    sheets = ((near, "damaged_workbook"), (near + far, "sheet_too_wide"))
    for sheet, code in sheets:
        path = zipped(tmp_path / "a.xlsb", {"xl/workbook.bin": b"", "xl/worksheets/sheet1.bin": sheet})
        assert looked_at(path) == [code] * 2


@pytest.mark.parametrize(
    "rows",
    [
        f'<table:table-row table:number-rows-repeated="1000000">{ods_cell(times=1000)}</table:table-row>',
        f'<table:table-row table:number-rows-repeated="1048576">{ods_cell(times=16384)}</table:table-row>',
        f"<table:table-row>{ods_cell(times=2_000_000_000)}</table:table-row>",
        f'<table:table-row>{ods_cell()}</table:table-row><table:table-row table:number-rows-repeated="1000000">'
        f"<table:table-cell/></table:table-row><table:table-row>{ods_cell(times=9_000)}</table:table-row>",
    ],
)
def test_repeated_cells_of_open_document_take_no_room_and_are_told(tmp_path: Path, rows: str) -> None:
    assert looked_at(ods(tmp_path / "bomb.ods", rows)) == ["sheet_too_wide"] * 2


def test_open_document_with_its_usual_empty_rest_is_read(tmp_path: Path) -> None:
    rest = '<table:table-cell table:number-columns-repeated="16380"/>'
    rows = "".join(f"<table:table-row>{ods_cell(n)}{ods_cell(n, times=2)}{rest}</table:table-row>" for n in range(5))
    empty = f'<table:table-row table:number-rows-repeated="1048000">{rest}</table:table-row>'
    assert looked_at(ods(tmp_path / "usual.ods", rows + empty)) == ["", ""]


def test_open_document_that_was_cut_off_within_its_archive_is_told(tmp_path: Path) -> None:
    """The reader of workbooks would wait for the end for ever."""
    path = ods(tmp_path / "a.ods", f"<table:table-row>{ods_cell()}</table:table-row>")
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    members["content.xml"] = members["content.xml"].partition(b"</table:table>")[0]
    assert looked_at(zipped(path, members)) == ["damaged_workbook"] * 2


def test_a_member_that_is_larger_than_it_says_is_no_workbook(tmp_path: Path) -> None:
    rows = "".join(f'<row r="{n}">{cell(f"A{n}")}</row>' for n in range(1, 50_000))
    data = bytearray(xlsx(tmp_path / "liar.xlsx", rows).read_bytes())
    place = data.rindex(b"xl/worksheets/sheet1.xml")
    data[place - 46 + 24 : place - 46 + 28] = struct.pack("<I", 500)  # of the list at the end, which readers trust
    path = tmp_path / "liar.xlsx"
    path.write_bytes(data)
    assert looked_at(path) == ["damaged_workbook"] * 2


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_a_dictionary_of_one_megabyte_in_every_row_is_previewed_and_not_unpacked(tmp_path: Path, kind: Any) -> None:
    texts = pa.array(["x" * 1_000_000])
    table = pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), texts)})
    path = tmp_path / "bomb.parquet"
    with pq.ParquetWriter(path, pa.schema([("a", kind)])) as writer:
        for _ in range(10 if not pa.types.is_dictionary(kind) else 1):
            part = table.slice(0, 20 if not pa.types.is_dictionary(kind) else 20_000)
            writer.write_table(part.cast(pa.schema([("a", kind)])))
    before = pa.total_allocated_bytes()
    limits = FileLimits(max_unpacked_bytes=60_000_000)
    assert looked_at(path, limits=limits) == ["", "unpacks_too_large"]
    assert pa.total_allocated_bytes() - before < 150_000_000


def test_encodings_are_those_of_text_files_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    assert {codecs.lookup(name).name for name in OF_FILES} == OF_FILES
    assert {codecs.lookup(name).name for name in _LIKELY} <= OF_FILES
    names = (
        "idna punycode base64 rot13 rot_13 hex bz2 zlib zip uu quopri undefined mbcs oem unicode_escape "
        "raw_unicode_escape unicode_internal string_escape utf-7 palmos charmap aliases mbcs_codec x é cp037 "
        "utf-8-variants ../utf_8 utf_8\x00 encodings.utf_8 utf-8;drop"
    )
    for name in names.split():
        assert looked_at(path, ReadOptions(encoding=name)) == ["unknown_encoding"] * 2, name
    assert looked_at(path, ReadOptions(encoding="x" * 100_000)) == ["unknown_encoding"] * 2
    for name in (
        "UTF-8",
        "utf8",
        "gbk",
        "GB2312",
        "ANSI",
        "latin1",
        "windows-1252",
        "Big5",
        "Shift_JIS",
        "utf-16",
        "ascii",
    ):
        assert find_encoding(path, wanted=name).name in OF_FILES
    for name in sorted(OF_FILES):
        assert "unreadable_file" not in looked_at(path, ReadOptions(encoding=name)), name


NUMBERS: tuple[Any, ...] = (
    1e308, -1e308, 1.7976931348623157e308, 5e-324, 2.0**70, -1e19, 9223372036854775807, -9223372036854775808, 2**70,
    2**63, float("inf"), float("-inf"), float("nan"), 0, -0.0, 1.5, "1e308", "-1e19", "99999999999999999999", "nan", "",
    "inf", "x", "9" * 5_000, "1e999999", "2026-01-01", "9999-12-31", "0000-01-01", "10000-01-01", "true", "\x00", "=1",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "integer", "decimal", "boolean", "date", "datetime"])
def test_limits_out_of_range_are_kept_or_told(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n5\n2026-01-01\ntrue\n\n-9223372036854775808\n1e300\n")
    alone: list[dict[str, Any]] = [{limit: value} for limit in ("min", "max") for value in NUMBERS]
    for rules in (*alone, {"one_of": [*map(str, NUMBERS)]}, {"min": 0, "format": "9" * 40}):
        looked_at(path, ReadOptions(columns=[ColumnSpec(name="a", type=kind, **rules)]))


JSON_LINES = (
    b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"a": ' * 5_000 + b"1" + b"}" * 5_000,
    b'{"a": ' + b"9" * 100_000 + b"}",
    b'{"a": 1e400, "b": -1e400}',
    b'{"a": 1' + b"0" * 400 + b"}",
    b'{"a": NaN, "b": Infinity}',
    b'{"a": "\\ud800"}',
    b'{"\\ud800": 1}',
    b'{"a": "\xff\xfe"}',
    b'{"": 1}',
    b'{"a": 1, "a": 2}',
    b"{" + b",".join(b'"k%d": 1' % n for n in range(900)) + b"}",
    b'{"a": 1}\n[1]\n5\nnull\n"x"\n{"b": 2}\n{"a": {"b": [1, {"c": null}]}}',
    b'{"a": "' + b"x" * 3_000_000 + b'"}',
    b'[{"a": 1}, {"a": ' + b"[" * 2_000 + b"]" * 2_000 + b"}]",
    b'[{"a": 1e999}]',
    b'[{"a": 1}, 5, null, "x", [1]]',
    b'[{"a": 1}',
    b"{}\n{}",
    b"{\x00}",
)


@pytest.mark.parametrize("content", JSON_LINES, ids=lambda content: content[:20].decode("latin-1"))
def test_json_that_is_deep_huge_or_wrong_is_read_or_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content + b"\n")
    looked_at(path)


TEXTS = (
    b"\x00" * 5_000, b"a,b\n\x00,1\n", b"\xff\xfe", b"\xfe\xff\x00a", b"\xff\xfe\x00\x00a", b"\xef\xbb\xbf",
    b"\n" * 9_000, b"," * 2_000, b"," * 900 + b"\n" + b"," * 900, b'"' * 9_001, b'a,b\n"x,1\n' * 500, b'"a""b",\'c\n"',
    b"a;b|c\td,e\n" * 9, b"\r" * 500, b"a\rb\rc", b"a\x0bb\x0cc\x1cd\n1,2", "a\u2028b,c\n1,2".encode(), b"a\n" * 99,
    "é,ü\n1,2\n".encode("latin-1"), "中文,列\n一,1\n".encode("gb18030"), "a,b\n1,2\n".encode("utf-16"),
    "a,b\n1,2\n".encode("utf-32"), b"a,b\n" + b"\xff" * 99, b"sep=;\na;b\n1;2\n", b"sep=", b"a,A,a,\xc3\xa9\n1,2,3,4\n",
    b"x" * 100_000, b"1e400,1e-400,nan,inf\n" * 9, b"9999999999999999999999,-5\n" * 9, b"2026-02-30,0000-00-00\n" * 30,
    b"a,b\n1,2\n\x1a", b"{,}\n{,}\n", b"[1,2]\n[3]\n", b"<a,b\n1,2\n", b"%PDX,b\n1,2\n", b"PK,b\n1,2\n",
    b"PAR,1\n2,3\n", b"\xd0\xcf,1\n", b"a\\,b\n1\\,2\n", "\u202ea,b\n1,2\n".encode(), b"\xed\xa0\x80,b\n1,2\n",
    "\ufffe,b\n".encode("utf-8", "surrogatepass"), b"'a','b'\n'1','2'\n",
)  # fmt: skip


def test_texts_of_any_bytes_are_read_or_told(tmp_path: Path) -> None:
    path, delimiters, quotes = (
        tmp_path / "a.csv",
        (",", "\n", "\r", '"', "\x00", "中", " ", "\\"),
        ("", ",", "\n", "中", "a"),
    )
    for number, content in enumerate(TEXTS):
        path.write_bytes(content)
        looked_at(path)
        if len(content) > 500:
            continue
        for delimiter in delimiters[number % 2 :: 2]:  # every other, and those between them with the next
            codes = looked_at(path, ReadOptions(delimiter=delimiter, header=False, skip_rows=1))
            assert codes[0] or codes[1] != "unreadable_file", (content, delimiter)  # it was read a moment ago
        for quote in quotes[number % 2 :: 2]:
            looked_at(path, ReadOptions(quote=quote, encoding="utf-16"))


def _seeds(directory: Path) -> dict[str, bytes]:
    rows = [{"name": f"n{n}", "amount": n / 4, "day": f"2026-01-{n % 28 + 1:02}", "ok": n % 2 == 0} for n in range(40)]
    book = openpyxl.Workbook()
    for row in ([*rows[0]], *([*row.values()] for row in rows)):
        book.active.append(row)
    book.active.merge_cells("A3:A5")
    book.active["B7"] = "=1/0"
    stream = io.BytesIO()
    book.save(stream)
    nested = pa.Table.from_pylist([{**row, "tags": ["a", "b"], "more": {"x": 1}} for row in rows])
    pq.write_table(nested, directory / "seed.parquet", compression="none")
    text = "name,amount,day,ok\n" + "".join(",".join(map(str, row.values())) + "\n" for row in rows)
    with pa.ipc.new_file(str(directory / "seed.arrow"), nested.schema) as writer:
        writer.write_table(nested)
    office = ods(directory / "seed.ods", "".join(f"<table:table-row>{ods_cell(n)}</table:table-row>" for n in range(9)))
    return {
        "a.csv": text.encode(),
        "b.csv": text.replace(",", ";").encode("utf-16"),
        "c.csv": ('"' + text.replace(",", '","').replace("\n", '"\r\n"')).encode("gb18030"),
        "d.xlsx": stream.getvalue(),
        "e.ods": office.read_bytes(),
        "f.parquet": (directory / "seed.parquet").read_bytes(),
        "g.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(),
        "h.json": json.dumps({"meta": {"n": 40}, "data": {"rows": rows}}, indent=2).encode(),
        "i.arrow": (directory / "seed.arrow").read_bytes(),
        "j.csv.gz": gzip.compress(text.encode()),
        "k.zip": zipped(directory / "seed.zip", {"a.csv": text.encode(), "b.txt": b"x"}).read_bytes(),
        "l.xls": _page(rows).encode(),
        "m.csv.xz": lzma.compress(text.encode()),
        "n.xls": _xml_workbook(rows).encode(),
    }


def _page(rows: list[dict[str, Any]]) -> str:
    lines = "".join(f"<tr><td>{'</td><td rowspan=1>'.join(map(str, row.values()))}</td></tr>" for row in rows)
    return f"<html><body><p>Sales</p><table><tr><th>{'</th><th>'.join(rows[0])}</th></tr>{lines}</table></body></html>"


def _xml_workbook(rows: list[dict[str, Any]]) -> str:
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    lines = "".join(
        "<Row>" + "".join(f'<Cell><Data ss:Type="String">{cell}</Data></Cell>' for cell in row.values()) + "</Row>"
        for row in rows
    )
    return (
        f'<?xml version="1.0"?><Workbook xmlns="{space}" xmlns:ss="{space}"><Worksheet ss:Name="a"><Table>{lines}'
        "</Table></Worksheet></Workbook>"
    )


def _mutated(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        if not data:
            break
        place, length = chance.randrange(len(data)), chance.randint(1, 40)
        match chance.randrange(6):
            case 0:
                del data[place:]
            case 1:
                data[place] ^= 1 << chance.randrange(8)
            case 2:
                del data[place : place + length]
            case 3:
                other = chance.randrange(len(data))
                data[place : place + length] = data[other : other + length]
            case 4:
                data[place:place] = chance.randbytes(length)
            case _:
                data[place : place + 4] = chance.choice((b"\xff" * 4, b"\x00" * 4, b"9999", b"\x7f\xff\xff\xff"))
    return bytes(data)


def _unpacked_and_mutated(content: bytes, chance: random.Random) -> bytes:
    """A bit of damage inside an archive whose checksums are right again."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        damaged = chance.choice(old.namelist())
        for name in old.namelist():
            new.writestr(name, _mutated(old.read(name), chance) if name == damaged else old.read(name))
    return stream.getvalue()


def test_files_that_were_cut_turned_and_mixed_are_read_or_told(tmp_path: Path) -> None:
    chance = random.Random(11)
    for name, seed in _seeds(tmp_path).items():
        path = tmp_path / name
        for number in range(14):
            inside = name.endswith((".xlsx", ".ods")) and number % 2
            path.write_bytes(_unpacked_and_mutated(seed, chance) if inside else _mutated(seed, chance))
            looked_at(path)


def test_what_a_reader_raises_by_surprise_becomes_a_reason(tmp_path: Path) -> None:
    class PanicException(BaseException):
        """As pyo3 names what Rust code panicked with."""

    for error in (
        ValueError("x"),
        KeyError("x"),
        OverflowError(),
        struct.error("x"),
        RecursionError(),
        PanicException(),
    ):
        with pytest.raises(FileProblem) as caught, problems_named(tmp_path):
            raise error
        assert caught.value.specific_code == "unreadable_file"
    with pytest.raises(FileProblem, match="gone"), problems_named(tmp_path / "away"):
        (tmp_path / "away").open()
    for kept in (InvalidInput("x"), MemoryError(), PermissionError(13, "x"), KeyboardInterrupt()):
        with pytest.raises(type(kept)), problems_named(tmp_path):
            raise kept


@pytest.mark.parametrize(
    "content",
    [
        b"S\x00les",
        b"\x00d\n",
        b"\xffn,n 2\nid,te\x00xt\nA,b\nB,c\n" + b"id|x|y\n" * 3,
        b"\xff,b\n1,2\n3,4\n\xff,b\n5,6\n",
    ],
)
def test_half_characters_and_bytes_in_a_header_are_no_error_of_ours(tmp_path: Path, content: bytes) -> None:
    assert outcome_of(Importer(tmp_path), content) != "unreadable_file"


def outcome_of(importer: Importer, content: bytes) -> str:
    try:
        result = importer(content)
    except FileProblem as problem:
        return problem.specific_code
    return "read" if result.rows or result.rejects else "nothing"

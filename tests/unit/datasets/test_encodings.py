"""Which encoding a short file is in: right, or a guess that shows what else it could be."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from server.datasets.schema import ReadOptions
from tests.unit.datasets.imported import Importer


@pytest.fixture
def imported(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


def table(importer: Importer, content: bytes, language: str = "") -> tuple[str, list[str], dict[str, str]]:
    """The file as text again, the codes of its warnings, and what it could be besides."""
    preview = importer.preview(content, header=False, language=language)
    text = "".join(",".join(cell or "" for cell in row) + "\n" for row in preview.rows)
    guesses = [warning for warning in preview.warnings if warning.code == "encoding_guessed"]
    candidates = {each["encoding"]: each["sample"] for guess in guesses for each in guess.parameters["candidates"]}
    return text, [warning.code for warning in preview.warnings], candidates


# A few bytes beyond ASCII: one reading makes sense.
SURE = [
    "sensor,reading\n1,25°C\n2,30°C\n", "id,name\n1,Café Rouge\n2,Bar\n", "id,area (m²)\n1,25\n2,30\n",
    "id,price\n1,£5\n2,£7\n", "id,price\n1,5 €\n2,7 €\n", "id,text\n1,“smart” – it’s\n", "id,x\n1,±5 %\n",
    "id,x\n1,×3\n", "id,road\n1,Straße\n", "id,town\n1,Ålesund\n2,Tromsø\n", "id,x\n1,temp. 20 °C\n",
    "id,name\n1,Müller\n2,Größe\n", "id,name\n1,Peña\n", "id,x\n1,¿Qué?\n", "id,x\n1,5 ¥\n", "id,x\n1,© Smith\n",
    "id,name\n1,François\n2,Zoë\n", "id,name\n1,São Paulo\n2,Müller\n", "id,x\n1,naïve\n",
    "unit\nm³\n", "unit\nm³/h\n", "id,x\n1,12 m³\n", "id,x\n1,kg/m³\n2,Nm³\n",
    "id,x\n1,m³\n2,m²\n", "id,x\n1,2½x\n", "id,x\n1,1¼ in\n", "id,x\n1,5 ±x\n", "id,x\n1,½\n", "id,x\n1,10³\n",
]  # fmt: skip


@pytest.mark.parametrize("text", SURE)
@pytest.mark.parametrize("language", ["", "en", "zh-CN"])
def test_few_western_characters_are_what_they_can_mean(imported: Importer, text: str, language: str) -> None:
    read, _, _ = table(imported, text.encode("cp1252"), language)
    assert read == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("שם,עיר\nדוד,חיפה\n", "cp1255"), ("מוצר,מחיר\nלחם,5\nחלב,7\n", "cp1255"),
        ("الاسم,المدينة\nمحمد,القاهرة\n", "cp1256"), ("المنتج,السعر\nخبز,5\n", "cp1256"),
        ("ชื่อ,เมือง\nสมชาย,กรุงเทพ\n", "cp874"), ("สินค้า,ราคา\nข้าว,5\n", "cp874"),
        ("ad,şehir\nAyşe,İstanbul\nÖmer,Iğdır\n", "cp1254"), ("Όνομα,Πόλη\nΓιώργος,Αθήνα\n", "cp1253"),
        ("Имя,Город\nИван,Москва\n", "cp1251"), ("Имя,Город\nИван,Москва\n", "koi8-r"),
        ("jméno,město\nJiří,Plzeň\nŽaneta,Brno\n", "cp1250"), ("imię,miasto\nŁukasz,Łódź\n", "cp1250"),
        ("imię,miasto\nŁukasz,Łódź\n", "iso8859-2"), ("név,város\nErzsébet,Győr\n", "cp1250"),
        ("姓名,城市\n张三,北京\n", "gb18030"), ("姓名,城市\n張三,臺北\n", "big5"), ("名前,都市\n田中,東京\n", "cp932"),
        ("이름,도시\n김철수,서울\n", "cp949"),
        ("miasto,n\nŁódź,1\nKraków,2\n", "cp1250"), ("miasto,n\nŁódź,1\nKraków,2\n", "iso8859-2"),
        ("město,n\nPříbram,1\nČeské Budějovice,2\n", "cp1250"), ("név,n\nSzőke,1\nGyőr,2\n", "cp1250"),
        ("vardas,n\nŠarūnas,1\nŽygimantas,2\n", "cp1257"), ("Имя,Город\nИван,Москва\n", "cp866"),
        ("날짜,내용\n1,커피를 마셨습니다\n2,점심을 먹었습니다\n", "cp949"),
    ],
)  # fmt: skip
def test_two_lines_of_a_language_are_right_or_the_right_one_stands_beside(
    imported: Importer, text: str, encoding: str
) -> None:
    read, warnings, candidates = table(imported, text.encode(encoding))
    is_beside = any(all(line in text for line in sample.split(" ⏎ ")) for sample in candidates.values())
    assert read == text or ("encoding_guessed" in warnings and is_beside)


@pytest.mark.parametrize("language", ["", "en"])
@pytest.mark.parametrize("word", ["臺北", "高雄", "姓名", "香港", "產品", "銷售", "金額", "台中"])
def test_a_word_of_big5_is_at_least_offered(imported: Importer, word: str, language: str) -> None:
    text = f"id,city\n1,{word}\n2,Bar\n"
    read, _, candidates = table(imported, text.encode("big5"), language)
    assert read == text or f"1,{word}" in candidates.values()


@pytest.mark.parametrize("text", ["名\n李\n", "牛奶,5\n", "苹果,1\n", "上海\n", "客户,1\n"])
def test_a_word_of_chinese_is_chinese_for_whoever_reads_it(imported: Importer, text: str) -> None:
    assert table(imported, text.encode("gb18030"), "zh-CN") == (text, [], {})
    _, warnings, candidates = table(imported, text.encode("gb18030"), "en")
    assert "encoding_guessed" in warnings
    assert "gb18030" in candidates


@pytest.mark.parametrize(
    ("text", "encoding", "language"),
    [("Ёж,1\n", "cp1251", "ru"), ("Ёж,1\n", "koi8-r", "ru"), ("שם,1\n", "cp1255", "he"), ("Łódź,1\n", "cp1250", "pl"),
     ("şu,1\n", "cp1254", "tr"), ("東京,1\n", "cp932", "ja"),
     ("서울,1\n", "cp949", "ko"), ("臺北,1\n", "big5", "zh-TW")],
)  # fmt: skip
def test_the_language_of_whoever_asks_settles_a_word(
    imported: Importer, text: str, encoding: str, language: str
) -> None:
    read, _, candidates = table(imported, text.encode(encoding), language)
    assert read == text or text.strip() in candidates.values()


def test_a_guess_shows_the_same_lines_in_each_encoding_and_the_chosen_first(imported: Importer) -> None:
    content = "a,b\nplain,1\nשם פרטי,2\n".encode("cp1255")
    preview = imported.preview(content)
    (warning,) = preview.warnings
    first, *others = warning.parameters["candidates"]
    assert (first["encoding"], first["sample"]) == (preview.encoding, "שם פרטי,2")
    assert others
    assert all(each["sample"] != first["sample"] for each in others)
    chosen = imported.preview(content, encoding=others[0]["encoding"], header=False)
    assert (chosen.warnings, chosen.rows[2][0]) == ([], others[0]["sample"].split(",")[0])


def test_the_language_is_not_among_what_was_settled(imported: Importer) -> None:
    options = imported.preview("牛奶,5\n".encode("gb18030"), language="zh-CN").options
    assert (options.encoding, options.language) == ("gb18030", ReadOptions().language)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_marks_of_files_that_were_joined_are_dropped(imported: Importer, mark: bytes) -> None:
    result = imported(mark + b"id,v\n1,a\n\xef\xbb\xbf2,b\n3,\xef\xbb\xbfc\n")
    assert result.types["id"] == "integer"
    assert result.column("v") == ["a", "b", "\ufeffc"]  # within a cell it is a character like others


@pytest.mark.parametrize("end", [b"\x1a", b"\n\x1a", b"\r\n\x1a\x1a\x1a"])
def test_the_end_of_file_of_dos_is_no_row(imported: Importer, end: bytes) -> None:
    result = imported(b"a,b\n1,2\n3,4" + end)
    assert (result.rows, result.rejects) == ([[1, 2], [3, 4]], [])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a,b\n1,\0\n2,y\n3,z\n", 2), (b"name\nAnn\0\nBob\n", 2), (b"id,name\n1,\0\n2,Ann\n3,Bob\n4,Cy\n", 2),
        ("id,name\n1,Müller\n2,\0\n3,Zoë\n".encode(), 3), ("姓名,城市\n李,上海\n张三,\0北京\n".encode("gb18030"), 3),
    ],
    ids=["cell", "end", "odd", "utf-8", "gb18030"],
)  # fmt: skip
def test_a_nul_costs_its_row_and_is_no_sign_of_utf16(imported: Importer, content: bytes, line: int) -> None:
    assert imported(content, language="zh-CN").reasons == [(line, None, "nul_character")]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("番号,名前\n1,りんご\n2,バナナ\n", "iso2022_jp"), ("번호,이름\n1,사과\n2,바나나\n", "iso2022_kr")],
)
def test_encodings_that_switch_are_told_by_their_switches(imported: Importer, text: str, encoding: str) -> None:
    assert table(imported, text.encode(encoding)) == (text, [], {})


def test_halves_of_a_character_in_a_small_file_cost_their_row(imported: Importer) -> None:
    result = imported(b"id,name\n1,\xed\xa0\xbd\xed\xb8\x80\n2,M\xc3\xbcller\n")
    assert (result.rows, result.reasons) == ([[2, "Müller"]], [(2, None, "bad_encoding")])


def test_a_title_in_another_encoding_is_shown_as_well_as_it_can_be(imported: Importer) -> None:
    content = b"Caf\xe9 report\n\nid,b\n1,\xc3\xa9\n2,\xc3\xa9\n"
    preview = imported.preview(content)
    assert msgspec.json.encode(preview)
    assert [(one.reason, one.raw) for one in preview.left_out] == [("above_table", "Caf\ufffd report")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["a,b\n1,张\n2,李\n", "姓名,城市\n张三,北京\n上海,上海\n", "id,name\n1,Zoë\n"])
def test_utf16_is_told_by_its_zeros(imported: Importer, text: str, encoding: str) -> None:
    assert table(imported, text.encode(encoding))[0] == text


def test_a_byte_that_is_no_text_is_shown_as_one(imported: Importer) -> None:
    result = imported("姓名,n\n张三,1\n".encode("gb18030") + b"a\xff,3\n", encoding="gb18030")
    assert [reject["raw"] for reject in result.rejects] == ["a\ufffd,3"]


def test_traces_of_a_double_conversion_are_told(imported: Importer) -> None:
    assert [w.code for w in imported("a,b\n1,it\x92s\n").converted.warnings] == ["control_characters"]
    assert imported("a,b\n1,it’s\n").converted.warnings == []

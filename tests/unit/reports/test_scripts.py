"""Every script of our readers comes out of a PDF: in headings, texts, tables, charts, in the faces of its language."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from tests.unit.reports.orders import render, workbook

TEMPLATE = """\
title: "{words}"
language: {language}
formats: [pdf]
queries:
  q: "select * from (values ('{words}', 1.5, date '2026-03-01'), ('Tea', 2, date '2026-04-01')) t(name, n, month)"
blocks:
  - heading: "{words}"
  - kpis: [{{label: "{words}", value: q.n}}]
  - text: "{words} *{words}* **{words}**"
  - chart: {{kind: bar, query: q, x: name, y: n, title: "{words}"}}
  - chart: {{kind: line, query: q, x: month, y: n}}
  - chart:
      query: q
      title: "{words}"
      option:
        xAxis: {{type: category, data: ["{words}"], axisLabel: {{rotate: 30}}}}
        yAxis: {{}}
        series: [{{type: bar, data: [1]}}]
  - table: {{query: q, columns: [{{name: name, label: "{words}"}}, n, {{name: month, format: month}}]}}
"""
SCRIPTS = [
    ("en", "Škoda Łódź şehir ğ İstanbul ő ß ŵ Ḥ"),
    ("cs", "Příliš žluťoučký"),
    ("el", "Καλημέρα ά έ ΐ Ὀδυσσεύς"),
    ("ru", "Съешь ещё ґ ў Ђ"),
    ("en", "₹ ₽ ₺ ₴ ₩ ₦ € ₿"),
    ("de", "½ ⅓ ⅞ → ← ⇒ ⟶ ↗ ✗ ✓ ❤ ★ ☆ ▲ ▼ ● ☐ ☑ ☒ ⚠ ≤ ≈ ∑ √ ∞ ⌘ ① №"),
    ("en", "❤️ 😀 🚀 👍🏽 👨‍👩‍👧 🇩🇪"),
    ("ar", "مرحبا، كيف الحال؟"),
    ("fa", "گزارش فروش پچژ"),
    ("he", "שלום עולם ₪"),
    ("th", "สวัสดี ก๋วยเตี๋ยว น้ำ"),
    ("hi", "नमस्ते क्षत्रिय ज्ञान"),
    ("bn", "বাংলা প্রতিবেদন"),
    ("ta", "தமிழ் அறிக்கை"),
    ("zh-CN", "骨直角复：“销售”……"),
    ("zh-Hant", "骨直角複「銷售」"),
    ("ja", "売上レポート「直」"),
    ("ko", "판매 보고서"),
    ("en", "مرحبا שלום नमस्ते 骨 かな 한국 สวัสดี Ж 😀"),
]
RIGHT_TO_LEFT = {"ar", "fa", "he"}


def made(source: str, orders: Path, directory: Path) -> Path:
    """The PDF of a report that has no warning."""
    rendered = render(source, orders, directory, {}, "pdf")
    assert rendered.warnings == ()
    return rendered.artifacts[0].path


def faces(path: Path) -> dict[str, str]:
    """The last face in which each letter is set."""
    found: dict[str, str] = {}

    def see(text: str, _cm: object, _tm: object, font: dict[str, str] | None, _size: float) -> None:
        if font:
            found.update(dict.fromkeys(text, font["/BaseFont"].partition("+")[2]))

    for page in PdfReader(path).pages:
        page.extract_text(visitor_text=see)
    return found


def programs(path: Path) -> dict[str, list[bytes]]:
    """What is embedded of each face."""
    with pikepdf.open(path) as pdf:
        found: dict[str, list[bytes]] = {}
        for thing in pdf.objects:
            if isinstance(thing, pikepdf.Dictionary) and thing.get("/Type") == "/FontDescriptor":
                program = thing.get("/FontFile3", thing.get("/FontFile2"))
                assert program is not None
                found.setdefault(str(thing["/FontName"]).partition("+")[2], []).append(program.read_bytes())
        return {name: sorted(them) for name, them in found.items()}


@pytest.mark.parametrize(("language", "words"), SCRIPTS, ids=[f"{language} {words[:6]}" for language, words in SCRIPTS])
def test_a_script_is_set_without_boxes_and_its_text_can_be_taken_out(
    language: str, words: str, orders: Path, tmp_path: Path
) -> None:
    path = made(TEMPLATE.format(language=language, words=words), orders, tmp_path)
    with pikepdf.open(path) as pdf, pdf.open_metadata() as metadata:
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "A")
        assert pdf.check_pdf_syntax() == []
    text = "".join(page.extract_text() for page in PdfReader(path).pages)
    if any(unicodedata.category(letter) in ("Mn", "Mc") for letter in words):
        assert set(words) <= set(text)  # the reader of this test does not know which letters are one sign
    elif language in RIGHT_TO_LEFT:
        assert set(words.split()) <= set(text.split())
    else:
        # Title, heading, label of a figure, text, titles and labels of charts, head and cell: none is lost.
        assert squeezed(text).count(squeezed(words)) >= 10, text


def squeezed(text: str) -> str:
    return "".join(text.split())


SHORT = """\
title: T
language: {language}
formats: [pdf]
queries: {{q: "select 'a' as name, 1 as n"}}
blocks: [{block}]
"""
HEADING = '{{heading: "{words}"}}'
TEXT = '{{text: "{words}"}}'
CHART = '{{chart: {{kind: bar, query: q, x: name, y: n, title: "{words}"}}}}'


def short(language: str, words: str, orders: Path, directory: Path, *, block: str = TEXT) -> Path:
    source = SHORT.format(language=language, block=block.format(words=words))
    return made(source, orders, directory)


def test_chinese_characters_have_the_shapes_of_the_language_in_texts_and_charts(orders: Path, tmp_path: Path) -> None:
    def shapes(language: str, words: str) -> bytes:
        """Of the bold face; those of a heading and of a chart's title are the same."""
        heading, chart = (
            programs(short(language, words, orders, tmp_path / kind, block=block))["NotoSansCJKtc-Bold"]
            for kind, block in (("heading", HEADING), ("chart", CHART))
        )
        assert heading == chart
        return heading[0]

    simplified, traditional, japanese = (shapes(language, "骨直") for language in ("zh-CN", "zh-TW", "ja"))
    assert len({simplified, traditional, japanese}) == 3
    assert shapes("zh", "骨直") == simplified
    assert shapes("zh-Hant", "骨直") == traditional
    # In other languages: simplified, unless there is kana.
    assert shapes("de", "骨直") == shapes("he", "骨直") == simplified
    assert shapes("en", "骨直あ") == shapes("ja", "骨直あ")


@pytest.mark.parametrize("block", [TEXT, CHART], ids=["text", "chart"])
def test_latin_in_chinese_is_latin_and_chinese_keeps_its_own_marks(block: str, orders: Path, tmp_path: Path) -> None:
    apostrophe = faces(short("zh-CN", "Don’t", orders, tmp_path / "apostrophe", block=block))["’"]
    assert apostrophe.startswith("NotoSans-")
    marks = faces(short("zh-CN", "他说：“好”……", orders, tmp_path / "marks", block=block))
    assert {marks[mark].partition("-")[0] for mark in "：“”…"} == {"NotoSansCJKtc"}
    western = faces(short("en", "“yes” it’s 他", orders, tmp_path / "western", block=block))
    assert {western[mark].partition("-")[0] for mark in "“”’"} == {"NotoSans"}


def test_italics_are_italic(orders: Path, tmp_path: Path) -> None:
    embedded = programs(short("en", "*one* ***two*** three **four**", orders, tmp_path))
    assert {"NotoSans-Italic", "NotoSans-BoldItalic", "NotoSans-Regular", "NotoSans-Bold"} == set(embedded)


def test_only_the_faces_that_are_needed_are_embedded(orders: Path, tmp_path: Path) -> None:
    path = short("en", "Figures", orders, tmp_path)
    assert set(programs(path)) == {"NotoSans-Regular", "NotoSans-Bold"}
    assert path.stat().st_size < 30_000


@pytest.mark.parametrize("block", [TEXT, CHART], ids=["text", "chart"])
@pytest.mark.parametrize("letter", ["\\ufffd", "\\ue000", "\\U00010000"], ids=["replacement", "private", "linear b"])
def test_what_no_face_has_is_a_box_and_a_warning(letter: str, block: str, orders: Path, tmp_path: Path) -> None:
    source = SHORT.format(language="en", block=block.format(words=f"A {letter}"))
    rendered = render(source, orders, tmp_path, {}, "pdf")
    assert len(rendered.warnings) == 1
    assert "no shape for a character" in rendered.warnings[0]
    assert len(rendered.artifacts) == 1


def test_arabic_and_hebrew_run_from_right_to_left_in_every_format(orders: Path, tmp_path: Path) -> None:
    source = SHORT.format(language="he", block="{table: {query: q, columns: [name, {name: n, align: left}]}}")
    source = source.replace("'a' as name", "'שלום' as name").replace("[pdf]", "[pdf, html, xlsx]")
    rendered = render(source, orders, tmp_path, {}, "pdf", "html", "xlsx")
    places: dict[str, float] = {}

    def see(text: str, matrix: list[float], inner: list[float], _font: object, _size: float) -> None:
        places.setdefault(text.strip(), matrix[4] + inner[4])

    PdfReader(rendered.artifacts[0].path).pages[0].extract_text(visitor_text=see)
    assert places["name"] > places["n"]
    assert '<html lang="he" dir="rtl">' in rendered.artifacts[1].path.read_text("utf-8")
    assert all(sheet.sheet_view.rightToLeft for sheet in workbook(rendered).worksheets)

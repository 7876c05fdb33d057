"""A brand in every format: its texts on every page, its color in all shades, its logo; none where none is wanted."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pypdfium2
import pytest
from PIL import Image
from pypdf import PdfReader

from server.reports.brand import DARK_PAGE, WHITE, Brand, contrast, shades_of
from server.reports.images import copy_logo
from server.reports.work import CopyRequest, Rendered
from tests.unit.reports.orders import render

BRAND = Brand(
    accent="#ffb400",
    heading_font="serif",
    header="Müller & Söhne {{ today }}",
    footer="Harbour Street 12 <b>",
    confidentiality='Confidential – "internal" </style>',
)
SOURCE = """\
title: Sales
formats: [pdf, html, xlsx]
queries:
  top: select product, sum(amount) as amount from orders group by 1 order by 1
  rows: select region, product, amount from orders limit 90
blocks:
  - heading: First
  - chart: {kind: bar, query: top, x: product, y: amount}
  - table: {query: rows, columns: [region, product, {name: amount, bar: true}]}
"""


@pytest.fixture(scope="module")
def logo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logo") / "logo.png"
    Image.new("RGB", (300, 100), (176, 36, 24)).save(path)
    return path


@pytest.fixture(scope="module")
def branded(orders: Path, logo: Path, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    rendered = render(
        SOURCE, orders, tmp_path_factory.mktemp("brand"), {}, "pdf", "html", "xlsx", brand=BRAND, logo=logo
    )
    assert rendered.warnings == ()
    return rendered


def file_of(rendered: Rendered, format: str) -> bytes:  # noqa: A002 – the field's name
    return next(artifact.path for artifact in rendered.artifacts if artifact.format == format).read_bytes()


def test_the_pdf_says_on_every_page_whose_it_is(branded: Rendered) -> None:
    pages = PdfReader(io.BytesIO(file_of(branded, "pdf"))).pages
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        text = page.extract_text()
        for said in (BRAND.header, BRAND.footer, BRAND.confidentiality, f"Page {number} of {len(pages)}"):
            assert said in text
    assert [len(page.images) for page in pages] == [1, *([0] * (len(pages) - 1))]


def test_a_line_without_blanks_stays_on_the_page(orders: Path, tmp_path: Path) -> None:
    """As does a title that is a little too long for its line: both are set smaller."""
    brand = Brand(header="H" * 100, footer="W" * 100, confidentiality="M" * 80)
    title = "Sales of all shops in the north and the east"
    source = SOURCE.replace("title: Sales", f"title: {title}")
    page = pypdfium2.PdfDocument(file_of(render(source, orders, tmp_path, {}, "pdf", brand=brand), "pdf"))[0]
    text = page.get_textpage()
    assert all(said in text.get_text_range() for said in (title, brand.header, brand.footer, brand.confidentiality))
    assert max(text.get_charbox(index)[2] for index in range(text.count_chars())) < page.get_width() - 40


def test_the_pdf_sets_headings_in_the_brands_letters(branded: Rendered) -> None:
    content = file_of(branded, "pdf")
    assert b"NotoSerif-Bold" in content
    assert b"NotoSans" in content


def test_the_page_has_its_shades_texts_and_logo_within_its_room(branded: Rendered) -> None:
    page = file_of(branded, "html").decode()
    shades = shades_of(BRAND.accent)
    assert f"--accent: {shades.areas}; --letters: {shades.letters};" in page
    assert f"--accent: {shades.on_dark}; --letters: {shades.on_dark};" in page
    assert "Müller &amp; Söhne {{ today }}" in page
    assert "Harbour Street 12 &lt;b&gt;" in page
    assert "Confidential – &quot;internal&quot; &lt;/style&gt;</p>" in page
    assert page.count("</style>") == 1
    assert 'class="logo" src="data:image/png;base64,' in page
    assert len(page) < 150_000


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl knows no data bars
def test_the_workbook_prints_them_and_fills_heads(branded: Rendered) -> None:
    content = file_of(branded, "xlsx")
    book = openpyxl.load_workbook(io.BytesIO(content))
    for sheet in book:
        assert "Müller && Söhne {{ today }}" in str(sheet.oddHeader.left.text)
        foot = str(sheet.oddFooter.left.text)
        assert BRAND.confidentiality in foot
        assert BRAND.footer in foot
        assert len(str(sheet.oddFooter)) <= 255
    table = book.worksheets[1]
    assert table["A1"].fill.start_color.rgb == "FFFFB400"
    assert table["A1"].font.color.rgb == "FF000000"  # white could not be read on it
    assert "xl/media/image1.png" in zipfile.ZipFile(io.BytesIO(content)).namelist()


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")
def test_the_longest_texts_leave_the_page_number_in_excel(orders: Path, tmp_path: Path) -> None:
    long = Brand(header="&" * 100, footer="&" * 100, confidentiality="&" * 80)
    rendered = render(SOURCE, orders, tmp_path, {}, "xlsx", brand=long)
    for sheet in openpyxl.load_workbook(io.BytesIO(file_of(rendered, "xlsx"))):
        assert "&P" in str(sheet.oddFooter.right.text) or "[Page]" in str(sheet.oddFooter.right.text)


def test_charts_keep_the_colors_that_can_be_told_apart(branded: Rendered, orders: Path, tmp_path: Path) -> None:
    plain = render(SOURCE, orders, tmp_path, {}, "html")
    drawn = [file_of(each, "html").decode().split("<svg")[1].split("</svg>")[0] for each in (branded, plain)]
    assert drawn[0] == drawn[1]


def test_a_template_may_have_none(orders: Path, logo: Path, tmp_path: Path) -> None:
    without = "brand: false\n" + SOURCE
    one = render(without, orders, tmp_path / "one", {}, "pdf", "html", "xlsx", brand=BRAND, logo=logo)
    two = render(without, orders, tmp_path / "two", {}, "pdf", "html", "xlsx")
    assert [artifact.sha256 for artifact in one.artifacts] == [artifact.sha256 for artifact in two.artifacts]
    assert b"Harbour Street" not in file_of(one, "html")


def test_the_same_brand_gives_the_same_bytes(branded: Rendered, orders: Path, logo: Path, tmp_path: Path) -> None:
    again = render(SOURCE, orders, tmp_path, {}, "pdf", "html", "xlsx", brand=BRAND, logo=logo)
    assert [artifact.sha256 for artifact in again.artifacts] == [artifact.sha256 for artifact in branded.artifacts]


@pytest.mark.parametrize("accent", ["#ffffff", "#ffff00", "#ffb400", "#0a5c5c", "#2563a8", "#000000", ""])
def test_letters_can_be_read_on_white_and_on_dark_pages(accent: str) -> None:
    shades = shades_of(accent)
    assert contrast(shades.letters, WHITE) >= 4.5
    assert contrast(shades.on_dark, DARK_PAGE) >= 4.5
    assert shades.areas == (accent or "#2563a8")
    assert shades.is_darkened == (accent in ("#ffffff", "#ffff00", "#ffb400"))


def test_what_is_empty_falls_back_field_by_field() -> None:
    server = Brand(accent="#0a5c5c", header="Group", confidentiality="Internal")
    assert Brand(header="Mine").or_else(server) == Brand(accent="#0a5c5c", header="Mine", confidentiality="Internal")
    assert Brand().or_else(server) == server


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "1", "LA"])
def test_a_large_logo_is_kept_as_large_as_it_is_seen(mode: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    Image.new("RGB", (4000, 1000), (255, 0, 0)).convert(mode).save(source, "PNG")
    copied = copy_logo(CopyRequest(source=source, name="logo", target=target), lambda _message: None)
    assert (copied.media_type, copied.width, copied.height) == ("image/png", 600, 150)
    assert copied.size == target.stat().st_size < 100_000

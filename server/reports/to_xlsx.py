"""Excel workbooks: a summary, one sheet a table with real numbers and filters, and Excel's own charts."""

from __future__ import annotations

import io

import xlsxwriter

from server.reports.document import Document
from server.reports.excel_pages import Sheets
from server.reports.formats import Formats
from server.reports.workbook import MUTED, ReportBook

_LOGO_HEIGHT, _LOGO_SHARE = 48, 0.4  # pixels, and of the width of a page


def write_xlsx(document: Document, formats: Formats) -> bytes:
    """The same document gives the same bytes: the time in the file is the report's."""
    target = io.BytesIO()
    # Cells are data, whatever they look like: no text becomes a formula or a link.
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    with xlsxwriter.Workbook(target, options) as workbook:
        workbook.set_properties(
            {
                "title": document.title[:255],
                "subject": document.description[:255],
                "comments": "\n".join(document.provenance)[:255],
                "author": "Jindu",
                "created": document.made_at.replace(tzinfo=None),
            }
        )
        sheets = Sheets(
            size=document.page_size,
            landscape=document.landscape,
            title=document.title,
            left_foot=" · ".join((document.made_text, *document.provenance)),
            right_foot=document.words.page_of.format(page="&P", pages="&N"),
            brand=document.look.brand,
        )
        book = ReportBook(
            workbook,
            language=document.language,
            words=document.words,
            formats=formats,
            sheets=sheets,
            shades=document.look.shades,
            warn=document.warn,
        )
        for block in document.blocks:
            block.excel_sheets(book)
        book.write_planned()
        _write_summary(book, document)
        book.finish()
    return target.getvalue()


def _write_summary(book: ReportBook, document: Document) -> None:
    _write_brand_head(book, document)
    book.put(document.title, bold=True, font_size=18, font_color=book.shades.letters)
    if document.description:
        book.put(document.description, font_color=MUTED)
    for label, value in document.parameters:
        book.put_pair(label, value)
    book.summary.skip()
    for block in document.blocks:
        block.excel(book)
    book.summary.skip()
    own = [document.look.brand.footer] if document.look.brand.footer else []
    for line in (*own, document.made_text, *document.provenance):
        book.put(line, font_color=MUTED, font_size=9)


def _write_brand_head(book: ReportBook, document: Document) -> None:
    """Whose report it is, above its title."""
    brand, logo = document.look.brand, document.look.logo
    if logo is not None:
        summary = book.summary
        scale = min(summary.width * _LOGO_SHARE / logo.width, _LOGO_HEIGHT / logo.height)
        options = {
            "image_data": io.BytesIO(logo.content),
            "description": document.logo_told[:255],
            "x_scale": scale,
            "y_scale": scale,
            "y_offset": 3,
        }
        summary.sheet.insert_image(summary.area(_LOGO_HEIGHT + 6), 0, "logo", options)
    if brand.confidentiality:
        book.put(brand.confidentiality, bold=True, font_color=book.shades.letters, font_size=9)
    if brand.header:
        book.put(brand.header, font_color=MUTED)

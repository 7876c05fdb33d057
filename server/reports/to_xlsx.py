"""Excel workbooks: a summary, one sheet a table with real numbers and filters, and Excel's own charts."""

from __future__ import annotations

import io

import xlsxwriter

from server.reports.document import Document
from server.reports.formats import Formats
from server.reports.workbook import ACCENT, MUTED, ReportBook


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
        book = ReportBook(workbook, language=document.language, words=document.words, formats=formats)
        for block in document.blocks:
            block.excel_sheets(book)
        _write_summary(book, document)
        book.finish()
    return target.getvalue()


def _write_summary(book: ReportBook, document: Document) -> None:
    sheet = book.summary
    sheet.hide_gridlines(2)
    sheet.set_column(0, 7, 18)
    sheet.set_landscape() if document.landscape else sheet.set_portrait()
    sheet.fit_to_pages(1, 0)
    book.put(document.title, bold=True, font_size=18, font_color=ACCENT)
    if document.description:
        book.put(document.description, font_color=MUTED)
    for label, value in document.parameters:
        book.string(sheet, book.row, 0, label, book.style(font_color=MUTED))
        book.put(value, column=1, bold=True)
    book.row += 1
    for block in document.blocks:
        block.excel(book)
    for line in (document.made_text, *document.provenance):
        book.put(line, font_color=MUTED, font_size=9)

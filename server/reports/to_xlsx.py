"""Excel workbooks: a summary, one sheet a table with real numbers and filters, and Excel's own charts."""

from __future__ import annotations

import io

import xlsxwriter

from server.reports.document import Document
from server.reports.excel_pages import Sheets
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
        sheets = Sheets(
            size=document.page_size,
            landscape=document.landscape,
            title=document.title,
            left_foot=" · ".join((document.made_text, *document.provenance)),
            right_foot=document.words.page_of.format(page="&P", pages="&N"),
        )
        book = ReportBook(
            workbook, language=document.language, words=document.words, formats=formats, sheets=sheets
        )  # fmt: skip
        for block in document.blocks:
            block.excel_sheets(book)
        book.write_planned()
        _write_summary(book, document)
        book.finish()
    return target.getvalue()


def _write_summary(book: ReportBook, document: Document) -> None:
    book.put(document.title, bold=True, font_size=18, font_color=ACCENT)
    if document.description:
        book.put(document.description, font_color=MUTED)
    for label, value in document.parameters:
        book.put_pair(label, value)
    book.summary.skip()
    for block in document.blocks:
        block.excel(book)
    book.summary.skip()
    for line in (document.made_text, *document.provenance):
        book.put(line, font_color=MUTED, font_size=9)

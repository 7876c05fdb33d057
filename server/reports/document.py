"""One report as blocks with values: what every format shows, each in its own best form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from server.reports.batch_comparing import Figure
from server.reports.html_page import HtmlPage
from server.reports.look import BrandLook
from server.reports.paper import Paper
from server.reports.words import Words
from server.reports.workbook import ReportBook


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One block with its values. A kind of block says here how each format draws it."""

    def html(self, page: HtmlPage) -> str:
        """Its part of the page; every value escaped."""
        raise NotImplementedError

    def pdf(self, paper: Paper) -> dict[str, Any]:
        """What `show-blocks` of `assets/report.typ` draws, by its `kind`."""
        raise NotImplementedError

    def excel_sheets(self, book: ReportBook) -> None:
        """The sheets it needs of its own; they come before the figures behind charts."""

    def excel(self, book: ReportBook) -> None:
        """Its part of the summary sheet."""

    def excel_height(self, book: ReportBook) -> int | None:
        """Pixels that it takes where it stands beside others on the summary sheet; None where it cannot."""
        return None

    def heading(self) -> tuple[str, int] | None:
        """Text and level, of a block that begins a section."""
        return None

    def figures(self) -> Iterable[Figure]:
        """Numbers that stand by themselves, with what they are called."""
        return ()

    def has_figures(self) -> bool | None:
        """Whether a single figure in it is neither missing nor zero; None where it is there for no such figures."""
        return None

    def parts(self) -> Sequence[Block]:
        """The blocks that it holds."""
        return ()


def all_blocks(blocks: Iterable[Block]) -> Iterator[Block]:
    """Those within others as well, in the order in which they are read."""
    for block in blocks:
        yield block
        yield from all_blocks(block.parts())


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """`name` tells it from others of its batch, where the `title` that it shows does not. `provenance` are lines for
    the footer: data and template versions; `made_at` is when.

    `is_watched`: the page around its frame is told how far it is scrolled. `is_empty`: it shows no row.
    """

    title: str
    name: str
    file_name: str
    description: str
    language: str
    page_size: str
    landscape: bool
    blocks: list[Block]
    words: Words
    made_at: datetime
    made_text: str
    provenance: list[str]
    parameters: list[tuple[str, str]]
    formats: tuple[str, ...]
    look: BrandLook = BrandLook()
    warnings: list[str] = []
    is_watched: bool = False
    is_empty: bool = False

    @property
    def has_excel(self) -> bool:
        """Whether the report comes as a workbook too, which holds what other formats leave out."""
        return "xlsx" in self.formats

    @property
    def logo_told(self) -> str:
        """The logo in words: whose it is."""
        return self.look.brand.header or self.words.logo

    def warn(self, text: str) -> None:
        """Tells whoever ordered the report, once."""
        if text not in self.warnings:
            self.warnings.append(text)

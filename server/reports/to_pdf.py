"""PDF by Typst: content goes in as data, the look is `assets/report.typ`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import typst
from babel import Locale

from server.errors import InvalidInput
from server.reports.chart_engine import ChartEngine
from server.reports.document import Block, Document
from server.reports.drawing.lettering import cut
from server.reports.formats import Formats
from server.reports.images import Image
from server.reports.paper import LANDSCAPE, UPRIGHT, Paper

_ASSETS = Path(__file__).parent / "assets"
_LOOK = _ASSETS / "report.typ"
_STANDARD = "a-2a"
_NO_SHAPE = re.compile(r"the text (?P<text>.+?) could not be displayed", re.DOTALL)
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")  # in JSON; behind a backslash that is one these are letters
_HELD = {
    "characters": re.compile("[\u3000-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U000323af]"),
    "apostrophes": re.compile(r"\w’\w"),
    "quotations": re.compile("“"),
}
_MOST_TOLD = 60  # characters
# Typst's names, and the width and height in points.
_PAPERS = {
    "A3": ("a3", 841.89, 1190.55),
    "A4": ("a4", 595.28, 841.89),
    "A5": ("a5", 419.53, 595.28),
    "Letter": ("us-letter", 612.0, 792.0),
    "Legal": ("us-legal", 612.0, 1008.0),
}
_MAIL_WIDTH = 440  # of a chart in its own pixels: its letters can be read on a telephone
_RUNNING_SIZE = 8.0  # of the title above all pages but the first, which leaves room for when it was made
_MADE_TEXT_ROOM = 170.0
_MARGINS = 2 * 17 * 72 / 25.4  # left and right together, in points; as in `report.typ`


_TOO_LONG = "string is longer than"
_NAMED = ("table", "text", "kpis", "heading", "chart", "image")
_WHOLE = ("title", "alt")
_LONG = 8_000  # letters that fit anywhere


class PdfWriter:
    """One compiler a worker process: its fonts are read once. Typst keeps what it laid out; workers are recycled."""

    def __init__(self, charts: ChartEngine) -> None:
        self._charts = charts
        self._compiler: Any = None

    def write(self, document: Document, formats: Formats) -> bytes:
        """The same document gives the same bytes. Raises `InvalidInput` when Typst cannot lay it out.

        A character that no font has is a box, and a warning of the document: as PDF/A there could be no file.
        """
        paper = self._paper(document, formats, width=LANDSCAPE if document.landscape else UPRIGHT)
        blocks = [block.pdf(paper) for block in document.blocks]
        text = _as_text(self._data(document, formats) | {"blocks": blocks})
        try:
            try:
                return self._compiled(text, document, [_STANDARD])
            except typst.TypstError as error:
                if (missing := _without_shape(str(error))) is None:
                    raise
                document.warnings.append(document.words.no_shape.format(text=missing))
                return self._compiled(text, document, [])
        except typst.TypstError as error:
            reason = str(error).split("\n")[0][:300]
            if _TOO_LONG in reason:
                raise _too_long(document.title, blocks, reason) from None
            raise InvalidInput("The PDF cannot be laid out: {reason}", code="pdf_failed", reason=reason) from None

    def picture(self, document: Document, formats: Formats, block: Block, *, ppi: float) -> bytes:
        """One block of it by itself as PNG, on white. Raises `InvalidInput` when Typst cannot lay it out."""
        blocks = [block.pdf(self._paper(document, formats, width=_MAIL_WIDTH))]
        text = _as_text(self._data(document, formats) | {"blocks": blocks})
        inputs = {"document": text, "holds": _held(text), "picture": "yes"}
        try:
            png: bytes = self._ready().compile(sys_inputs=inputs, format="png", ppi=ppi)
        except typst.TypstError as error:
            reason = str(error).split("\n")[0][:300]
            raise InvalidInput("The chart cannot be drawn: {reason}", code="picture_failed", reason=reason) from None
        return png

    def _paper(self, document: Document, formats: Formats, *, width: int) -> Paper:
        return Paper(
            words=document.words,
            formats=formats,
            engine=self._charts,
            has_excel=document.has_excel,
            width=width,
            warn=document.warn,
            accent=document.look.shades.areas,
        )

    def _compiled(self, text: str, document: Document, standards: list[str]) -> bytes:
        pdf: bytes = self._ready().compile(
            sys_inputs={"document": text, "holds": _held(text)},
            format="pdf",
            pdf_standards=standards,
            timestamp=document.made_at,
        )
        return pdf

    def _ready(self) -> Any:
        if self._compiler is None:
            # Only our own fonts: the same file on every machine. No packages: nothing is fetched.
            self._compiler = typst.Compiler(
                input=str(_LOOK),
                root=str(_ASSETS),
                font_paths=typst.Fonts(
                    include_system_fonts=False, include_embedded_fonts=False, font_paths=font_directories()
                ),
            )
        return self._compiler

    def _data(self, document: Document, formats: Formats) -> dict[str, Any]:
        made = document.made_at
        locale = formats.locale
        paper, width, height = _PAPERS[document.page_size]
        rooms = (width - _MARGINS, height - _MARGINS)
        room, room_across = reversed(rooms) if document.landscape else rooms
        return {
            "title": document.title,
            "running_title": cut(document.title, room - _MADE_TEXT_ROOM, _RUNNING_SIZE),
            "description": document.description,
            "keywords": document.provenance,
            "made": [made.year, made.month, made.day, made.hour, made.minute, made.second],
            "made_text": document.made_text,
            "lang": locale.language,
            "region": _region(locale),
            "rtl": locale.text_direction == "rtl",
            "paper": paper,
            "flipped": document.landscape,
            "room": room,
            "room-across": room_across,
            "provenance": document.provenance,
            "page_of": document.words.page_of,
            "no_data": document.words.no_data,
            "parameters": document.parameters,
            "look": _look(document),
        }


def _as_text(data: Any) -> str:
    """As Typst reads it, without two characters that nobody sees and of which PDF/A allows none."""
    return _NUL.sub(r"\1", msgspec.json.encode(data).decode().replace("\ufeff", ""))


def _look(document: Document) -> dict[str, Any]:
    """What `look.typ` knows of a brand."""
    look = document.look
    brand, shades = look.brand, look.shades
    return {
        "areas": shades.areas,
        "letters": shades.letters,
        "tint": shades.tint,
        "heading_font": brand.heading_font,
        "text_font": brand.text_font,
        "header": brand.header,
        "footer": brand.footer,
        "confidentiality": brand.confidentiality,
        "logo": _drawing(look.logo) if look.logo else "",
        "logo_told": document.logo_told,
    }


def _drawing(image: Image) -> str:
    """Typst takes texts, not bytes."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{image.width}" height="{image.height}">'
        f'<image width="{image.width}" height="{image.height}" href="{image.data_address}"/></svg>'
    )


def _held(text: str) -> str:
    """What `faces.typ` has rules for, which would cost every report."""
    return " ".join(name for name, found in _HELD.items() if found.search(text))


def _without_shape(error: str) -> str | None:
    """The text of which no font has a character, if that is what Typst says."""
    found = _NO_SHAPE.search(error)
    return None if found is None else found["text"].strip("`\"'")[:_MOST_TOLD]


def _too_long(title: str, blocks: Iterable[Any], reason: str) -> InvalidInput:
    """Names the block with the longest of the texts that a PDF keeps whole: titles, and what charts say in words."""
    kept = [("title", title), *_kept_whole(blocks, "")]
    block, text = max(kept, key=lambda found: len(found[1]))
    if len(text) < _LONG:
        return InvalidInput("The PDF cannot be laid out: {reason}", code="pdf_failed", reason=reason)
    return InvalidInput(
        "The PDF cannot be laid out: {block} “{text}…” has {count} letters, which are more than a PDF takes there. "
        "Shorten it, for example by left(…, 200) in the query.",
        code="pdf_failed",
        block=block,
        count=len(text),
        text=text[:20],
    )


def _kept_whole(data: Any, block: str) -> Iterator[tuple[str, str]]:
    """With what they are of."""
    if isinstance(data, list | tuple):
        for value in data:
            yield from _kept_whole(value, block)
    elif isinstance(data, dict):
        block = str(data["kind"]) if data.get("kind") in _NAMED else block
        for name, value in data.items():
            if isinstance(value, str) and (name in _WHOLE or block == "heading"):
                yield block, value
            elif name not in ("rows", "nodes"):
                yield from _kept_whole(value, block)


def _region(locale: Locale) -> str | None:
    """Whose shapes Chinese characters have, as two letters: those of a script's home where no place is named."""
    if locale.language == "zh" and not locale.territory:
        return "TW" if locale.script == "Hant" else "CN"
    territory: str | None = locale.territory
    return territory


def font_directories() -> list[str]:
    """Where the fonts lie: those with Chinese come as Python packages."""
    packages = ("cvttf_NotoSansCJK_Regular", "cvttf_NotoSansCJK_Bold")
    return [str(_ASSETS / "fonts"), *(str(files(package)) for package in packages)]

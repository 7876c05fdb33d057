"""`image`: a picture of its owner's uploads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from html import escape
from typing import Any

from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.html_page import HtmlPage
from server.reports.images import Image
from server.reports.paper import Paper
from server.reports.reading import MapReader
from server.reports.workbook import ReportBook

_SPACE = 20  # pixels below a picture in Excel


class Picture(Block, frozen=True, kw_only=True):
    """`width` is the share of the room it takes, in percent; `alt` says in words what it shows."""

    image: Image
    alt: str
    width: int

    def html(self, page: HtmlPage) -> str:
        return (
            f'<p class="picture"><img src="{self.image.data_address}" alt="{escape(self.alt)}" '
            f'width="{self.image.width}" height="{self.image.height}" style="--width: {self.width}%"></p>'
        )

    def pdf(self, paper: Paper) -> dict[str, Any]:
        drawn = self._drawing(paper.width)
        return {"kind": "chart", "title": "", "empty": False, "svg": drawn, "letters": [], "alt": self.alt, "note": ""}

    def excel(self, book: ReportBook) -> None:
        summary = book.summary
        wide = summary.width * self.width / 100 / self.image.width
        scale = min(wide, (summary.page_height - _SPACE) / self.image.height)
        options = {
            "image_data": io.BytesIO(self.image.content),
            "description": self.alt[:255],
            "x_scale": scale,
            "y_scale": scale,
        }
        row = summary.area(int(self.image.height * scale) + _SPACE)
        summary.sheet.insert_image(row, 0, "picture", options)

    def _drawing(self, width: int) -> str:
        """As wide as its room, the picture at its left: Typst takes texts, not bytes, and scales it like a chart."""
        shown = width * self.width / 100
        height = shown * self.image.height / self.image.width
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.2f}">'
            f'<image width="{shown:.2f}" height="{height:.2f}" href="{self.image.data_address}"/></svg>'
        )


class ImageSpec(BlockSpec, frozen=True, kw_only=True):
    """`file` is the name of an upload, `width` a share of the room in percent."""

    file: str
    alt: Expression | None = None
    width: int = 40

    def build(self, builder: Builder) -> Iterator[Block]:
        with builder.failing(self):
            image = builder.image(self.file)
        alt = builder.text(self.alt, self) if self.alt else self.file
        yield Picture(image=image, alt=alt, width=self.width)


def _read(blocks: BlockReader, outer: MapReader, place: BlockPlace) -> BlockSpec | None:
    value = outer.get("image", required=True)
    if value is None:
        return None
    if value.kind == "scalar":
        if not isinstance(value.value, str) or not value.value:
            blocks.issues.add(value, "Name the picture's file, for example logo.png.")
            return None
        blocks.images.add(value.value)
        return ImageSpec(**place, file=value.value)
    reader = MapReader(value, blocks.issues, what="An image")
    spec = ImageSpec(
        **place,
        file=reader.text("file", required=True),
        alt=blocks.expressions.text_of(reader, "alt"),
        width=reader.integer("width", 40, least=5, most=100),
    )
    reader.finish()
    blocks.images.add(spec.file)
    return spec if spec.file else None


KIND = BlockKind(name="image", read=_read)

"""`text`: Markdown with expressions in it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from server.reports import markdown
from server.reports.blocks.reader import BlockKind, BlockReader
from server.reports.blocks.spec import BlockPlace, BlockSpec, Builder
from server.reports.document import Block
from server.reports.expressions import Expression
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.reading import MapReader
from server.reports.workbook import ReportBook


class Text(Block, frozen=True, kw_only=True):
    nodes: list[markdown.MarkdownNode]

    def html(self, page: HtmlPage) -> str:
        return "".join(map(_rich, self.nodes))

    def pdf(self, paper: Paper) -> dict[str, Any]:
        return {"kind": "text", "nodes": self.nodes}

    def excel(self, book: ReportBook) -> None:
        for text in markdown.plain(self.nodes):
            book.put(text)


class TextSpec(BlockSpec, frozen=True, kw_only=True):
    text: Expression

    def build(self, builder: Builder) -> Iterator[Block]:
        yield Text(nodes=markdown.parsed(builder.text(self.text, self)))


def _read(blocks: BlockReader, reader: MapReader, place: BlockPlace) -> BlockSpec | None:
    value = reader.get("text", required=True)
    text = blocks.expressions.markdown(value) if value else None
    return TextSpec(**place, text=text) if text else None


_TAGS = {"paragraph": "p", "item": "li", "quote": "blockquote"}


def _rich(node: markdown.MarkdownNode) -> str:
    kind = node["kind"]
    inner = "".join(map(_span, node.get("spans", ()))) + "".join(map(_rich, node.get("children", ())))
    if kind in _TAGS:
        return f"<{_TAGS[kind]}>{inner}</{_TAGS[kind]}>"
    if kind == "heading":
        level = min(node["level"] + 1, 4)
        return f"<h{level}>{inner}</h{level}>"
    if kind == "list":
        return f'<ol start="{node["start"]}">{inner}</ol>' if node["ordered"] else f"<ul>{inner}</ul>"
    if kind == "code":
        return f"<pre><code>{escape(node['text'])}</code></pre>"
    if kind == "rule":
        return "<hr>"
    if kind == "table":
        return f'<div class="scroll"><table>{inner}</table></div>'
    if kind == "row":
        return f"<tr>{inner}</tr>"
    if kind == "cell":
        tag = "th" if node["header"] else "td"
        return f'<{tag} class="{escape(node["align"])}">{inner}</{tag}>'
    return inner


def _span(span: markdown.MarkdownNode) -> str:
    if span["kind"] == "break":
        return "<br>"
    text = escape(span["text"])
    for flag, tag in (("code", "code"), ("bold", "strong"), ("italic", "em")):
        if span[flag]:
            text = f"<{tag}>{text}</{tag}>"
    return f'<a href="{escape(span["link"])}" rel="noopener noreferrer">{text}</a>' if span["link"] else text


KIND = BlockKind(name="text", read=_read)

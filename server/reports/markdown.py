"""Markdown (CommonMark and tables, no HTML) as a tree of plain values that each writer shows in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.emphasis import tokenize
from markdown_it.token import Token

from server.reports.line_breaks import between, is_wide

MarkdownNode = dict[str, Any]
"""Blocks: `{"kind": paragraph|heading|list|item|quote|code|rule|table|row|cell, "children": […]}`.
Spans: `{"kind": "text", "text": …, "bold": …, "italic": …, "code": …, "link": …}` and `{"kind": "break"}`."""

_INLINE = re.compile(r"([\\`*_\[\]<>&|~#!])")
_LEADING = re.compile(r"^([-+=]|\d+(?=[.)]))")
_LINK = re.compile(r"(?:https?://|mailto:)[^\s]+\Z", re.IGNORECASE)

_BLOCKS = {
    "paragraph": "paragraph",
    "heading": "heading",
    "bullet_list": "list",
    "ordered_list": "list",
    "list_item": "item",
    "blockquote": "quote",
    "table": "table",
    "tr": "row",
    "th": "cell",
    "td": "cell",
}


def escaped(value: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    text = _INLINE.sub(r"\\\1", " ".join(value.split("\n")))
    found = _LEADING.match(text)
    if not found:
        return text
    if found.group().isdigit():
        return f"{found.group()}\\{text[found.end() :]}"
    return f"\\{text}"


def parsed(text: str) -> list[MarkdownNode]:
    """The blocks of a text; links elsewhere than http, https and mailto lose their address, images show their text."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.inline.ruler.at("emphasis", _emphasis)
    tokens = reader.parse(text)
    root: MarkdownNode = {"kind": "root", "children": []}
    stack = [root]
    for token in tokens:
        _take(token, stack)
    children: list[MarkdownNode] = root["children"]
    return children


def plain(nodes: list[MarkdownNode]) -> Iterator[str]:
    """The text of each paragraph-like block, without marks, for places that show no formatting."""
    for node in nodes:
        spans = node.get("spans")
        if spans is not None:
            yield "".join(span.get("text", " ") for span in spans)
        elif node["kind"] == "code":
            yield node["text"]
        elif node["kind"] == "row":
            yield "   ".join(text for cell in node["children"] for text in plain([cell]))
        else:
            yield from plain(node.get("children", []))


def _emphasis(state: StateInline, silent: bool) -> bool:
    """Asterisks beside Chinese or Japanese open and close wherever no space stands in the way.

    CommonMark wants a space or a mark after `**粗体：**` where what it has marked ends in a mark; those languages have
    no spaces (https://github.com/commonmark/commonmark-spec/issues/650).
    """
    start, before = state.pos, len(state.delimiters)
    found = tokenize(state, silent)
    if found and state.src[start] == "*":
        last, first = state.src[start - 1 : start], state.src[state.pos : state.pos + 1]
        if any(letter and is_wide(letter) for letter in (last, first)):
            for delimiter in state.delimiters[before:]:
                delimiter.open = bool(first.strip())
                delimiter.close = bool(last.strip())
    return found


def _take(token: Token, stack: list[MarkdownNode]) -> None:
    if token.type == "inline":
        _add_spans(token, stack[-1])
    elif token.type in ("fence", "code_block"):
        stack[-1]["children"].append({"kind": "code", "text": token.content.rstrip("\n")})
    elif token.type == "hr":
        stack[-1]["children"].append({"kind": "rule"})
    elif token.nesting == 1:
        kind = _BLOCKS.get(token.type.removesuffix("_open"))
        node = _opened(kind, token) if kind else {"kind": "group", "children": []}
        stack[-1]["children"].append(node)
        stack.append(node)
    elif token.nesting == -1:
        closed = stack.pop()
        if closed["kind"] == "group":  # thead and tbody: rows know themselves what they are
            stack[-1]["children"][-1:] = closed["children"]


def _opened(kind: str, token: Token) -> MarkdownNode:
    node: MarkdownNode = {"kind": kind, "children": []}
    if kind == "heading":
        node["level"] = int(token.tag[1:])
    elif kind == "list":
        node["ordered"] = token.type.startswith("ordered")
        node["start"] = int(token.attrs.get("start", 1))
    elif kind == "cell":
        node["header"] = token.tag == "th"
        node["align"] = str(token.attrs.get("style", "")).removeprefix("text-align:") or "left"
    return node


def _soft_break(children: list[Token], place: int) -> str:
    """By the letters around it, whatever marks are between."""
    before = next((child.content for child in reversed(children[:place]) if child.content), "")
    after = next((child.content for child in children[place + 1 :] if child.content), "")
    return between(before, after)


def _add_spans(token: Token, parent: MarkdownNode) -> None:
    spans: list[MarkdownNode] = []
    bold = italic = 0
    link = ""
    children = token.children or []
    for place, child in enumerate(children):
        if child.type in ("strong_open", "strong_close"):
            bold += child.nesting
        elif child.type in ("em_open", "em_close"):
            italic += child.nesting
        elif child.type == "link_open":
            address = str(child.attrs.get("href", ""))
            link = address if _LINK.match(address) else ""
        elif child.type == "link_close":
            link = ""
        elif child.type == "hardbreak":
            spans.append({"kind": "break"})
        else:
            text = _soft_break(children, place) if child.type == "softbreak" else child.content
            code = child.type == "code_inline"
            spans.append(
                {"kind": "text", "text": text, "bold": bold > 0, "italic": italic > 0, "code": code, "link": link}
            )
    parent["spans"] = [*parent.get("spans", []), *[span for span in spans if span.get("text") != ""]]

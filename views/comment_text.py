"""A comment as a page shows it: plain text, whose addresses are links and whose named people stand out."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from server.reports.comments import Comment
from server.reports.mentions import parts_of

# Chinese marks end an address, as spaces do: `见https://example.com。`
_ADDRESS = re.compile(r"https?://[^\s<>\"'`{}|\\^，。、；：！？（）【】《》「」“”‘’]+", re.IGNORECASE)
_AT_THE_END = ".,;:!?…"
_LINK = Markup('<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>')
_NAMED = Markup('<b class="mention strong">{}</b>')


def comment_text(comment: Comment) -> Markup:
    """`comment|comment_text`. All of it is escaped, and only addresses of the web lead somewhere."""
    pieces = parts_of(comment.text, comment.named)
    return Markup("").join(_NAMED.format(text) if is_name else _linked(text) for text, is_name in pieces)


def _linked(text: str) -> Markup:
    shown, last = Markup(""), 0
    for match in _ADDRESS.finditer(text):
        address = match.group().rstrip(_AT_THE_END)
        if address.endswith(")") and "(" not in address:
            address = address.rstrip(")" + _AT_THE_END)
        shown += escape(text[last : match.start()]) + _LINK.format(address, address)
        last = match.start() + len(address)
    return shown + escape(text[last:])

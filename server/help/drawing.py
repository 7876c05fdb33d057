"""A document as HTML in the looks of the pages. It comes with the program, and is still shown as if it did not:
what is not known of HTML appears as it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from PIL import Image

from server.help.chapters import BY_NAME
from server.help.links import DocumentLinks
from server.help.pictures import PICTURES, dark_one

Options = Any
_NAMED_AS_FILE = re.compile(r'(<a href="[^"]*/help/[^"]*">)([\w-]+)\.md</a>')
_FIRST_WIDE = "\u3000"


def drawn(tokens: list[Token], *, links: DocumentLinks, directory: Path) -> str:
    reader = MarkdownIt("commonmark", renderer_cls=_Drawing)
    drawing = reader.renderer
    assert isinstance(drawing, _Drawing)
    drawing.begin(links, directory)
    return _NAMED_AS_FILE.sub(_named, drawing.render(tokens, reader.options, {}))


def _named(found: re.Match[str]) -> str:
    """`imports.md`, which says enough on a forge, as its title."""
    return f"{found[1]}{escape(BY_NAME[found[2]].title)}</a>" if found[2] in BY_NAME else found[0]


class _Drawing(RendererHTML):
    """Each method is called for the token of its name."""

    def begin(self, links: DocumentLinks, directory: Path) -> None:
        self._links = links
        self._directory = directory
        self._heading = ""
        self._open: list[str] = []  # what stands for the links around here

    def heading_open(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        self._heading = "".join(child.content for child in tokens[idx + 1].children or ())
        anchor = escape(str(tokens[idx].attrGet("id")))
        return f'<{tokens[idx].tag} id="{anchor}"><a class="help__anchor plain-link" href="#{anchor}">'

    def heading_close(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        return f"</a></{tokens[idx].tag}>\n"

    def table_open(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        return f'<div class="table-scroll" role="group" tabindex="0"{self._label()}><table class="table">\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        is_empty = not tokens[idx + 1].content
        return "<td>" if is_empty else '<th scope="col">'

    def th_close(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        return "</td>" if not tokens[idx - 1].content else "</th>"

    def td_open(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        return "<td>"

    def fence(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        return f'<pre class="code" tabindex="0"{self._label()}>{escape(tokens[idx].content)}</pre>\n'

    code_block = fence

    def link_open(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        href = str(tokens[idx].attrGet("href"))
        address = self._links.address(href)
        self._open.append("span" if address is None else "a")
        if address is None:
            return f'<span class="help__elsewhere" title="{escape(self._links.target(href).removeprefix("../"))}">'
        return f'<a href="{escape(address)}">'

    def link_close(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        return f"</{self._open.pop()}>"

    def image(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        token = tokens[idx]
        return self._picture({"src": str(token.attrGet("src")), "alt": token.content})

    def softbreak(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        """Between Chinese characters a new line of the file is no blank."""
        beside = tokens[idx - 1].content[-1:] + "".join(each.content for each in tokens[idx + 1 : idx + 3])[:1]
        return "" if len(beside) == 2 and min(beside) >= _FIRST_WIDE else "\n"

    def html_inline(self, tokens: Sequence[Token], idx: int, options: Options, env: Any) -> str:
        picture = _picture_in(tokens[idx].content)
        return self._picture(picture) if picture else escape(tokens[idx].content)

    html_block = html_inline

    def _label(self) -> str:
        return f' aria-label="{escape(self._heading or self._links.file)}"'

    def _picture(self, given: Mapping[str, str]) -> str:
        """Two, where there is one for dark pages: the style sheet shows one of them, and only that is fetched."""
        address, path = self._links.picture(given["src"]), self._directory / self._links.target(given["src"])
        if address is None or not path.is_file():
            return escape(given["alt"])
        dark = path.with_name(dark_one(path.name))
        if PICTURES not in path.parts or not dark.is_file():
            return _image(path, address, given)
        dark_address = f"{address.rpartition('/')[0]}/{dark.name}"
        return _image(path, address, given, "help__light") + _image(dark, dark_address, given, "help__dark")


def _image(path: Path, address: str, given: Mapping[str, str], looks: str = "") -> str:
    with Image.open(path) as picture:
        width, height = picture.size
    shown = int(given.get("width") or width)
    about = f'width="{shown}" height="{round(height * shown / width)}" alt="{escape(given["alt"])}"'
    return f'<img{f" class={chr(34)}{looks}{chr(34)}" if looks else ""} src="{escape(address)}" {about} loading="lazy">'


def _picture_in(html: str) -> dict[str, str] | None:
    """The attributes, if it is `<img …>` and nothing else."""
    found: list[dict[str, str]] = []
    reader = _Tags(found.append)
    reader.feed(html.strip())
    return found[0] if found and not reader.has_more else None


class _Tags(HTMLParser):
    def __init__(self, found: Callable[[dict[str, str]], None]) -> None:
        super().__init__()
        self._found = found
        self.has_more = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self._found({name: value or "" for name, value in attrs})
        else:
            self.has_more = True

    def handle_data(self, data: str) -> None:
        self.has_more = True

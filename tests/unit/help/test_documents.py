"""All documents: what they link is there, here and on a forge; the guide says the same in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from markdown_it.token import Token

from server.help.anchors import NAMED, Anchors
from server.help.chapters import BY_NAME, CHAPTERS, ENTRIES, LANGUAGES, Chapter
from server.help.links import SERVED, DocumentLinks
from server.help.pictures import dark_one, picture_files
from server.help.reading import parsed, read_document, read_documents
from server.help.work import HelpDocument, ReadDocuments
from server.places import DOCS

ROOT = DOCS.parent
WANTED = ReadDocuments(directory=DOCS, root="")
GUIDE = [chapter for chapter in CHAPTERS if chapter.part == "guide"]
MOST_BYTES = 100_000
_OURS = frozenset("a p h2 h3 h4 ul ol li table thead tbody tr th td div pre code em strong img span".split())  # noqa: SIM905
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@cache
def documents() -> dict[tuple[str, str], HelpDocument]:
    return {(each.chapter, each.language): each for each in read_documents(WANTED, print)}


@cache
def tokens_of(path: Path) -> list[Token]:
    return parsed(path.read_text("utf-8"))


@cache
def anchors_of(path: Path) -> frozenset[str]:
    """As a forge makes them, and those that stand in the text."""
    made, tokens = Anchors(), tokens_of(path)
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    words = [re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading) for heading in headings]
    return frozenset(map(made.of, words)) | frozenset(NAMED.findall(path.read_text("utf-8")))


def links_in(path: Path) -> Iterator[str]:
    for token in tokens_of(path):
        for child in token.children or ():
            link = child.attrGet("href" if child.type == "link_open" else "src")
            if link and not re.match(r"https?://|mailto:", str(link)):
                yield str(link)
        yield from re.findall(r'<img src="([^"]+)"', token.content)


@pytest.mark.parametrize("page", [*PAGES, "../README.md", "../CONTRIBUTING.md", "../SECURITY.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    path = DOCS / page
    broken = []
    for link in links_in(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path.resolve()
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def test_every_link_of_a_page_leads_somewhere_here() -> None:
    broken = []
    for each in documents().values():
        own = {section.anchor for section in each.sections}
        for href in re.findall(r'href="([^"]+)"', each.html):
            path, _, anchor = href.partition("#")
            if path.startswith("/help/") and path.count("/") == 3:
                _, _, language, chapter = path.split("/")
                linked = documents()[chapter, BY_NAME[chapter].language(language)]
                names = {section.anchor for section in linked.sections}
            elif not path:
                names = own
            else:
                assert path.startswith(("http", "mailto:")) or path.removeprefix("/help/") in LANGUAGES, href
                continue
            if anchor and anchor not in names:
                broken.append((each.chapter, each.language, href))
    assert broken == []


def test_pictures_are_there_small_and_for_light_and_dark() -> None:
    files = picture_files(DOCS)
    shown = {name for each in documents().values() for name in re.findall(r'src="/help/pictures/([^"]+)"', each.html)}
    assert shown
    assert shown <= files.keys()
    assert {name for name in shown if ".dark." not in name} <= {name for name in files if dark_one(name) in files}
    assert max(path.stat().st_size for path in files.values()) < 120_000
    assert sum(path.stat().st_size for path in files.values()) < 3_000_000
    for each in documents().values():
        assert all('loading="lazy"' in image and "width=" in image for image in re.findall(r"<img[^>]*>", each.html))
        assert not [alt for alt in re.findall(r'alt="([^"]*)"', each.html) if not alt]


def test_what_is_written_nowhere_shows_html() -> None:
    for each in documents().values():
        names = set(re.findall(r"</?([a-z0-9]+)[\s>]", each.html))
        assert names <= _OURS
        assert not re.search(r"style=|onclick=|<script", each.html)


def test_no_star_of_bold_letters_is_left_in_the_text() -> None:
    """As in `**时。**字`: between a Chinese full stop and a letter, Markdown ends no bold letters."""
    for each in documents().values():
        read = re.sub(r"<(pre|code)\b.*?</\1>", "", each.html, flags=re.DOTALL)
        assert "**" not in read, (each.chapter, each.language, read[max(0, read.find("**") - 60) :][:120])


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_a_page_is_not_too_large(chapter: Chapter) -> None:
    for language in LANGUAGES:
        each = documents()[chapter.name, chapter.language(language)]
        assert len(each.html.encode()) < MOST_BYTES
        names = [section.anchor for section in each.sections]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("chapter", GUIDE, ids=lambda chapter: chapter.name)
def test_the_guide_says_the_same_in_every_language(chapter: Chapter) -> None:
    english, chinese = (documents()[chapter.name, language] for language in LANGUAGES)
    assert [(one.anchor, one.level) for one in english.sections] == [
        (one.anchor, one.level) for one in chinese.sections
    ]
    assert all(one.anchor or not one.title for one in english.sections)
    rows = [text.html.count("<tr>") for text in (english, chinese)]
    assert rows[0] == rows[1]
    code = [re.findall(r"<pre[^>]*>(.*?)</pre>", text.html, re.DOTALL) for text in (english, chinese)]
    assert [re.sub(r"# .*", "", each) for each in code[0]] == [re.sub(r"# .*", "", each) for each in code[1]]
    pictures = [re.findall(r'src="([^"]+)"', text.html) for text in (english, chinese)]
    assert [name.replace(".en.", ".zh-CN.") for name in pictures[0]] == pictures[1]


@pytest.mark.parametrize("chapter", GUIDE, ids=lambda chapter: chapter.name)
def test_the_chinese_of_the_guide_uses_its_words(chapter: Chapter) -> None:
    text = (DOCS / chapter.file("zh-CN")).read_text("utf-8")
    assert not re.search(r"下单|被拒行|略去的行|账号(?!）|[。，；]|$)|任务", text)


def test_every_chapter_of_the_guide_stands_on_the_entry_pages() -> None:
    for entry, language in ENTRIES.items():
        linked = {link.partition("#")[0] for link in links_in(DOCS / entry)}
        assert {chapter.file(language) for chapter in GUIDE} <= linked


@pytest.mark.parametrize(
    ("file", "link", "address"),
    [
        ("user-guide/analysts.md", "../imports.md#types", "/jindu/help/en/imports#types"),
        ("user-guide/analysts.zh-CN.md", "../imports.md", "/jindu/help/zh-CN/imports"),
        ("user-guide/analysts.zh-CN.md", "analysts.md", "/jindu/help/en/analysts"),
        ("imports.md", "user-guide.zh-CN.md", "/jindu/help/zh-CN"),
        ("imports.md", "#types", "#types"),
        ("imports.md", "https://example.com/a#b", "https://example.com/a#b"),
        ("imports.md", "../deploy/nginx.conf", None),
        ("imports.md", "../../etc/passwd", None),
    ],
)
def test_links_become_addresses(file: str, link: str, address: str | None) -> None:
    language = SERVED[file][1] or ("zh-CN" if "zh" in file else "en")
    assert DocumentLinks(file=file, language=language, root="/jindu").address(link) == address


def test_what_is_not_known_of_html_appears_as_it_is_written(tmp_path: Path) -> None:
    head = "# T\n\n<a id='one'></a>\n\n## 一 & 二\n\n".replace("'", '"')
    picture = "<img src='no.png' alt='a \"b\"'>"
    text = f"{head}甲\n乙 <script>x</script> {picture}\n\n| | |\n|---|---|\n| a | b |\n"
    (tmp_path / "imports.md").write_text(text, "utf-8")
    each = read_document(ReadDocuments(directory=tmp_path, root=""), BY_NAME["imports"], "en")
    assert each.title == "T"
    assert '<h2 id="one"><a class="help__anchor plain-link" href="#one">一 &amp; 二</a></h2>' in each.html
    assert "甲乙 &lt;script&gt;x&lt;/script&gt; a &quot;b&quot;" in each.html
    assert "<thead>" not in each.html
    (section,) = each.sections
    assert (section.anchor, section.title, section.text) == ("one", "一 & 二", "甲 乙 x a b")

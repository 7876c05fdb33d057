"""The PDFs of a batch as one file: a list with page numbers, then report after report, each with its bookmark.

Each page says its number in the whole (`7 / 120`), which is the one in the list and the bookmarks; above it stands
what the page is in its own report (“Page 2 of 3”): printed, a report can be taken out and is still whole.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

import pikepdf

from server.jobs.worker_process import OnReport
from server.reports.blocks.heading_drawn import Heading
from server.reports.blocks.table_cells import Cell, TableColumn, TableRow
from server.reports.blocks.table_drawn import Table
from server.reports.chart_engine import ChartEngine
from server.reports.document import Block, Document
from server.reports.formats import Formats, ValueFormat
from server.reports.look import BrandLook, look_of
from server.reports.rendering import read_template
from server.reports.to_pdf import PdfWriter
from server.reports.words import words_of
from server.reports.work import CombinedReport, CombineRequest
from server.storage.full_disk import full_disk_named

_AT_ONCE = 100  # files that are open beside each other
_NUMBER_SIZE, _NUMBER_HEIGHT = 8, 12  # points: of its letters, and from the foot of the page
_DIGIT, _SLASH = 0.556, 0.278  # widths in Helvetica, which each reader of PDF has; a space is as wide as a slash
_TRIES = 3  # to lay out a list whose page numbers depend on its own length


def combine(request: CombineRequest, report: OnReport) -> None:
    """Write `request.target`. The same batch gives the same bytes.

    The files are put together as they are, but for what holds of a file as a whole: it is no PDF/A.
    """
    files = [(each, each.pdf) for each in request.reports if each.pdf is not None]
    counts = [_page_count(path) for _each, path in files]
    cover = _cover(request, [each for each, _path in files], counts)
    head = request.scratch / "list.pdf"
    with full_disk_named():
        head.write_bytes(cover)
        parts = [
            _joined([path for _each, path in some], request.scratch / f"part-{number}.pdf")
            for number, some in enumerate(_in_batches(files))
        ]
        first = _page_count(head)
        places = [first + before for before in accumulate(counts[:-1], initial=0)]
        bookmarks = [
            (request.title, 0),
            *((each.title, place) for (each, _path), place in zip(files, places, strict=True)),
        ]
        _write(request, [head, *parts], bookmarks)


def _page_count(path: Path) -> int:
    with pikepdf.open(path) as pdf:
        return len(pdf.pages)


def _in_batches(files: Sequence[tuple[CombinedReport, Path]]) -> Iterator[Sequence[tuple[CombinedReport, Path]]]:
    return (files[start : start + _AT_ONCE] for start in range(0, len(files), _AT_ONCE))


def _joined(paths: Sequence[Path], target: Path) -> Path:
    """Few files are open at a time, however many there are."""
    with ExitStack() as opened, pikepdf.new() as whole:
        _append(whole, paths, opened)
        whole.save(target, deterministic_id=True)
    return target


def _append(whole: pikepdf.Pdf, paths: Sequence[Path], opened: ExitStack) -> None:
    for path in paths:
        pages = opened.enter_context(pikepdf.open(path)).pages
        for page in pages:
            if "/StructParents" in page.obj:  # into the tree of tags, which stays behind
                del page.obj["/StructParents"]
        whole.pages.extend(pages)


def _write(request: CombineRequest, parts: Sequence[Path], bookmarks: Sequence[tuple[str, int]]) -> None:
    with ExitStack() as opened, pikepdf.new() as whole:
        _append(whole, parts, opened)
        _number(whole)
        with whole.open_outline() as outline:
            outline.root.extend(pikepdf.OutlineItem(title, place) for title, place in bookmarks)
        whole.Root.Lang = request.language
        whole.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        whole.docinfo["/Title"] = request.title
        whole.docinfo["/CreationDate"] = pikepdf.models.metadata.encode_pdf_date(request.clock)
        whole.save(request.target, deterministic_id=True)


def _number(whole: pikepdf.Pdf) -> None:
    """In the middle of the foot, below what stands there; no part of the text that is read aloud."""
    helvetica = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    font, count = whole.make_indirect(helvetica), len(whole.pages)
    for number, page in enumerate(whole.pages, 1):
        text = f"{number} / {count}"
        width = sum(_DIGIT if letter.isdigit() else _SLASH for letter in text) * _NUMBER_SIZE
        left, _bottom, right, _top = map(float, page.mediabox)
        name = page.add_resource(font, pikepdf.Name.Font, pikepdf.Name.NumberInWhole)
        place = f"{(left + right - width) / 2:.2f} {_NUMBER_HEIGHT}"
        shown = f"/Artifact BMC BT {name} {_NUMBER_SIZE} Tf 0.35 g {place} Td ({text}) Tj ET EMC"
        page.contents_add(b"q\n", prepend=True)
        page.contents_add(f"\nQ\nq {shown} Q".encode())


def _cover(request: CombineRequest, made: Sequence[CombinedReport], counts: Sequence[int]) -> bytes:
    """The list of reports, laid out again until its page numbers are true."""
    length = 1
    for _try in range(_TRIES):
        places = [length + before + 1 for before in accumulate(counts[:-1], initial=0)]
        content = _listed(request, dict(zip([each.position for each in made], places, strict=True)))
        with pikepdf.open(io.BytesIO(content)) as pdf:
            found = len(pdf.pages)
        if found == length:
            break
        length = found
    return content


def _listed(request: CombineRequest, places: dict[int, int]) -> bytes:
    template = read_template(request.template_source)
    formats = Formats(template.language or request.language, request.time_zone)
    words = request.words
    blocks: list[Block] = [
        _table(
            (words.number, words.report, words.page),
            [
                (str(each.position), each.title, str(places[each.position]))
                for each in request.reports
                if each.position in places
            ],
            last="right",
        )
    ]
    missing = [(str(each.position), each.title, each.missing) for each in request.reports if each.pdf is None]
    if missing:
        blocks += [
            Heading(text=words.not_here),
            _table((words.number, words.report, words.reason), missing, last="left"),
        ]
    document = Document(
        title=request.title,
        name=request.title,
        file_name="",
        description=words.summary,
        language=formats.language,
        page_size=template.page.size,
        landscape=False,
        blocks=blocks,
        words=words_of(formats),
        made_at=request.clock,
        made_text="",
        provenance=[],
        parameters=[],
        formats=("pdf",),
        look=look_of(request.brand, request.logo) if template.brand else BrandLook(),
    )
    return _writer().write(document, formats)


def _table(heads: tuple[str, str, str], rows: Sequence[tuple[str, str, str]], *, last: str) -> Table:
    aligned = ("right", "left", last)
    return Table(
        title="",
        columns=[
            TableColumn(name=f"c{number}", label=head, format=ValueFormat(), align=align)
            for number, (head, align) in enumerate(zip(heads, aligned, strict=True))
        ],
        rows=[TableRow(cells=[Cell(value=text, text=text) for text in row]) for row in rows],
        max_rows=len(rows),
        row_count=len(rows),
    )


@functools.cache
def _writer() -> PdfWriter:
    return PdfWriter(ChartEngine())

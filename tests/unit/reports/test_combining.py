"""The PDFs of a batch as one: page numbers and bookmarks that are true, all reports told, the same bytes again."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from server.reports.combining import combine
from server.reports.work import CombinedReport, CombinedWords, CombineRequest
from tests.unit.reports.orders import CLOCK, render

SOURCE = "title: Sales\nblocks:\n  - text: One\n  - page_break: true\n  - text: Two\n"
WORDS = CombinedWords(
    summary="All but one", number="No.", report="Report", page="Page", not_here="Not in this file", reason="State"
)


@pytest.fixture(scope="module")
def pdf(orders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(SOURCE, orders, tmp_path_factory.mktemp("made"), {}, "pdf").artifacts[0].path


def combined(pdf: Path, count: int, directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    reports = [CombinedReport(position=n, title=f"Report {n}", pdf=pdf) for n in range(1, count)]
    reports.append(CombinedReport(position=count, title="Broken", missing="Failed: divided by zero"))
    request = CombineRequest(
        title="Batch",
        template_source=SOURCE,
        words=WORDS,
        reports=tuple(reports),
        clock=CLOCK,
        language="en",
        time_zone="UTC",
        target=directory / "combined.pdf",
        scratch=directory,
    )
    combine(request, lambda _message: None)
    return request.target


@pytest.mark.parametrize(("count", "listed_on"), [(4, 1), (130, 3)])
def test_the_list_and_the_bookmarks_lead_to_each_report(pdf: Path, count: int, listed_on: int, tmp_path: Path) -> None:
    made = combined(pdf, count, tmp_path / "one")
    assert pikepdf.open(made).check_pdf_syntax() == []
    reader = PdfReader(made)
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) == listed_on + 2 * (count - 1)
    listed = "\n".join(pages[:listed_on])
    assert f"{count - 1} Report {count - 1} {listed_on + 2 * (count - 1) - 1}" in " ".join(listed.split())
    assert "divided by zero" in listed
    # Each page says its number in the whole, and above it what it is in its own report.
    assert all(f"{number} / {len(pages)}" in text for number, text in enumerate(pages, 1))
    assert "Page 2 of 2" in pages[listed_on + 1]
    places = {
        mark.title: reader.get_destination_page_number(mark) for mark in reader.outline if not isinstance(mark, list)
    }
    assert places == {"Batch": 0} | {f"Report {n}": listed_on + 2 * (n - 1) for n in range(1, count)}
    assert all("One" in pages[place] for title, place in places.items() if title != "Batch")
    assert reader.metadata is not None
    assert reader.metadata.title == "Batch"
    assert combined(pdf, count, tmp_path / "two").read_bytes() == made.read_bytes()

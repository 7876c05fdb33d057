"""The gallery: each template is right and makes a report in every format from the data that come with it."""

from __future__ import annotations

import re
from pathlib import Path

import pypdf
import pytest
from PIL import Image

from server.places import STATIC
from server.reports.checking import check_source
from server.reports.gallery import GALLERY
from server.reports.summary import CheckRequest
from server.reports.template_store import is_template_name
from tests.gallery import FILES, GalleryData, rendered, source_of

PAGES = {
    "executive-summary": 2,
    "regional-sales": 3,
    "profit-and-loss": 2,
    "budget-against-actual": 2,
    "inventory-ageing": 2,
    "top-customers": 1,
    "cohort-retention": 2,
    "data-quality": 3,
    "kpi-one-pager": 1,
    "monthly-report-zh": 2,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GalleryData:
    return GalleryData(tmp_path_factory.mktemp("gallery"))


@pytest.mark.parametrize("key", PAGES)
def test_a_template_is_right_and_makes_all_three_formats(data: GalleryData, tmp_path: Path, key: str) -> None:
    columns = dict(data.columns)
    check = check_source(
        CheckRequest(source=source_of(key), datasets=columns, known=tuple(columns)), lambda _message: None
    )
    assert [issue.text for issue in check.issues] == []
    assert {one.key: set(one.datasets) for one in GALLERY}[key] == set(check.summary.datasets)
    report = rendered(key, data, tmp_path, "pdf", "xlsx", "html")
    assert report.warnings == ()
    files = {artifact.format: artifact.path for artifact in report.artifacts}
    assert set(files) == {"pdf", "xlsx", "html"}
    assert len(pypdf.PdfReader(files["pdf"]).pages) == PAGES[key]
    page = files["html"].read_text("utf-8")
    assert len(page) < 150_000
    assert "No data" not in page
    assert "暂无数据" not in page


def test_two_reports_of_one_month_say_the_same_of_the_stock(data: GalleryData, tmp_path: Path) -> None:
    pages = []
    for key in ("inventory-ageing", "kpi-one-pager"):
        (tmp_path / key).mkdir()
        report = rendered(key, data, tmp_path / key, "html")
        pages.append(report.artifacts[0].path.read_text("utf-8"))
    old = re.findall(r"Older than 90 days.*?(\d+\.\d)%", pages[0], re.DOTALL)[0]
    assert old == re.findall(r"Older than 90 days.*?(\d+\.\d)%", pages[1], re.DOTALL)[0]


def test_every_template_is_listed_with_a_small_picture_and_a_comment_that_says_what_to_change() -> None:
    assert {path.stem for path in FILES.glob("*.yaml")} == {one.key for one in GALLERY} == set(PAGES)
    assert all(is_template_name(one.key) for one in GALLERY)
    data = sum(path.stat().st_size for path in FILES.rglob("*") if path.is_file())
    assert data < 700_000
    for one in GALLERY:
        picture = STATIC / "img" / "gallery" / f"{one.key}.webp"
        assert picture.stat().st_size < 40_000
        with Image.open(picture) as image:
            assert image.size == (480, 679)
        assert re.search(r"^# For your own data:|^# 换成自己的数据：", source_of(one.key), re.MULTILINE), one.key

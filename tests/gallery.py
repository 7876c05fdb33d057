"""The templates of the gallery with their data, as tests make reports of them; and their pictures: `make gallery`."""

from __future__ import annotations

import functools
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from server.datasets.schema import Column
from server.datasets.work import QueryLimits
from server.places import EXAMPLES
from server.reports.first_page import draw_first_page
from server.reports.gallery import GALLERY
from server.reports.rendering import expand_batch, render_report
from server.reports.work import DatasetSource, ExpandRequest, FileFormat, FirstPageRequest, Rendered, RenderRequest
from tests.unit.datasets.imported import Importer

CLOCK = datetime(2026, 11, 5, 8, 30, tzinfo=UTC)
FILES = EXAMPLES / "gallery"
_LIMITS = QueryLimits(seconds=10)
_WIDTH = 480


class GalleryData:
    """The datasets of the gallery, imported as people's files are."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @functools.cached_property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        return {path.stem: self._imported(path) for path in sorted((FILES / "data").glob("*.csv"))}

    @property
    def sources(self) -> dict[str, DatasetSource]:
        return {
            name: DatasetSource(version=1, paths=(self._directory / name / "data.parquet",)) for name in self.columns
        }

    def _imported(self, path: Path) -> tuple[Column, ...]:
        place = self._directory / path.stem
        place.mkdir()
        converted = Importer(place)(path, name=path.name).converted
        assert converted.rejected_count == 0, path
        return tuple(converted.columns)


def source_of(key: str) -> str:
    return (FILES / f"{key}.yaml").read_text("utf-8")


def parameter_sets(key: str, data: GalleryData) -> list[dict[str, Any]]:
    request = ExpandRequest(
        template_source=source_of(key), parameters=None, datasets=data.sources, limits=_LIMITS, clock=CLOCK
    )
    return [each.parameters for each in expand_batch(request, lambda _message: None)]


def rendered(key: str, data: GalleryData, output: Path, *formats: FileFormat) -> Rendered:
    request = RenderRequest(
        template_source=source_of(key),
        parameters=parameter_sets(key, data)[0],
        datasets=data.sources,
        limits=_LIMITS,
        clock=CLOCK,
        output=output,
        formats=formats,
        template_name=key,
    )
    return render_report(request, lambda _message: None)


def draw_pictures(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        data = GalleryData(Path(directory))
        for one in GALLERY:
            output = Path(directory) / "reports" / one.key
            output.mkdir(parents=True)
            pdf = rendered(one.key, data, output, "pdf").artifacts[0].path
            request = FirstPageRequest(pdf=pdf, target=target / f"{one.key}.webp", width=_WIDTH)
            draw_first_page(request, lambda _message: None)


if __name__ == "__main__":
    draw_pictures(Path(sys.argv[1]))

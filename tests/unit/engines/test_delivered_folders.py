"""Reports in folders: at a place of their own, never written over, never outside of what was named."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from server.deliveries.delivery import DeliveredFile, DeliveredReport, DeliveryContent, FrozenDelivery
from server.engines.delivered_folders import DeliveredFolders
from server.engines.local_files import LocalFiles
from server.errors import InvalidInput, NotDelivered
from tests.unit.deliveries.test_writing import words


@dataclass(frozen=True, slots=True)
class Place:
    folders: DeliveredFolders
    root: Path
    blob: Path

    def delivery(self, path: str, *, content: bytes = b"%PDF", name: str = "销售/1.pdf") -> FrozenDelivery:
        self.blob.write_bytes(content)
        file = DeliveredFile(
            name=name,
            format="pdf",
            media_type="application/pdf",
            size=4,
            sha256=hashlib.sha256(b"%PDF").hexdigest(),
            blob="reports/1",
        )
        made: DeliveryContent = words(path=path, report_ids=["r1"])._content
        made = msgspec.structs.replace(made, reports=[DeliveredReport(id="r1", title="North", files=[file])])
        return msgspec.structs.replace(words()._delivery, content=made)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "blobs" / "reports").mkdir(parents=True)
    root = tmp_path / "archive"
    root.mkdir()
    folders = DeliveredFolders({"archive": root}, LocalFiles(tmp_path / "blobs"))
    return Place(folders, root, tmp_path / "blobs" / "reports" / "1")


async def test_the_same_again_is_there_and_another_is_left_as_it_is(place: Place) -> None:
    delivery = place.delivery("archive/{{ period }}")
    assert await place.folders.put(delivery) == "archive/2026-10/销售-1 r1.pdf"
    assert await place.folders.put(delivery) == "archive/2026-10/销售-1 r1.pdf"
    written = place.root / "2026-10" / "销售-1 r1.pdf"
    assert [each.name for each in written.parent.iterdir()] == [written.name]
    written.write_bytes(b"somebody's")
    with pytest.raises(NotDelivered, match="left as it is") as error:
        await place.folders.put(delivery)
    assert error.value.is_final
    assert written.read_bytes() == b"somebody's"


async def test_what_is_not_what_it_was_is_not_sent(place: Place) -> None:
    with pytest.raises(NotDelivered, match="is not what it was"):
        await place.folders.put(place.delivery("archive", content=b"another"))
    assert list(place.root.iterdir()) == []


async def test_no_link_leads_out_of_it(place: Place, tmp_path: Path) -> None:
    (place.root / "out").symlink_to(tmp_path)
    with pytest.raises(NotDelivered, match="leads out"):
        await place.folders.put(place.delivery("archive/out"))


@pytest.mark.parametrize(
    "path", ["", "elsewhere", "archive/..", "archive//x", "archive/a\\b", "/archive", "archive/x\0"]
)
def test_places_that_nobody_allows(place: Place, path: str) -> None:
    with pytest.raises(InvalidInput):
        place.folders.require(path)


def test_places_that_may_be(place: Place) -> None:
    place.folders.require("archive")
    place.folders.require("archive/{{ period }}/sales")
    assert not DeliveredFolders({}, LocalFiles(place.root)).is_set_up

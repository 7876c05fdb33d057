"""Pictures of every kind come out upright and in colour, or are refused when they are damaged."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from server.errors import InvalidInput
from server.reports.images import copy_image
from server.reports.work import CopyRequest
from tests.unit.reports.orders import render

Color = tuple[int, int, int]
RED, BLUE = (200, 30, 40), (30, 60, 200)
TEMPLATE = "title: Logo\nformats: [pdf, xlsx, html]\nblocks: [{image: logo}]\n"


def picture(kind: str, mode: str = "RGB", *, orientation: int = 1) -> bytes:
    """Red above blue as it lies in the file, 40 by 20."""
    drawn = Image.new("RGB", (40, 20), RED)
    drawn.paste(BLUE, (0, 10, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    drawn.convert(mode).save(file, kind, exif=exif, quality=95)
    return file.getvalue()


def copied(content: bytes, directory: Path) -> Path:
    source, target = directory / "source", directory / "logo"
    source.write_bytes(content)
    sha256 = copy_image(CopyRequest(source=source, name="logo", target=target), lambda _message: None)
    assert sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    return target


def is_about(color: tuple[int, ...], wanted: Color) -> bool:
    return all(abs(one - other) < 30 for one, other in zip(color, wanted, strict=True))


@pytest.mark.parametrize(
    ("content", "size", "corners"),
    [
        (picture("JPEG", "CMYK"), (40, 20), (RED, BLUE)),
        (picture("JPEG", orientation=3), (40, 20), (BLUE, RED)),
        (picture("JPEG", "CMYK", orientation=6), (20, 40), (BLUE, BLUE)),
        (picture("PNG", orientation=3), (40, 20), (BLUE, RED)),
        (picture("JPEG", "L"), (40, 20), None),
    ],
    ids=["cmyk", "upside down", "cmyk on its side", "png upside down", "grey"],
)
def test_every_format_shows_it_upright_and_in_colour(
    content: bytes,
    size: tuple[int, int],
    corners: tuple[tuple[int, int, int], ...] | None,
    orders: Path,
    tmp_path: Path,
) -> None:
    target = copied(content, tmp_path)
    with Image.open(target) as shown:
        assert shown.size == size
        assert shown.mode in ("RGB", "L")
        assert shown.getexif().get(0x0112, 1) == 1
        if corners is not None:
            upper, lower = shown.getpixel((2, 2)), shown.getpixel((2, size[1] - 3))
            assert isinstance(upper, tuple)
            assert isinstance(lower, tuple)
            assert is_about(upper, corners[0]), upper
            assert is_about(lower, corners[1]), lower
    rendered = render(TEMPLATE, orders, tmp_path / "out", {}, "pdf", "xlsx", "html", images={"logo": target})
    assert (len(rendered.artifacts), rendered.warnings) == (3, ())


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_what_every_format_shows_alike_is_left_as_it_is(mode: str, tmp_path: Path) -> None:
    assert copied(picture("PNG", mode), tmp_path).read_bytes() == picture("PNG", mode)


@pytest.mark.parametrize(
    "content",
    [
        picture("PNG")[:70],
        picture("PNG")[:-12],
        picture("PNG").replace(b"IDAT", b"IDAT\x00", 1),
        picture("JPEG")[:-200],
    ],
    ids=["cut png", "without its end", "shifted", "cut jpeg"],
)
def test_a_damaged_one_is_refused_with_words(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"logo.*is damaged or incomplete"):
        copied(content, tmp_path)

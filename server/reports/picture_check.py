"""Whether a picture is whole, and the same picture in the form that every format of a report shows alike."""

from __future__ import annotations

import io
import warnings

from PIL import Image as Pictures
from PIL import ImageCms, ImageOps

_ORIENTATION = 0x0112
_UPRIGHT = (0, 1)
_OTHER_INKS = ("CMYK", "YCCK", "LAB")
_QUALITIES = (92, 85, 75, 60, 40)


class Damaged(Exception):
    """It cannot be unpacked to its end."""


def whole(content: bytes, *, most: int) -> bytes:
    """The same bytes, or upright and in the colours of a screen if they were not: some readers ignore what says so.

    What has to be written anew has at most `most` bytes if that can be had. Raises `Damaged`.
    """
    try:
        # What Pillow warns of is either refused by then (too large), or of no concern to a report.
        with warnings.catch_warnings(action="ignore"):
            _opened(content).verify()  # sums and the last mark, which unpacking does without
            it = _opened(content)
            it.load()
            turned = it.getexif().get(_ORIENTATION, 1) not in _UPRIGHT
            if not turned and it.mode not in _OTHER_INKS:
                return content
            shown = ImageOps.exif_transpose(_on_screen(it))
            return _written(shown, "PNG" if it.format == "PNG" else "JPEG", most)
    # Whatever a file of chance can make a decoder say.
    except (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, MemoryError, EOFError) as error:
        raise Damaged(str(error)) from None


def fitting(content: bytes, width: int, height: int) -> bytes:
    """The same bytes, or a smaller picture where it is wider or higher than that; `content` is whole."""
    with warnings.catch_warnings(action="ignore"):
        it = _opened(content)
        if it.width <= width and it.height <= height:
            return content
        kind = "PNG" if it.format == "PNG" else "JPEG"
        smooth = it if it.mode in ("RGB", "RGBA", "L", "LA") else it.convert("RGBA" if kind == "PNG" else "RGB")
        smooth.thumbnail((width, height), Pictures.Resampling.LANCZOS)
        return _written(smooth, kind, len(content))


def _opened(content: bytes) -> Pictures.Image:
    return Pictures.open(io.BytesIO(content), formats=("PNG", "JPEG"))


def _on_screen(picture: Pictures.Image) -> Pictures.Image:
    """In red, green and blue, by the picture's own colour profile where it has one that can be read."""
    if picture.mode not in _OTHER_INKS:
        return picture
    profile = picture.info.get("icc_profile")
    if profile:
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            found = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            found = None
        if found is not None:
            found.info.pop("icc_profile", None)
            return found
    return picture.convert("RGB")


def _written(picture: Pictures.Image, kind: str, most: int) -> bytes:
    for quality in _QUALITIES:
        file = io.BytesIO()
        picture.save(file, kind, quality=quality, icc_profile=picture.info.get("icc_profile"))
        if file.tell() <= most or kind == "PNG":
            break
    return file.getvalue()

"""How far the cells of a sheet of .xlsb reach."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

from server.datasets.sheet_extent import Extent

_XLSB_HEAD = 10  # bytes of a type, a size and a number, at most
_XLSB_CELLS = range(1, 12)  # record types of cells; 0 is the head of a row


def xlsb(pieces: Iterator[bytes]) -> None:
    """Records of a type and a size, both in 7-bit pieces; cells begin with their column, rows with their number."""
    extent, row = Extent(), 0
    data, skip = b"", 0
    for piece in itertools.chain(pieces, [bytes(_XLSB_HEAD)]):  # zeros, so that the last record is read too
        data += piece
        place = 0
        while place + skip + _XLSB_HEAD <= len(data):
            place += skip
            kind, place = varint(data, place, 2)
            skip, place = varint(data, place, 4)
            (number,) = struct.unpack_from("<I", data, place)
            if skip >= 4 and kind == 0:
                row = number
            elif skip >= 4 and kind in _XLSB_CELLS:
                extent.add(row + 1, number + 1)
        gone = min(place + skip, len(data))
        data, skip = data[gone:], place + skip - gone
    extent.require_small()


def varint(data: bytes, place: int, most: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 7 * most, 7):
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    return value, place

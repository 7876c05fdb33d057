"""What no text may hold is found wherever it stands in a body or an address, and named by its place."""

from __future__ import annotations

import pytest

from server.errors import InvalidInput
from server.http.storable import HALF_REFUSED, NUL_REFUSED, require_storable, why_not_storable


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", None),
        ("华东 😀 \u202e", None),
        ("a\0b", NUL_REFUSED),
        ("\ud800", HALF_REFUSED),
        ("x\udfff", HALF_REFUSED),
        ("\ud83d\ude00", HALF_REFUSED),  # two halves that nobody has put together
    ],
)
def test_what_can_be_stored_and_why_not(text: str, why: str | None) -> None:
    assert why_not_storable(text) == why


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("\0", ""),
        ({"a": [{"b": "x"}, {"c": "\0"}]}, "a[1].c"),
        ([["\ud800"]], "[0][0]"),
        ({"a\0": 1}, ""),
        ({"outer": {"\0": 1}}, "outer"),
    ],
)
def test_its_place_is_told(value: object, place: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        require_storable(value)
    assert [error.field for error in raised.value.errors] == [place]


def test_all_else_passes() -> None:
    require_storable({"a": [1, 2.5, None, True, "text", {"b": []}]})

"""Wrong values are told in sentences of ours, which can be translated."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from server.http.field_errors import field_error

MOMENT = "This is no moment; write one with its zone, like 2026-11-28T00:00:00Z or 2026-11-28T08:00:00+08:00."


class Given(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=2, max_length=4, pattern="^[a-z]+$")] = "abc"
    rows: Annotated[list[int], Meta(min_length=1, max_length=2)] = msgspec.field(default_factory=lambda: [1])
    least: Annotated[int, Meta(ge=1, le=5)] = 1
    kind: Literal["a", "b"] = "a"
    since: Annotated[datetime, Meta(tz=True)] | None = None


class Needed(msgspec.Struct):
    inner: Given
    place: str


@pytest.mark.parametrize(
    ("given", "field", "text"),
    [
        ({"name": 1}, "name", "The type is str, not int."),
        ({"name": "a"}, "name", "It must have at least 2 characters."),
        ({"name": "abcde"}, "name", "It may have at most 4 characters."),
        ({"name": "A1"}, "name", "It is not written as this must be written."),
        ({"rows": []}, "rows", "There must be at least 1 of these."),
        ({"rows": [1, 2, 3]}, "rows", "There may be at most 2 of these."),
        ({"rows": ["x"]}, "rows[0]", "The type is int, not str."),
        ({"least": 0}, "least", "It must be at least 1."),
        ({"least": 6}, "least", "It may be at most 5."),
        ({"kind": "c"}, "kind", "'c' is none of the possible values."),
        ({"since": "2026-11-28"}, "since", MOMENT),
        ({"since": "2026-11-28T00:00:00"}, "since", MOMENT),
        ({"x": 1}, "", "There is nothing called “x” here."),
    ],
)
def test_each_kind_of_mistake_is_a_sentence(given: dict[str, Any], field: str, text: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(given, Given)
    error = field_error(caught.value)
    assert (error.field, error.text) == (field, text)


def test_what_is_missing_is_named_where_it_is_missing() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"inner": {}}, Needed)
    assert field_error(caught.value).text == "“place” is missing."

"""Types are written as people read them, and lead to what they are made of."""

from __future__ import annotations

from typing import Any

import pytest

from views.reference_schemas import SchemaReader, ShownType, TypePart, paragraphs_of

READER = SchemaReader(
    {
        "Job": {
            "type": "object",
            "properties": {
                "title": {"type": "string", "default": ""},
                "id": {"type": "string", "pattern": "^[0-9a-hjkmnp-tv-z]{26}$"},
                "owner": {"$ref": "#/components/schemas/Owner"},
            },
            "required": ["id"],
            "description": "One\n    job.\n\n    And more.",
        },
        "Owner": {
            "type": "object",
            "properties": {"jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}},
        },
        "State": {"enum": ["failed", "running"]},
        "Code": {"enum": list("abcdefghij"), "description": "Many."},
    }
)


def text_of(schema: dict[str, Any]) -> str:
    return "".join(part.text for part in READER.parts(schema))


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "minLength": 0, "maxLength": 1000}, "string (…1\N{NO-BREAK SPACE}000)"),
        ({"type": "integer", "minimum": 0, "maximum": 2**53}, "integer (0…)"),
        ({"type": "integer", "minimum": 1, "maximum": 2**60}, "integer (1…)"),
        ({"type": "string", "format": "date-time"}, "date-time"),
        ({"type": "string", "format": "binary"}, "bytes"),
        ({"type": "string", "pattern": "^[0-9a-hjkmnp-tv-z]{26}$"}, "id"),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "number | null"),
        ({"enum": ["", "a"]}, '"" | "a"'),
        ({"$ref": "#/components/schemas/State"}, '"failed" | "running"'),
        ({"type": "array", "items": {"$ref": "#/components/schemas/State"}}, '("failed" | "running")[]'),
        ({"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 5}, "string[] (…5)"),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
            "[integer, string]",
        ),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "{string: integer}"),
        ({}, "any"),
    ],
)
def test_a_type_is_written_as_people_read_it(schema: dict[str, Any], text: str) -> None:
    assert text_of(schema).startswith(text)


def test_what_has_fields_or_many_values_is_linked_and_the_rest_is_one_piece() -> None:
    job = TypePart(text="Job", links_to="Job")
    parts = READER.parts({"anyOf": [{"$ref": "#/components/schemas/Job"}, {"type": "null"}, {"type": "string"}]})
    assert parts == (job, TypePart(text=" | null | string"))
    assert READER.parts({"$ref": "#/components/schemas/Code"}) == (TypePart(text="Code", links_to="Code"),)


def test_needed_fields_come_first() -> None:
    fields = READER.fields({"$ref": "#/components/schemas/Job"})
    assert [(field.name, field.is_required) for field in fields] == [("id", True), ("title", False), ("owner", False)]


def test_types_that_refer_to_each_other_are_found_once() -> None:
    seen: dict[str, None] = {}
    READER.types_in({"$ref": "#/components/schemas/Job"}, seen)
    assert list(seen) == ["Job", "Owner"]


def test_a_type_shows_its_values_and_each_paragraph_on_a_line() -> None:
    assert READER.shown_type("Job").said == ("One job.", "And more.")
    assert READER.shown_type("Code") == ShownType(name="Code", said=("Many.",), values=tuple("abcdefghij"))
    assert paragraphs_of({}) == ()


@pytest.mark.parametrize(
    ("schema", "default", "pattern"),
    [
        ({"type": "boolean", "default": False}, "false", ""),
        ({"type": "integer", "default": 50}, "50", ""),
        ({"type": "array", "default": [], "items": {"type": "string", "pattern": "^a+$"}}, "", "^a+$"),
        ({"type": "string", "default": "", "pattern": r"^[^\x00]*$"}, "", ""),
        ({"type": "string", "pattern": f"^({'|'.join(['name'] * 200)})$"}, "", ""),
    ],
)
def test_a_field_says_what_holds_without_it_and_what_fits(schema: dict[str, Any], default: str, pattern: str) -> None:
    field = READER.field("x", schema, is_required=False)
    assert (field.default, field.pattern) == (default, pattern)


def test_a_cursor_is_taken_as_it_comes() -> None:
    assert READER.field("cursor", {"type": "string", "pattern": "^[0-9]{1,18}$"}, is_required=False).pattern == ""

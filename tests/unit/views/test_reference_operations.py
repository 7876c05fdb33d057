"""A document becomes a reference: whatever it says of a request is there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from server.http.openapi import openapi_document
from views.api import ENDPOINTS
from views.reference_operations import ApiReference, ShownOperation, TryField, read_reference, reference_of
from views.reference_schemas import TypePart

DOCUMENT: dict[str, Any] = {
    "paths": {
        "/api/v1/uploads/{id}": {
            "put": {
                "operationId": "replace",
                "summary": "Replace it",
                "description": "First.\nStill first.\n\nSecond.",
                "deprecated": True,
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {
                        "name": "state",
                        "in": "query",
                        "required": False,
                        "schema": {"type": "array", "items": {"enum": ["a", "b"]}},
                    },
                    {
                        "name": "Tus-Resumable",
                        "in": "header",
                        "required": True,
                        "description": "Always.",
                        "schema": {"type": "string", "enum": ["1.0.0"]},
                    },
                    {"name": "whole", "in": "query", "required": False, "schema": {"type": "boolean"}},
                ],
                "requestBody": {
                    "required": False,
                    "content": {
                        "image/png": {"schema": {"type": "string", "format": "binary"}},
                        "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
                    },
                },
                "responses": {
                    "200": {
                        "description": "OK",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                        "headers": {"ETag": {"description": "The version."}},
                    },
                    "404": {"$ref": "#/components/responses/Problem"},
                    "default": {"$ref": "#/components/responses/Problem"},
                },
                "security": [{"token": ["write"]}, {"session": ["write"]}],
            },
        },
    },
    "components": {"schemas": {"Thing": {"type": "object", "properties": {"x": {"type": "string"}}}}},
}


@pytest.fixture(scope="module")
def operation() -> ShownOperation:
    return read_reference(DOCUMENT).operations["uploads"][0]


@pytest.fixture(scope="module")
def ours() -> ApiReference:
    return read_reference(openapi_document(ENDPOINTS))


def test_what_is_said_of_it(operation: ShownOperation) -> None:
    assert (operation.method, operation.access, operation.is_deprecated) == ("PUT", "write", True)
    assert operation.description == ("First. Still first.", "Second.")
    assert operation.errors == ("404",)


def test_parameters_are_grouped_by_where_they_stand(operation: ShownOperation) -> None:
    found = [(where, [field.name for field in fields]) for where, fields in operation.parameters]
    assert found == [("path", ["id"]), ("query", ["state", "whole"]), ("header", ["Tus-Resumable"])]
    assert operation.parameters[2][1][0].said == "Always."


def test_content_types_of_one_schema_stand_together(operation: ShownOperation) -> None:
    (body,) = operation.bodies
    assert (body.content_types, body.is_required) == (("image/png", "image/jpeg"), False)
    assert body.type == (TypePart(text="bytes"),)
    assert operation.file_type == "image/png"


def test_answers_lead_to_their_types(operation: ShownOperation) -> None:
    (answer,) = operation.answers
    assert answer.content == (("application/json", (TypePart(text="Thing", links_to="Thing"),)),)
    assert answer.headers == (("ETag", "The version."),)
    assert [kind.name for kind in read_reference(DOCUMENT).types["uploads"]] == ["Thing"]


def test_the_form_has_an_input_for_each_value(operation: ShownOperation) -> None:
    by_name = {field.name: field for field in operation.try_fields}
    assert by_name["state"] == TryField(
        place="query", name="state", is_required=False, choices=("a", "b"), is_list=True
    )
    assert by_name["whole"].choices == ("true", "false")
    assert by_name["Tus-Resumable"].value == "1.0.0"


def test_all_of_ours_are_there_with_who_may_ask(ours: ApiReference) -> None:
    found = {(each.method, each.id): each.access for found in ours.operations.values() for each in found}
    assert found == {(endpoint.method, endpoint.name): endpoint.access for endpoint in ENDPOINTS}


def test_every_link_of_a_page_leads_to_a_type_of_that_page(ours: ApiReference) -> None:
    for section, operations in ours.operations.items():
        types = ours.types.get(section, ())
        fields = [field for kind in types for field in kind.fields]
        for operation in operations:
            fields += [field for _, group in operation.parameters for field in group]
            fields += [field for body in operation.bodies for field in body.fields]
        linked = {part.links_to for field in fields for part in field.type if part.links_to}
        for operation in operations:
            answers = (type_ for answer in operation.answers for _, type_ in answer.content)
            linked |= {part.links_to for type_ in answers for part in type_ if part.links_to}
        assert linked <= {kind.name for kind in types}, section


def test_it_is_made_once_of_each_document() -> None:
    document = msgspec.json.encode(DOCUMENT)
    assert reference_of(document) is reference_of(document)

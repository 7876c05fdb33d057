"""What the reference shows as a request is one that the server can read."""

from __future__ import annotations

import re

import msgspec
import pytest

from server.http.decoding import decoded
from server.http.endpoint import Endpoint
from server.http.openapi import openapi_document
from views.api import ENDPOINTS
from views.reference_examples import BODIES, place

WITH_JSON = [
    endpoint
    for endpoint in ENDPOINTS
    if endpoint.body is not None and endpoint.body_type == "application/json" and not endpoint.raw
]


def test_every_request_with_a_body_of_json_has_an_example_and_no_other() -> None:
    assert set(BODIES) == {endpoint.name for endpoint in WITH_JSON}


@pytest.mark.parametrize("endpoint", WITH_JSON, ids=lambda endpoint: endpoint.name)
def test_the_server_reads_it(endpoint: Endpoint) -> None:
    written = msgspec.json.encode(BODIES[endpoint.name])
    read = msgspec.json.decode(written) if endpoint.body is bytes else decoded(written, endpoint.body)
    assert read is not None


def test_values_of_addresses_are_such_as_stand_there() -> None:
    wrong = []
    for path, methods in openapi_document(ENDPOINTS)["paths"].items():
        for parameter in (each for method in methods.values() for each in method["parameters"] if each["in"] == "path"):
            value, schema = place(path.removeprefix("/api/v1"), parameter["name"]), parameter["schema"]
            fits = value in schema["enum"] if "enum" in schema else re.search(schema.get("pattern", ""), value)
            if not fits or (schema.get("type") == "integer" and not value.isdigit()):
                wrong.append((path, parameter["name"], value))
    assert wrong == []

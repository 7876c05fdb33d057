"""The API does what its own document says, and no request, allowed by it or not, makes the server fail."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import aiohttp
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.conftest import Server

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
_EXAMPLES = 4
_CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
# These end what the test itself stands on (its own user, sessions, tokens), or stream without end.
_LEFT_OUT = {"api_change_me", "api_change_password", "api_end_other_sessions", "api_change_user"}


@pytest.fixture
async def document(server: Server) -> dict[str, Any]:
    async with aiohttp.ClientSession(server.url) as client, client.get("/api/v1/openapi.json") as response:
        assert response.status == 200
        found: dict[str, Any] = await response.json()
    return found


async def test_every_schema_of_the_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for name, schema in document["components"]["schemas"].items():
        standing_alone = schema | {"components": document["components"]}
        jsonschema_rs.meta.validate(schema)
        assert jsonschema_rs.Draft202012Validator(standing_alone), name


async def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


async def test_every_placeholder_is_a_parameter(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")} or "." in path


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_no_request_makes_the_server_fail(
    document: dict[str, Any], server: Server, admin: aiohttp.ClientSession, mode: GenerationMode
) -> None:
    headers = {"Authorization": str(admin.headers["Authorization"])}
    await asyncio.to_thread(_try_all, document, server.url, headers, mode)


def _try_all(document: dict[str, Any], url: str, headers: dict[str, str], mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(document)
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] in _LEFT_OUT:
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=_EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def attempt(case: Any) -> None:
            response = case.call(base_url=url, headers=headers, timeout=10)
            case.validate_response(response, checks=_CHECKS, headers=headers)

        with contextlib.suppress(Unsatisfiable):  # where nothing can be sent, nothing can be wrong
            attempt()

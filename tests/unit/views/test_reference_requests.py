"""Examples are whole: what is shown can be pasted into a shell or a program."""

from __future__ import annotations

import ast
import inspect
import shlex
from typing import Any

import pytest

import jindu
from server.http.openapi import openapi_document
from views.api import ENDPOINTS
from views.reference_operations import ShownOperation, read_reference
from views.reference_requests import ExampleRequest, in_curl, in_python

OPERATIONS = [each for found in read_reference(openapi_document(ENDPOINTS)).operations.values() for each in found]


def request(**changes: Any) -> ExampleRequest:
    usual: dict[str, Any] = {
        "operation": "x", "method": "GET", "path": "/api/v1/x", "query": {}, "headers": {}, "body": None,
        "body_types": (), "answer_types": ("application/json",), "is_public": False, "id": "01",
    }  # fmt: skip
    return ExampleRequest(**(usual | changes))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_python_is_a_call_that_the_client_has(operation: ShownOperation) -> None:
    lines = "\n".join(f"    {line}" for line in operation.python.splitlines())
    calls = [
        node
        for node in ast.walk(ast.parse(f"async def main():\n{lines}"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "client"
    ]
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        names = {keyword.arg: None for keyword in call.keywords if keyword.arg}
        inspect.signature(getattr(jindu.Client, call.func.attr)).bind(None, *call.args, **names)
    assert len(calls) == 1


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_curl_is_one_command_that_names_the_request(operation: ShownOperation) -> None:
    words = shlex.split(operation.curl)
    assert words[0] == "curl"
    assert words[-1].startswith("$JINDU_URL/api/v1/")
    assert "{" not in words[-1]
    assert ("Authorization: Bearer $JINDU_TOKEN" in words) == (operation.access != "public")


def test_a_file_is_sent_and_kept_under_a_name() -> None:
    form = request(method="POST", body_types=("multipart/form-data", "application/offset+octet-stream"))
    assert "-F file=@orders.csv" in in_curl(form)
    assert "-X" not in in_curl(form)
    picture = request(method="PUT", path="/api/v1/brand/logo", body_types=("image/png",), answer_types=())
    assert "--data-binary @logo.png" in in_curl(picture)
    assert 'Path("logo.png").read_bytes(), content_type="image/png")' in in_python(picture)
    report = request(path="/api/v1/x/report.pdf", answer_types=("application/pdf",))
    assert "-OJ" in in_curl(report)
    assert 'client.download("/api/v1/x/report.pdf", Path("report.pdf"))' in in_python(report)


def test_a_long_body_has_a_line_for_each_field_and_is_python() -> None:
    body = {"title": "x" * 80, "on": True, "off": False, "none": None}
    text = in_python(request(method="PATCH", body=body, body_types=("application/json",)))
    assert '\n        "on": True,\n' in text
    tree = ast.parse("async def main():\n" + "\n".join(f"    {line}" for line in text.splitlines()))
    assert any(isinstance(node, ast.Dict) and ast.literal_eval(node) == body for node in ast.walk(tree))


def test_what_must_be_said_is_said() -> None:
    text = in_curl(request(query={"from": "1"}, headers={"Tus-Resumable": "1.0.0"}))
    assert "-H 'Tus-Resumable: 1.0.0'" in text
    assert '"$JINDU_URL/api/v1/x?from=1"' in text
    assert '**{"from": "1"}' in in_python(request(query={"from": "1"}))

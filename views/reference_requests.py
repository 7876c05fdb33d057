"""The same request twice: for curl, and for the Python client. Both take the server and the token from `JINDU_URL` and
`JINDU_TOKEN`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

_JSON = "application/json"
_MULTIPART = "multipart/form-data"
# Files that somebody sends, by their type; those that come, by what the address ends in.
_SENT = {"image/png": "logo.png", "application/yaml": "monthly-sales.yaml"}
_CHUNK = "orders.csv"
_WIDTH = 72  # of a line of Python
_UPLOADING = 'upload = await client.upload(Path("orders.csv"))'
# Where the client does more than one request.
_SPOKEN_FOR = {
    "create_upload": _UPLOADING,
    "tus_append": f"{_UPLOADING}  # survives lost connections",
    "tus_offset": 'upload = await client.resume_upload(Path("orders.csv"))',
    "delete_upload": 'await client.delete_upload("{id}")',
    "api_start_import": 'started = await client.start_import("{id}", "orders", mode="create")',
    "api_batch_start": 'started = await client.start_batch("monthly-sales", formats=["pdf", "xlsx"])',
    "find_job": 'job = await client.find_job("{id}")',
    "cancel_job": 'job = await client.cancel("{id}")',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRequest:
    """`path` is whole, with values in it. `body` is of JSON; of other types a file is sent in its place."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    body_types: Sequence[str]
    answer_types: Sequence[str]
    is_public: bool
    id: str


def in_curl(request: ExampleRequest) -> str:
    parts = [f"curl{_curl_method(request)}"]
    if not request.is_public:
        parts.append('-H "Authorization: Bearer $JINDU_TOKEN"')
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request.headers.items()]
    parts += _curl_body(request)
    if _file_that_comes(request):
        parts.append("-OJ" if request.method == "GET" else "-o report.pdf")
    parts.append(f'"$JINDU_URL{_address(request)}"')
    return " \\\n  ".join(parts)


def _curl_method(request: ExampleRequest) -> str:
    if request.method == "HEAD":
        return " --head"
    implied = "POST" if _JSON in request.body_types or _MULTIPART in request.body_types else "GET"
    return "" if request.method == implied else f" -X {request.method}"


def _curl_body(request: ExampleRequest) -> list[str]:
    if _JSON in request.body_types:
        return [f"--json {shlex.quote(json.dumps(request.body, ensure_ascii=False))}"]
    if _MULTIPART in request.body_types:
        return [f"-F file=@{_CHUNK}"]
    if not request.body_types:
        return []
    kind = request.body_types[0]
    return [f"-H 'Content-Type: {kind}'", f"--data-binary @{_SENT.get(kind, _CHUNK)}"]


def in_python(request: ExampleRequest) -> str:
    call = _SPOKEN_FOR.get(request.operation, "").format(id=request.id) or _python_call(request)
    needs_path = "from pathlib import Path\n\n" if "Path(" in call else ""
    return f"{needs_path}async with jindu.Client() as client:\n    {call}"


def _python_call(request: ExampleRequest) -> str:
    address, file, kind = _address(request), _file_that_comes(request), next(iter(request.body_types), "")
    if request.method == "GET" and file:
        return f'await client.download("{address}", Path("{file}"))'
    if request.method == "GET" and request.query:
        return f'answer = await client.get("{request.path}", **{json.dumps(dict(request.query))})'
    if request.method == "GET":
        return f'answer = await client.get("{address}")'
    if request.method == "POST" and kind in ("", _JSON):
        return _call(f'answer = await client.post("{address}", ', request.body or {})
    begin = f'client.request("{request.method}", "{address}"'
    if kind == _JSON:
        return _call(f"answer = await {begin}, ", request.body)
    if kind:
        return f'answer = await {begin}, Path("{_SENT.get(kind, _CHUNK)}").read_bytes(), content_type="{kind}")'
    return f"await {begin})" if request.method == "DELETE" else f"answer = await {begin})"


def _call(begin: str, body: Any) -> str:
    """With the body as Python, on one line or, where that is too long, a line for each field."""
    written = json.dumps(body, ensure_ascii=False)
    if len(begin) + len(written) > _WIDTH:
        written = json.dumps(body, ensure_ascii=False, indent=4).replace("\n", "\n    ")
    for said, meant in ((": true", ": True"), (": false", ": False"), (": null", ": None")):
        written = written.replace(said, meant)
    return f"{begin}{written})"


def _file_that_comes(request: ExampleRequest) -> str:
    """The name under which an answer would be kept; empty where it is JSON."""
    if _JSON in request.answer_types or not request.answer_types:
        return ""
    last = request.path.rpartition("/")[2]
    return last if "." in last else {"logo": "logo.png", "content": "orders.csv", "file": "left.csv"}.get(last, "file")


def _address(request: ExampleRequest) -> str:
    return request.path + (f"?{urlencode(request.query)}" if request.query else "")

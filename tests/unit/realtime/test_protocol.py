"""The documented protocol is the one that is spoken; what a client sends is understood or refused, never a trace."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import JinduError
from server.realtime.close_codes import CloseCode
from server.realtime.protocol import COMMANDS, SERVER_MESSAGES, Unknown, decode, encode

TEXT = Path("docs/protocol.md").read_text("utf-8")
EXAMPLES: list[dict[str, Any]] = [
    json.loads(found) for found in re.findall(r"```json\n(.*?)\n```", TEXT, flags=re.DOTALL)
]
BY_TAG = {(kind.__struct_config__.tag, kind in COMMANDS): kind for kind in (*SERVER_MESSAGES, *COMMANDS)}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["type"]))
def test_every_example_is_a_message_with_all_its_fields(example: dict[str, Any]) -> None:
    kind = BY_TAG[example["type"], "timestamp" not in example]
    msgspec.json.decode(json.dumps(example), type=kind)
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    assert set(example) - {"type"} <= set(known)
    if "timestamp" in example:
        required = {name for name, field in known.items() if field.required}
        assert required <= set(example)


@pytest.mark.parametrize("kind", [*SERVER_MESSAGES, *COMMANDS], ids=lambda kind: kind.__name__)
def test_every_message_has_an_example_or_its_answer_is_described(kind: type[msgspec.Struct]) -> None:
    tag, is_command = kind.__struct_config__.tag, kind in COMMANDS
    has_example = any(example["type"] == tag and ("timestamp" not in example) == is_command for example in EXAMPLES)
    assert has_example or (tag == "jobs" and not is_command)
    assert kind.__doc__


def test_every_close_code_is_documented_with_a_reason_that_fits_its_frame() -> None:
    for code in CloseCode:
        assert f"| {int(code)} |" in TEXT
        assert len(code.reason.encode()) <= 123
        assert code.may_reconnect == (code < 4500)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
COMMAND_LIKE = st.fixed_dictionaries(
    {"type": st.sampled_from([str(command.__struct_config__.tag) for command in COMMANDS]) | JSON},
    optional={"id": JSON, "events": JSON, "since": JSON, "limit": JSON, "token": JSON},
)


@given(st.text() | JSON.map(json.dumps) | COMMAND_LIKE.map(json.dumps))
def test_any_text_is_a_command_an_echo_or_a_clear_error(text: str) -> None:
    refused = None
    try:
        command = decode(text)
    except JinduError as error:
        refused = error
    if refused is not None:
        assert refused.status in (400, 422)
        assert refused.text
        return
    encode(command.id)
    if isinstance(command, Unknown):
        assert json.loads(bytes(command.data)) == json.loads(text)

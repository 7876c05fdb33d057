"""What a client sends is understood or refused, never a trace; what it asked for by an id is answered under that."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InvalidInput, JinduError, MalformedRequest
from server.realtime.codec import Unknown, decode, encode, type_of
from server.realtime.protocol import COMMANDS, CommandId, HistoryQuery, Ping, Pong, Position

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


def test_a_command_is_decoded_with_all_that_it_says() -> None:
    frame = '{"type": "history", "id": "h1", "since": {"epoch": "e", "offset": 7}, "limit": 3, "of_later": true}'
    assert decode(frame) == HistoryQuery(id="h1", since=Position(epoch="e", offset=7), limit=3)
    assert decode('{"type": "ping"}') == Ping()


def test_what_is_no_command_comes_back_as_it_was_written() -> None:
    for frame in ('{"type":  "hello", "id": 7, "text": "你好"}', '{"type": ["ping"], "id": 7}', '{"id": 7}'):
        found = decode(frame)
        assert isinstance(found, Unknown)
        assert (found.id, bytes(found.data).decode()) == (7, frame)


@pytest.mark.parametrize("frame", ["", "{", "[" * 100_000, '{"type": "ping"} x', "NaN"])
def test_what_is_no_json_is_said_to_be_none(frame: str) -> None:
    with pytest.raises(MalformedRequest) as raised:
        decode(frame)
    assert (raised.value.specific_code, raised.value.parameters["command_id"]) == ("invalid_json", None)


@pytest.mark.parametrize("frame", ["[]", "1", "null", '"ping"'])
def test_what_is_json_but_no_object_is_refused(frame: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        decode(frame)
    assert raised.value.specific_code == "invalid_message"


@pytest.mark.parametrize(
    ("frame", "command_id"),
    [
        ('{"type": "subscribe", "id": "s", "events": "jobs:*"}', "s"),
        ('{"type": "history", "id": 5, "limit": 0}', 5),
        ('{"type": "auth", "id": true}', None),  # no id that an answer could repeat
        ('{"type": "unsubscribe", "id": [1], "events": []}', None),
    ],
)
def test_a_wrong_command_is_refused_under_its_id(frame: str, command_id: CommandId) -> None:
    with pytest.raises(InvalidInput) as raised:
        decode(frame)
    assert raised.value.parameters["command_id"] == command_id


def test_half_a_character_is_refused_under_the_id_of_who_waits() -> None:
    for frame, command_id in (
        (r'{"type": "hello", "id": 3, "text": "\ud83d"}', 3),
        (r'{"type": "hello", "id": "\ud83d"}', None),  # an answer could not repeat it
        (r'["\ud83d"]', None),
        (r'{"id": 3, "text": "\ud83d"', None),
    ):
        with pytest.raises(MalformedRequest) as raised:
            decode(frame)
        assert raised.value.parameters["command_id"] == command_id


def test_a_type_is_read_of_structs_and_of_plain_objects() -> None:
    pong = Pong(timestamp="2026-10-31T00:00:00.000000Z", id=1)
    assert (type_of(pong), type_of(json.loads(encode(pong))), type_of({})) == ("pong", "pong", "")
    assert json.loads(encode(pong)) == {"type": "pong", "timestamp": "2026-10-31T00:00:00.000000Z", "id": 1}
    assert "id" not in json.loads(encode(Pong(timestamp="")))

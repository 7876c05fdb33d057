"""The documented protocol is the one that is spoken."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.app.live import live_limits
from server.realtime.close_codes import CloseCode
from server.realtime.examples import EXAMPLES
from server.realtime.protocol import COMMANDS, SERVER_MESSAGES
from server.settings import Settings

TEXT = Path("docs/protocol.md").read_text("utf-8")
SHOWN: list[dict[str, Any]] = [json.loads(found) for found in re.findall(r"```json\n(.*?)\n```", TEXT, flags=re.DOTALL)]


KINDS = (*SERVER_MESSAGES, *COMMANDS)
SETTINGS = {field.name: field.default for field in dataclasses.fields(Settings)}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table in a section of the page, without its head."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_has_one_example_with_all_its_fields_and_the_page_shows_it(kind: type[msgspec.Struct]) -> None:
    example = EXAMPLES[kind]
    assert example["type"] == kind.__struct_config__.tag
    msgspec.json.decode(json.dumps(example), type=kind)
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    assert set(example) - {"type"} <= set(known)
    assert {name for name, field in known.items() if field.required} <= set(example)
    assert example in SHOWN
    assert kind.__doc__


def test_the_page_shows_no_other_example() -> None:
    assert [example for example in SHOWN if example not in EXAMPLES.values()] == []
    assert len(SHOWN) == len(EXAMPLES) == len(KINDS)


def test_every_close_code_is_documented_with_its_reason_and_whether_to_come_back() -> None:
    documented = {int(code): (reason, back) for code, reason, back, _ in rows("Close codes")}
    assert documented == {int(code): (code.reason, "yes" if code.may_reconnect else "no") for code in CloseCode}
    for code in CloseCode:
        assert len(code.reason.encode()) <= 123
        assert code.may_reconnect == (code < 4500)


def test_every_limit_is_documented_with_its_setting_and_default() -> None:
    documented = {setting.strip("`"): default for _, setting, default, _ in rows("Limits")}
    assert documented == {name: as_documented(SETTINGS[name]) for name in documented}
    used = Recorder()
    live_limits(used)  # type: ignore[arg-type]
    assert used.names <= set(documented)


class Recorder:
    """Stands in for the settings and notes which are asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getattr__(self, name: str) -> object:
        self.names.add(name)
        return SETTINGS[name]


def as_documented(value: float) -> str:
    for unit, size in (("MiB", 1024 * 1024), ("KiB", 1024)):
        if value >= size and value % size == 0:
            return f"{value // size} {unit}"
    return f"{value:,g}" if value < 1_000 else f"{value:,}"

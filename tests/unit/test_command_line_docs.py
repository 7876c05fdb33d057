"""docs/command-line.md lists every command with all that it takes, and nothing that is not there."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from server.__main__ import parser
from server.cli import statuses

DOCS = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text("utf-8")


def commands(whole: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """`jobs list` and its parser."""
    below = [action for action in whole._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield name.strip(), whole
    for action in below:
        for part, each in action.choices.items():
            yield from commands(each, f"{name} {part}")


def section(command: str) -> str:
    found = re.search(rf"^## `{re.escape(command)}`.*?(?=^## |\Z)", DOCS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/command-line.md has no section `{command}`"
    return found[0]


def flags(command: argparse.ArgumentParser) -> set[str]:
    return {flag for action in command._actions for flag in action.option_strings if flag.startswith("--")}


def test_every_flag_is_in_the_docs_and_the_docs_name_no_other() -> None:
    everywhere = {"--help", "--json", "--url", "--token"}
    for name, command in commands(parser()):
        taken = flags(command)
        assert "--json" in taken, name
        if name == "serve":  # its flags are the settings, which docs/settings.md has
            settings = taken
            continue
        if name == "worker":
            taken -= settings - everywhere
        told = set(re.findall(r"--[a-z][a-z-]+", section(name)))
        assert taken - told <= everywhere, f"{name}: {taken - told - everywhere} is not in the docs"
        assert told - taken <= {"--version"}, f"{name} takes no {told - taken}"


def test_every_argument_has_a_help_text() -> None:
    for name, command in commands(parser()):
        for action in command._actions:
            assert action.help, f"{name}: {action.dest}"


def test_every_help_can_be_shown() -> None:
    for name, command in commands(parser()):
        assert command.format_help(), name  # a “%” in a text is one that argparse fills in


def test_every_exit_status_is_in_the_docs() -> None:
    values = {value for name, value in vars(statuses).items() if name.isupper()}
    assert {int(number) for number in re.findall(r"^\| (\d+) \|", DOCS, re.MULTILINE)} == values

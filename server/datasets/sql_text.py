"""What stands in SQL of ours that people named: columns and files."""

from __future__ import annotations


def quoted(name: str) -> str:
    """An SQL identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """An SQL string of a text or a path, whatever is in it."""
    return "'" + str(text).replace("'", "''") + "'"

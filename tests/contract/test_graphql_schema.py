"""The GraphQL schema that programs were written against: what it had it keeps, and its copy here is not old."""

from __future__ import annotations

from pathlib import Path

from graphql import build_schema as read_schema
from graphql import find_breaking_changes

from server.transports.graphql.running import Execution

HERE = Path(__file__).parent
COPY, RELEASED = HERE / "graphql-now.graphql", HERE / "graphql-1.graphql"


def test_the_copy_is_what_the_server_says() -> None:
    """`.venv/bin/python -m tests.contract.test_graphql_schema` writes it anew."""
    assert COPY.read_text("utf-8") == Execution().sdl


def test_nothing_that_was_released_is_taken_away_or_changed() -> None:
    """Only ever add to it. What is new is copied into the released one with the next release."""
    broken = find_breaking_changes(read_schema(RELEASED.read_text("utf-8")), read_schema(Execution().sdl))
    assert [change.description for change in broken] == []


if __name__ == "__main__":
    COPY.write_text(Execution().sdl, "utf-8")
